"""Version directories that appear whole or not at all, as model servers need them.

A server polls `<base>/` and loads whatever numeric folder it sees. One that it sees half-written
replaces the good version before it and is not looked at again. So a version is written and checked
under a name that servers ignore, flushed to the disk, and renamed.
"""

import contextlib
import errno
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import is_integer
from kgan._utils.files import flush_to_disk
from kgan._utils.files import locked

# Servers read versions as 64-bit integers.
_LARGEST_VERSION = 2**63 - 1

# No number, so no server looks inside.
_STAGING = ".tmp-export-"


class Publication(NamedTuple):
    """What `publish` put into place.

    Attributes:
        version: int, the version's number.
        folder: `<base>/<version>`.
        files: the files that accompany the newest version, in `base`. Empty if the version
            published is not the newest.
        removed: numbers of the old versions that made room, in ascending order.
    """

    version: int
    folder: Path
    files: list[Path]
    removed: list[int]


def publish(
    write: Callable[[Path, int], None],
    base: str | os.PathLike,
    *,
    version: int | None = None,
    keep: int | None = None,
) -> Publication:
    """Publish what `write` writes as `<base>/<version>/`, by one rename, never over another.

    `write` gets a new folder inside `base`, and the version's number. The folder "version" that it
    makes there becomes the version directory. Files that it puts beside "version" accompany the
    newest version: they replace those of the same name in `base`, unless a higher version than
    this one is there.

    If anything fails, the base is left as it was, or empty if it was missing. Of processes that
    publish into one base at the same time each waits for the one before. One that is killed leaves
    at most a folder .tmp-export-*, which servers ignore and the next publication removes; killed
    between its last renames it leaves the older files beside the new version, or more old versions
    than `keep`.

    A version is a folder with a number for a name and a saved_model.pb inside. Whatever else has a
    number for a name is neither counted nor removed nor overwritten.

    Args:
        write: function of a folder and the version's number. It writes and verifies, and raises if
            anything is wrong.
        base: folder of the versions, made if missing.
        version: int > 0, or None for one above the highest number that is there.
        keep: int > 0, how many of the highest versions stay; the one published stays in any case.
            None for all. With 1, the version goes that a server still serves.

    Returns:
        The `Publication`.

    Raises:
        ValueError: `version` is no positive 64-bit integer, or `keep` no positive one.
        FileExistsError: `version` is there already, or no higher number is left.
        OSError: `base` cannot be written; PermissionError where that is the reason, and
            IsADirectoryError where a folder has the name of a file to write.
    """
    base = Path(base)
    if version is not None and not (is_integer(version) and 0 < version <= _LARGEST_VERSION):
        raise ValueError(
            "version must be a positive 64-bit integer, or None for the next free one. "
            f"Received: {version!r}."
        )
    if keep is not None:
        keep = check_positive_integer("keep", keep)
    with _staging(base) as folder:
        number = _free_number(version, base)
        write(folder, number)
        # Whoever made it since then has asked for no lock.
        _free_number(number, base)
        for path in [folder, *folder.rglob("*")]:
            flush_to_disk(path)
        newest = number > max((int(path.name) for path in versions(base)), default=0)
        files = sorted(path for path in folder.iterdir() if path.is_file()) if newest else []
        placed = [base / path.name for path in files]
        # Before the version has its name: a file that fails after it would stay at the old one.
        for target in placed:
            # A link to a folder is replaced like a file.
            if target.is_dir() and not target.is_symlink():
                raise IsADirectoryError(
                    errno.EISDIR,
                    f"cannot write the file {target}: there is a folder of that name. Move it "
                    "away, or choose another output folder",
                )
        (folder / "version").rename(base / str(number))
        for path, place in zip(files, placed, strict=True):
            os.replace(path, place)
        flush_to_disk(base)
        removed = _remove_old(base, folder, keep=keep, published=number) if keep else []
    return Publication(number, base / str(number), placed, removed)


def _free_number(version: int | None, base: Path) -> int:
    """The version asked for, or the next one; refused if it is taken."""
    # Files and any folder too: renaming over an empty folder would replace it without a word.
    taken = {int(path.name) for path in _numbered(base)}
    highest = max(taken, default=0)
    full = highest == _LARGEST_VERSION
    if version in taken or (version is None and full):
        remedy = f"Publish {highest + 1}, or leave the version out to get the next free one."
        raise FileExistsError(
            f"{base} already holds version {version or highest}, and a version is never "
            f"overwritten. {'Choose a free number below it.' if full else remedy}"
        )
    return int(version or highest + 1)


def versions(base: Path) -> list[Path]:
    """The version directories in a folder, which need not be there."""
    # Somebody's folder 2025 is no version, and must neither be removed nor kept instead of one.
    return [path for path in _numbered(base) if (path / "saved_model.pb").is_file()]


def _numbered(base: Path) -> list[Path]:
    return [
        path
        for path in base.glob("*")
        # A larger number, which no server reads, is a name like any other.
        if path.name.isascii() and path.name.isdecimal() and int(path.name) <= _LARGEST_VERSION
    ]


@contextlib.contextmanager
def _staging(base: Path) -> Iterator[Path]:
    """A new folder in `base`, which is made if missing and which nobody else publishes into."""
    with contextlib.ExitStack() as held:
        try:
            missing = [path for path in (base, *base.parents) if not path.exists()]
            base.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(base))
            # Of killed processes: nobody else would give their disk space back.
            for left in base.glob(f"{_STAGING}*"):
                shutil.rmtree(left, ignore_errors=True)
            # In `base` itself: a rename is atomic only within one file system.
            folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=base))
            held.callback(shutil.rmtree, folder, ignore_errors=True)
        except OSError as error:
            # OSError turns into PermissionError and its other kinds by the number.
            raise OSError(
                error.errno,
                f"cannot write to {base}: {error.strerror}. Choose another output folder",
            ) from error
        for created in missing:
            flush_to_disk(created.parent)
        yield folder


def _remove_old(base: Path, folder: Path, *, keep: int, published: int) -> list[int]:
    found = versions(base)
    kept = {published, *sorted({int(path.name) for path in found})[-keep:]}
    removed = []
    for path in found:
        if int(path.name) not in kept:
            try:
                # Out of a server's sight as a whole; it is deleted with the folder around it.
                path.rename(folder / path.name)
                removed.append(int(path.name))
            except OSError as error:
                warnings.warn(f"{path} could not be removed: {error.strerror}.", stacklevel=3)
    flush_to_disk(base)
    return sorted(removed)
