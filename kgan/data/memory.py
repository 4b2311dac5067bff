"""Where stored images lie: in memory or, beyond a limit, in a file that goes with the process."""

import math
import shutil
import tempfile
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kgan._utils.checks import check_positive_integer
from kgan._utils.images import halving_side
from kgan._utils.progress import Progress

MEMORY_LIMIT = 2 * 1024**3

# TensorFlow's kernels abort the process on a borrowed array that does not start at such an address.
_ALIGNMENT = 64


def allocate(shape: tuple, memory_limit: int = MEMORY_LIMIT) -> np.ndarray:
    """An array of bytes to be filled with images, which `borrow` can hand to TensorFlow.

    Args:
        shape: (count, height, width, channels).
        memory_limit: bytes. A larger array is a file in the folder for temporary files
            (`tempfile.gettempdir()`, moved by the environment variable TMPDIR). It has no name
            there and is gone when the array is, whatever ends the process.

    Returns:
        A uint8 array of this shape; its content is arbitrary.

    Raises:
        ValueError: if `memory_limit` is not a positive integer.
        OSError: if the disk has no room for the file.
    """
    memory_limit = check_positive_integer("memory_limit", memory_limit)
    size = math.prod(shape)
    if size <= memory_limit:
        spare = np.empty(size + _ALIGNMENT, np.uint8)
        start = -spare.ctypes.data % _ALIGNMENT
        return spare[start : start + size].reshape(shape)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if size > free:
        # Writing on would end the process with a bus error, once the disk is full.
        raise OSError(
            f"The images need {size:,} bytes, more than memory_limit allows in memory, and the "
            f"folder for temporary files, {folder}, has {free:,} bytes left. Choose a smaller "
            "image_size, name a folder on a larger disk in the environment variable TMPDIR, or "
            "raise memory_limit."
        )
    with tempfile.TemporaryFile(prefix="kgan-") as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def collect(
    images: Iterable[np.ndarray], places: Sequence, memory_limit: int = MEMORY_LIMIT
) -> np.ndarray:
    """The images of a source in one array of `allocate`.

    Args:
        images: uint8 arrays (height, width, channels), one after the other.
        places: what names each of them in a message: paths or numbers.
        memory_limit: as in `allocate`.

    Returns:
        A uint8 array, (count, height, width, channels).

    Raises:
        ValueError: if the images have several sizes.
    """
    store = None
    with Progress(len(places)) as progress:
        for index, image in enumerate(images):
            if store is None:
                store = allocate((len(places), *image.shape), memory_limit)
            if image.shape != store.shape[1:]:
                size, other_size = store.shape[1:3], image.shape[:2]
                raise ValueError(
                    "The images have several sizes. Expected: one size (height, width), or "
                    f"image_size to resize them to. Received: {size} in image {places[0]}, "
                    f"{other_size} in image {places[index]}. "
                    f"Pass image_size={halving_side(min(*size, *other_size))}, for example."
                )
            store[index] = image
            progress.add(1)
    return store


def can_be_borrowed(array: np.ndarray) -> bool:
    """Whether TensorFlow can use the array's memory as it is: in order, aligned and writeable."""
    aligned = array.ctypes.data % _ALIGNMENT == 0
    return aligned and array.flags.c_contiguous and array.flags.writeable


def borrow(array: np.ndarray) -> tf.Tensor:
    """A tensor on the memory of an array: nothing is copied, and a file stays on the disk.

    A constant would hold every image twice, and a Python function that reads rows can hang the
    interpreter at its exit, when a prefetching thread calls it at the wrong moment.

    Args:
        array: array for which `can_be_borrowed` holds.

    Returns:
        A tensor of the same shape and dtype, on the CPU. It keeps the array alive.
    """
    if not can_be_borrowed(array):
        raise ValueError("Only a contiguous, aligned, writeable array can be borrowed.")
    # Without the view a memory-mapped file would not be recognised as an array.
    return tf.experimental.dlpack.from_dlpack(array.view(np.ndarray).__dlpack__())
