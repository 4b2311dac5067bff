"""The transforms of ADA: what they are called, and how an image is given some of them at random."""

import math

import keras
from keras import ops

from kgan.augment.augmentation import Augmentation
from kgan.augment.color import recolored
from kgan.augment.geometry import cut_out
from kgan.augment.geometry import sampled
from kgan.backend import replicas

_GROUPS = {
    "blit": ("x_flip", "turn", "translation"),
    "geometry": ("scale", "rotation", "stretch", "shift"),
    "color": ("brightness", "contrast", "luma_flip", "hue", "saturation"),
    "cutout": ("cutout",),
}
_NAMES = tuple(name for group in _GROUPS.values() for name in group)
_BGC = tuple(name for group in ("blit", "geometry", "color") for name in _GROUPS[group])
_PLACING = {*_GROUPS["blit"], *_GROUPS["geometry"]}
_COLORING = {*_GROUPS["color"]}
# What one image needs at most.
_UNIFORM, _NORMAL = 24, 7


class Transforms(Augmentation):
    """What `Adaptive` and `Scheduled` have in common: transforms, each at random.

    A transform is given to an image with the probability p times the weight of the transform. The
    table of `Scheduled` has them all.

    Args:
        transforms: str, as of `Scheduled`.
    """

    def __init__(self, transforms: str):
        self._weights = _weights(transforms)
        self.transforms = transforms

    def __call__(self, images, *, seed, images_seen):
        p = ops.cast(self.probability(images_seen), images.dtype)
        draws = _Draws(images, seed, {name: weight * p for name, weight in self._weights.items()})
        # The groups that are left out draw nothing that the others would have drawn.
        given = {name for name, weight in self._weights.items() if weight > 0}
        placed, colors, hole = _placed(draws), _colors(draws), _hole(draws)
        if given & _PLACING:
            images = sampled(images, *placed)
        if given & _COLORING:
            images = recolored(images, **colors)
        return cut_out(images, hole) if "cutout" in given else images

    def class_changes(self, channels):
        names = ("x_flip", "turn", "rotation", *(("hue",) if channels == 3 else ()))
        return tuple(name for name in names if self._weights[name] > 0)

    def check(self, image_shape, loss):
        super().check(image_shape, loss)
        colors = [name for name in _GROUPS["color"] if self._weights[name] > 0]
        if colors and image_shape[-1] not in (1, 3):
            raise ValueError(
                f"The colours of {type(self).__name__} are those of grey and of RGB images. "
                "Expected: 1 or 3 channels. Received: images of the shape "
                f'{image_shape}. Leave them out: transforms="{self.transforms},color=0".'
            )


def _weights(transforms: str) -> dict[str, float]:
    """The weight of every transform."""
    weights = dict.fromkeys(_NAMES, 0.0)
    for part in transforms.split(",") if isinstance(transforms, str) else [""]:
        name, has_weight, weight = (word.strip() for word in part.partition("="))
        names = _BGC if name == "bgc" else _GROUPS.get(name, (name,))
        try:
            number = float(weight) if has_weight else 1.0
        except ValueError:
            number = math.nan
        if not set(names) <= set(_NAMES) or not 0 <= number <= 1:
            raise ValueError(
                "transforms must name some of bgc (which are blit, geometry and color), "
                f"{', '.join(_GROUPS)}, {', '.join(_NAMES[:-1])}, separated by commas, each with a "
                f"weight from 0 to 1 if it is not 1, as in 'bgc,x_flip=0,cutout=0.5'. Received: "
                f"{part.strip()!r} in transforms={transforms!r}."
            )
        weights |= dict.fromkeys(names, number)
    if not any(weights.values()):
        raise ValueError(
            f"transforms={transforms!r} leaves no transform. Expected: one with a weight above 0. "
            "For no augmentation leave out augment=."
        )
    return weights


