import re

import numpy as np
import pytest

from kgan.data import Images
from kgan.evaluation import divide


def images(count, size=2, name="set"):
    """Images whose first pixel is their number."""
    pixels = np.zeros((count, size, size, 1), "uint8")
    pixels[:, 0, 0, 0] = np.arange(count)
    return Images(pixels, np.arange(count) % 3, name=name)


def test_without_held_out_images_half_of_the_training_images_show_what_reals_score():
    reals = divide(images(11))
    assert len(reals.measured) == len(reals.other_rows) == 5
    assert not set(reals.measured) & set(reals.other_rows)
    np.testing.assert_array_equal(reals.others.images[:, 0, 0, 0], reals.other_rows)
    np.testing.assert_array_equal(reals.others.labels, reals.other_rows % 3)
    np.testing.assert_array_equal(reals.measured_images.images[:, 0, 0, 0], reals.measured)
    assert reals.words() == "5 other training images of 'set'"


def test_held_out_images_leave_all_training_images_to_measure_against():
    reals = divide(images(11), images(20, name="rest"))
    assert reals.measured.tolist() == list(range(11))
    assert len(reals.others.images) == 11
    assert reals.other_rows is None
    assert reals.words() == "11 images of 'rest', held out"


def test_a_few_held_out_images_are_kept_to_compare_with_while_training_images_score():
    held_out = images(4, name="rest")
    reals = divide(images(11), held_out)
    assert (len(reals.measured), len(reals.other_rows)) == (5, 5)
    assert reals.held_out is held_out
    assert reals.words() == "5 other training images of 'set'"


def test_too_few_held_out_images_score_nothing():
    reals = divide(images(11), images(4), num_images=6)
    assert len(reals.measured) == 6
    assert (reals.others, reals.words()) == (None, "")
    assert len(reals.held_out) == 4


def test_with_more_than_half_no_others_are_left():
    assert divide(images(11), num_images=6).others is None


def test_the_choice_is_random_and_the_same_every_time():
    first, second = divide(images(200)), divide(images(200))
    np.testing.assert_array_equal(first.measured, second.measured)
    # Stored images often lie class by class: the first half would be half of the classes.
    assert 70 < np.median(first.measured) < 130


def test_more_images_than_there_are_cannot_be_measured():
    message = (
        "'set' has 11 images. Received: num_images=12. Measure with as many as there are, or fewer."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        divide(images(11), num_images=12)


def test_held_out_images_of_another_shape_are_refused():
    message = (
        "Held-out images must have the shape of the training images. Expected: (2, 2, 1). "
        "Received: (3, 3, 1)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        divide(images(11), images(11, size=3))
