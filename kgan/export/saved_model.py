"""The SavedModel of a generator: written, and compared with Keras after a fresh load."""

import os
import statistics
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kgan._utils.images import to_uint8
from kgan.export.comparison import batches
from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.signatures import LATENTS_TO_IMAGES
from kgan.export.signatures import SEEDS_TO_PICTURES
from kgan.export.signatures import SEEDS_TO_PNG
from kgan.export.signatures import SEEDS_TO_TRUNCATED_PICTURES
from kgan.export.signatures import signatures

# A graph fuses what Keras runs layer by layer, and one row alone takes other kernels than many, so
# sums are rounded in another order. A hundredth of this is seen.
TOLERANCE = 1e-5
# Keras' own images of one row differ from those of the row among others by up to 1.4e-5 where most
# pixels are black or white. A layer that mixes rows changes them by far more.
_MIXING = 1e-3
# The same rounding can carry a value over the edge between two levels of uint8.
LEVELS = 1


class SavedModelDifferences(NamedTuple):
    """The largest differences between a SavedModel and its Keras model.

    Attributes:
        images: float, of float32 images in [-1, 1].
        levels: int, of uint8 images, truncated ones and PNG files included, in levels of 0 to 255.
    """

    images: float
    levels: int


def write_saved_model(
    generator: keras.Model, folder: str | os.PathLike, interface: Interface
) -> None:
    """Write a generator as a SavedModel with the functions of `kgan.export.signatures`.

    Args:
        generator: float32 keras model.
        folder: where saved_model.pb and variables/ go.
        interface: what `read_interface` said of the generator.
    """
    archive = keras.export.ExportArchive()
    # Endpoints find their variables themselves; archive.track(generator) would write them twice.
    for signature in signatures(generator, interface):
        archive.add_endpoint(signature.name, signature.function, signature.inputs)
    archive.write_out(str(folder), verbose=False)


def compare_saved_model(
    generator: keras.Model, folder: str | os.PathLike, interface: Interface
) -> SavedModelDifferences:
    """Load a SavedModel afresh and hold each of its functions against the Keras model.

    Args:
        generator: the float32 keras model that was written.
        folder: the SavedModel's folder.
        interface: what `read_interface` said of the generator.

    Returns:
        The largest differences found, all within the tolerances.

    Raises:
        ValueError: an image is not finite, differs by more than 1e-5 or one level, or depends on
            the other rows of its batch.
    """
    # The functions only borrow the variables of `loaded`, which must outlive them.
    loaded = tf.saved_model.load(str(folder))
    difference = _compare_images(generator, loaded.signatures[LATENTS_TO_IMAGES], interface)
    levels = [
        _compare_pictures(generator, loaded.signatures[name], interface, name)
        for name in (SEEDS_TO_PICTURES, SEEDS_TO_TRUNCATED_PICTURES, SEEDS_TO_PNG)
        if name in loaded.signatures
    ]
    return SavedModelDifferences(images=difference, levels=max(levels))


def _compare_images(generator, function, interface: Interface) -> float:
    difference = 0.0
    for latents, labels in batches(interface):
        expected = keras_images(generator, latents, labels)
        if not np.isfinite(expected).all():
            raise ValueError(
                "The generator's images hold NaN or infinity, so there is nothing to export: its "
                "training has diverged. Export an earlier state of it."
            )
        together = _images(function, {"latents": latents, **_named_label(labels)})
        largest = float(np.abs(together - expected).max())
        # Not "largest > ...", which NaN would pass.
        if not largest <= TOLERANCE * _scale(expected):
            raise ValueError(
                f"The SavedModel's images differ from those of Keras by {largest:.1e}, more than "
                f"{TOLERANCE:.0e}."
            )
        difference = max(difference, largest)
    latents, labels = latents_and_labels(interface, rows=5)
    inputs = {"latents": latents, **_named_label(labels)}
    together, alone = _images(function, inputs), _images_row_by_row(function, inputs)
    if not np.abs(alone - together).max() <= _MIXING * _scale(together):
        raise ValueError(
            "The generator's images depend on the other rows of their batch, but a server may "
            "merge requests into batches as they come. Remove the layer that mixes rows."
        )
    return difference


def _scale(images: np.ndarray) -> float:
    # Images without a tanh at the end may reach beyond 1, and are rounded by as much more.
    return max(1.0, float(np.abs(images).max()))


def _compare_pictures(generator, function, interface: Interface, name: str) -> int:
    # Beyond 32 bits too, where Keras folds a seed.
    seeds = np.array([0, 1, 2, 2**31, 2**40], "int64")
    _, labels = latents_and_labels(interface, rows=len(seeds))
    latents = np.concatenate(
        [keras.random.normal((1, interface.latent_dim), seed=int(seed)) for seed in seeds]
    )
    inputs = {"seed": seeds, **_named_label(labels)}
    if name == SEEDS_TO_TRUNCATED_PICTURES:
        # From almost the mean of all latents to one that changes none of them.
        inputs["truncation"] = np.array([0.01, 0.5, 1.0, 2.0, 100.0], "float32")
        latents = _truncated(latents, inputs["truncation"])
    expected = to_uint8(keras_images(generator, latents, labels)).astype(int)
    together = _images(function, inputs)
    alone = _images_row_by_row(function, inputs)
    levels = int(max(np.abs(together - expected).max(), np.abs(alone - expected).max()))
    if levels > LEVELS:
        raise ValueError(
            f"The SavedModel's images of {name} differ from those of Keras by {levels} levels of "
            f"255, more than {LEVELS}."
        )
    return levels


def _truncated(latents: np.ndarray, truncation: np.ndarray) -> np.ndarray:
    # By the textbook, apart from the graph's own formula: with the normal distribution's Phi, the
    # quantile of z is Phi(z), and quantile p of the truncated one is Phi^-1(a + p (b - a)), where a
    # and b are Phi(-truncation) and Phi(truncation).
    normal = statistics.NormalDist()

    def of_one_row(row: np.ndarray, limit: float) -> list[float]:
        low, high = normal.cdf(-limit), normal.cdf(limit)
        return [normal.inv_cdf(low + normal.cdf(float(z)) * (high - low)) for z in row]

    rows = [of_one_row(row, float(limit)) for row, limit in zip(latents, truncation, strict=True)]
    return np.array(rows, "float32")


def _named_label(labels) -> dict[str, np.ndarray]:
    return {} if labels is None else {"label": labels}


def _images(function, inputs: dict[str, np.ndarray]) -> np.ndarray:
    outputs = function(**{name: tf.constant(values) for name, values in inputs.items()})
    if "png_bytes" in outputs:
        return np.stack([tf.io.decode_png(content) for content in outputs["png_bytes"]])
    return outputs["images"].numpy()


def _images_row_by_row(function, inputs: dict[str, np.ndarray]) -> np.ndarray:
    rows = len(next(iter(inputs.values())))
    return np.concatenate(
        [
            _images(function, {name: values[[row]] for name, values in inputs.items()})
            for row in range(rows)
        ]
    )
