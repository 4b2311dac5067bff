"""Penalties by name, config or as they are."""

import copy

import keras

from kgan.penalties.gradient import DRAGAN
from kgan.penalties.gradient import R1
from kgan.penalties.gradient import R2
from kgan.penalties.gradient import GradientPenalty
from kgan.penalties.lecam import LeCam
from kgan.penalties.penalty import Penalty

# What a GAN logs of its players.
_TAKEN = ("d_loss", "g_loss", "d_real", "d_fake", "d_auc")
_BY_NAME = {kind.name: kind for kind in (R1, R2, GradientPenalty, DRAGAN, LeCam)}


def get(identifier) -> Penalty:
    """The penalty that `identifier` names.

    Args:
        identifier: a `Penalty` (returned as it is), a config made by
            `keras.saving.serialize_keras_object`, or a name with a weight where the default is not
            wanted: "r1=0.1", "r2=0.1", "gradient_penalty", "gradient_penalty=0.1", "dragan",
            "lecam". "r1" and "r2" have no default weight.

    Returns:
        A `Penalty`.

    Raises:
        ValueError: for an unknown name, a weight that is missing, negative or no number, or what
            is no `Penalty`.
    """
    if isinstance(identifier, str):
        return _named(*identifier.partition("="))
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, Penalty):
        return identifier
    remedy = ""
    if isinstance(identifier, keras.regularizers.Regularizer):
        remedy = " Keras' own punish weights: use weight_decay= of the optimizer in their place."
    raise ValueError(
        f"Unknown penalty of a discriminator. {_expected()} Received: {identifier!r}.{remedy}"
    )


def get_all(identifiers, discriminator) -> list[Penalty]:
    """Every penalty of one compile, checked.

    Args:
        identifiers: one of what `get` takes, a list of them, or None for none.
        discriminator: keras model they are to punish.

    Returns:
        List of `Penalty`, copies: one object given to two GANs has a state in each.

    Raises:
        ValueError: as `get`; if two have one name, or that of another log, or one means nothing for
            this discriminator.
    """
    if identifiers is None:
        return []
    several = isinstance(identifiers, (list, tuple))
    found = [
        copy.copy(get(identifier)) for identifier in (identifiers if several else [identifiers])
    ]
    names = [penalty.name for penalty in found]
    for penalty in found:
        penalty.check_discriminator(discriminator)
        if penalty.name in _TAKEN:
            raise ValueError(
                f"{type(penalty).__name__} would be logged as {penalty.name!r}, which the "
                "players are. Expected: a name of its own, by the class attribute name."
            )
        if names.count(penalty.name) > 1:
            raise ValueError(
                "Every penalty is logged under its own name. Expected: different penalties. "
                f"Received: {names}. Give one of them the sum of the weights."
            )
    return found


def _named(name: str, sign: str, weight: str) -> Penalty:
    if name not in _BY_NAME:
        raise ValueError(f"Unknown penalty. {_expected()} Received: {name!r}.")
    if not weight and name in ("r1", "r2"):
        raise ValueError(
            f"{name} has no default weight, since it depends on the scale of the images. "
            f"Expected: {name}=gamma, for example {name}=0.1. Received: {name!r}."
        )
    try:
        return _BY_NAME[name](*([float(weight)] if sign else []))
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"The weight of {name} must be a number. Expected: {name}=0.1, for example. "
            f"Received: {name}={weight}."
        ) from None


def _expected() -> str:
    return f"Expected a kgan.penalties.Penalty or one of {sorted(_BY_NAME)}, with =weight."
