import numpy as np
import pytest
from PIL import Image

from kgan._utils.animation import write_animation


def write_pictures(folder, count: int, size: int = 8, mode: str = "L", step: int = 1) -> list:
    """Pictures each of which is all of one grey: 0, step, 2 * step, ..."""
    paths = [folder / f"{size}-{number:05d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.new("L", (size, size), number * step).convert(mode).save(path)
    return paths


def read(path) -> tuple[list[float], list[int]]:
    """The grey of each frame of a film, and how long it stands, in milliseconds."""
    greys, durations = [], []
    with Image.open(path) as film:
        assert film.info["loop"] == 0
        for frame in range(film.n_frames):
            film.seek(frame)
            # Loaded first: only then Pillow knows the duration of a WebP's frame.
            greys.append(np.asarray(film.convert("L")).mean())
            durations.append(film.info["duration"])
    return greys, durations


@pytest.mark.parametrize("suffix", ["gif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_film_shows_its_pictures_in_order_and_holds_the_last(tmp_path, suffix, mode):
    pictures = write_pictures(tmp_path, 5, mode=mode, step=40)
    write_animation(pictures, tmp_path / f"film.{suffix}")
    greys, durations = read(tmp_path / f"film.{suffix}")
    # WebP loses a little of each grey.
    np.testing.assert_allclose(greys, [0, 40, 80, 120, 160], atol=3)
    assert durations == [400, 400, 400, 400, 3000]


def test_a_film_of_one_picture_is_that_picture(tmp_path):
    (picture,) = write_pictures(tmp_path, 1)
    write_animation([picture], tmp_path / "film.webp")
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 1


def test_of_very_many_pictures_two_hundred_are_shown_evenly_from_first_to_last(tmp_path):
    pictures = write_pictures(tmp_path, 250, size=2)
    write_animation(pictures, tmp_path / "film.gif")
    greys, durations = read(tmp_path / "film.gif")
    assert len(greys) == 200
    assert (greys[0], greys[-1]) == (0, 249)
    assert set(np.diff(greys)) == {1, 2}
    # A GIF counts hundredths of a second.
    assert durations == [70] * 199 + [3000]


def test_pictures_of_another_size_than_the_last_are_left_out(tmp_path):
    pictures = write_pictures(tmp_path, 3, size=4) + write_pictures(tmp_path, 2, size=8)
    write_animation(pictures, tmp_path / "film.gif")
    greys, _ = read(tmp_path / "film.gif")
    assert greys == [0, 1]


def test_pictures_that_are_gone_or_damaged_are_left_out(tmp_path):
    pictures = write_pictures(tmp_path, 4)
    pictures[1].unlink()
    pictures[3].write_bytes(b"")
    write_animation(pictures, tmp_path / "film.gif")
    greys, _ = read(tmp_path / "film.gif")
    assert greys == [0, 2]


def test_of_no_pictures_there_is_no_film(tmp_path):
    write_animation([tmp_path / "gone.png"], tmp_path / "film.gif")
    assert list(tmp_path.iterdir()) == []
