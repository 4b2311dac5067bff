import io
import re

import numpy as np
import pytest
from PIL import Image

from kgan.data.resize import Resize
from kgan.data.resize import has_colour


def picture_of(array):
    return Image.fromarray(np.asarray(array, np.uint8))


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def palette_picture(*colours):
    picture = Image.new("P", (len(colours), 1))
    picture.putpalette([level for colour in colours for level in colour])
    picture.putdata(range(len(colours)))
    return picture


@pytest.mark.parametrize(("shape", "channels"), [((5, 4), 1), ((5, 4, 3), 3)])
def test_without_arguments_the_pixels_stay(shape, channels):
    pixels = noise(*shape)
    np.testing.assert_array_equal(Resize()(picture_of(pixels)), pixels.reshape(5, 4, channels))


@pytest.mark.parametrize(
    ("crop", "rows", "columns"),
    [(4, (2, 6), (1, 5)), ((2, 6), (3, 5), (0, 6)), ((8, 5), (0, 8), (0, 5))],
)
def test_crop_cuts_out_the_central_part(crop, rows, columns):
    pixels = noise(8, 6)
    expected = pixels[slice(*rows), slice(*columns), np.newaxis]
    np.testing.assert_array_equal(Resize(crop=crop)(picture_of(pixels)), expected)


@pytest.mark.parametrize(
    ("shape", "rows", "columns"), [((4, 8), (0, 4), (2, 6)), ((8, 4), (2, 6), (0, 4))]
)
def test_another_proportion_is_cut_and_not_distorted(shape, rows, columns):
    # At equal scale no pixel needs resampling, which leaves the part itself to be seen.
    pixels = noise(*shape)
    expected = pixels[slice(*rows), slice(*columns), np.newaxis]
    np.testing.assert_array_equal(Resize(image_size=4)(picture_of(pixels)), expected)


def test_image_size_is_height_and_width():
    assert Resize(image_size=(6, 10))(picture_of(noise(20, 20, 3))).shape == (6, 10, 3)


def test_a_ramp_stays_a_ramp():
    # Two pixels become one: 8 x at x = 2 i and 2 i + 1 has the mean 16 i + 4. The margins of the
    # filter, three pixels of the result, have no neighbours outside.
    ramp = np.tile(np.arange(0, 256, 8), (32, 1))
    resized = Resize(image_size=16)(picture_of(ramp))[8, 3:-3, 0]
    np.testing.assert_allclose(resized, 16 * np.arange(3, 13) + 4, atol=1)


def test_fine_detail_becomes_its_mean_and_no_pattern():
    checkerboard = 255 * (np.indices((64, 64)).sum(axis=0) % 2)
    resized = Resize(image_size=16)(picture_of(checkerboard))[3:-3, 3:-3]
    np.testing.assert_allclose(resized, 127.5, atol=2)


def test_crop_comes_before_image_size():
    pixels = np.zeros((8, 8))
    pixels[2:6, 2:6] = 200
    resized = Resize(image_size=2, crop=4)(picture_of(pixels))
    np.testing.assert_array_equal(resized, np.full((2, 2, 1), 200))


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, lambda a: a.T),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).T),
        (8, np.rot90),
    ],
)
def test_pictures_are_turned_upright(orientation, turn):
    pixels = noise(2, 3)
    picture = picture_of(pixels)
    picture.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(Resize()(picture)[..., 0], turn(pixels))


def test_transparent_parts_become_white():
    # (1 - opacity) * 255 + opacity * colour, for the opacities 0, 1 and 0.6.
    picture = picture_of([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 50, 100, 153]]])
    expected = [[[255, 255, 255], [10, 20, 30], [102, 132, 162]]]
    np.testing.assert_allclose(Resize()(picture), expected, atol=1)


def test_transparent_parts_of_grey_pictures_become_white():
    picture = picture_of([[[10, 0], [10, 255]]])
    assert picture.mode == "LA"
    np.testing.assert_array_equal(Resize()(picture), [[[255], [10]]])


