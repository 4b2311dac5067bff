"""Images as parts of a page: sheets with transparent gaps, and frames."""

import numpy as np
from PIL import Image

from kgan._utils.images import check_channels
from kgan._utils.images import enlarge
from kgan._utils.images import tile
from kgan._utils.images import to_picture

# The blue of real images, which shows on white and on black, and how many pixels wide it is.
_FRAME, _WIDTH = (60, 130, 200), 2


def sheet(images: np.ndarray, width: int = 56) -> Image.Image:
    """Images in rows and columns, with nothing between them: the page's ground shows through.

    Args:
        images: uint8 array, (rows, columns, height, width, channels) with 1, 3 or 4 channels.
        width: the least width of an image on the sheet, in pixels; small images are repeated
            pixels, which stay sharp.

    Returns:
        A Pillow image of mode RGBA.

    Raises:
        ValueError: if there are images that cannot be shown.
    """
    rows, columns, *shape = images.shape
    cells = enlarge(with_opacity(images.reshape(-1, *shape)), width)
    return to_picture(tile(cells, rows, columns, background=0))


def with_opacity(pixels: np.ndarray) -> np.ndarray:
    """Grey or colour as red, green, blue and opacity; images that have opacity as they are.

    Args:
        pixels: uint8 array, (..., channels) with 1, 3 or 4 channels.

    Returns:
        A uint8 array, (..., 4).

    Raises:
        ValueError: if there are other channels.
    """
    check_channels(pixels.shape[-1])
    if pixels.shape[-1] == 4:
        return pixels
    colour = np.broadcast_to(pixels, (*pixels.shape[:-1], 3))
    return np.concatenate([colour, np.full_like(pixels[..., :1], 255)], axis=-1)


def framed(pixels: np.ndarray) -> np.ndarray:
    """Images, enlarged, with a frame drawn over their edges.

    Args:
        pixels: uint8 array, (batch, height, width, channels).

    Returns:
        A uint8 array, (batch, height * s, width * s, 4), s >= 1.
    """
    cells = enlarge(with_opacity(pixels))
    frames = np.full_like(cells, (*_FRAME, 255))
    frames[:, _WIDTH:-_WIDTH, _WIDTH:-_WIDTH] = cells[:, _WIDTH:-_WIDTH, _WIDTH:-_WIDTH]
    return frames
