"""Images that are to be measured, whatever form they came in, as pixels."""

import reprlib
from collections.abc import Iterable

import keras
import numpy as np

from kgan._utils.checks import check_image_values
from kgan._utils.images import are_pixels
from kgan._utils.images import to_uint8
from kgan._utils.progress import Progress
from kgan.data.store import Images

# The pixel of the value 0.
_MIDDLE = 128


def take(images, num_images: int | None = None, *, real: bool, verbose: int = 0) -> tuple:
    """The images to measure, in the 256 levels that a picture file would keep.

    Stored images have no more levels, so that reals and fakes are rounded alike.

    Args:
        images: array (images, height, width, channels), uint8 or floats in [-1, 1]; a
            `kgan.data.Images`; or an iterable, such as a `tf.data.Dataset`, of batches of such
            images or of (images, labels). Labels that are no class numbers are left out.
        num_images: int, how many to take at most; None for all. Of an iterable the first; of an
            array or an `Images` with more a random choice, the same every time, since stored
            images often lie class by class.
        real: bool, whether these are the reals. If none of them has a negative value they are
            refused: they probably lie in [0, 1].
        verbose: 0 for no progress bar.

    Returns:
        Pixels, uint8 array (images, height, width, channels). Labels, integer array (images,), or
        None where they are not known. The labels of all images there were to take from, or None.
        Where the images come from, str or None.

    Raises:
        ValueError: for another form, no images, another dtype, or values that are not finite or
            not in [-1, 1].
    """
    if isinstance(images, Images):
        rows = _rows(len(images), num_images)
        labels = None if images.labels is None else images.labels[rows]
        return np.asarray(images.images[rows]), labels, images.labels, images.name
    if hasattr(images, "shape") and hasattr(images, "dtype"):
        # An array may be a file larger than memory: only the rows that are taken are read.
        array = images if isinstance(images, np.ndarray) else keras.ops.convert_to_numpy(images)
        batches = [array[_rows(len(array), num_images)] if array.ndim else array]
    elif _is_pair_of_arrays(images):
        raise ValueError(
            "Images and labels as two arrays would be taken for two batches. Received: a "
            f"{type(images).__name__} of arrays {images[0].shape} and {images[1].shape}. Pass "
            "kgan.data.from_arrays(images, labels)."
        )
    elif isinstance(images, Iterable) and not isinstance(images, str | bytes | dict):
        batches = images
    else:
        raise ValueError(
            "Images to measure are an array (images, height, width, channels), a kgan.data.Images, "
            "or a dataset or another iterable of batches of images or of (images, labels). "
            f"Received: {reprlib.repr(images)}. kgan.data.load makes an Images of a folder or a "
            "name."
        )
    return _joined(batches, num_images, real, verbose)


def _pixels(images: np.ndarray) -> np.ndarray:
    """The pixels of an array of images, which is checked."""
    if images.ndim != 4 or not images.size:
        remedy = (
            "Add an axis that is missing: images[..., None] for the channel of grey images, "
            "images[None] or .batch() for the batch."
        )
        if images.ndim < 3:
            remedy = "Measure samples that are no images with the functions of kgan.metrics."
        raise ValueError(
            "Images to measure must have the shape (images, height, width, channels), at least one "
            f"of them. Received: {images.shape}. {remedy}"
        )
    if are_pixels(images):
        return np.asarray(images)
    check_image_values(images)
    return to_uint8(images)


def to_floats(pixels: np.ndarray) -> np.ndarray:
    """Float32 images in [-1, 1] of uint8 pixels, as `kgan.data.Images` scales them."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _is_pair_of_arrays(images) -> bool:
    """Whether this is (images, labels), and not two batches of images."""
    if not isinstance(images, tuple | list) or len(images) != 2:
        return False
    dimensions = [getattr(part, "ndim", None) for part in images]
    return dimensions[0] in (3, 4) and dimensions[1] in (1, 2)


def _rows(count: int, num_images: int | None):
    """Which rows of a store to take: all, or a choice that is the same every time."""
    if num_images is None or count <= num_images:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(count, num_images, replace=False))


def _joined(batches: Iterable, num_images: int | None, real: bool, verbose: int) -> tuple:
    pixels, labels, count, floats = [], [], 0, True
    with Progress(num_images, verbose=verbose) as progress:
        for batch in batches:
            images, classes = _parts(batch)
            pixels.append(_pixels(images))
            labels.append(classes)
            floats = floats and images.dtype != np.uint8
            count += len(images)
            progress.add(len(images))
            if num_images is not None and count >= num_images:
                break
    if not pixels:
        raise ValueError(
            "There are no images to measure: the iterable is empty. A Python generator is used up "
            "after one pass; give a list of batches, a tf.data.Dataset or an array."
        )
    pixels = np.concatenate(pixels)[:num_images]
    if real and floats and pixels.min() >= _MIDDLE:
        raise ValueError(
            f"None of the {len(pixels)} real images has a negative value. Expected: floats in "
            "[-1, 1]. Received: images that look like [0, 1]. Scale them with 2 * images - 1."
        )
    unknown = any(classes is None for classes in labels)
    labels = None if unknown else np.concatenate(labels)[:num_images]
    return pixels, labels, labels, None


def _parts(batch) -> tuple:
    """(images, labels or None) of one batch, as arrays."""
    if isinstance(batch, dict):
        raise ValueError(
            "A batch to measure must be images or (images, labels). "
            f"Received: a dict with the keys {sorted(batch)}. "
            "Take its parts by name, for example dataset.map(lambda row: row['image'])."
        )
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
    images = keras.ops.convert_to_numpy(images)
    if labels is not None:
        labels = keras.ops.convert_to_numpy(labels)
        is_class_number = np.issubdtype(labels.dtype, np.integer) and labels.ndim == 1
        labels = labels if is_class_number and len(labels) == len(images) else None
    return images, labels
