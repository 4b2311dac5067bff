"""DiffAugment: every image is always transformed."""

import keras
from keras import ops

from kgan.augment.augmentation import Augmentation
from kgan.augment.geometry import cut_out
from kgan.augment.geometry import shifted
from kgan.backend import replicas

_POLICIES = ("color", "translation", "cutout")
# Three of colour, and two each of translation and cutout.
_NUMBERS = 7


@keras.saving.register_keras_serializable("kgan")
class DiffAugment(Augmentation):
    """Colour, place and a missing square, new for every image that the discriminator is shown.

    In this order, each with its own uniform numbers per image:

        color        x + b, b of (-.5, .5); then saturation, s of (0, 2), which moves a pixel away
                     from the mean of its channels or towards it; then contrast, c of (.5, 1.5), by
                     the mean of the image. Nothing is clipped.
        translation  whole pixels, up to an eighth of a side in each direction; zeros come in
        cutout       a square of half a side becomes 0, its middle anywhere in the image

    For little data. On plenty it costs some quality: StyleGAN2's FID on 70,000 faces went from 3.81
    to 4.24, on 1,000 of them from 62.16 to 25.66.

    Args:
        policy: str, some of the three names, separated by commas. Of BigGAN the authors took
            "translation,cutout", of StyleGAN2 on all of CIFAR-10 "color,cutout", on less data, the
            default, all three.

    Raises:
        ValueError: for another name, none, or one that comes twice.

    Example:
        >>> gan.compile(augment=kgan.augment.DiffAugment("translation,cutout"))
        >>> kgan.augment.get("diffaugment")
        DiffAugment(policy='color,translation,cutout')

    Reference:
        Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training, arXiv
        2006.10738; the numbers are those of the authors' code.
    """

    def __init__(self, policy: str = "color,translation,cutout"):
        names = [name.strip() for name in policy.split(",")] if isinstance(policy, str) else []
        if not names or sorted(set(names)) != sorted(names) or not set(names) <= set(_POLICIES):
            raise ValueError(
                f"policy of DiffAugment must name some of {', '.join(_POLICIES)}, each once and "
                f"separated by commas. Received: policy={policy!r}. For no augmentation leave out "
                "augment=."
            )
        self.policy = policy
        self._names = names

    def __call__(self, images, *, seed, images_seen):
        # All of them whatever the policy, so that a part of it does the same alone.
        numbers = replicas.global_rows(
            lambda rows: keras.random.uniform((rows, _NUMBERS), dtype=images.dtype, seed=seed),
            ops.shape(images)[0],
        )
        if "color" in self._names:
            images = _colored(images, numbers[:, :3])
        sides = images.shape[1:3]
        if "translation" in self._names:
            moves = [_moves(side, numbers[:, 3 + axis]) for axis, side in enumerate(sides)]
            images = shifted(images, *moves)
        if "cutout" in self._names:
            starts = [_starts(side, numbers[:, 5 + axis]) for axis, side in enumerate(sides)]
            images = cut_out(
                images,
                lambda place, axis: _is_within(place, starts[axis], _half(sides[axis])),
            )
        return images


def _colored(images, numbers):
    brightness, saturation, contrast = (
        ops.reshape(numbers[:, index], (-1, 1, 1, 1)) for index in range(3)
    )
    brightness, saturation, contrast = brightness - 0.5, 2 * saturation, contrast + 0.5
    grey = ops.mean(images, axis=-1, keepdims=True)
    mean = ops.mean(grey, axis=(1, 2), keepdims=True)
    # y = x + b;  y = (y - grey(y)) s + grey(y);  y = (y - mean(y)) c + mean(y)
    even = contrast * (1 - saturation) * grey + ((1 - contrast) * mean + brightness)
    return contrast * saturation * images + even


def _half(side: int) -> int:
    return int(side / 2 + 0.5)


def _moves(side: int, uniform):
    """Whole numbers from -r to r, r an eighth of a side."""
    most = int(side / 8 + 0.5)
    return ops.floor(uniform * (2 * most + 1)) - most


def _starts(side: int, uniform):
    """Where a missing part of half a side begins, so that its middle is within."""
    length = _half(side)
    return ops.floor(uniform * (side + 1 - length % 2)) - length // 2


def _is_within(place, start, length: int):
    after = ops.cast(place, start.dtype) - start[:, None]
    return ops.logical_and(after >= 0, after < length)
