import re
from pathlib import Path

import numpy as np
import pytest

from kgan._utils import images


def numbered(count: int, height: int = 3, width: int = 4, channels: int = 1) -> np.ndarray:
    """Images whose every pixel is the number of the image."""
    numbers = np.arange(count, dtype="uint8").reshape(-1, 1, 1, 1)
    return np.tile(numbers, (1, height, width, channels))


def test_the_ends_of_the_range_are_black_and_white_and_the_middle_rounds_to_even():
    np.testing.assert_array_equal(images.to_uint8(np.array([-1.0, 0.0, 1.0])), [0, 128, 255])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_stored_level_survives_the_way_to_floats_and_back(dtype):
    levels = np.arange(256, dtype="uint8")
    floats = levels.astype(dtype) / 127.5 - 1
    np.testing.assert_array_equal(images.to_uint8(floats), levels)


def test_half_precision_images_are_scaled_in_single_precision():
    half = np.linspace(-1, 1, 2049, dtype="float16")
    np.testing.assert_array_equal(images.to_uint8(half), images.to_uint8(half.astype("float32")))


@pytest.mark.filterwarnings("error")
def test_values_outside_the_range_are_clipped_and_what_is_not_finite_is_black():
    wild = np.array([-1.5, 1.5, -3e38, 3e38, np.nan, np.inf, -np.inf], "float32")
    np.testing.assert_array_equal(images.to_uint8(wild), [0, 255, 0, 255, 0, 0, 0])


def test_images_that_are_pixels_already_are_refused():
    message = (
        "Only float images in [-1, 1] can be turned into pixels. Received an array of dtype uint8. "
        "Stored uint8 images are pixels already."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        images.to_uint8(np.zeros((1, 2, 2, 1), "uint8"))


@pytest.mark.parametrize(("width", "scale"), [(8, 7), (28, 2), (32, 2), (55, 2), (56, 1), (64, 1)])
def test_enlarging_takes_the_smallest_whole_factor_that_reaches_the_width(width, scale):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, width, 1), dtype="uint8")
    enlarged = images.enlarge(pixels, 56)
    assert enlarged.shape == (2, 3 * scale, width * scale, 1)
    for row in range(scale):
        for column in range(scale):
            np.testing.assert_array_equal(enlarged[:, row::scale, column::scale], pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiles_stand_row_by_row_with_gaps_between_and_around(channels):
    pixels = numbered(6, channels=channels)
    picture = images.tile(pixels, 2, 3, gap=2, background=99)
    expected = np.full((2 * 5 + 2, 3 * 6 + 2, channels), 99)
    for number in range(6):
        top, left = 2 + (number // 3) * 5, 2 + (number % 3) * 6
        expected[top : top + 3, left : left + 4] = number
    np.testing.assert_array_equal(picture, expected)
    assert picture.dtype == np.uint8


def test_places_without_an_image_stay_empty():
    picture = images.tile(numbered(4), 2, 3, gap=0, background=99)
    np.testing.assert_array_equal(picture[::3, ::4, 0], [[0, 1, 2], [3, 99, 99]])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_picture_has_the_pixels_it_was_made_of(channels, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, channels), dtype="uint8")
    picture = images.to_picture(pixels)
    assert picture.mode == mode
    np.testing.assert_array_equal(np.asarray(picture).reshape(pixels.shape), pixels)


def test_channels_that_no_picture_has_are_refused():
    message = (
        "Only images with 1 (grey), 3 (red, green, blue) or 4 channels (and opacity) can be shown "
        "as a picture. Received 2 channels."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        images.to_picture(np.zeros((3, 3, 2), "uint8"))


def test_nothing_else_opens_pictures():
    # Pillow's own function would try every format it knows.
    package = Path(images.__file__).parents[1]
    users = [path for path in package.rglob("*.py") if "Image.open(" in path.read_text()]
    assert users == [Path(images.__file__)]
