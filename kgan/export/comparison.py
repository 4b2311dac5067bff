"""Inputs and images that an export is compared on."""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from kgan.export.interface import Interface

# One row takes other kernels than many, and five fill no vector register evenly.
_BATCHES = (1, 5, 64)


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Compute products in float32 while in the block, on GPUs too.

    There TensorFlow rounds factors to TensorFloat-32 unless told otherwise, whose 10 bits are a
    thousandth: Keras' own images would be further from an exact file's than any tolerance here.
    """
    settings = tf.config.experimental
    before = settings.tensor_float_32_execution_enabled()
    settings.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        settings.enable_tensor_float_32_execution(before)


def latents_and_labels(interface: Interface, *, rows: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Fixed inputs for a comparison.

    Args:
        interface: what `read_interface` said of the generator.
        rows: int, how many.

    Returns:
        latents, float32 (rows, latent_dim), and labels, int32 (rows,), or None where the generator
        takes none.
    """
    latents = np.random.default_rng(0).standard_normal((rows, interface.latent_dim), "float32")
    if interface.num_classes is None:
        return latents, None
    # From the last class down: one that the generator does not know is found even with few rows.
    return latents, np.arange(-1, -rows - 1, -1, "int32") % np.int32(interface.num_classes)


def batches(interface: Interface) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Latents and labels as `latents_and_labels` gives them, by 1, by 5, and by 64.

    Of a generator with more classes there are so many 64s that each class has its row: the images
    of one alone may be broken.

    Args:
        interface: what `read_interface` said of the generator.

    Yields:
        latents, float32 (n, latent_dim), and labels, int32 (n,), or None.
    """
    largest = max(_BATCHES)
    rows = max(largest, interface.num_classes or 0)
    latents, labels = latents_and_labels(interface, rows=rows)
    starts = [(0, size) for size in _BATCHES]
    starts += [(start, largest) for start in range(largest, rows, largest)]
    for start, size in starts:
        chosen = slice(start, start + size)
        yield latents[chosen], None if labels is None else labels[chosen]


def keras_images(generator: keras.Model, latents, labels) -> np.ndarray:
    """Images of a keras generator in inference mode, as an array.

    Args:
        generator: keras model of latents or [latents, labels].
        latents: float32 array, (rows, latent_dim).
        labels: int32 array, (rows,), or None.

    Returns:
        float32 array, (rows, height, width, channels).
    """
    inputs = latents if labels is None else [latents, labels]
    return keras.ops.convert_to_numpy(generator(inputs, training=False))
