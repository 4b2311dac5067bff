import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PICTURES = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "pictures.py"))
picture = PICTURES["picture"]
grid = PICTURES["grid"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_colours_and_opacity_are_kept(channels):
    values = np.arange(2 * 3 * channels, dtype="uint8").reshape(2, 3, channels)
    shown = np.asarray(picture(values.shape, values.tobytes()))
    np.testing.assert_array_equal(shown.reshape(values.shape), values)


def test_more_channels_than_a_picture_has_are_refused():
    message = "images of 5 channels cannot be shown as pictures, which have 1 to 4."
    with pytest.raises(ValueError, match=re.escape(message)):
        picture((1, 1, 5), bytes(5))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_grid_is_white_where_there_is_no_image(channels):
    images = [picture((1, 1, channels), bytes(channels)) for _ in range(3)]
    pixels = np.asarray(grid(images, None)).reshape(8, 8, channels)
    # Two columns of two rows, each image one pixel between gaps of two; the last place is free.
    black = np.zeros((8, 8), bool)
    black[[2, 2, 5], [2, 5, 2]] = True
    np.testing.assert_array_equal((pixels == 0).all(-1), black)
    np.testing.assert_array_equal((pixels == 255).all(-1), ~black)


def test_a_picture_that_cannot_be_written_leaves_the_one_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "grid.png"
    black, white = (picture((2, 2, 1), bytes([value] * 4)) for value in (0, 255))
    PICTURES["write_grid"]([black], None, path)
    before = path.read_bytes()

    def full(self, file, format):
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left"):
        PICTURES["write_grid"]([white], None, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
