"""Augmentations that the discriminator sees, of reals and of fakes, for training on little data.

An augmentation is a small object with the protocol of `Augmentation`, chosen by
`GAN.compile(augment=)`. It is a part of how the players learn: evaluation, samples, metrics and
exports never see it. Penalties on the discriminator differentiate through it, by the image before.
"""

from kgan._utils.by_name import serialize
from kgan.augment.adaptive import Adaptive
from kgan.augment.augmentation import Augmentation
from kgan.augment.by_name import deserialize
from kgan.augment.by_name import get
from kgan.augment.by_name import get_for
from kgan.augment.diff_augment import DiffAugment
from kgan.augment.scheduled import Scheduled

__all__ = [
    "Adaptive",
    "Augmentation",
    "DiffAugment",
    "Scheduled",
    "deserialize",
    "get",
    "get_for",
    "serialize",
]
