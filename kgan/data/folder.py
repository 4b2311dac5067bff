"""Images from a folder of files."""

import os
import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from kgan._utils.images import open_picture
from kgan.data import memory
from kgan.data.resize import Resize
from kgan.data.resize import has_colour
from kgan.data.store import Images
from kgan.data.store import check_class_names

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

# So many images are decoded ahead: those of a million tasks would fill memory.
_BLOCK = 128

# What 12 bits can hold: pictures of 16 bits that have no larger value come out nearly black.
_FAINT = 2**12 - 1


def from_folder(
    folder: str | os.PathLike,
    *,
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    memory_limit: int = memory.MEMORY_LIMIT,
) -> Images:
    """Read a folder of images, or a folder with one sub-folder of images per class.

    Files count as images by their extension: png, jpg, jpeg, webp, bmp, in any letter case. Other
    files, and everything whose name starts with a dot, are ignored. The order is that of the names.
    Pictures are turned upright (EXIF orientation), transparent parts become white, of 16 bits the
    upper 8 are used, and of an animation the first frame. A warning tells of broken links, which
    are skipped, and of pictures of 16 bits without large values, which come out nearly black.

    Args:
        folder: the folder. If it holds sub-folders, their names, sorted, are the classes.
        image_size: int or (height, width), the size to resize to, in pixels. None keeps the size,
            which then must be the same for all images.
        crop: int or (height, width), the central part to use before resizing.
        channels: 1 (grey) or 3 (colour) to convert to; None for 1 if all images are stored without
            colours and 3 if not.
        memory_limit: bytes; if the decoded images need more, they are kept in a temporary file
            instead of in memory, in the folder that the environment variable TMPDIR names.

    Returns:
        The images, with labels and class names if there are sub-folders.

    Raises:
        FileNotFoundError: if there is no such folder.
        NotADirectoryError: if it is a file.
        ValueError: if there are no images, images beside class folders, an image that cannot be
            read, images of several sizes without `image_size`, or a class folder whose name cannot
            be written.

    Example:
        >>> kgan.data.from_folder("photos", image_size=64).batches(16)
    """
    folder = Path(folder).expanduser()
    resize = Resize(image_size=image_size, crop=crop, channels=channels)
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}. Check the path.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file. Expected: a folder of images.")
    _, classes = _images_and_folders(folder)
    class_names = check_class_names([path.name for path in classes])
    _warn_of_broken_links(folder, classes)
    groups = [_images_in(group) for group in classes or [folder]]
    paths = [path for group in groups for path in group]
    labels = [label for label, group in enumerate(groups) for _ in group] if classes else None
    if resize.channels is None:
        resize.channels = 3 if any(_read(path, has_colour) for path in paths) else 1
    images = memory.collect(_decoded(paths, resize), paths, memory_limit)
    _warn_of_faint(resize.peaks)
    return Images(
        images,
        labels,
        num_classes=len(classes) or None,
        class_names=class_names or None,
        name=folder.resolve().name.encode(errors="replace").decode(),
    )


def _warn_of_broken_links(folder: Path, classes: list[Path]) -> None:
    broken = [path for group in (folder, *classes) for path in _visible(group) if _is_broken(path)]
    if broken:
        warnings.warn(
            f"{len(broken)} broken links in {folder} were skipped, such as {broken[0]}. Mend or "
            "remove them.",
            stacklevel=3,
        )


def _is_broken(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _warn_of_faint(peaks: list[tuple[int, str]]) -> None:
    peak, path = max(peaks, default=(_FAINT + 1, ""))
    if peak <= _FAINT:
        bits = max(8, peak.bit_length())
        warnings.warn(
            f"The pictures of 16 bits come out nearly black: their largest value is {peak} of "
            f"65535, in {path}. If they hold values of {bits} bits, multiply them by "
            f"{2 ** (16 - bits)} and save them anew.",
            stacklevel=3,
        )


def _images_and_folders(folder: Path) -> tuple[list[Path], list[Path]]:
    visible = _visible(folder)
    images = [path for path in visible if path.suffix.lower() in EXTENSIONS and path.is_file()]
    folders = [path for path in visible if path.is_dir()]
    if images and folders:
        raise ValueError(
            f"{folder} holds images (such as {images[0].name}) beside folders (such as "
            f"{folders[0].name}). Expected: only images, or only one folder of images per class. "
            "Move the images into a folder of their class, or the folders elsewhere."
        )
    return images, folders


def _images_in(folder: Path) -> list[Path]:
    images, _ = _images_and_folders(folder)
    if not images:
        found = [path.name + "/" * path.is_dir() for path in _visible(folder)]
        shown = ", ".join(found[:5]) + ", ..." * (len(found) > 5)
        raise ValueError(
            f"There are no images in {folder}. Expected: files with the extension "
            f"{', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}. Found: {shown or 'nothing'}."
        )
    return images


def _visible(folder: Path) -> list[Path]:
    # The second is what a Mac adds to archives.
    paths = (path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))
    return sorted(paths, key=lambda path: path.name)


def _decoded(paths: Sequence[Path], resize: Resize) -> Iterator[np.ndarray]:
    # Pillow decodes outside the interpreter's lock, so that threads share the work.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), _BLOCK):
            block = paths[start : start + _BLOCK]
            yield from pool.map(lambda path: _read(path, resize), block)


def _read(path: Path, convert):
    try:
        with open_picture(path) as picture:
            return convert(picture)
    except PermissionError:
        raise
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path} cannot be read: {error}. Replace it, or remove it from the folder."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
