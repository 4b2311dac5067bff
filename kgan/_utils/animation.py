"""A film of pictures that lie on the disk, with one of them in memory at a time."""

import os
from collections.abc import Sequence

from PIL import Image

from kgan._utils.files import replacing
from kgan._utils.images import open_picture

# What a viewer will sit through: at most so many pictures in at most so many milliseconds.
_MOST_FRAMES = 200
_LONGEST = 15_000
_SLOWEST_FRAME = 400
_LAST_FRAME = 3_000


def write_animation(pictures: Sequence[str | os.PathLike], path: str | os.PathLike) -> None:
    """Write an endlessly repeated film of pictures, the last of which is held longer.

    Of more than 200 pictures, 200 are taken at even distances, the first and the last among them.
    Pictures of another size than the last, and such as are gone or cannot be read, are left out. If
    none remains there is no film.

    Args:
        pictures: paths of pictures, in order.
        path: the film, `.webp` or `.gif`.
    """
    sizes = {picture: size for picture in pictures if (size := _size(picture)) is not None}
    if not sizes:
        return
    last = list(sizes.values())[-1]
    frames = [picture for picture, size in sizes.items() if size == last]
    if len(frames) > _MOST_FRAMES:
        step = (len(frames) - 1) / (_MOST_FRAMES - 1)
        frames = [frames[round(number * step)] for number in range(_MOST_FRAMES)]
    film = _film(frames)
    duration = min(_SLOWEST_FRAME, _LONGEST // len(frames))
    durations = [duration] * (len(frames) - 1) + [_LAST_FRAME]
    with replacing(path) as temporary:
        film.save(temporary, save_all=True, duration=durations, loop=0)


def _size(picture: str | os.PathLike) -> tuple[int, int] | None:
    try:
        with open_picture(picture) as image:
            return image.size
    except OSError:
        return None


def _film(frames: list) -> Image.Image:
    """An image of many frames, each of which is read when Pillow seeks it.

    Given a list of images, Pillow would keep every one of them in memory.
    """
    with open_picture(frames[0]) as first:
        film = Image.new(first.mode, first.size)

    def seek(frame: int) -> None:
        if frame >= len(frames):
            raise EOFError("The film has no more frames.")
        with open_picture(frames[frame]) as picture:
            film.paste(picture)

    film.n_frames = len(frames)
    film.seek = seek
    return film