class _Draws:
    """The random numbers of every image of a batch, drawn at once for the global batch.

    Args:
        images: float tensor (batch, ...).
        seed: `keras.random.SeedGenerator`.
        chances: dict of the probabilities of the transforms.
    """

    def __init__(self, images, seed, chances: dict):
        def columns(draw, count):
            numbers = replicas.global_rows(
                lambda rows: draw((rows, count), dtype=images.dtype, seed=seed),
                ops.shape(images)[0],
            )
            return iter(ops.unstack(numbers, axis=1))

        self._uniform = columns(keras.random.uniform, _UNIFORM)
        self._normal = columns(keras.random.normal, _NORMAL)
        self.chances = chances
        self.sides = images.shape[1:3]

    def uniform(self, low: float = 0.0, high: float = 1.0):
        """(batch,) of U(low, high)."""
        return low + (high - low) * next(self._uniform)

    def normal(self, deviation: float):
        """(batch,) of N(0, deviation^2)."""
        return deviation * next(self._normal)

    def log_normal(self, deviation: float):
        """(batch,) of 2^N(0, deviation^2)."""
        return ops.power(2.0, self.normal(deviation))

    def sign(self):
        """(batch,) of -1 or 1, each with probability 1/2."""
        return 2 * ops.floor(self.uniform(0, 2)) - 1

    def given(self, name: str, *values, otherwise: float, chance=None):
        """Each of `values` for the images that are given the transform, `otherwise` for others."""
        chance = self.chances[name] if chance is None else chance
        is_given = self.uniform() < chance
        values = [ops.where(is_given, value, ops.cast(otherwise, value.dtype)) for value in values]
        return values if len(values) > 1 else values[0]


def _placed(draws: _Draws) -> tuple:
    """Where every pixel is looked up, as `sampled` takes it: linear part and offset.

    The transforms move the image one after the other; a pixel is looked up where they brought it
    from, and so their inverses stand in the same order.
    """
    height, width = draws.sides
    flip = draws.given("x_flip", draws.sign(), otherwise=1)
    turn = math.pi / 2 * draws.given("turn", ops.floor(draws.uniform(0, 4)), otherwise=0)
    eighths = [ops.round(draws.uniform(-side / 8, side / 8)) for side in (width, height)]
    translation = draws.given("translation", *eighths, otherwise=0)
    scale = draws.given("scale", draws.log_normal(0.2), otherwise=1)
    # One of the two, or both, with the probability of the transform.
    chance = 1 - ops.sqrt(1 - ops.clip(draws.chances["rotation"], 0.0, 1.0))

    def rotation():
        return draws.given("rotation", draws.uniform(-math.pi, math.pi), otherwise=0, chance=chance)

    before = rotation()
    stretch = draws.given("stretch", draws.log_normal(0.2), otherwise=1)
    after = rotation()
    moves = [draws.normal(side / 8) for side in (width, height)]
    shift = draws.given("shift", *moves, otherwise=0)
    # A quarter of a turn is one to the last bit, so that pixels come to lie on pixels.
    turned = _matrix(flip, 0 * flip, 0 * flip, ops.ones_like(flip))
    turned = _product(turned, _rotation(ops.round(ops.cos(turn)), ops.round(ops.sin(turn))))
    linear = _product(turned, _rotation(ops.cos(before) / scale, ops.sin(before) / scale))
    linear = _product(linear, _matrix(1 / stretch, 0 * stretch, 0 * stretch, stretch))
    linear = _product(linear, _rotation(ops.cos(after), ops.sin(after)))
    moved = _product(turned, ops.stack(translation, axis=1)[..., None])
    moved += _product(linear, ops.stack(shift, axis=1)[..., None])
    return linear, -moved[..., 0]


def _matrix(a, b, c, d):
    """((a, b), (c, d)) of every image."""
    return ops.reshape(ops.stack([a, b, c, d], axis=1), (-1, 2, 2))


def _rotation(cosine, sine):
    return _matrix(cosine, -sine, sine, cosine)


def _product(first, second):
    """Of matrices, without `matmul`, which a GPU rounds to 10 bits."""
    return ops.sum(first[..., None] * second[:, None], axis=2)


def _colors(draws: _Draws) -> dict:
    """What `recolored` takes."""
    brightness = draws.given("brightness", draws.normal(0.2), otherwise=0)
    contrast = draws.given("contrast", draws.log_normal(0.5), otherwise=1)
    luma_flip = draws.given("luma_flip", draws.sign(), otherwise=1)
    hue = draws.given("hue", draws.uniform(-math.pi, math.pi), otherwise=0)
    saturation = draws.given("saturation", draws.log_normal(1.0), otherwise=1)
    return {
        "brightness": brightness,
        "luma": luma_flip * contrast,
        "chroma": saturation * contrast,
        "hue": hue,
    }


def _hole(draws: _Draws):
    """What `cut_out` takes."""
    middles = [draws.uniform(), draws.uniform()]
    halves = draws.given("cutout", ops.full_like(middles[0], 0.25), otherwise=0)

    def is_inside(place, axis):
        middle = middles[axis][:, None]
        place = (ops.cast(place, middle.dtype) + 0.5) / draws.sides[axis]
        return ops.abs(place - middle) < halves[:, None]

    return is_inside