def test_the_transparent_colour_of_a_palette_becomes_white():
    picture = palette_picture((255, 0, 0), (0, 255, 0))
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=0)
    pixels = Resize()(Image.open(file))
    np.testing.assert_array_equal(pixels, [[[255, 255, 255], [0, 255, 0]]])


def test_sixteen_bits_become_eight():
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    pixels = Resize()(Image.fromarray(values))
    np.testing.assert_array_equal(pixels, [[[0], [1], [128], [255]]])


@pytest.mark.parametrize(
    ("picture", "channels"),
    [
        *[(Image.new(mode, (2, 2)), 1) for mode in ("1", "L", "LA", "I;16", "I")],
        *[(Image.new(mode, (2, 2)), 3) for mode in ("RGB", "RGBA", "CMYK", "YCbCr")],
        (palette_picture((7, 7, 7), (90, 90, 90)), 1),
        (palette_picture((7, 7, 7), (90, 91, 90)), 3),
    ],
)
def test_the_channels_follow_from_how_the_colours_are_stored(picture, channels):
    assert has_colour(picture) == (channels == 3)
    assert Resize()(picture).shape[-1] == channels


def test_grey_becomes_three_equal_channels():
    pixels = noise(4, 4)
    expected = np.repeat(pixels[..., np.newaxis], 3, axis=-1)
    np.testing.assert_array_equal(Resize(channels=3)(picture_of(pixels)), expected)


def test_colour_becomes_its_luma():
    # ITU-R 601.
    pixels = noise(4, 4, 3)
    expected = pixels @ [[0.299], [0.587], [0.114]]
    np.testing.assert_allclose(Resize(channels=1)(picture_of(pixels)), expected, atol=1)


@pytest.mark.parametrize(
    ("options", "shape", "expected"),
    [
        ({}, (4, 6, 1), True),
        ({}, (4, 6, 4), False),
        ({"image_size": (4, 6), "crop": (4, 6), "channels": 3}, (4, 6, 3), True),
        ({"image_size": 4}, (4, 6, 3), False),
        ({"crop": 4}, (4, 6, 3), False),
        ({"channels": 1}, (4, 6, 3), False),
    ],
)
def test_only_what_needs_a_change_is_converted(options, shape, expected):
    pixels = noise(*shape)
    assert (Resize(**options).pixels(pixels) is pixels) == expected


def test_an_array_becomes_what_its_picture_becomes():
    pixels, resize = noise(6, 5, 3), Resize(image_size=4, channels=1)
    np.testing.assert_array_equal(resize.pixels(pixels), resize(picture_of(pixels)))


@pytest.mark.parametrize("crop", [(9, 6), (8, 7), 9])
def test_a_crop_larger_than_the_picture(crop):
    height, width = crop if isinstance(crop, tuple) else (crop, crop)
    with pytest.raises(ValueError, match="larger than the image") as error:
        Resize(crop=crop)(picture_of(noise(8, 6)))
    assert str(error.value) == (
        f"crop=({height}, {width}) is larger than the image, which has the size (8, 6). "
        "Choose a smaller crop, or leave such images out."
    )


@pytest.mark.parametrize("name", ["image_size", "crop"])
@pytest.mark.parametrize("size", [10**6, (8192, 8193)])
def test_a_size_that_no_memory_holds(name, size):
    told = f"{name} is too large. Expected: at most 67,108,864 pixels, as in (8192, 8192). Received"
    with pytest.raises(ValueError, match=re.escape(told)):
        Resize(**{name: size})


@pytest.mark.parametrize("name", ["image_size", "crop"])
@pytest.mark.parametrize("value", [0, -4, 2.5, (4, 0), (4, 4, 3), "64", True])
def test_sizes_that_are_none(name, value):
    message = (
        f"{name} must be a positive integer or a pair of them, (height, width), in pixels. "
        f"Received: {name}={value!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Resize(**{name: value})


@pytest.mark.parametrize("channels", [4, True])
def test_channels_that_are_neither_grey_nor_colour(channels):
    message = (
        "channels must be 1 (grey), 3 (colour) or None (as the images are). Received: channels="
        f"{channels}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Resize(channels=channels)
