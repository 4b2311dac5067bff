"""GroupedConv2D is Keras' grouped convolution, in the form that fits the device."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.backend import convolutions
from kgan.layers import GroupedConv2D

RANDOM = np.random.default_rng(0)


def by_loop(images, kernel, groups):
    """Every group by itself, place by place, with zeros around the images."""
    size, _, channels, features = kernel.shape
    images = np.pad(images, [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)])
    sides = [side - size + 1 for side in images.shape[1:3]]
    outputs = np.zeros((len(images), *sides, features))
    for feature in range(features):
        group = feature // (features // groups)
        own = images[..., group * channels : (group + 1) * channels]
        for row in range(sides[0]):
            for column in range(sides[1]):
                patch = own[:, row : row + size, column : column + size]
                outputs[:, row, column, feature] = np.sum(patch * kernel[..., feature], (1, 2, 3))
    return outputs


def built(channels=12, filters=6, groups=3, **options):
    layer = GroupedConv2D(filters, 3, padding="same", groups=groups, **options)
    layer.build((None, None, None, channels))
    return layer


@pytest.mark.parametrize("at_once", [1, 4, 8, 128])
@pytest.mark.parametrize(("filters", "groups"), [(6, 3), (12, 1), (12, 12), (9, 3)])
def test_every_group_sees_its_own_channels(filters, groups, at_once, monkeypatch):
    monkeypatch.setattr("kgan.layers.grouped_convolution._AT_ONCE", at_once)
    images = RANDOM.normal(size=(2, 4, 3, 12)).astype("float32")
    layer = built(filters=filters, groups=groups, bias_initializer="ones", activation="relu")
    expected = np.maximum(by_loop(images, np.array(layer.kernel), groups) + 1, 0)
    np.testing.assert_allclose(layer(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"strides": 2, "padding": "valid"}, {"dilation_rate": 2, "use_bias": False}]
)
def test_weights_config_and_outputs_are_those_of_keras_layer(options):
    options = {"filters": 8, "kernel_size": 3, "groups": 2, "padding": "same", **options}
    own, other = GroupedConv2D(**options), keras.layers.Conv2D(**options)
    images = RANDOM.normal(size=(2, 6, 6, 4)).astype("float32")
    for layer in (own, other):
        layer.build(images.shape)
    other.set_weights(own.get_weights())
    np.testing.assert_allclose(own(images), other(images), rtol=1e-4, atol=1e-5)
    configs = [{**layer.get_config(), "name": ""} for layer in (own, other)]
    assert configs[0] == configs[1]
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(own))
    assert isinstance(copy, GroupedConv2D)
    assert copy.get_config() == own.get_config()


def slopes(layer, images, training):
    """The gradient, by the kernel, of the square of the gradient by the images."""
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(images)
            outputs = tf.reduce_sum(tf.square(layer(images, training=training)))
        slope = tf.reduce_sum(tf.square(inner.gradient(outputs, images)))
    return outer.gradient(slope, layer.kernel.value)


def test_the_form_for_a_gpu_has_the_same_outputs_and_second_derivatives(monkeypatch):
    layer = built()
    images = tf.constant(RANDOM.normal(size=(2, 4, 4, 12)), tf.float32)
    outputs, gradient = layer(images, training=True), slopes(layer, images, True)
    monkeypatch.setattr(convolutions, "takes_groups", lambda images: True)
    # XLA has groups on processors too.
    by_groups, its_gradient = tf.function(
        lambda: (layer(images, training=True), slopes(layer, images, True)), jit_compile=True
    )()
    np.testing.assert_allclose(by_groups, outputs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(its_gradient, gradient, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("gpus", "device", "training", "groups_seen"),
    [
        (["GPU:0"], None, True, [3]),
        (["GPU:0"], None, False, [1]),
        (["GPU:0"], "CPU:0", True, [1]),
        ([], None, True, [1]),
    ],
)
def test_groups_are_left_to_tensorflow_in_training_on_a_gpu_alone(
    gpus, device, training, groups_seen, monkeypatch
):
    layer, seen = built(), []
    convolution = tf.nn.convolution

    def seeing(images, kernel, *args, **options):
        seen.append(images.shape[-1] // kernel.shape[-2])
        return convolution(images, kernel, *args, **options) if seen[-1] == 1 else images[..., :6]

    monkeypatch.setattr(tf.nn, "convolution", seeing)
    monkeypatch.setattr(tf.nn, "conv2d", seeing)
    devices = tf.config.list_logical_devices
    monkeypatch.setattr(
        tf.config,
        "list_logical_devices",
        lambda kind=None: gpus if kind == "GPU" else devices(kind),
    )

    @tf.function(autograph=False)
    def step(images):
        with tf.device(device):
            layer(tf.identity(images), training=training)

    step.get_concrete_function(tf.TensorSpec((2, 4, 4, 12)))
    assert seen == groups_seen


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "mixed_bfloat16"])
def test_it_computes_in_what_its_policy_says(policy):
    layer = built(dtype=policy)
    images = RANDOM.normal(size=(2, 4, 3, 12))
    outputs = layer(images)
    assert outputs.dtype == layer.compute_dtype
    expected = by_loop(images, np.array(layer.kernel), 3)
    tolerance = {"float64": 1e-12, "mixed_float16": 1e-2, "mixed_bfloat16": 1e-1}[policy]
    np.testing.assert_allclose(tf.cast(outputs, "float64"), expected, rtol=0, atol=tolerance)


def test_channels_that_come_first_are_refused():
    message = (
        "GroupedConv2D takes images with their channels last. Expected: "
        "data_format='channels_last'. Received: data_format='channels_first'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        GroupedConv2D(8, 3, groups=2, data_format="channels_first")
