"""The resize of TensorFlow 1, which every published FID has gone through."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kgan")
class LegacyBilinearResize(keras.layers.Layer):
    """Bilinear resize of (batch, height, width, channels) as TensorFlow 1 did it by default.

    Row i of the result is read at i * input_height / height of the input, between the row below
    that number and the next, which is the last one again at the end; columns alike. So corners
    are not aligned, pixels have no centres (the picture moves by up to half a pixel), and a smaller
    result is not smoothed: it aliases. Published scores carry these faults, so a measure that is to
    be compared with them must have them too.

    Args:
        height: int > 0, rows of the result.
        width: int > 0, columns of the result.

    Example:
        >>> LegacyBilinearResize(299, 299)(ops.zeros((8, 32, 32, 3))).shape
        (8, 299, 299, 3)

    Reference:
        `tf.compat.v1.image.resize_bilinear` with align_corners and half_pixel_centers off, in the
        graph of Heusel et al. 2017, arXiv 1706.08500.
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height = height
        self.width = width

    def call(self, images):
        # Columns before rows, as in TensorFlow: the rounding is the same.
        return _resized(_resized(images, self.width, axis=2), self.height, axis=1)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


def _resized(images, size: int, *, axis: int):
    old_size = images.shape[axis]
    # In float32, as TensorFlow: 299 * (32 / 299) may fall just short of a whole number.
    places = np.arange(size, dtype=np.float32) * (np.float32(old_size) / np.float32(size))
    places = np.expand_dims(places, [other for other in range(4) if other != axis])
    # The two old rows that each new one lies between.
    first = np.floor(places).astype(np.int32)
    second = np.minimum(first + 1, old_size - 1)
    low = ops.take(images, first.ravel(), axis=axis)
    high = ops.take(images, second.ravel(), axis=axis)
    return low + (high - low) * ops.cast(places - first, images.dtype)
