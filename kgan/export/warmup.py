"""Requests that a server answers before it serves a version: `tf_serving_warmup_requests`.

A server loads a version, answers each of these requests, and only then swaps it for the one before.
A version whose functions fail is never served. The file is a TFRecord of messages
`tensorflow.serving.PredictionLog`. The package that defines them brings a second TensorFlow along,
so the few fields in use are written here.
"""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.signatures import signatures

FILE = Path("assets.extra", "tf_serving_warmup_requests")


def write_warmup(
    folder: str | os.PathLike, generator: keras.Model, interface: Interface, *, name: str
) -> None:
    """Ask each function of a SavedModel for one image, and write the requests beside it.

    Args:
        folder: the SavedModel's folder.
        generator: keras model, as `read_interface` wants it.
        interface: what `read_interface` said of it.
        name: the model's, as in the server's configuration; servers warm up under any.

    Raises:
        ValueError: a function fails.
    """
    latents, labels = latents_and_labels(interface, rows=1)
    values = {
        "latents": latents,
        "seed": np.zeros(1, "int64"),
        "truncation": np.ones(1, "float32"),
        "label": labels,
    }
    # The functions only borrow the variables of `loaded`, which must outlive them.
    loaded = tf.saved_model.load(str(folder))
    path = Path(folder, FILE)
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in signatures(generator, interface):
            inputs = {spec.name: values[spec.name] for spec in signature.inputs}
            try:
                loaded.signatures[signature.name](
                    **{key: tf.constant(value) for key, value in inputs.items()}
                )
            except tf.errors.OpError as error:
                raise ValueError(
                    f"The SavedModel fails on its warm-up request of {signature.name}, so no "
                    f"server would serve it: {_reason(error)}"
                ) from error
            writer.write(prediction_log(signature.name, inputs, name=name))


def prediction_log(signature: str, inputs: dict, *, name: str) -> bytes:
    """A request as a serialised `tensorflow.serving.PredictionLog`.

    Args:
        signature: name of the function.
        inputs: arrays by name.
        name: the model's.

    Returns:
        The message's bytes.
    """
    # PredictRequest: model_spec = 1, with name = 1 and signature_name = 3, and inputs = 2.
    request = _field(1, _field(1, name.encode()) + _field(3, signature.encode()))
    for key in sorted(inputs):
        tensor = tf.make_tensor_proto(inputs[key]).SerializeToString(deterministic=True)
        # An entry of map<string, TensorProto>.
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))
    # PredictionLog.predict_log = 6, PredictLog.request = 1.
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer: number and kind, length and content."""
    # The length in groups of 7 bits, the lowest first; the highest bit says that another follows.
    length, left = [], len(content)
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    return bytes([number << 3 | 2, *length, left]) + content


def _reason(error: tf.errors.OpError) -> str:
    # Before it stands where in Python, and after it, indented, where in the graph.
    return [line for line in error.message.splitlines() if line and not line[0].isspace()][-1]
