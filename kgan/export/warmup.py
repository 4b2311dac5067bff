"""Requests that a server answers before it serves a version: `tf_serving_warmup_requests`.

A server loads a version, answers each of these requests, and only then swaps it for the one before.
A version whose functions fail is never served. The file is a TFRecord of messages
`tensorflow.serving.PredictionLog`. The package that defines them brings a second TensorFlow along,
so the few fields in use are described here.
"""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf.message import DecodeError

from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.signatures import signatures

FILE = Path("assets.extra", "tf_serving_warmup_requests")

# Message: field: (number, message it holds or None for bytes). Strings and embedded messages of
# other packages are written exactly as bytes are.
_MESSAGES = {
    "PredictionLog": {"predict_log": (6, "PredictLog")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "Input")},
    "ModelSpec": {"name": (1, None), "signature_name": (3, None)},
    # An entry of map<string, TensorProto>.
    "Input": {"key": (1, None), "value": (2, None)},
}


def write_warmup(folder: str | os.PathLike, requests: list[tuple[str, dict]], *, name: str) -> None:
    """Write requests into a SavedModel's folder, where a server looks for them.

    Args:
        folder: the SavedModel's folder.
        requests: (signature, inputs) pairs, inputs being arrays by name. A server takes at most
            1,000.
        name: the model's, as in the server's configuration; servers warm up under any.
    """
    path = Path(folder, FILE)
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(prediction_log(signature, inputs, name=name))


def warmup_requests(generator, interface: Interface) -> list[tuple[str, dict]]:
    """One request for one image by each function of a generator's export.

    Args:
        generator: keras model, as `read_interface` wants it.
        interface: what `read_interface` said of it.

    Returns:
        List of (signature, inputs), inputs being arrays by name.
    """
    latents, labels = latents_and_labels(interface, rows=1)
    values = {
        "latents": latents,
        "seed": np.zeros(1, "int64"),
        "truncation": np.ones(1, "float32"),
        "label": labels,
    }
    return [
        (signature.name, {spec.name: values[spec.name] for spec in signature.inputs})
        for signature in signatures(generator, interface)
    ]


def replay_warmup(folder: str | os.PathLike) -> int:
    """Answer every warm-up request with the SavedModel beside it, as a server will.

    Args:
        folder: the SavedModel's folder.

    Returns:
        How many requests there were.

    Raises:
        ValueError: the file is missing or damaged, a request does not fit the function it names,
            the function fails, or a function has no request.
    """
    requests = read_warmup(folder)
    # The functions only borrow the variables of `loaded`, which must outlive them.
    loaded = tf.saved_model.load(str(folder))
    for signature, inputs in requests:
        _replay(loaded.signatures, signature, inputs)
    missing = set(loaded.signatures) - {signature for signature, _ in requests}
    if missing:
        raise ValueError(
            f"The warm-up file has no request for {', '.join(sorted(missing))}, so a server would "
            "serve what it has not tried. Write one request per signature."
        )
    return len(requests)


def read_warmup(folder: str | os.PathLike) -> list[tuple[str, dict]]:
    """The requests in a SavedModel's warm-up file.

    Args:
        folder: the SavedModel's folder.

    Returns:
        List of (signature, inputs), inputs being arrays by name.

    Raises:
        ValueError: the file is missing or damaged.
    """
    path = Path(folder, FILE)
    if not path.is_file():
        raise ValueError(f"{folder} holds no {FILE}. Write it with write_warmup.")
    try:
        records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        return [_request(record) for record in records]
    except (tf.errors.DataLossError, DecodeError) as error:
        raise ValueError(
            f"{FILE} is damaged or no TFRecord of PredictionLog messages. Write it anew with "
            "write_warmup."
        ) from error


def prediction_log(signature: str, inputs: dict, *, name: str) -> bytes:
    """A request as a serialised `tensorflow.serving.PredictionLog`.

    Args:
        signature: name of the function.
        inputs: arrays by name.
        name: the model's.

    Returns:
        The message's bytes.
    """
    log = _prediction_log_class()()
    request = log.predict_log.request
    request.model_spec.name = name.encode()
    request.model_spec.signature_name = signature.encode()
    for key in sorted(inputs):
        tensor = tf.make_tensor_proto(inputs[key]).SerializeToString(deterministic=True)
        request.inputs.add(key=key.encode(), value=tensor)
    return log.SerializeToString(deterministic=True)


def _request(record: bytes) -> tuple[str, dict]:
    request = _prediction_log_class().FromString(record).predict_log.request
    inputs = {
        entry.key.decode(): tf.make_ndarray(_tensor_class().FromString(entry.value))
        for entry in request.inputs
    }
    return request.model_spec.signature_name.decode(), inputs


def _tensor_class():
    # TensorFlow has no public name for the class of its tensors' messages.
    return type(tf.make_tensor_proto(0))


def _prediction_log_class():
    file = descriptor_pb2.FileDescriptorProto(name="prediction_log.proto", package="kgan")
    for message, fields in _MESSAGES.items():
        description = file.message_type.add(name=message)
        for field, (number, held) in fields.items():
            _describe_field(description.field.add(name=field, number=number), held)
    # A pool of its own: the one that all share may hold the official messages.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kgan.PredictionLog"))


def _describe_field(field: descriptor_pb2.FieldDescriptorProto, held: str | None) -> None:
    # A map is written as its entries, one after the other.
    field.label = field.LABEL_REPEATED if held == "Input" else field.LABEL_OPTIONAL
    field.type = field.TYPE_MESSAGE if held else field.TYPE_BYTES
    if held:
        field.type_name = f".kgan.{held}"


def _replay(functions, name: str, inputs: dict) -> None:
    if name not in functions:
        raise ValueError(
            f"A warm-up request names the function {name!r}. The SavedModel has "
            f"{', '.join(sorted(functions))}."
        )
    expected = functions[name].structured_input_signature[1]
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    if set(tensors) != set(expected) or not all(
        expected[key].is_compatible_with(tensor) for key, tensor in tensors.items()
    ):
        raise ValueError(
            f"The warm-up request of {name} does not fit the function. Expected: "
            f"{_described(expected)}. Received: {_described(tensors)}."
        )
    try:
        functions[name](**tensors)
    except tf.errors.OpError as error:
        raise ValueError(
            f"The SavedModel fails on its warm-up request of {name}, so no server would serve it: "
            f"{_reason(error)}"
        ) from error


def _described(tensors: dict) -> str:
    return ", ".join(
        f"{key} {tensor.dtype.name} {tuple(tensor.shape)}"
        for key, tensor in sorted(tensors.items())
    )


def _reason(error: tf.errors.OpError) -> str:
    # Before it stands where in Python, and after it, indented, where in the graph.
    return [line for line in error.message.splitlines() if line and not line[0].isspace()][-1]
