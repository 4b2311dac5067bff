"""From one picture, of any size and mode, to one array of the wanted size and channels."""

import numpy as np
from PIL import Image
from PIL import ImageOps

from kgan._utils.checks import is_integer
from kgan._utils.images import to_picture

# Of a picture to resize to: 8,192 by 8,192.
_MOST_PIXELS = 2**26


class Resize:
    """Bring pictures to one size and number of channels, never distorting them.

    In this order: a picture is turned upright (EXIF orientation), 16 bits become 8, what is
    transparent becomes white, colour becomes grey or grey becomes colour, the central `crop` is cut
    out, and the largest central part with the proportions of `image_size` is resized to it (Lanczos
    filter, antialiased).

    Args:
        image_size: int or (height, width), the final size in pixels; None keeps the size.
        crop: int or (height, width), the central part to use, in pixels; None uses all.
        channels: 1 (grey), 3 (colour), or None for 1 if the picture is grey and 3 if not.

    Attributes:
        peaks: list of (int, str), for each picture of 16 bits its largest value, of 65,535, and its
            path.

    Example:
        >>> Resize(image_size=64, crop=178)(picture).shape
        (64, 64, 3)
    """

    def __init__(self, *, image_size=None, crop=None, channels=None):
        if channels not in (None, 1, 3) or isinstance(channels, bool):
            raise ValueError(
                "channels must be 1 (grey), 3 (colour) or None (as the images are). "
                f"Received: channels={channels!r}."
            )
        self.image_size = _height_and_width("image_size", image_size)
        self.crop = _height_and_width("crop", crop)
        self.channels = None if channels is None else int(channels)
        self.peaks = []

    def __call__(self, picture: Image.Image) -> np.ndarray:
        """Convert one picture.

        Args:
            picture: Pillow image. Of an animation the first frame is used.

        Returns:
            A uint8 array, (height, width, channels).

        Raises:
            ValueError: if the picture is smaller than `crop`.
        """
        self._note_peak(picture)
        channels = self.channels or (3 if has_colour(picture) else 1)
        picture = _grey_or_colour(ImageOps.exif_transpose(picture), channels)
        if self.crop:
            picture = _central(picture, *self.crop)
        if self.image_size:
            height, width = self.image_size
            picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(picture).reshape(picture.height, picture.width, channels)

    def _note_peak(self, picture: Image.Image) -> None:
        # Before it is read, a file in colour tells its bits; Pillow keeps the upper 8 of them.
        in_colour = any("16" in str(tile[3]) for tile in getattr(picture, "tile", ()))
        if picture.mode.startswith("I") or in_colour:
            picture.load()
            peak = int(np.asarray(picture).max())
            peak = peak if picture.mode.startswith("I") else 256 * peak + 255
            self.peaks.append((peak, getattr(picture, "filename", "")))

    def pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Convert one array of pixels; what is as it is wanted already is given back.

        Args:
            pixels: uint8 array, (height, width, channels) with 1, 3 or 4 channels.

        Returns:
            A uint8 array, (height, width, channels).

        Raises:
            ValueError: if the array is smaller than `crop`.
        """
        size, channels = pixels.shape[:2], (self.channels,) if self.channels else (1, 3)
        fits = self.image_size in (None, size) and self.crop in (None, size)
        return pixels if fits and pixels.shape[2] in channels else self(to_picture(pixels))


def has_colour(picture: Image.Image) -> bool:
    """Whether a picture is stored with colours, if only greyish ones; nothing is decoded."""
    if picture.mode == "P":
        palette = np.reshape(picture.getpalette("RGB"), (-1, 3))
        return bool((palette != palette[:, :1]).any())
    return Image.getmodebase(picture.mode) != "L"


def _height_and_width(name: str, size) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or not all(map(is_integer, pair)) or min(pair) < 1:
        raise ValueError(
            f"{name} must be a positive integer or a pair of them, (height, width), in pixels. "
            f"Received: {name}={size!r}."
        )
    if int(pair[0]) * int(pair[1]) > _MOST_PIXELS:
        raise ValueError(
            f"{name} is too large. Expected: at most {_MOST_PIXELS:,} pixels, as in (8192, 8192). "
            f"Received: {name}={size!r}. Choose the size that the networks make, such as 64."
        )
    return int(pair[0]), int(pair[1])


def _grey_or_colour(picture: Image.Image, channels: int) -> Image.Image:
    if picture.mode.startswith("I"):
        # Pillow's own conversion would clip 16 bits at 255 instead of scaling them.
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(opaque, picture.convert("RGBA"))
    return picture.convert("L" if channels == 1 else "RGB")


def _central(picture: Image.Image, height: int, width: int) -> Image.Image:
    if height > picture.height or width > picture.width:
        raise ValueError(
            f"crop=({height}, {width}) is larger than the image, which has the size "
            f"({picture.height}, {picture.width}). Choose a smaller crop, or leave such images out."
        )
    top, left = (picture.height - height) // 2, (picture.width - width) // 2
    return picture.crop((left, top, left + width, top + height))
