"""What stands in a version's warm-up file, read by the field numbers of its messages."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto


def read_warmup(version: Path) -> list[tuple[str, dict[str, np.ndarray]]]:
    """The requests in a version's warm-up file: name of the function, and arrays by name."""
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    return [request(record) for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]


def request(record: bytes) -> tuple[str, dict[str, np.ndarray]]:
    """The request in a tensorflow.serving.PredictionLog, by the field numbers of its definition.

    PredictionLog.predict_log = 6, PredictLog.request = 1; PredictRequest.model_spec = 1 and inputs
    = 2, a map of entries {key = 1, value = 2}; ModelSpec.signature_name = 3.
    """
    ((_, log),) = [field for field in fields(record) if field[0] == 6]
    ((_, predict),) = [field for field in fields(log) if field[0] == 1]
    specification = next(value for number, value in fields(predict) if number == 1)
    signature = next(value for number, value in fields(specification) if number == 3)
    entries = [dict(fields(value)) for number, value in fields(predict) if number == 2]
    inputs = {
        entry[1].decode(): tf.make_ndarray(TensorProto.FromString(entry[2])) for entry in entries
    }
    return signature.decode(), inputs


def fields(message: bytes):
    """The numbers and bytes of a message's fields, all of them length-delimited."""
    position = 0
    while position < len(message):
        tag, position = varint(message, position)
        number, kind = tag >> 3, tag & 7
        assert kind == 2
        length, position = varint(message, position)
        yield number, message[position : position + length]
        position += length


def varint(message: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while message[position] >= 128:
        value += (message[position] - 128) << shift
        shift += 7
        position += 1
    return value + (message[position] << shift), position + 1
