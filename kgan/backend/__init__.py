"""The only code that knows which backend Keras runs on: gradients, replicas, the first batch."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kgan trains on Keras' TensorFlow backend. "
        f"Expected KERAS_BACKEND=tensorflow, received: {keras.backend.backend()}. "
        'Set the environment variable KERAS_BACKEND=tensorflow, or "backend": "tensorflow" in '
        "keras.json, before Keras is imported."
    )

import tensorflow as tf


def version() -> str:
    """TensorFlow's version."""
    return tf.__version__
