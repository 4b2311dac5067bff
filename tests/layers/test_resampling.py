"""Doubling and halving by the binomial filter."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.layers import BinomialDownSampling2D
from kgan.layers import BinomialUpSampling2D

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
BOTH = pytest.mark.parametrize("kind", [BinomialUpSampling2D, BinomialDownSampling2D])
TAPS = (1, 3, 3, 1)


def doubled(images):
    """Every pixel gives a picture of its own, the taps' products, and all are added up."""
    batch, height, width, channels = images.shape
    canvas = np.zeros((batch, 2 * height + 2, 2 * width + 2, channels))
    for row in range(height):
        for column in range(width):
            for down, one in enumerate(TAPS):
                for right, other in enumerate(TAPS):
                    part = one * other / 16 * images[:, row, column]
                    canvas[:, 2 * row + down, 2 * column + right] += part
    return canvas[:, 1:-1, 1:-1]


def halved(images):
    """Every second place of the images, filtered, with zeros around them."""
    batch, height, width, channels = images.shape
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    outputs = np.zeros((batch, height // 2, width // 2, channels))
    for row in range(height // 2):
        for column in range(width // 2):
            for down, one in enumerate(TAPS):
                for right, other in enumerate(TAPS):
                    pixel = padded[:, 2 * row + down, 2 * column + right]
                    outputs[:, row, column] += one * other / 64 * pixel
    return outputs


LOOPS = {BinomialUpSampling2D: doubled, BinomialDownSampling2D: halved}


@BOTH
@pytest.mark.parametrize(
    ("how", "known"),
    [
        ("eager", None),
        ("graph", (None, 4, 6, 3)),
        ("graph", (None, None, None, 3)),
        ("xla", (None, 4, 6, 3)),
    ],
)
def test_images_are_those_of_a_loop(kind, how, known):
    layer = kind()
    if how != "eager":
        spec = tf.TensorSpec(known)
        layer = tf.function(layer, input_signature=[spec], jit_compile=how == "xla")
    np.testing.assert_allclose(layer(IMAGES), LOOPS[kind](IMAGES), rtol=1e-5, atol=1e-6)


def test_doubling_is_bilinear_but_at_the_border():
    ones = np.ones((1, 3, 3, 1), "float32")
    expected = np.outer([0.75, 1, 1, 1, 1, 0.75], [0.75, 1, 1, 1, 1, 0.75])
    np.testing.assert_array_equal(np.array(BinomialUpSampling2D()(ones))[0, :, :, 0], expected)
    bilinear = keras.layers.UpSampling2D(interpolation="bilinear")(IMAGES)
    own = BinomialUpSampling2D()(IMAGES)
    np.testing.assert_allclose(own[:, 1:-1, 1:-1], bilinear[:, 1:-1, 1:-1], rtol=1e-5, atol=1e-6)


def test_halving_is_a_quarter_of_the_transpose_of_doubling():
    small = tf.constant(IMAGES)
    large = tf.constant(np.random.default_rng(1).normal(size=(2, 8, 12, 3)), tf.float32)
    up, down = BinomialUpSampling2D()(small), BinomialDownSampling2D()(large)
    np.testing.assert_allclose(
        tf.reduce_sum(up * large), 4 * tf.reduce_sum(small * down), rtol=1e-5
    )


@BOTH
def test_second_derivatives_are_those_of_a_linear_map(kind):
    # Of y = A x: the gradient of |y|^2 is 2 A' y, and that of its square is 8 A' A A' A x.
    layer, images = kind(), tf.constant(IMAGES)
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            outputs = tf.reduce_sum(tf.square(layer(images)))
        gradient = inner.gradient(outputs, images)
        squares = tf.reduce_sum(tf.square(gradient))
    found = outer.gradient(squares, images)

    def transposed(outputs):
        other = {BinomialUpSampling2D: BinomialDownSampling2D}.get(kind, BinomialUpSampling2D)
        return (4 if kind is BinomialUpSampling2D else 0.25) * other()(outputs)

    once = transposed(layer(images))
    np.testing.assert_allclose(gradient, 2 * once, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found, 8 * transposed(layer(once)), rtol=1e-4, atol=1e-5)


@BOTH
def test_shapes_are_known_before_the_first_batch(kind):
    factor = 2 if kind is BinomialUpSampling2D else 0.5
    for side in (8, None):
        expected = None if side is None else side * factor
        model = keras.Sequential([keras.Input((side, 4, 3)), kind()])
        assert model.output_shape == (None, expected, 4 * factor, 3)
    layer = kind(dtype="bfloat16", name="own")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is kind
    assert copy.get_config() == layer.get_config()
    # The weights are exact in 16 bits, and so are small whole numbers times 64.
    pixels = 64 * np.arange(12.0).reshape(1, 2, 6, 1)
    np.testing.assert_array_equal(tf.cast(copy(pixels), "float32"), LOOPS[kind](pixels))


@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (2, 6, 5, 3)])
def test_images_with_an_odd_side_are_not_halved(shape):
    message = (
        "BinomialDownSampling2D halves both sides of images, so they must be even. "
        f"Received: images of shape {shape}. Resize or pad the images."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        BinomialDownSampling2D()(np.zeros(shape, "float32"))
