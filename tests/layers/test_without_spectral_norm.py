"""Plain layers in the place of SpectralNorm."""

import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

from kgan.layers import Maxout
from kgan.layers import SpectralNorm
from kgan.layers import without_spectral_norm

Forgetful = runpy.run_path(str(Path(__file__).parents[1] / "forgetful.py"))["Forgetful"]

layers = keras.layers


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            SpectralNorm(layers.Conv2D(4, 3, strides=2, name="convolution")),
            layers.BatchNormalization(),
            layers.Flatten(),
            SpectralNorm(Maxout(3), name="maxout"),
        ],
        name="features",
    )


def nested():
    """A functional model that holds a sequential one, one layer twice, and one in a wrapper."""
    images = keras.Input((8, 8, 1))
    features = sequential()(images)
    shared = SpectralNorm(layers.Dense(3, use_bias=False), name="shared")
    features = shared(layers.ReLU()(shared(features)))
    rows = layers.TimeDistributed(SpectralNorm(layers.Dense(2)))(layers.Reshape((3, 1))(features))
    return keras.Model(images, [features, rows])


def with_random_weights(model):
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.1, 1.0, weight.shape) for weight in model.weights])
    return model


def all_layers(model):
    return model._flatten_layers()


@pytest.mark.parametrize("make", [sequential, nested])
def test_the_same_outputs_come_from_plain_layers(make):
    model = with_random_weights(make())
    before = model.get_weights()
    plain = without_spectral_norm(model)
    assert not any(isinstance(layer, SpectralNorm) for layer in all_layers(plain))
    assert not any(weight.name == "u" for weight in plain.weights)
    assert [layer.name for layer in plain.layers] == [layer.name for layer in model.layers]
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 1))
    for found, expected in zip(
        keras.tree.flatten(plain(images)), keras.tree.flatten(model(images)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_kernels_are_divided_by_sigma_and_the_rest_is_kept():
    model = with_random_weights(sequential())
    convolution, norm, _, maxout = model.layers
    expected = [
        convolution.kernel / convolution.sigma(),
        convolution.layer.bias,
        *norm.weights,
        maxout.kernel / maxout.sigma(),
        maxout.layer.linear.bias,
    ]
    plain = without_spectral_norm(model)
    for weight, value in zip(plain.weights, expected, strict=True):
        np.testing.assert_array_equal(weight, value)


class Opaque(layers.Layer):
    """A layer without a config."""

    def get_config(self):
        raise RuntimeError("This layer cannot be serialised.")


def test_a_model_without_spectral_norm_is_returned_itself():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), Opaque()])
    assert without_spectral_norm(model) is model


@keras.saving.register_keras_serializable("kgan_tests")
class Block(layers.Layer):
    """A layer that hides a SpectralNorm from its config."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = SpectralNorm(layers.Dense(3))

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


class Subclassed(keras.Model):
    """A model that cannot say how it was made."""

    def __init__(self, given):
        super().__init__()
        self.given = given
        self.dense = SpectralNorm(layers.Dense(3))

    def call(self, inputs):
        return self.dense(inputs)


class NotRegistered(Subclassed):
    """A model that says how it was made, but cannot be found by its name."""

    def __init__(self):
        super().__init__(None)


@pytest.mark.parametrize(
    "model",
    [
        keras.Sequential([SpectralNorm(layers.Dense(4)), Block()]),
        keras.Sequential([keras.Input((4,)), SpectralNorm(layers.Dense(4)), Forgetful(3.0)]),
        keras.Sequential([Block()]),
        NotRegistered(),
        Subclassed(object()),
    ],
    ids=["partly", "forgetful", "in_a_layer", "not_registered", "without_config"],
)
def test_a_model_that_hides_it_is_returned_itself(model):
    model(np.zeros((1, 4)))
    assert without_spectral_norm(model) is model
