"""The TFLite file of a generator: converted, and compared with Keras in its own interpreter."""

import os
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.quality import Difference
from kgan.export.quality import FrechetReference
from kgan.export.quality import difference_from_keras
from kgan.export.signatures import LATENTS_TO_IMAGES
from kgan.export.tflite.advice import conversion_advice
from kgan.export.tflite.contents import with_float_transposed_convolutions

# From the largest file, and the nearest to Keras, to the smallest.
MODES = ("float32", "float16", "dynamic", "int8")

# TFLite's kernels add up products in another order than TensorFlow's, and the rounding grows with
# the depth of the network. This is an eightieth of one level of uint8.
TOLERANCE = 1e-4

# The least signal-to-noise ratio, in decibels. The trained digits generator has 83, 47 and 41.
# Random generators whose weights drive most pixels to black or white, which is harder than
# pictures, had 61, 32 and 27. Where float32 itself was off by 0.01 it was 37, 23 and 20.
DECIBELS = {"float16": 60.0, "dynamic": 30.0, "int8": 25.0}

# Ranges of 10 to 1,000 latents give files within one decibel.
_REPRESENTATIVE_LATENTS = 128

_REMEDIES = {
    "float32": "Leave the file out with tflite=().",
    "float16": "Choose float32, which rounds no weights.",
    "dynamic": ("Choose float16, which is twice as large and nearer to Keras."),
    "int8": "Choose dynamic, which is as small, or float16, which is nearer to Keras.",
}


class TFLiteQuality(NamedTuple):
    """How near a TFLite file is to its Keras model.

    Attributes:
        largest: float, largest difference of an image in [-1, 1].
        decibels: float, peak signal-to-noise ratio; infinity where nothing differs.
        frechet_distance: float, that of the file's samples to real images; None if not measured.
    """

    largest: float
    decibels: float
    frechet_distance: float | None


def convert_to_tflite(
    saved_model: str | os.PathLike,
    generator: keras.Model,
    interface: Interface,
    *,
    mode: str = "float32",
) -> bytes:
    """Convert a generator's SavedModel to a TFLite file of builtin operations.

    The file has one signature, `serving_default`: latents, float32 (n, latent_dim), and label,
    int32 (n,), where the generator takes labels -> images, float32. It takes latents and no seeds,
    because TFLite has no builtin random numbers that are those of Keras.

    The modes:
        "float32"  weights and computation as in Keras;
        "float16"  weights in 16 bits, computation in float32;
        "dynamic"  large weights in 8 bits; dense layers and convolutions round what they take to 8
                   bits too, by its range at that moment, transposed convolutions do not;
        "int8"     weights and what flows between the layers in 8 bits, by the ranges that 128
                   representative latents gave, a class at a time. The integers stay inside: latents
                   and images are float32. An operation without an integer kernel stays in float.

    Args:
        saved_model: folder that `write_saved_model` wrote.
        generator: the keras model it was written from, to name its layers if they cannot be
            converted.
        interface: what `read_interface` said of the generator, to draw representative latents.
        mode: one of `MODES`, default "float32".

    Returns:
        The bytes of the .tflite file, the same for the same SavedModel.

    Raises:
        ValueError: the mode is unknown, or an operation has no builtin TFLite form. The message
            names it and its layer.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}. Received: mode={mode!r}.")
    converter = _converter(saved_model, interface, mode)
    try:
        with warnings.catch_warnings():
            # The calibration opens TensorFlow's own interpreter, which warns of its end.
            warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated")
            content = converter.convert()
    # The converter's error class is not part of TensorFlow's public names.
    except Exception as error:
        raise ValueError(conversion_advice(str(error), generator)) from error
    return with_float_transposed_convolutions(content) if mode == "dynamic" else content


def check_tflite(
    generator: keras.Model,
    content: bytes,
    interface: Interface,
    *,
    mode: str = "float32",
    frechet: FrechetReference | None = None,
) -> TFLiteQuality:
    """Run a TFLite file on batches of 1, 5 and 64 and refuse it if its images are not Keras' own.

    Args:
        generator: the float32 keras model that was converted.
        content: the .tflite file's bytes.
        interface: what `read_interface` said of the generator.
        mode: the mode it was converted in. "float32" must be within 1e-4 of Keras in every pixel,
            the others must have the signal-to-noise ratio in `DECIBELS`.
        frechet: of `FrechetGate.reference`, to hold its samples against real images too. Default
            None.

    Returns:
        The `TFLiteQuality`.

    Raises:
        ValueError: it does not run, or an image, or the samples together, are too far off. The
            message says which mode to choose.
    """
    images_of = open_tflite(content)
    try:
        difference = difference_from_keras(images_of, generator, interface)
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"The {mode} TFLite file does not run: {reason}. {_REMEDIES[mode]}"
        ) from error
    _check_difference(difference, mode)
    if frechet is None:
        return TFLiteQuality(*difference, None)
    distance = frechet.check(images_of, f"the {mode} TFLite file", remedy=_REMEDIES[mode])
    return TFLiteQuality(*difference, distance)


def run_tflite(content: bytes, latents, labels=None) -> np.ndarray:
    """Images of a TFLite file, by LiteRT's interpreter.

    Args:
        content: the .tflite file's bytes.
        latents: float32 array, (n, latent_dim).
        labels: int32 array, (n,), where the generator takes labels.

    Returns:
        float32 array, (n, height, width, channels).
    """
    return open_tflite(content)(latents, labels)


def open_tflite(content: bytes) -> Callable:
    """A TFLite file as a function of (latents, labels or None), on one core.

    Args:
        content: the .tflite file's bytes.

    Returns:
        The function. It returns images as a float32 array, (n, height, width, channels).
    """
    # The successor of tf.lite.Interpreter, which TensorFlow is about to drop.
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=content, num_threads=1).get_signature_runner(
        LATENTS_TO_IMAGES
    )

    def images_of(latents, labels=None):
        inputs = {"latents": latents} if labels is None else {"latents": latents, "label": labels}
        return runner(**inputs)["images"]

    return images_of


def _converter(saved_model, interface: Interface, mode: str):
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[LATENTS_TO_IMAGES]
    )
    # With the wider set a conversion "succeeds" whose result no plain interpreter runs.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _representative(interface)
    return converter


def _representative(interface: Interface) -> Iterator[tuple[str, dict]]:
    """Latents from the whole of their distribution, and labels of every class, a row at a time."""
    rows = max(_REPRESENTATIVE_LATENTS, interface.num_classes or 0)
    latents, labels = latents_and_labels(interface, rows=rows)
    for row in range(rows):
        inputs = {"latents": latents[row : row + 1]}
        if labels is not None:
            inputs["label"] = labels[row : row + 1]
        yield LATENTS_TO_IMAGES, inputs


def _check_difference(difference: Difference, mode: str) -> None:
    # Neither condition is turned round, because NaN would pass it.
    if mode == "float32":
        if not difference.largest <= TOLERANCE:
            raise ValueError(
                f"The TFLite file's images differ from those of Keras by {difference.largest:.1e}, "
                f"more than {TOLERANCE:.0e}. {_REMEDIES[mode]}"
            )
    elif not difference.decibels >= DECIBELS[mode]:
        raise ValueError(
            f"The {mode} TFLite file's images are {difference.decibels:.1f} dB from those of "
            f"Keras, less than {DECIBELS[mode]:g} dB (peak signal-to-noise ratio). "
            f"{_REMEDIES[mode]}"
        )
