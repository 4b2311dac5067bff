"""Images doubled and halved by the binomial filter [1, 3, 3, 1], as R3GAN does it."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kgan")
class BinomialUpSampling2D(keras.layers.Layer):
    """Double both sides: zeros between the pixels, then the filter [1, 3, 3, 1] / 4 along each.

    Every new pixel is three quarters of the pixel that it is in and one quarter of the next one,
    which makes it bilinear interpolation but at the border, where zeros are next. It is made of
    sums and reshapes: exact in any precision that has the pixels, differentiable as often as one
    likes, and to be had in every export format and compiler.

    Example:
        >>> kgan.layers.BinomialUpSampling2D()(ops.ones((8, 14, 14, 3))).shape
        TensorShape([8, 28, 28, 3])

    Reference:
        Huang et al. 2025, The GAN is dead; long live the GAN!, arXiv 2501.05441; Karras et al.
        2020, arXiv 1912.04958, for the filter.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)

    def call(self, inputs):
        return _doubled(_doubled(inputs, 1), 2)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), channels)


@keras.saving.register_keras_serializable("kgan")
class BinomialDownSampling2D(keras.layers.Layer):
    """Halve both sides: the filter [1, 3, 3, 1] / 8 along each, then every second pixel.

    Zeros are beyond the border. It is a quarter of the transpose of `BinomialUpSampling2D`, and
    like that made of sums and reshapes.

    Raises:
        ValueError: for images with an odd side.

    Example:
        >>> kgan.layers.BinomialDownSampling2D()(ops.ones((8, 28, 28, 3))).shape
        TensorShape([8, 14, 14, 3])

    Reference:
        Huang et al. 2025, The GAN is dead; long live the GAN!, arXiv 2501.05441.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)

    def call(self, inputs):
        return _halved(_halved(inputs, 1), 2)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        if any(side is not None and side % 2 for side in sides):
            raise ValueError(
                "BinomialDownSampling2D halves both sides of images, so they must be even. "
                f"Received: images of shape {tuple(input_shape)}. Resize or pad the images."
            )
        return (batch, *(None if side is None else side // 2 for side in sides), channels)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)


def _doubled(images, axis: int):
    """Images with the side along an axis doubled."""
    padded = _padded(images, axis)
    near = 0.75 * images
    pairs = [
        near + 0.25 * _part(padded, axis, slice(None, -2)),
        near + 0.25 * _part(padded, axis, slice(2, None)),
    ]
    shape = list(ops.shape(images))
    shape[0], shape[axis] = -1, 2 * shape[axis]
    return ops.reshape(ops.stack(pairs, axis=axis + 1), shape)


def _halved(images, axis: int):
    """Images with the side along an axis halved."""
    # Padded by one, the first of a pair is left of the second by its place: 2 i - 1 and 2 i.
    padded = _padded(images, axis)
    shape = list(ops.shape(images))
    shape[0], shape[axis : axis + 1] = -1, (shape[axis] // 2 + 1, 2)
    pairs = ops.reshape(padded, shape)
    first, second = (_part(pairs, axis + 1, place) for place in (0, 1))
    before, after = slice(None, -1), slice(1, None)
    near = _part(second, axis, before) + _part(first, axis, after)
    far = _part(first, axis, before) + _part(second, axis, after)
    return 0.375 * near + 0.125 * far


def _padded(images, axis: int):
    """Images between one row, or column, of zeros before and one behind."""
    return ops.pad(images, [(int(number == axis),) * 2 for number in range(4)])


def _part(images, axis: int, which):
    return images[(slice(None),) * axis + (which,)]
