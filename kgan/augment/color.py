"""Images whose colours are changed: one linear map of the channels of every image."""

import math

import numpy as np
from keras import ops

# From the mean of the channels, and from what is at right angles to it and to a colour.
_ALONG = {channels: np.full((channels, channels), 1 / channels) for channels in (1, 3)}
_ACROSS = {1: np.zeros((1, 1)), 3: np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)}


def recolored(images, *, brightness, luma, chroma, hue):
    """Change the mean of a pixel's channels, its luma, and what is left of it, its chroma.

    The luma becomes luma (mean + brightness); the chroma is multiplied and turned about the grey
    axis. Of grey images, all of which is luma, the hue and the chroma do nothing.

    Args:
        images: float tensor (batch, height, width, 1 or 3).
        brightness: float tensor (batch,).
        luma: float tensor (batch,), a factor; below 0 light and dark change places.
        chroma: float tensor (batch,), a factor.
        hue: float tensor (batch,), an angle.

    Returns:
        Float tensor like `images`.
    """
    height, width, channels = images.shape[1:]
    along, across = (
        ops.convert_to_tensor(parts[channels], images.dtype) for parts in (_ALONG, _ACROSS)
    )
    both = ops.eye(channels, dtype=images.dtype)
    cosine, sine, factor = (
        ops.reshape(part, (-1, 1, 1))
        for part in (chroma * ops.cos(hue), chroma * ops.sin(hue), luma)
    )
    # Rodrigues' formula for a turn about (1, 1, 1) / sqrt(3) of what has no part along it; exactly
    # the image where nothing is changed.
    matrices = cosine * both + sine * across + (factor - cosine) * along
    pixels = ops.reshape(images, (-1, height * width, channels))
    pixels = ops.matmul(pixels, ops.transpose(matrices, (0, 2, 1)))
    return ops.reshape(pixels, (-1, height, width, channels)) + ops.reshape(
        luma * brightness, (-1, 1, 1, 1)
    )
