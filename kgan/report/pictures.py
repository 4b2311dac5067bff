"""Images as parts of a page: sheets with transparent gaps, frames, PNG inside the HTML."""

import base64
import io

import numpy as np
from PIL import Image

from kgan._utils.images import check_channels
from kgan._utils.images import enlarge
from kgan._utils.images import tile
from kgan._utils.images import to_picture

# Pixels between images, and of a frame around one.
GAP = 2
FRAME = 2


def sheet(pixels: np.ndarray, rows: int, columns: int, *, width: int = 56) -> Image.Image:
    """Images in rows and columns, with nothing between them: the page's ground shows through.

    Args:
        pixels: uint8 array, (batch, height, width, channels) with 1, 3 or 4 channels.
        rows: images from top to bottom.
        columns: images from left to right.
        width: the least width of an image on the sheet, in pixels; small images are repeated
            pixels, which stay sharp.

    Returns:
        A Pillow image of mode RGBA.

    Raises:
        ValueError: if there are more images than places, or images that cannot be shown.
    """
    cells = enlarge(with_opacity(pixels), width)
    return to_picture(tile(cells, rows, columns, gap=GAP, background=0))


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


def framed(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Images with a frame drawn over their edges.

    Args:
        pixels: uint8 array, (batch, height, width, channels), already enlarged.
        colour: red, green and blue of the frame, 0 to 255.

    Returns:
        A uint8 array, (batch, height, width, 4).
    """
    cells = with_opacity(pixels).copy()
    inside = np.zeros(cells.shape[1:3], bool)
    inside[FRAME:-FRAME, FRAME:-FRAME] = True
    cells[:, ~inside] = (*colour, 255)
    return cells


def data_uri(picture: Image.Image) -> str:
    """A picture as the address of an HTML image: base64 of its PNG file, so that no file is needed.

    Args:
        picture: Pillow image.

    Returns:
        "data:image/png;base64,..."
    """
    png = io.BytesIO()
    picture.save(png, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode("ascii")
