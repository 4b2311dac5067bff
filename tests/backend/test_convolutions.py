"""Every form of a convolution is TensorFlow's, and so are its derivatives."""

import numpy as np
import pytest
import tensorflow as tf

from kgan.backend import convolutions
from kgan.backend import private


@pytest.fixture(autouse=True)
def on_every_machine(monkeypatch):
    """Matrix products also where this machine would do without."""
    monkeypatch.setattr(private, "onednn_is_on", lambda: True)


def random(*shape):
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape))


def derivatives(function, *inputs):
    """What a function gives, its gradients, and the gradients of their squares."""
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = function(*inputs)
            total = tf.reduce_sum(tf.sin(outputs))
        first = inner.gradient(total, inputs)
        squares = sum(tf.reduce_sum(gradient**2) for gradient in first)
    return [outputs, *first, *outer.gradient(squares, inputs)]


def check_equal(function, expected, *inputs):
    for one, other in zip(
        derivatives(function, *inputs), derivatives(expected, *inputs), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


@pytest.fixture
def product(monkeypatch):
    """How often images were made by matrix products."""
    calls = []
    by_product = convolutions._transposed_by_product

    def counted(*args):
        calls.append(args)
        return by_product(*args)

    monkeypatch.setattr(convolutions, "_transposed_by_product", counted)
    return calls


@pytest.mark.parametrize(
    ("sides", "size", "channels", "strides", "padding", "takes_product"),
    [
        ((6, 7), (3, 3), (8, 1), (1, 1), "SAME", True),
        ((5, 4), (5, 3), (12, 1), (1, 1), "SAME", True),
        # Even kernels and other paddings are no transposed convolutions of the same padding.
        ((6, 6), (2, 2), (8, 1), (1, 1), "SAME", False),
        ((6, 6), (3, 3), (8, 1), (1, 1), "VALID", False),
        ((6, 6), (3, 3), (8, 5), (1, 1), "SAME", False),
        # The gradient by few channels of an image.
        ((8, 6), (4, 4), (1, 8), (2, 2), "SAME", True),
        ((7, 9), (4, 4), (1, 8), (2, 2), "SAME", True),
        ((7, 8), (3, 3), (2, 9), (2, 2), "VALID", True),
        ((9, 8), (3, 5), (1, 9), (3, 2), "SAME", True),
        # Strides that leave out pixels at the end.
        ((8, 8), (3, 3), (1, 9), (3, 3), "VALID", False),
    ],
)
def test_a_convolution_is_tensorflows(
    sides, size, channels, strides, padding, takes_product, product
):
    images, kernel = random(2, *sides, channels[0]), random(*size, *channels)
    check_equal(
        lambda *inputs: convolutions.convolution(*inputs, strides, padding),
        lambda *inputs: tf.nn.conv2d(*inputs, strides, padding),
        images,
        kernel,
    )
    assert bool(product) is takes_product


@pytest.mark.parametrize(
    ("places", "sides", "size", "strides", "padding"),
    [
        ((3, 4), (6, 8), (4, 4), (2, 2), "SAME"),
        ((3, 4), (5, 7), (4, 4), (2, 2), "SAME"),
        ((3, 3), (8, 8), (4, 4), (2, 2), "VALID"),
        ((4, 3), (4, 3), (3, 3), (1, 1), "SAME"),
        ((2, 2), (6, 8), (5, 4), (3, 4), "SAME"),
    ],
)
def test_a_transposed_convolution_is_tensorflows(places, sides, size, strides, padding, product):
    features, kernel = random(2, *places, 16), random(*size, 1, 16)
    check_equal(
        lambda *inputs: convolutions.transposed(*inputs, sides, strides, padding),
        lambda features, kernel: tf.nn.conv2d_transpose(
            features, kernel, [tf.shape(features)[0], *sides, 1], strides, padding
        ),
        features,
        kernel,
    )
    assert product


def test_the_gradient_by_a_large_kernel_is_tensorflows(monkeypatch):
    monkeypatch.setattr(convolutions, "_LARGE_KERNEL", 3 * 3 * 5 * 6)
    extracted = []
    extract = tf.image.extract_patches
    monkeypatch.setattr(
        tf.image, "extract_patches", lambda *args: extracted.append(args) or extract(*args)
    )
    check_equal(
        lambda *inputs: convolutions.convolution(*inputs, (2, 2), "SAME"),
        lambda *inputs: tf.nn.conv2d(*inputs, (2, 2), "SAME"),
        random(2, 5, 6, 5),
        random(3, 3, 5, 6),
    )
    assert extracted


def test_a_penalty_on_the_gradient_has_the_slope_that_differences_show():
    images, kernel, direction = random(2, 6, 6, 1), random(4, 4, 1, 8), random(4, 4, 1, 8) / 10

    def penalty(kernel):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = tf.sin(convolutions.convolution(images, kernel, (2, 2), "SAME"))
        return tf.reduce_sum(tape.gradient(logits, images) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(kernel)
        value = penalty(kernel)
    slope = tf.reduce_sum(tape.gradient(value, kernel) * direction)
    step = 1e-5
    difference = penalty(kernel + step * direction) - penalty(kernel - step * direction)
    np.testing.assert_allclose(difference / (2 * step), slope, rtol=1e-8)


def test_the_number_of_rows_need_not_be_known(product):
    images, kernel = random(3, 6, 6, 8), random(3, 3, 8, 1)
    specs = [tf.TensorSpec([None, 6, 6, 8], tf.float64), tf.TensorSpec([3, 3, 8, 1], tf.float64)]

    def outputs(images, kernel):
        return convolutions.convolution(images, kernel, (1, 1), "SAME")

    compiled = tf.function(lambda *inputs: derivatives(outputs, *inputs), specs, autograph=False)
    for one, other in zip(
        compiled(images, kernel), derivatives(outputs, images, kernel), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)
    assert product
