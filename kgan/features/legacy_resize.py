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
        if height < 1 or width < 1:
            raise ValueError(
                "LegacyBilinearResize needs at least one row and one column. "
                f"Received: height={height}, width={width}."
            )
        self.height = height
        self.width = width

    def call(self, images):
        # Columns before rows, as in TensorFlow: the rounding is the same.
        return _resized(_resized(images, self.width, axis=2), self.height, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


def _resized(images, size: int, *, axis: int):
    low, high, share = _neighbours(images.shape[axis], size)
    shape = [1, 1, 1, 1]
    shape[axis] = size
    low, high = ops.take(images, low, axis=axis), ops.take(images, high, axis=axis)
    return low + (high - low) * ops.cast(share.reshape(shape), images.dtype)


def _neighbours(size: int, new_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every new row the two old ones it lies between, and how far it is from the first."""
    # In float32, as TensorFlow: 299 * (32 / 299) may fall just short of a whole number.
    places = np.arange(new_size, dtype=np.float32) * (np.float32(size) / np.float32(new_size))
    low = np.floor(places).astype(np.int32)
    return low, np.minimum(low + 1, size - 1), places - low
