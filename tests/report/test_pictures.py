import numpy as np
import pytest

from kgan.report.pictures import framed
from kgan.report.pictures import sheet
from kgan.report.pictures import with_opacity


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [([7], [7, 7, 7, 255]), ([1, 2, 3], [1, 2, 3, 255]), ([1, 2, 3, 4], [1, 2, 3, 4])],
)
def test_grey_and_colour_become_opaque_and_opacity_stays(pixel, expected):
    assert with_opacity(np.array([[pixel]], "uint8")).tolist() == [[expected]]


def test_between_the_images_of_a_sheet_the_ground_shows_through():
    images = np.full((2, 3, 4, 4, 1), 90, "uint8")
    pixels = np.asarray(sheet(images, width=4))
    # A gap of 2 around each image.
    assert pixels.shape == (2 * 6 + 2, 3 * 6 + 2, 4)
    opaque = pixels[..., 3] == 255
    assert opaque.sum() == 6 * 16
    assert (pixels[opaque] == [90, 90, 90, 255]).all()
    assert not pixels[~opaque].any()


def test_small_images_are_enlarged_by_whole_numbers():
    assert sheet(np.zeros((1, 1, 4, 4, 3), "uint8"), width=10).size == (16, 16)


def test_a_frame_covers_the_edge_and_nothing_else():
    images = np.full((1, 8, 8, 1), 90, "uint8")
    cell = framed(images)[0]
    assert cell.shape == (56, 56, 4)
    assert (cell[2:-2, 2:-2] == [90, 90, 90, 255]).all()
    cell[2:-2, 2:-2] = [60, 130, 200, 255]
    assert (cell == [60, 130, 200, 255]).all()


def test_a_frame_leaves_the_image_itself_alone():
    # With opacity and this wide already there would be nothing to copy for.
    images = np.full((1, 60, 60, 4), 90, "uint8")
    framed(images)
    assert (images == 90).all()


def test_two_channels_are_no_picture():
    message = (
        r"^Only images with 1 \(grey\), 3 \(red, green, blue\) or 4 channels \(and opacity\) can "
        r"be shown as a picture\. Received 2 channels\.$"
    )
    with pytest.raises(ValueError, match=message):
        sheet(np.zeros((1, 1, 4, 4, 2), "uint8"))
