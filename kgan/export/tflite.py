"""The TFLite file of a generator: converted, and compared with Keras in its own interpreter."""

import os
import re

import keras
import numpy as np
import tensorflow as tf

from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.signatures import LATENTS_TO_IMAGES

# TFLite's kernels add up products in another order than TensorFlow's, and the rounding grows with
# the depth of the network. This is an eightieth of one level of uint8.
TOLERANCE = 1e-4


def convert_to_tflite(saved_model: str | os.PathLike, generator: keras.Model) -> bytes:
    """Convert a generator's SavedModel to a float32 TFLite file of builtin operations.

    The file has one signature, `serving_default`: latents, float32 (n, latent_dim), and label,
    int32 (n,), where the generator takes labels -> images, float32. It takes latents and no seeds,
    because TFLite has no builtin normal random numbers.

    Args:
        saved_model: folder that `write_saved_model` wrote.
        generator: the keras model it was written from, to name its layers if they cannot be
            converted.

    Returns:
        The bytes of the .tflite file.

    Raises:
        ValueError: an operation has no builtin TFLite form. The message names it and its layer.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[LATENTS_TO_IMAGES]
    )
    # With the wider set a conversion "succeeds" whose result no plain interpreter runs.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return converter.convert()
    # The converter's error class is not part of TensorFlow's public names.
    except Exception as error:
        raise ValueError(_advice(str(error), generator)) from error


def compare_tflite(generator: keras.Model, content: bytes, interface: Interface) -> float:
    """Run a TFLite file on batches of 1 and 5 and hold its images against the Keras model's.

    Args:
        generator: the float32 keras model that was converted.
        content: the .tflite file's bytes.
        interface: what `read_interface` said of the generator.

    Returns:
        The largest difference of an image in [-1, 1], at most 1e-4.

    Raises:
        ValueError: an image differs by more.
    """
    differences = []
    for rows in (1, 5):
        latents, labels = latents_and_labels(interface, rows=rows)
        images = run_tflite(content, latents, labels)
        differences.append(np.abs(images - keras_images(generator, latents, labels)).max())
    difference = float(np.max(differences))
    # Not "difference > TOLERANCE", which NaN would pass.
    if not difference <= TOLERANCE:
        raise ValueError(
            f"The TFLite file's images differ from those of Keras by {difference:.1e}, more than "
            f"{TOLERANCE:.0e}. Leave the file out with tflite=False (--notflite)."
        )
    return difference


def run_tflite(content: bytes, latents, labels=None) -> np.ndarray:
    """Images of a TFLite file, by LiteRT's interpreter.

    Args:
        content: the .tflite file's bytes.
        latents: float32 array, (n, latent_dim).
        labels: int32 array, (n,), where the generator takes labels.

    Returns:
        float32 array, (n, height, width, channels).
    """
    # The successor of tf.lite.Interpreter, which TensorFlow is about to drop.
    from ai_edge_litert.interpreter import Interpreter

    inputs = {"latents": latents} if labels is None else {"latents": latents, "label": labels}
    runner = Interpreter(model_content=content).get_signature_runner(LATENTS_TO_IMAGES)
    return runner(**inputs)["images"]


def _advice(message: str, generator: keras.Model) -> str:
    nearest = [
        layer.name
        for layer in generator._flatten_layers()
        if isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation == "nearest"
    ]
    if nearest:
        remedy = (
            f"Nearest UpSampling2D layers ({', '.join(nearest)}) hide the image's size from what "
            "follows: use kgan.layers.NearestUpSampling2D, which gives the same pixels."
        )
    else:
        remedy = "Use layers that TFLite has: dense, convolution, normalisation, activation."
    return (
        "The generator cannot be converted to TFLite's builtin operations. Not convertible: "
        f"{_failed_operations(message)}. {remedy} "
        "Or leave the TFLite file out with tflite=False (--notflite)."
    )


def _failed_operations(message: str) -> str:
    # Each error line: ... fused["Conv2D:", "model/conv/convolution@function"] ... 'tf.Conv2D' op is
    found = re.findall(r'error: loc\(.*?fused\["(\w+):", "([^"@]+)[^\n]*is neither', message)
    named = list(dict.fromkeys(f"{operation} in {place}" for operation, place in found))
    return ", ".join(named) or message.splitlines()[0]
