"""The TFLite files of a generator, converted by TensorFlow."""

import os
import warnings
from collections.abc import Iterator

import keras
import tensorflow as tf

from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.signatures import LATENTS_TO_IMAGES
from kgan.export.tflite.advice import conversion_advice
from kgan.export.tflite.contents import with_float_transposed_convolutions

# From the largest file, and the nearest to Keras, to the smallest.
MODES = ("float32", "float16", "dynamic", "int8")

# Ranges of 10 to 1,000 latents give files within one decibel.
_REPRESENTATIVE_LATENTS = 128


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
    try:
        with warnings.catch_warnings():
            # The calibration opens TensorFlow's own interpreter, which warns of its end.
            warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated")
            content = converter.convert()
    # The converter's error class is not part of TensorFlow's public names.
    except Exception as error:
        raise ValueError(conversion_advice(str(error), generator)) from error
    return with_float_transposed_convolutions(content) if mode == "dynamic" else content


def _representative(interface: Interface) -> Iterator[tuple[str, dict]]:
    """Latents from the whole of their distribution, and labels of every class, a row at a time."""
    rows = max(_REPRESENTATIVE_LATENTS, interface.num_classes or 0)
    latents, labels = latents_and_labels(interface, rows=rows)
    for row in range(rows):
        inputs = {"latents": latents[row : row + 1]}
        if labels is not None:
            inputs["label"] = labels[row : row + 1]
        yield LATENTS_TO_IMAGES, inputs
