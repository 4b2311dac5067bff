"""Which backend Keras runs on."""

import re
import runpy

import keras
import pytest

from kgan import backend


def test_another_backend_is_refused_with_the_setting_to_change(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    told = (
        "kgan trains on Keras' TensorFlow backend. Expected KERAS_BACKEND=tensorflow, received: "
        "jax. Set the environment variable KERAS_BACKEND=tensorflow"
    )
    # The whole of kgan imports this package, which looks before it imports anything else.
    with pytest.raises(ImportError, match=re.escape(told)):
        runpy.run_path(backend.__file__)
