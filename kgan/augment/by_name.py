"""Augmentations by name, config or as they are."""

import copy
import warnings

from kgan._utils.by_name import ByName
from kgan._utils.configured import Configured
from kgan.augment.adaptive import Adaptive
from kgan.augment.augmentation import Augmentation
from kgan.augment.diff_augment import DiffAugment
from kgan.augment.scheduled import Scheduled

_AUGMENTATIONS = ByName(
    Augmentation,
    "augmentation",
    {"diffaugment": DiffAugment, "adaptive": Adaptive, "ada": Adaptive, "scheduled": Scheduled},
    " Keras' preprocessing layers change the data alone, which the generator would then learn: use "
    "them in the data, and here what both players are shown.",
)


def get(identifier: str | dict | type | Augmentation) -> Augmentation:
    """The augmentation that `identifier` stands for.

    Args:
        identifier: an `Augmentation` (returned as it is), its class, its config, or a name:
            "diffaugment", "adaptive" (or "ada"), "scheduled" or a class name, with parameters as in
            "diffaugment='translation,cutout'" (the first) or "adaptive(speed=100000)".

    Returns:
        An `Augmentation`.

    Raises:
        ValueError: for an unknown name or parameter, a value that is refused, or what is no
            `Augmentation`.

    Example:
        >>> kgan.augment.get("diffaugment='translation,cutout'")
        DiffAugment(policy='translation,cutout')
        >>> kgan.augment.get("adaptive")
        Adaptive(target=0.6, speed=500000, transforms='bgc')
    """
    return _AUGMENTATIONS.get(identifier)


def deserialize(config: dict, custom_objects: dict | None = None) -> Augmentation:
    """The augmentation of a config.

    Args:
        config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
        custom_objects: dict of names to classes that Keras does not know, default None.

    Returns:
        An `Augmentation`.

    Raises:
        ValueError: for what is no config of an augmentation.

    Example:
        >>> kgan.augment.deserialize({"class_name": "DiffAugment", "config": {"policy": "color"}})
        DiffAugment(policy='color')
    """
    return _AUGMENTATIONS.deserialize(config, custom_objects)


def get_for(
    identifier: str | dict | type | Augmentation | None,
    image_shape: tuple,
    loss: Configured,
    num_classes: int | None = None,
) -> Augmentation | None:
    """The augmentation of one compile, checked.

    Args:
        identifier: what `get` takes, or None for none.
        image_shape: tuple, the shape of one image.
        loss: `kgan.losses.Loss` that the discriminator minimises.
        num_classes: int, None for a GAN without classes.

    Returns:
        An `Augmentation`, a copy: one object given to two GANs has a state in each. None for None.

    Raises:
        ValueError: as `get`; if it means nothing for such images, or under this loss.

    Example:
        >>> kgan.augment.get_for("diffaugment", (28, 28, 1), kgan.losses.NonSaturating())
        DiffAugment(policy='color,translation,cutout')
    """
    if identifier is None:
        return None
    augmentation = copy.copy(get(identifier))
    augmentation.check(image_shape, loss)
    changes = augmentation.class_changes(image_shape[-1]) if num_classes else ()
    if changes:
        given = getattr(augmentation, "transforms", "")
        without = ",".join(f"{name}=0" for name in changes)
        warnings.warn(
            f"{type(augmentation).__name__} may make an image one of another class, by "
            f"{', '.join(changes)}, as a 6 that is turned becomes a 9, and this GAN has classes. "
            "Where side, direction or colour tell them apart, leave these out"
            + (f': transforms="{given},{without}".' if given else "."),
            # The user's call of compile.
            stacklevel=3,
        )
    return augmentation
