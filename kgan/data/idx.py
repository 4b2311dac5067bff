"""Images from files in MNIST's own format, IDX."""

import gzip
import math
import os
import re
import zlib
from pathlib import Path

import numpy as np

from kgan.data.arrays import from_arrays
from kgan.data.store import Images

# The names under which MNIST, Fashion-MNIST and KMNIST are published, with or without ".gz".
_PREFIXES = {"train": "train", "test": "t10k"}
_SPLIT = re.compile(r"(train|test)(?:\[(\d*):(\d*)\])?")
_UINT8 = 8
# Deflate packs at most so many bytes into one.
_MOST_PACKED = 1032


def from_idx(
    folder: str | os.PathLike,
    *,
    split: str = "train",
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
) -> Images:
    """Read the four published files of MNIST, or of a set in the same form, in their own order.

    Protocols name images by their place in these files ("training images 0 to 49,999"); TFDS
    stores the same images in another order.

    Args:
        folder: folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k,
            each with or without ".gz".
        split: "train" or "test", or a slice of one: "train[:50000]", "train[50000:51000]".
        image_size: int or (height, width), the size to resize to, in pixels; None keeps the size.
        crop: int or (height, width), the central part to use before resizing.
        channels: 1 (grey) or 3 (colour) to convert to; None keeps the channels.

    Returns:
        The images, with their labels.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: for another split, an empty slice, or a file that is no IDX file or is cut off.

    Reference:
        LeCun, Cortes, Burges: The MNIST database of handwritten digits, "File formats".

    Example:
        >>> kgan.data.from_idx("mnist", split="train[:40]").batches(20)
    """
    match = _SPLIT.fullmatch(split)
    if match is None:
        raise ValueError(
            "A split is 'train' or 'test', or a slice of one, such as 'train[:50000]'. "
            f"Received: {split!r}."
        )
    part, *ends = match.groups()
    rows = slice(*(int(end) if end else None for end in ends))
    images = read_idx(_file(folder, f"{_PREFIXES[part]}-images-idx3-ubyte"))
    labels = read_idx(_file(folder, f"{_PREFIXES[part]}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"The files of {part!r} in {folder} must hold images (count, height, width) and a "
            f"label for each. Received: shapes {images.shape} and {labels.shape}."
        )
    if not len(images[rows]):
        raise ValueError(f"The split {split!r} of {folder} is empty.")
    form = {"image_size": image_size, "crop": crop, "channels": channels}
    taken = from_arrays(images[rows], labels[rows], num_classes=int(labels.max()) + 1, **form)
    taken.name = f"{Path(folder).resolve().name} {split}"
    return taken


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """One IDX file of bytes.

    Args:
        path: the file, compressed if its name ends in ".gz".

    Returns:
        Read-only uint8 array with the shape the file states.

    Raises:
        ValueError: if it is no IDX file of bytes, or has not as many as it states.
    """
    path = Path(path)
    is_packed = path.suffix == ".gz"
    # No more is read than the file states, nor than it can hold.
    most = path.stat().st_size * (_MOST_PACKED if is_packed else 1)
    try:
        with gzip.open(path) if is_packed else path.open("rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UINT8:
                raise ValueError(
                    f"{path} is no IDX file of bytes: it must begin with 0, 0, {_UINT8}. "
                    f"Received: {list(start[:3])}."
                )
            sizes = file.read(4 * start[3])
            shape = tuple(np.frombuffer(sizes, ">u4", len(sizes) // 4).tolist())
            stated = math.prod(shape)
            content = file.read(min(stated, most) + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}. Fetch it again.") from None
    if len(content) != stated or len(shape) != start[3]:
        held = f"{len(content):,}" if len(content) <= stated else "more"
        raise ValueError(
            f"{path} states {start[3]} dimensions, the shape {shape}, {stated:,} bytes, and holds "
            f"{held}. It is damaged: fetch it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _file(folder: str | os.PathLike, name: str) -> Path:
    for path in (Path(folder, f"{name}.gz"), Path(folder, name)):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{folder} holds neither {name}.gz nor {name}. Expected: a folder with MNIST's four "
        "published files, or those of a set with the same names."
    )
