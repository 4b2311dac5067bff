"""Version directories that appear whole or not at all, as model servers need them.

A server polls `<base>/` and loads whatever numeric folder it sees. One that it sees half-written
replaces the good version before it and is not looked at again. So a version is written and checked
under a name that servers ignore, flushed to the disk, and renamed.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kgan.files import flush_to_disk

# Servers read versions as 64-bit integers.
_LARGEST_VERSION = 2**63 - 1


class Publication(NamedTuple):
    """What `publish` put into place.

    Attributes:
        version: int, the version's number.
        folder: `<base>/<version>`.
        files: the files that accompany the newest version, in `base`. Empty if the version
            published is not the newest.
    """

    version: int
    folder: Path
    files: list[Path]


def publish(
    write: Callable[[Path], None], base: str | os.PathLike, *, version: int | None = None
) -> Publication:
    """Publish what `write` writes as `<base>/<version>/`, by one rename, never over another.

    `write` gets a new folder inside `base`. The folder "version" that it makes there becomes the
    version directory. Files that it puts beside "version" accompany the newest version: they
    replace those of the same name in `base`, unless a higher version than this one is there.

    If `write` raises, the base is left as it was. Processes that publish at the same time get
    different versions. One that is killed leaves at most a folder .tmp-export-*, which servers
    ignore; killed between its last two renames it leaves the older files beside the new version.

    Args:
        write: function of a folder. It writes and verifies, and raises if anything is wrong.
        base: folder of the versions, made if missing.
        version: int > 0, or None for one above the highest that is there.

    Returns:
        The `Publication`.

    Raises:
        ValueError: `version` is no positive 64-bit integer.
        FileExistsError: `version` is there already.
        OSError: `base` cannot be written; PermissionError where that is the reason.
    """
    base = Path(base)
    if version is not None and not 0 < version <= _LARGEST_VERSION:
        raise ValueError(f"version must be a positive 64-bit integer. Received: {version}.")
    _refuse_existing(version, base)
    with _staging(base) as folder:
        write(folder)
        _flush_all_to_disk(folder)
        with _locked(base):
            _refuse_existing(version, base)
            number = version or 1 + max(_versions(base), default=0)
            newest = number > max(_versions(base), default=0)
            (folder / "version").rename(base / str(number))
            files = _replace_files(folder, base) if newest else []
            flush_to_disk(base)
    return Publication(number, base / str(number), files)


def _refuse_existing(version: int | None, base: Path) -> None:
    if version in _versions(base):
        raise FileExistsError(
            f"{base} already holds version {version}, and a version is never overwritten. Publish "
            f"{1 + max(_versions(base))}, or leave the version out to get the next free one."
        )


def _versions(base: Path) -> set[int]:
    if not base.is_dir():
        return set()
    return {int(name) for name in os.listdir(base) if name.isascii() and name.isdecimal()}


@contextlib.contextmanager
def _staging(base: Path) -> Iterator[Path]:
    missing = [folder for folder in (base, *base.parents) if not folder.exists()]
    folder = None
    try:
        with _explained(base):
            base.mkdir(parents=True, exist_ok=True)
            # In `base` itself: a rename is atomic only within one file system.
            folder = Path(tempfile.mkdtemp(prefix=".tmp-export-", dir=base))
        yield folder
    except BaseException:
        _remove(folder, missing)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _explained(base: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # OSError turns into PermissionError and its other kinds by the number.
        raise OSError(
            error.errno, f"cannot write to {base}: {error.strerror}. Choose another output folder"
        ) from error


def _remove(folder: Path | None, missing: list[Path]) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    for created in missing:
        # Another process may have published there in the meantime: then it is not empty and stays.
        with contextlib.suppress(OSError):
            created.rmdir()


@contextlib.contextmanager
def _locked(base: Path) -> Iterator[None]:
    # POSIX only, so not at the top: whoever only trains can import kgan elsewhere.
    import fcntl

    descriptor = os.open(base, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        # Closing releases the lock.
        os.close(descriptor)


def _replace_files(folder: Path, base: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for path in files:
        os.replace(path, base / path.name)
    return [base / path.name for path in files]


def _flush_all_to_disk(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            flush_to_disk(Path(root, name))
        flush_to_disk(Path(root))
