"""The only code that knows which backend Keras runs on: gradients, replicas, the first batch.

Another backend would be other files with the same functions; this one picks them.
"""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kgan trains on Keras' TensorFlow backend. "
        f"Expected KERAS_BACKEND=tensorflow, received: {keras.backend.backend()}. "
        'Set the environment variable KERAS_BACKEND=tensorflow, or "backend": "tensorflow" in '
        "keras.json, before Keras is imported."
    )

from kgan.backend.replicas import apply_gradients
from kgan.backend.replicas import draw_own_numbers
from kgan.backend.replicas import global_mean
from kgan.backend.replicas import global_rows
from kgan.backend.replicas import merges_replicas
from kgan.backend.replicas import num_replicas
from kgan.backend.replicas import num_replicas_of
from kgan.backend.replicas import same_everywhere
from kgan.backend.replicas import scope
from kgan.backend.replicas import worker
from kgan.backend.scopes import check_one_scope
from kgan.backend.scopes import check_scope_of_call
from kgan.backend.tensorflow import are_all_full
from kgan.backend.tensorflow import compiled
from kgan.backend.tensorflow import distributed_rows
from kgan.backend.tensorflow import first_batch
from kgan.backend.tensorflow import input_gradients
from kgan.backend.tensorflow import repeated
from kgan.backend.tensorflow import value_and_gradients
from kgan.backend.tensorflow import version
from kgan.backend.training_loop import Steps
from kgan.backend.training_loop import loop

__all__ = [
    "Steps",
    "apply_gradients",
    "are_all_full",
    "check_one_scope",
    "check_scope_of_call",
    "compiled",
    "distributed_rows",
    "draw_own_numbers",
    "first_batch",
    "global_mean",
    "global_rows",
    "input_gradients",
    "loop",
    "merges_replicas",
    "num_replicas",
    "num_replicas_of",
    "repeated",
    "same_everywhere",
    "scope",
    "value_and_gradients",
    "version",
    "worker",
]
