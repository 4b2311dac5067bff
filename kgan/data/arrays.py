"""Images from NumPy arrays."""

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.images import are_pixels
from kgan._utils.images import to_uint8
from kgan.data import memory
from kgan.data.resize import Resize
from kgan.data.store import Images


def from_arrays(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    num_classes: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
) -> Images:
    """Take images from an array, which is copied.

    Args:
        images: array, (count, height, width, channels) with 1 or 3 channels, or (count, height,
            width). uint8, or floats in [-1, 1]; those are rounded to the nearest of 256 levels, in
            steps of 1 / 127.5.
        labels: integers, (count,) or a column (count, 1), from 0; or None.
        num_classes: int, by default the largest label plus one.
        image_size: int or (height, width), the size to resize to, in pixels; None keeps the size.
        crop: int or (height, width), the central part to use before resizing.
        channels: 1 (grey) or 3 (colour) to convert to; None keeps the channels.

    Returns:
        The images as `Images`.

    Raises:
        ValueError: if the shape, dtype, range or labels are wrong, or an image is not finite.

    Example:
        >>> kgan.data.from_arrays(images, labels).batches(64)
    """
    resize = Resize(image_size=image_size, crop=crop, channels=channels)
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise ValueError(
            "The images have several sizes. Expected: one array of images of one size. Received: a "
            f"{type(images).__name__} of {len(images)} from which NumPy can make none. Resize them "
            "first, or save them as files for kgan.data.from_folder(folder, image_size=64)."
        ) from error
    received = images.shape
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        remedy = "Put the channels last with numpy.moveaxis(images, 1, -1) if they come second."
        if images.ndim == 4 and images.shape[-1] == 4 and images.shape[1] not in (1, 3):
            remedy = "Leave out the transparency of RGBA: images[..., :3]."
        raise ValueError(
            "images must have the shape (count, height, width, channels) with 1 (grey) or 3 "
            f"(colour) channels, or (count, height, width). Received: shape {received}. {remedy}"
        )
    if not images.size:
        raise ValueError(f"There are no images. Received: an array of shape {received}.")
    pixels = images
    if not are_pixels(images):
        # NaN and infinity pass into the minimum or the maximum.
        low, high = images.min(), images.max()
        if not np.isfinite([low, high]).all():
            bad = next(i for i, image in enumerate(images) if not np.isfinite(image).all())
            raise ValueError(
                f"images holds NaN or infinity, first in images[{bad}]. "
                "Remove or repair those images."
            )
        if not -1 <= low < 0 or high > 1:
            raise ValueError(
                "Float images must lie in [-1, 1], and some of their values be negative. "
                f"Received: values from {low:g} to {high:g}. Convert values in [0, 255] with "
                ".astype('uint8'), values in [0, 1] with (255 * images).round().astype('uint8')."
            )
        pixels = map(to_uint8, images)
    stored = memory.collect(map(resize.pixels, pixels), range(len(images)))
    return Images(stored, labels, num_classes=num_classes, name="arrays")
