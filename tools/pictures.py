"""Pictures of generated images: a grid in one PNG file, or a file for each. Needs Pillow alone."""

import math
import os
from pathlib import Path

from PIL import Image

# What a PNG file holds, by the number of channels.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
# Pixels between the images of a grid, white.
GAP = 2


def picture(shape: tuple[int, int, int], pixels: bytes) -> Image.Image:
    """One image as a picture.

    Args:
        shape: (height, width, channels).
        pixels: the uint8 values, row by row, the channels of a pixel together.

    Returns:
        A Pillow image.

    Raises:
        ValueError: a PNG file has no such channels.
    """
    height, width, channels = shape
    if channels not in MODES:
        raise ValueError(
            f"images of {channels} channels cannot be shown as pictures, which have 1 to 4."
        )
    return Image.frombytes(MODES[channels], (width, height), pixels)


def grid(images: list[Image.Image], rows_of_classes: int | None) -> Image.Image:
    """One picture of all images.

    Args:
        images: Pillow images of one size and mode, at least one.
        rows_of_classes: int, for image i in row i modulo this; None for a square in reading order.

    Returns:
        A Pillow image.
    """
    count = len(images)
    width, height = images[0].size
    columns = math.ceil(count / rows_of_classes) if rows_of_classes else math.ceil(count**0.5)
    rows = rows_of_classes or math.ceil(count / columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    whole = Image.new(images[0].mode, size, "white")
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        if rows_of_classes:
            column, row = divmod(number, rows_of_classes)
        whole.paste(image, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return whole


def write_grid(images: list[Image.Image], rows_of_classes: int | None, path: Path) -> None:
    """Write the grid of all images as a PNG file, making its folder if it is missing.

    Args:
        images: as in `grid`.
        rows_of_classes: as in `grid`.
        path: the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(grid(images, rows_of_classes), path)


def write_each(images: list[Image.Image], first_seed: int, folder: Path) -> None:
    """Write image i as <folder>/seed-<first_seed + i>.png, making the folder if it is missing.

    Args:
        images: Pillow images.
        first_seed: seed of the first one.
        folder: where the files go. One of the same name is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed, image in enumerate(images, start=first_seed):
        _write(image, folder / f"seed-{seed:08d}.png")


def _write(image: Image.Image, path: Path) -> None:
    # A full disk must not cost the picture that was there.
    temporary = path.with_name(f".{path.name}.part")
    try:
        image.save(temporary, "PNG")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
