"""DiffAugment: the laws of its numbers, and what it makes of an image."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.augment import DiffAugment

MANY = 10_000
# Of a mean of so many uniform numbers, in widths of their range: five standard errors.
NEAR = 5 / np.sqrt(12 * MANY)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 9, 12, 3))


def transformed(images, policy="color,translation,cutout", seed=0):
    augment = DiffAugment(policy)
    return augment(tf.constant(images), seed=keras.random.SeedGenerator(seed), images_seen=0)


def by_hand(image, numbers, policy):
    """One image, by loops, from seven numbers of U(0, 1)."""
    sides = image.shape[:2]
    if "color" in policy:
        image = image + numbers[0] - 0.5
        grey = image.mean(axis=-1, keepdims=True)
        image = (image - grey) * 2 * numbers[1] + grey
        image = (image - image.mean()) * (numbers[2] + 0.5) + image.mean()
    if "translation" in policy:
        moved, eighths = np.zeros_like(image), [round(side / 8) for side in sides]
        moves = [int((2 * r + 1) * u) - r for r, u in zip(eighths, numbers[3:5], strict=True)]
        for i, j in np.ndindex(*sides):
            i_from, j_from = i - moves[0], j - moves[1]
            if 0 <= i_from < sides[0] and 0 <= j_from < sides[1]:
                moved[i, j] = image[i_from, j_from]
        image = moved
    if "cutout" in policy:
        # 9 rows have a hole of 5, 12 columns one of 6.
        rows = int(9 * numbers[5]) - 2 + np.arange(5)
        columns = int(13 * numbers[6]) - 3 + np.arange(6)
        image = image.copy()
        for i in rows[(rows >= 0) & (rows < 9)]:
            for j in columns[(columns >= 0) & (columns < 12)]:
                image[i, j] = 0
    return image


@pytest.mark.parametrize(
    "policy", ["color,translation,cutout", "translation, cutout", "cutout,color"]
)
def test_a_seed_gives_what_loops_make_of_its_numbers(policy):
    numbers = keras.random.uniform((4, 7), dtype="float64", seed=keras.random.SeedGenerator(3))
    found = transformed(IMAGES, policy, seed=3)
    for image, row, own in zip(IMAGES, found, numbers, strict=True):
        np.testing.assert_allclose(row, by_hand(image, np.array(own), policy), atol=1e-14)


def assert_uniform(values, low, high):
    """Mean, variance and ends of U(low, high)."""
    values = (np.asarray(values) - low) / (high - low)
    np.testing.assert_allclose(values.mean(), 1 / 2, atol=NEAR)
    # The fourth moment of U(-1/2, 1/2) is 1 / 80.
    np.testing.assert_allclose(values.var(), 1 / 12, atol=5 * np.sqrt(1 / 80 - 1 / 144) / 100)
    assert 0 <= values.min() < 0.001
    assert 0.999 < values.max() <= 1 + 1e-12


def assert_each(counts, values):
    """That whole numbers come equally often, within five standard errors."""
    shares = np.array([np.mean(counts == value) for value in values])
    share = 1 / len(values)
    assert set(np.unique(counts)) == set(values)
    np.testing.assert_allclose(shares, share, atol=5 * np.sqrt(share * (1 - share) / MANY))


def test_the_law_of_colour():
    # A light green and a dark red pixel, whose mean is 0.
    image = np.reshape([0.5, 1.5, 0.4, -0.5, -1.5, -0.4], (1, 1, 2, 3))
    colored = np.array(transformed(np.tile(image, (MANY, 1, 1, 1)), "color"))
    first, second = colored[:, 0, 0], colored[:, 0, 1]
    grey, other = first.mean(axis=1), second.mean(axis=1)
    brightness, contrast = (grey + other) / 2, (grey - other) / 1.6
    saturation = (first[:, 1] - first[:, 0]) / contrast
    assert_uniform(brightness, -0.5, 0.5)
    assert_uniform(contrast, 0.5, 1.5)
    assert_uniform(saturation, 0, 2)
    correlations = np.corrcoef([brightness, contrast, saturation])
    np.testing.assert_allclose(correlations, np.eye(3), atol=0.05)


def test_the_law_of_translation():
    image = np.zeros((1, 16, 24, 1), "float32")
    image[0, 8, 12] = 1
    moved = np.array(transformed(np.tile(image, (MANY, 1, 1, 1)), "translation"))[..., 0]
    np.testing.assert_array_equal(moved.sum(axis=(1, 2)), 1)
    down, right = moved.max(axis=2).argmax(axis=1) - 8, moved.max(axis=1).argmax(axis=1) - 12
    assert_each(down, range(-2, 3))
    assert_each(right, range(-3, 4))
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.05


def test_the_law_of_cutout():
    cut = np.array(transformed(np.ones((MANY, 8, 9, 1), "float32"), "cutout"))[..., 0] == 0
    rows, columns = cut.any(axis=2), cut.any(axis=1)
    # A hole of 4 of 8 rows has its middle at 0 to 8, one of 5 of 9 columns at 0 to 8.
    lasts = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    assert_each(np.where(rows.argmax(axis=1) > 0, rows.argmax(axis=1) + 4, lasts), range(2, 11))
    middles = np.where(
        columns.argmax(axis=1) > 0, columns.argmax(axis=1) + 2, columns.sum(axis=1) - 3
    )
    assert_each(middles, range(9))
    np.testing.assert_array_equal(cut, rows[:, :, None] & columns[:, None])


def test_the_gradient_is_that_of_finite_differences():
    images, random = tf.constant(IMAGES), np.random.default_rng(1)
    weights, direction = (tf.constant(random.normal(size=IMAGES.shape)) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(weights * transformed(images))
    slope = tf.reduce_sum(direction * tape.gradient(value, images))
    # T is affine: a difference is a slope.
    ends = [tf.reduce_sum(weights * transformed(images + h * direction)) for h in (0.5, -0.5)]
    np.testing.assert_allclose(slope, ends[0] - ends[1], rtol=1e-12)


def test_an_image_depends_on_itself_alone():
    others = IMAGES.copy()
    others[1] = 0.25
    before, after = transformed(IMAGES), transformed(others)
    np.testing.assert_array_equal(np.delete(before, 1, axis=0), np.delete(after, 1, axis=0))
    assert not np.array_equal(before[1], after[1])


def test_grey_images_and_any_number_of_channels_are_coloured():
    grey = IMAGES[..., :1]
    np.testing.assert_allclose(
        transformed(np.repeat(grey, 5, axis=-1)), np.repeat(transformed(grey), 5, axis=-1)
    )


@pytest.mark.parametrize("policy", ["colour", "", "color,color", None, ["color"]])
def test_an_unknown_policy_is_refused(policy):
    message = (
        "policy of DiffAugment must name some of color, translation, cutout, each once and "
        f"separated by commas. Received: policy={policy!r}. For no augmentation leave out augment=."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        DiffAugment(policy)
