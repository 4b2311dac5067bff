import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

from kgan.export import float32_twin

Forgetful = runpy.run_path(str(Path(__file__).parents[1] / "forgetful.py"))["Forgetful"]


def nested_generator(dtype):
    """A model in a model, a wrapped layer, and a layer that is float32 anyway."""
    rows = keras.Input((4, 4), name="rows")
    inner = keras.Sequential(
        [
            keras.Input((4, 4)),
            keras.layers.TimeDistributed(keras.layers.Dense(6, dtype=dtype), dtype=dtype),
        ],
        name="inner",
    )
    images = keras.layers.Reshape((4, 6, 1), dtype=dtype)(inner(rows))
    return keras.Model(rows, keras.layers.Activation("tanh", dtype="float32")(images))


def dtypes(model):
    return {
        dtype
        for layer in model._flatten_layers()
        for dtype in (layer.compute_dtype, layer.variable_dtype)
    }


def test_a_float32_model_is_its_own_twin(generator):
    assert float32_twin(generator) is generator


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_every_layer_of_the_twin_computes_in_float32(dtype):
    model = nested_generator(dtype)
    assert dtypes(model) != {"float32"}
    assert dtypes(float32_twin(model)) == {"float32"}


@pytest.mark.parametrize("dtype", ["mixed_float16", "bfloat16"])
def test_the_twin_has_the_same_weights(dtype):
    model = nested_generator(dtype)
    twin = float32_twin(model)
    assert len(twin.weights) == len(model.weights)
    for weight, original in zip(twin.get_weights(), model.get_weights(), strict=True):
        assert weight.dtype == "float32"
        np.testing.assert_array_equal(weight, np.asarray(original).astype("float32"))


def test_images_of_the_twin_are_those_of_the_model_up_to_its_rounding(build_generator):
    model = build_generator(conditional=True, dtype="mixed_float16")
    inputs = [np.random.default_rng(0).normal(size=(3, 5)).astype("float32"), np.arange(3)]
    images = np.asarray(model(inputs))
    twin_images = np.asarray(float32_twin(model)(inputs))
    # float16 rounds to 2^-11; four layers, values of a few units.
    np.testing.assert_allclose(twin_images, images, rtol=0, atol=2e-2)
    assert np.abs(twin_images - images).max() > 0


def test_labels_stay_integers(build_generator):
    twin = float32_twin(build_generator(conditional=True, dtype="mixed_float16"))
    assert [tensor.dtype for tensor in twin.inputs] == ["float32", "int32"]


@keras.saving.register_keras_serializable("test_float32")
class Silent(keras.layers.Layer):
    """A layer whose config leaves its dtype out."""

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {"name": self.name}


def test_a_twin_that_would_be_another_function_is_refused():
    inputs = keras.Input((4,))
    rows = keras.layers.Dense(3, dtype="mixed_float16")(inputs)
    with pytest.raises(ValueError, match=r"cannot be made anew.*differ by.*Received.*Forgetful"):
        float32_twin(keras.Model(inputs, Forgetful(3.0, dtype="mixed_float16")(rows)))


def test_layers_that_do_not_say_their_dtype_are_float32_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inputs = keras.Input((4,))
        twin = float32_twin(keras.Model(inputs, Silent()(keras.layers.Dense(3)(inputs))))
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert dtypes(twin) == {"float32"}
