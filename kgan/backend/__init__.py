"""The only code that knows which backend Keras runs on: gradients, replicas, the first batch.

Each backend is one file with the same functions; this one picks it.
"""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kgan trains on Keras' TensorFlow backend. "
        f"Expected KERAS_BACKEND=tensorflow, received: {keras.backend.backend()}. "
        'Set the environment variable KERAS_BACKEND=tensorflow, or "backend": "tensorflow" in '
        "keras.json, before Keras is imported."
    )

from kgan.backend.tensorflow import compiled
from kgan.backend.tensorflow import first_batch
from kgan.backend.tensorflow import global_mean
from kgan.backend.tensorflow import global_rows
from kgan.backend.tensorflow import input_gradients
from kgan.backend.tensorflow import num_replicas
from kgan.backend.tensorflow import repeated
from kgan.backend.tensorflow import scope
from kgan.backend.tensorflow import value_and_gradients

__all__ = [
    "compiled",
    "first_batch",
    "global_mean",
    "global_rows",
    "input_gradients",
    "num_replicas",
    "repeated",
    "scope",
    "value_and_gradients",
]
