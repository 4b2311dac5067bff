"""Images that are moved, against slow loops."""

import math

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kgan.augment.geometry import cut_out
from kgan.augment.geometry import sampled
from kgan.augment.geometry import shifted

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(3, 5, 7, 2))
LINEAR, OFFSET = RANDOM.normal(size=(3, 2, 2)), RANDOM.normal(0, 4, (3, 2))


def between(image, row, column):
    """An image at any place, zeros outside."""
    value = np.zeros(image.shape[-1])
    for i in (math.floor(row), math.floor(row) + 1):
        for j in (math.floor(column), math.floor(column) + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                value += (1 - abs(row - i)) * (1 - abs(column - j)) * image[i, j]
    return value


def mirrored(place, last):
    """Where a path that turns back at 0 and at `last` is after so many steps."""
    while not 0 <= place <= last:
        place = -place if place < 0 else 2 * last - place
    return place


def looked_up(image, linear, offset):
    """`sampled` of one image, pixel by pixel."""
    height, width = image.shape[:2]
    found = np.empty_like(image)
    for i in range(height):
        for j in range(width):
            x, y = linear @ [j - (width - 1) / 2, i - (height - 1) / 2] + offset
            row = mirrored(y + (height - 1) / 2, height - 1)
            found[i, j] = between(image, row, mirrored(x + (width - 1) / 2, width - 1))
    return found


def test_a_shift_is_a_look_at_the_place_where_a_pixel_comes_from():
    down, right = np.array([0.0, 2.0, -1.25]), np.array([0.0, -3.0, 0.5])
    moved = shifted(tf.constant(IMAGES), tf.constant(down), tf.constant(right))
    for image, found, by_rows, by_columns in zip(IMAGES, moved, down, right, strict=True):
        for i, j in np.ndindex(5, 7):
            expected = between(image, i - by_rows, j - by_columns)
            np.testing.assert_allclose(found[i, j], expected, atol=1e-14)


def test_places_are_looked_up_between_four_pixels_and_mirrored_at_the_edges():
    found = sampled(tf.constant(IMAGES), tf.constant(LINEAR), tf.constant(OFFSET))
    for image, row, linear, offset in zip(IMAGES, found, LINEAR, OFFSET, strict=True):
        np.testing.assert_allclose(row, looked_up(image, linear, offset), atol=1e-12)


def test_a_map_that_moves_nothing_gives_every_bit_back():
    images = IMAGES.astype("float32")
    eye = np.tile(np.eye(2, dtype="float32"), (3, 1, 1))
    found = sampled(tf.constant(images), tf.constant(eye), tf.zeros((3, 2)))
    np.testing.assert_array_equal(found, images)
    np.testing.assert_array_equal(shifted(images, tf.zeros(3), tf.zeros(3)), images)


def test_a_rectangle_is_cut_out():
    holes = cut_out(
        ops.ones((2, 3, 4, 1)), lambda place, axis: ops.stack([place == 1, place >= 3 - axis])
    )
    expected = [[[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 1]], np.ones((3, 4))]
    np.testing.assert_array_equal(holes[..., 0], expected)


@pytest.mark.parametrize("move", ["sampled", "shifted"])
def test_the_gradient_is_the_true_one_and_can_be_differentiated(move):
    def moved(images):
        if move == "shifted":
            return shifted(images, tf.constant(OFFSET[:, 0]), tf.constant(OFFSET[:, 1]))
        return sampled(images, tf.constant(LINEAR), tf.constant(OFFSET))

    images, others = tf.constant(IMAGES), tf.constant(RANDOM.normal(size=IMAGES.shape))
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as tape:
            tape.watch(images)
            cubes = tf.reduce_sum(moved(images) ** 3)
        slope = tf.reduce_sum(tape.gradient(cubes, images) * others)
    # By the chain rule: 3 T'(3 T(x)^2), along a direction; and T is linear.
    expected = tf.reduce_sum(3 * moved(images) ** 2 * moved(others))
    np.testing.assert_allclose(slope, expected, rtol=1e-12)
    # And its own derivative along it: 6 T(x) T(d)^2.
    curve = tf.reduce_sum(outer.gradient(slope, images) * others)
    expected = tf.reduce_sum(6 * moved(images) * moved(others) ** 2)
    np.testing.assert_allclose(curve, expected, rtol=1e-11)
