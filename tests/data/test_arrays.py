import re

import numpy as np
import pytest

from kgan.data import from_arrays
from kgan.data import memory


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_are_taken_as_they_are(channels):
    pixels = noise(5, 4, 3, channels)
    np.testing.assert_array_equal(from_arrays(pixels).images, pixels)


def test_grey_images_need_no_channel():
    pixels = noise(5, 4, 3)
    np.testing.assert_array_equal(from_arrays(pixels).images, pixels[..., np.newaxis])


def test_the_arrays_are_copied():
    # Images itself would keep an array like this one.
    pixels = memory.allocate((5, 4, 3, 1))
    labels = np.zeros(5, np.int32)
    images = from_arrays(pixels, labels)
    assert not np.shares_memory(images.images, pixels)
    assert not np.shares_memory(images.labels, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_256_levels_survive_as_floats(dtype):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = (levels / 127.5 - 1.0).astype(dtype)
    np.testing.assert_array_equal(from_arrays(floats).images, levels)


def test_floats_are_rounded_to_the_nearest_level():
    floats = np.random.default_rng(0).uniform(-1, 1, (10, 8, 8, 1))
    restored = from_arrays(floats).images / 127.5 - 1.0
    np.testing.assert_allclose(restored, floats, atol=0.5 / 127.5 + 1e-6)


def test_labels_and_classes_are_kept():
    images = from_arrays(noise(3, 4, 4), np.array([2, 0, 1], np.int64), num_classes=5)
    np.testing.assert_array_equal(images.labels, [2, 0, 1])
    assert images.num_classes == 5


def test_images_are_cropped_resized_and_converted():
    images = from_arrays(noise(3, 20, 30, 3), image_size=(8, 4), crop=16, channels=1)
    assert images.images.shape == (3, 8, 4, 1)


def test_floats_are_resized_as_their_levels_are():
    levels = noise(3, 9, 9, 3)
    floats = levels / 127.5 - 1.0
    np.testing.assert_array_equal(
        from_arrays(floats, image_size=5).images, from_arrays(levels, image_size=5).images
    )


def test_resizing_keeps_the_labels():
    images = from_arrays(noise(4, 6, 6), [0, 1, 2, 0], num_classes=4, image_size=3)
    assert images.image_shape == (3, 3, 1)
    np.testing.assert_array_equal(images.labels, [0, 1, 2, 0])
    assert images.num_classes == 4


def test_resizing_to_the_same_size_changes_nothing():
    pixels = noise(4, 6, 6, 1)
    np.testing.assert_array_equal(from_arrays(pixels, image_size=6).images, pixels)


@pytest.mark.parametrize("shape", [(4, 4), (5, 4, 4, 2), (5, 3, 4, 4), (2, 5, 4, 4, 1)])
def test_shapes_that_are_no_images(shape):
    with pytest.raises(ValueError, match="must have the shape") as error:
        from_arrays(np.zeros(shape, np.uint8))
    assert str(error.value) == (
        "images must have the shape (count, height, width, channels) with 1 (grey) or 3 (colour) "
        f"channels, or (count, height, width). Received: shape {shape}. Put the channels last with "
        "numpy.moveaxis(images, 1, -1) if they come second."
    )


def test_the_transparency_of_rgba_is_to_be_left_out():
    with pytest.raises(ValueError, match=r"Leave out the transparency of RGBA: images\[..., :3\]"):
        from_arrays(noise(5, 6, 6, 4))


def test_a_column_of_labels_is_taken_as_keras_datasets_have_it():
    images = from_arrays(noise(3, 4, 4), np.array([[0], [2], [1]], np.uint8))
    np.testing.assert_array_equal(images.labels, [0, 2, 1])


def test_unequal_pictures():
    message = (
        "The images have several sizes. Expected: one array of images of one size. Received: a "
        "list of 2 from which NumPy can make none. Resize them first, or save them as files for "
        "kgan.data.from_folder(folder, image_size=64)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays([noise(4, 4, 3), noise(5, 4, 3)], image_size=4)


@pytest.mark.parametrize("shape", [(0, 4, 4), (5, 0, 4, 1)])
def test_no_images(shape):
    message = f"There are no images. Received: an array of shape {shape}."
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", ["int64", "uint16", "bool", "complex64", "object"])
def test_dtypes_that_are_no_pixels(dtype):
    message = (
        "Images must be uint8 in [0, 255], or floats in [-1, 1]. "
        f"Received: dtype {dtype}. Convert integers in [0, 255] with .astype('uint8')."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(np.zeros((2, 4, 4), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_image_that_is_not_finite_is_named(value):
    images = np.full((9, 4, 4), -1.0)
    images[5, 2, 2] = images[7, 0, 0] = value
    message = "images holds NaN or infinity, first in images[5]. Remove or repair those images."
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(images)


def test_floats_outside_the_range():
    images = np.zeros((2, 4, 4))
    images[0, 0, 0], images[1, 0, 0] = -0.5, 255
    message = (
        "Float images must lie in [-1, 1], and some of their values be negative. "
        "Received: values from -0.5 to 255. Convert values in [0, 255] with .astype('uint8'), "
        "values in [0, 1] with (255 * images).round().astype('uint8')."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(images)


def test_floats_that_look_like_zero_to_one_are_not_guessed_at():
    images = np.full((2, 4, 4), 0.25)
    images[1] = 1.0
    message = (
        "Float images must lie in [-1, 1], and some of their values be negative. "
        "Received: values from 0.25 to 1. "
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(images)


def test_labels_that_do_not_fit():
    message = "Labels must have the shape (3,). Received: (2,)."
    with pytest.raises(ValueError, match=re.escape(message)):
        from_arrays(noise(3, 4, 4), [0, 1])
