"""Losses by their names."""

import functools

from kgan._utils.by_name import ByName
from kgan.losses.critics import Hinge
from kgan.losses.critics import Wasserstein
from kgan.losses.cross_entropy import Minimax
from kgan.losses.cross_entropy import NonSaturating
from kgan.losses.f_divergence import FDivergence
from kgan.losses.least_squares import LeastSquares
from kgan.losses.loss import Loss
from kgan.losses.relativistic import RelativisticAverage
from kgan.losses.relativistic import RelativisticPaired

_NAMES = {
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
    "f_divergence": FDivergence,
}
for _divergence in FDivergence.divergences():
    _NAMES[_divergence] = functools.partial(FDivergence, _divergence)
    _NAMES[f"{_divergence}_non_saturating"] = functools.partial(
        FDivergence, _divergence, non_saturating=True
    )
_LOSSES = ByName(
    Loss,
    "GAN loss",
    _NAMES,
    " Keras' own losses compare labels with predictions and cannot say what the two players "
    "minimise.",
)


def get(identifier: str | dict | type | Loss) -> Loss:
    """The loss that `identifier` stands for, as `keras.losses.get` does for Keras' own.

    Args:
        identifier: a `Loss` (returned as it is), its class, its config, or a name: the snake name
            of a class or its class name, with parameters as in "non_saturating=0.1" (the first) or
            "least_squares(a=-1, b=1, c=0)". Short names: "ns", "vanilla", "lsgan",
            "least_squares_pearson", "wgan", "rpgan", "ragan", and the divergences of
            `FDivergence`, each also with "_non_saturating" behind it.

    Returns:
        A `Loss`.

    Raises:
        ValueError: for an unknown name or parameter, or what is no `Loss`.

    Example:
        >>> kgan.losses.get("non_saturating=0.1")
        NonSaturating(label_smoothing=0.1)
        >>> kgan.losses.get("LeastSquares(a=-1, b=1, c=0)")
        LeastSquares(a=-1, b=1, c=0)
    """
    return _LOSSES.get(identifier)


def deserialize(config: dict, custom_objects: dict | None = None) -> Loss:
    """The loss of a config.

    Args:
        config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
        custom_objects: dict of names to classes that Keras does not know, default None.

    Returns:
        A `Loss`.

    Raises:
        ValueError: for what is no config of a loss.

    Example:
        >>> kgan.losses.deserialize({"class_name": "Minimax", "config": {}})
        Minimax(label_smoothing=0.0)
    """
    return _LOSSES.deserialize(config, custom_objects)
