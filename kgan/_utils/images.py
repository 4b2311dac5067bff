"""Images as pictures: from floats in [-1, 1] to grids of pixels that can be looked at."""

import numpy as np
from PIL import Image

# What kgan reads, by the content of a file and not by its name. Pillow would let an EPS, under any
# name, start Ghostscript.
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def open_picture(source, formats: tuple = PICTURE_FORMATS) -> Image.Image:
    """Open a picture, as `PIL.Image.open`, if it is of one of these formats.

    Args:
        source: path or binary file.
        formats: names of Pillow's formats.

    Returns:
        The Pillow image, not read yet.

    Raises:
        PIL.UnidentifiedImageError: an OSError, if it is of none of them.

    Example:
        >>> open_picture("samples.png").size
    """
    return Image.open(source, formats=formats)


def are_pixels(images: np.ndarray) -> bool:
    """Whether images are pixels, and not floats to be made into pixels.

    Args:
        images: array.

    Returns:
        True for uint8, False for floats.

    Raises:
        ValueError: for any other dtype.
    """
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "Images must be uint8 in [0, 255], or floats in [-1, 1]. "
            f"Received: dtype {images.dtype}. "
            "Convert integers in [0, 255] with .astype('uint8')."
        )
    return images.dtype == np.uint8


def to_uint8(images) -> np.ndarray:
    """Pixels of images in [-1, 1]: round((x + 1) * 127.5), halves to even.

    Values outside [-1, 1] are clipped. What is not finite becomes 0, so that the samples of a
    broken generator can still be looked at.

    Args:
        images: float array of any shape, in [-1, 1].

    Returns:
        A uint8 array of the same shape.

    Raises:
        ValueError: if the images are not floats.

    Example:
        >>> to_uint8(np.array([-1.0, 0.0, 1.0]))
        array([  0, 128, 255], dtype=uint8)
    """
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "Only float images in [-1, 1] can be turned into pixels. "
            f"Received an array of dtype {images.dtype}. "
            "Stored uint8 images are pixels already."
        )
    # float16 cannot tell 254.5 from 254.6: the multiplication needs float32.
    images = images.astype(np.result_type(images.dtype, np.float32))
    images = np.where(np.isfinite(images), images, -1.0)
    return np.rint((np.clip(images, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)


def halving_side(side: int) -> int:
    """The longest side, not above another one, that halves down to 4 to 7 pixels.

    Args:
        side: int, in pixels; below 8 it is as good as any.

    Returns:
        int, 4 to 7 times a power of two: what every family of `kgan.models` takes.

    Example:
        >>> halving_side(172)
        160
    """
    return side - side % 2 ** max(0, side.bit_length() - 3)


def enlarge(pixels: np.ndarray, width: int = 56) -> np.ndarray:
    """Pixels repeated a whole number of times, until each image is at least `width` wide.

    Repetition keeps a small image sharp on a screen, where smoothing would invent detail.

    Args:
        pixels: array, (batch, height, width, channels).
        width: the least width of an enlarged image, in pixels.

    Returns:
        Array of the same dtype, (batch, height * s, width * s, channels), s >= 1.
    """
    scale = max(1, -(-width // pixels.shape[2]))
    return pixels.repeat(scale, axis=1).repeat(scale, axis=2)


def tile(
    pixels: np.ndarray, rows: int, columns: int, *, gap: int = 2, background: int = 255
) -> np.ndarray:
    """One picture of many images, row by row, with a gap between them and around them.

    Args:
        pixels: uint8 array, (batch, height, width, channels). With fewer images than places the
            last places stay empty.
        rows: images from top to bottom.
        columns: images from left to right.
        gap: width of the gap, in pixels.
        background: value of the gap and of empty places, 0 to 255.

    Returns:
        A uint8 array, (rows * (height + gap) + gap, columns * (width + gap) + gap, channels).
    """
    batch, height, width, channels = pixels.shape
    frame = ((0, rows * columns - batch), (gap, 0), (gap, 0), (0, 0))
    pixels = np.pad(pixels, frame, constant_values=background)
    pixels = pixels.reshape(rows, columns, height + gap, width + gap, channels)
    sheet = pixels.swapaxes(1, 2).reshape(rows * (height + gap), columns * (width + gap), channels)
    return np.pad(sheet, ((0, gap), (0, gap), (0, 0)), constant_values=background)


def to_picture(pixels: np.ndarray) -> Image.Image:
    """A Pillow image of one array of pixels.

    Args:
        pixels: uint8 array, (height, width, channels) with 1 (grey), 3 (red, green, blue) or
            4 channels (and opacity).

    Returns:
        The Pillow image, of mode L, RGB or RGBA.

    Raises:
        ValueError: if there are other channels.

    Example:
        >>> to_picture(tile(enlarge(to_uint8(images)), 10, 10)).save("samples.png")
    """
    check_channels(pixels.shape[-1])
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(pixels))


def check_channels(channels: int) -> None:
    """Raise if images with so many channels cannot be shown as a picture.

    Args:
        channels: the last dimension of an image's shape.

    Raises:
        ValueError: unless there are 1, 3 or 4.
    """
    if channels not in (1, 3, 4):
        raise ValueError(
            "Only images with 1 (grey), 3 (red, green, blue) or 4 channels (and opacity) can be "
            f"shown as a picture. Received {channels} channels."
        )
