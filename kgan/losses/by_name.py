"""Losses by their names."""

import functools

import keras

from kgan.losses.critics import Hinge
from kgan.losses.critics import Wasserstein
from kgan.losses.cross_entropy import Minimax
from kgan.losses.cross_entropy import NonSaturating
from kgan.losses.f_divergence import FDivergence
from kgan.losses.least_squares import LeastSquares
from kgan.losses.loss import Loss
from kgan.losses.relativistic import RelativisticAverage
from kgan.losses.relativistic import RelativisticPaired

_BY_NAME = {
    "non_saturating": NonSaturating,
    "ns": NonSaturating,
    "vanilla": NonSaturating,
    "minimax": Minimax,
    "least_squares": LeastSquares,
    "lsgan": LeastSquares,
    "least_squares_pearson": LeastSquares.pearson,
    "wasserstein": Wasserstein,
    "wgan": Wasserstein,
    "hinge": Hinge,
    "relativistic_paired": RelativisticPaired,
    "rpgan": RelativisticPaired,
    "relativistic_average": RelativisticAverage,
    "ragan": RelativisticAverage,
}
for _divergence in FDivergence.divergences():
    _BY_NAME[_divergence] = functools.partial(FDivergence, _divergence)
    _BY_NAME[f"{_divergence}_non_saturating"] = functools.partial(
        FDivergence, _divergence, non_saturating=True
    )


def get(identifier) -> Loss:
    """The loss that `identifier` names, as `keras.losses.get` does for Keras' own.

    Args:
        identifier: a `Loss` (returned as it is), a name, or a config made by
            `keras.saving.serialize_keras_object`. Names: "non_saturating" ("ns", "vanilla"),
            "minimax", "least_squares" ("lsgan"), "least_squares_pearson", "wasserstein" ("wgan"),
            "hinge", "relativistic_paired" ("rpgan"), "relativistic_average" ("ragan"), and the
            divergences of `FDivergence`, each also with "_non_saturating" behind it.

    Returns:
        A `Loss`.

    Raises:
        ValueError: for an unknown name, or what is no `Loss`.
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, Loss):
        return identifier
    raise ValueError(
        f"Unknown GAN loss. Expected a kgan.losses.Loss or one of {sorted(_BY_NAME)}. "
        f"Received: {identifier!r}. Keras' own losses compare labels with predictions and cannot "
        "say what the two players minimise."
    )
