"""Images that are moved: linear maps of their pixels, so that gradients are the true ones."""

import numpy as np
from keras import ops


def shifted(images, down, right):
    """Move images by whole pixels or parts of them. Zeros, the middle grey, come in.

    Row i of the result is the sum over j of relu(1 - |i - j - down|) times row j, and columns are
    mixed likewise: two products with matrices, which compile everywhere and cost less than looking
    pixels up.

    Args:
        images: float tensor (batch, height, width, channels).
        down: float tensor (batch,), pixels.
        right: float tensor (batch,), pixels.

    Returns:
        Float tensor like `images`.
    """
    height, width, channels = images.shape[1:]
    rows, columns = _interpolation(height, down), _interpolation(width, right)
    moved = ops.matmul(rows, ops.reshape(images, (-1, height, width * channels)))
    moved = ops.reshape(moved, (-1, height, width, channels))
    # A column of all rows and channels, in one product with the matrix of its image.
    moved = ops.reshape(ops.transpose(moved, (0, 2, 1, 3)), (-1, width, height * channels))
    moved = ops.reshape(ops.matmul(columns, moved), (-1, width, height, channels))
    return ops.transpose(moved, (0, 2, 1, 3))


def _interpolation(side: int, shift):
    """(batch, side, side): how much of place j comes to place i."""
    places = ops.arange(side, dtype=shift.dtype)
    distances = places[:, None] - places - shift[:, None, None]
    return ops.relu(1 - ops.abs(distances))


def sampled(images, linear, offset):
    """Images of which every pixel is looked up at another place.

    With x to the right and y downwards from the middle of the image, pixel (x, y) of the result is
    the image at linear (x, y) + offset: bilinear between four pixels, and mirrored at the edges,
    however far outside.

    Args:
        images: float tensor (batch, height, width, channels), sides of at least 2.
        linear: float tensor (batch, 2, 2).
        offset: float tensor (batch, 2), pixels.

    Returns:
        Float tensor like `images`.
    """
    rows, (height, width, channels) = ops.shape(images)[0], images.shape[1:]
    x = ops.arange(width, dtype=images.dtype) - (width - 1) / 2
    y = ops.arange(height, dtype=images.dtype)[:, None] - (height - 1) / 2

    def place(axis, side):
        across, along, moved = (
            ops.reshape(part, (-1, 1, 1))
            for part in (linear[:, axis, 0], linear[:, axis, 1], offset[:, axis])
        )
        place, last = across * x + along * y + (moved + (side - 1) / 2), side - 1
        place = last - ops.abs(ops.mod(place, 2 * last) - last)
        first = ops.minimum(ops.floor(place), last - 1)
        return ops.cast(first, "int32"), place - first

    def constant(array):
        return ops.convert_to_tensor(array, images.dtype)

    (left, right_share), (top, lower_share) = place(0, width), place(1, height)
    # The four neighbours of a place side by side, to be found by one look. This convolution and the
    # products below, by matrices of zeros and ones, cost half of slices and broadcasts.
    kernel = np.eye(4 * channels).reshape(2, 2, channels, 4 * channels)
    corners = ops.conv(images, constant(kernel), padding="valid", data_format="channels_last")
    own = ops.reshape(ops.arange(rows, dtype="int32"), (-1, 1, 1)) * (height - 1)
    places = ops.reshape((own + top) * (width - 1) + left, (-1,))
    found = ops.take(ops.reshape(corners, (-1, 4 * channels)), places, axis=0)
    shares = [
        down * right
        for down in (1 - lower_share, lower_share)
        for right in (1 - right_share, right_share)
    ]
    shares = ops.reshape(ops.stack(shares, axis=-1), (-1, 4))
    shares = ops.matmul(shares, constant(np.repeat(np.eye(4), channels, axis=1)))
    found = ops.matmul(shares * found, constant(np.tile(np.eye(channels), (4, 1))))
    return ops.reshape(found, (-1, height, width, channels))


def cut_out(images, is_inside):
    """Set a rectangle of every image to 0, the middle grey.

    Args:
        images: float tensor (batch, height, width, channels).
        is_inside: function of a place, int tensor (side,), and of the axis, 0 for rows and 1 for
            columns, that returns a boolean tensor (batch, side).

    Returns:
        Float tensor like `images`.
    """
    rows, columns = (
        ops.cast(is_inside(ops.arange(images.shape[axis + 1]), axis), images.dtype)
        for axis in (0, 1)
    )
    return images * (1 - rows[:, :, None, None] * columns[:, None, :, None])
