"""The resize of TensorFlow 1 against a loop, by hand, and against TensorFlow's own."""

import math

import keras
import numpy as np
import pytest

from kgan.features.legacy_resize import LegacyBilinearResize


def resized_by_loop(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, pixel by pixel, from the definition in the docstring."""
    batch, old_height, old_width, channels = images.shape
    result = np.empty((batch, height, width, channels))
    for row in range(height):
        for column in range(width):
            y, x = row * old_height / height, column * old_width / width
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, old_height - 1), min(left + 1, old_width - 1)
            down, across = y - top, x - left
            upper = (1 - across) * images[:, top, left] + across * images[:, top, right]
            lower = (1 - across) * images[:, bottom, left] + across * images[:, bottom, right]
            result[:, row, column] = (1 - down) * upper + down * lower
    return result


@pytest.mark.parametrize(("old", "new"), [((4, 6), (9, 7)), ((9, 8), (4, 3)), ((5, 5), (7, 5))])
def test_equals_a_loop_over_pixels(old, new):
    images = np.random.default_rng(0).uniform(0, 255, (2, *old, 3)).astype("float32")
    result = LegacyBilinearResize(*new)(images)
    # A few roundings of values up to 255.
    np.testing.assert_allclose(result, resized_by_loop(images, *new), atol=1e-4)


@pytest.mark.parametrize("size", [28, 32, 75, 299, 512])
def test_equals_tensorflow_1(size):
    import tensorflow as tf

    images = np.random.default_rng(size).integers(0, 256, (1, size, size, 3)).astype("float32")
    expected = tf.compat.v1.image.resize_bilinear(images, (299, 299))
    np.testing.assert_allclose(LegacyBilinearResize(299, 299)(images), expected, atol=1e-4)


def test_doubling_puts_the_mean_between_two_pixels_and_repeats_the_last():
    images = np.array([0.0, 10.0, 30.0], "float32").reshape(1, 1, 3, 1)
    result = np.ravel(LegacyBilinearResize(1, 6)(images))
    np.testing.assert_array_equal(result, [0, 5, 10, 20, 30, 30])


def test_halving_takes_every_second_pixel_without_smoothing():
    images = np.array([0.0, 100.0, 7.0, 100.0], "float32").reshape(1, 4, 1, 1)
    np.testing.assert_array_equal(np.ravel(LegacyBilinearResize(2, 1)(images)), [0, 7])


def test_images_of_the_size_stay_as_they_are():
    images = np.random.default_rng(0).uniform(0, 255, (2, 11, 13, 3)).astype("float32")
    np.testing.assert_array_equal(LegacyBilinearResize(11, 13)(images), images)


def test_comes_back_from_its_config():
    layer = LegacyBilinearResize(7, 5, dtype="float32")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert (again.height, again.width) == (7, 5)
    assert layer(keras.Input((3, 3, 2))).shape == (None, 7, 5, 2)
