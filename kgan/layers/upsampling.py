"""Nearest-neighbour upsampling that every export format and compiler takes."""

from typing import Any

import keras
from keras import ops

from kgan._utils.checks import check_positive_integer


@keras.saving.register_keras_serializable("kgan")
class NearestUpSampling2D(keras.layers.Layer):
    """Enlarge images by repeating every pixel, as `UpSampling2D` with "nearest" does, bit for bit.

    After Keras' layer TensorFlow no longer knows the size of the images where the batch size is
    open, and the convolution that follows cannot be converted to TFLite. Here the size stays known.

    Args:
        size: int > 0, how often every row and every column is repeated, default 2.

    Example:
        >>> kgan.layers.NearestUpSampling2D()(ops.ones((8, 14, 14, 3))).shape
        TensorShape([8, 28, 28, 3])
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = check_positive_integer("size", size)
        self.input_spec = keras.InputSpec(ndim=4)

    def call(self, inputs):
        _, height, width, channels = ops.shape(inputs)
        # The reshapes say what the repeats forget.
        rows = ops.repeat(inputs, self.size, axis=1)
        rows = ops.reshape(rows, (-1, height * self.size, width, channels))
        columns = ops.repeat(rows, self.size, axis=2)
        return ops.reshape(columns, (-1, height * self.size, width * self.size, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if side is None else side * self.size for side in (height, width))
        return (batch, height, width, channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size}
