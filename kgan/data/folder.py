"""Images from a folder of files."""

import hashlib
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

# Of the pictures of a folder one in so many is held out.
_HELD_OUT = 10

# What 12 bits can hold: pictures of 16 bits that have no larger value come out nearly black.
_FAINT = 2**12 - 1


def from_folder(
    folder: str | os.PathLike,
    *,
    image_size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | None = None,
    channels: int | None = None,
    split: str | None = None,
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
        split: "test" for about a tenth of the images, to be held out of training, "train" for the
            others; None, the default, for all. Which part an image belongs to depends on its name
            in the folder alone, so that it stays there whatever is added or removed.
        memory_limit: bytes; if the decoded images need more, they are kept in a temporary file
            instead of in memory, in the folder that the environment variable TMPDIR names.

    Returns:
        The images, with labels and class names if there are sub-folders.

    Raises:
        FileNotFoundError: if there is no such folder.
        NotADirectoryError: if it is a file.
        ValueError: if there are no images, images beside class folders, an image that cannot be
            read, images of several sizes without `image_size`, a class folder whose name cannot
            be written, or another split.

    Example:
        >>> kgan.data.from_folder("photos", image_size=64).batches(16)
        >>> held_out = kgan.data.from_folder("photos", image_size=64, split="test")
    """
    folder = Path(folder).expanduser()
    resize = Resize(image_size=image_size, crop=crop, channels=channels)
    if split not in (None, "train", "test"):
        raise ValueError(
            "A split of a folder is 'train', or 'test' for the tenth that is held out. "
            f"Received: {split!r}."
        )
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}. Check the path.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file. Expected: a folder of images.")
    _, classes = _images_and_folders(folder)
    class_names = check_class_names([path.name for path in classes])
    _warn_of_broken_links(folder, classes)
    groups = [_images_in(group) for group in classes or [folder]]
    labelled = [(label, path) for label, group in enumerate(groups) for path in group]
    if resize.channels is None:
        # Of all images, so that both splits are alike.
        resize.channels = 3 if any(_read(path, has_colour) for _, path in labelled) else 1
    labels, paths = zip(*_part(labelled, folder, split), strict=True)
    images = memory.collect(_decoded(paths, resize), paths, memory_limit)
    _warn_of_faint(resize.peaks)
    name = folder.resolve().name.encode(errors="replace").decode()
    return Images(
        images,
        labels if classes else None,
        num_classes=len(classes) or None,
        class_names=class_names or None,
        name=f"{name} {split}" if split else name,
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


def _part(labelled: list[tuple], folder: Path, split: str | None) -> list[tuple]:
    """Those (label, path) of a folder that are in a split of it."""
    part = [row for row in labelled if split in (None, _split_of(row[1].relative_to(folder)))]
    if not part:
        raise ValueError(
            f"None of the {len(labelled)} images in {folder} is in the split {split!r}. Expected: "
            "some dozens of images, of which about one in ten is held out. Add images, or hold out "
            "others."
        )
    return part


def _split_of(name: Path) -> str:
    digest = hashlib.sha256(os.fsencode(name.as_posix())).digest()
    return "train" if int.from_bytes(digest[:8]) % _HELD_OUT else "test"


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
