"""Penalties by name, config or as they are."""

import copy

import keras

from kgan._utils.by_name import ByName
from kgan.penalties.gradient import DRAGAN
from kgan.penalties.gradient import R1
from kgan.penalties.gradient import R2
from kgan.penalties.gradient import GradientPenalty
from kgan.penalties.lecam import LeCam
from kgan.penalties.penalty import Penalty

# What a penalty may need beside what every one is given.
_NEEDS = ("real_gradients", "fake_gradients", "images_seen")
# What a GAN logs of its players.
_TAKEN = ("d_loss", "g_loss", "d_real", "d_fake", "d_auc", "augment_p")
_PENALTIES = ByName(
    Penalty,
    "penalty of a discriminator",
    {kind.name: kind for kind in (R1, R2, GradientPenalty, DRAGAN, LeCam)},
    " Keras' own regularizers punish weights: use weight_decay= of the optimizer in their place.",
)


def get(identifier: str | dict | type | Penalty) -> Penalty:
    """The penalty that `identifier` stands for.

    Args:
        identifier: a `Penalty` (returned as it is), its class, its config, or a name: "r1", "r2",
            "gradient_penalty", "dragan", "lecam" or a class name, with parameters as in "r1=0.1"
            (the first) or "gradient_penalty(weight=5, one_sided=True)". "r1" and "r2" have no
            default, since gamma depends on the scale of the images. A weight may be a schedule, as
            in "r1=cosine(1, 0.1, until=2e6)".

    Returns:
        A `Penalty`.

    Raises:
        ValueError: for an unknown name or parameter, a weight that is missing, negative or no
            number, or what is no `Penalty`.

    Example:
        >>> kgan.penalties.get("r1=0.1")
        R1(gamma=0.1)
        >>> kgan.penalties.get("gradient_penalty(weight=5, one_sided=True)")
        GradientPenalty(weight=5.0, target=1.0, one_sided=True)
    """
    return _PENALTIES.get(identifier)


def deserialize(config: dict, custom_objects: dict | None = None) -> Penalty:
    """The penalty of a config.

    Args:
        config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
        custom_objects: dict of names to classes that Keras does not know, default None.

    Returns:
        A `Penalty`.

    Raises:
        ValueError: for what is no config of a penalty.

    Example:
        >>> kgan.penalties.deserialize({"class_name": "R1", "config": {"gamma": 0.1}})
        R1(gamma=0.1)
    """
    return _PENALTIES.deserialize(config, custom_objects)


def get_all(
    identifiers: str | dict | type | Penalty | list | tuple | None, discriminator: keras.Model
) -> list[Penalty]:
    """Every penalty of one compile, checked.

    Args:
        identifiers: one of what `get` takes, a list of them, or None for none.
        discriminator: keras model they are to punish.

    Returns:
        List of `Penalty`, copies: one object given to two GANs has a state in each.

    Raises:
        ValueError: as `get`; if two have one name, or that of another log, or one means nothing for
            this discriminator.

    Example:
        >>> kgan.penalties.get_all(["r1=0.1", "lecam"], gan.discriminator)
        [R1(gamma=0.1), LeCam(weight=0.3, decay=0.99, start=1000)]
    """
    if not isinstance(identifiers, (list, tuple)):
        identifiers = [] if identifiers is None else [identifiers]
    found = [copy.copy(get(identifier)) for identifier in identifiers]
    names = [penalty.name for penalty in found]
    for penalty in found:
        penalty.check_discriminator(discriminator)
        if penalty.name in _TAKEN:
            raise ValueError(
                f"{type(penalty).__name__} would be logged as {penalty.name!r}, which the "
                "players are. Expected: a name of its own, by the class attribute name."
            )
        if not isinstance(penalty.needs, tuple) or not set(penalty.needs) <= set(_NEEDS):
            raise ValueError(
                f"{type(penalty).__name__} needs what no penalty is given. Expected: needs, a "
                f"tuple of names out of {_NEEDS}. Received: needs={penalty.needs!r}."
            )
        if names.count(penalty.name) > 1:
            raise ValueError(
                "Every penalty is logged under its own name. Expected: different penalties. "
                f"Received: {names}. Give one of them the sum of the weights."
            )
    return found
