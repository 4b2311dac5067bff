"""Files that are either whole or not there, and folders that one process has for itself."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

# A foreign archive may unpack to so many bytes, or to so many times its own size. What Keras and
# NumPy write is hardly compressed.
_ALWAYS_UNPACKED, _TIMES_UNPACKED = 2**28, 20
# Folders of what is being written, or removed, are called so, with the name it will have or had.
_TEMPORARY = re.compile(r"\.kgan-[0-9a-f]{16}-.+")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def archive_members(path: str | os.PathLike) -> list[str]:
    """The names in a zip archive that it is safe to unpack.

    Args:
        path: of the file.

    Returns:
        List of str.

    Raises:
        ValueError: if it is damaged or no archive, or if it would unpack to far more than it is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except PermissionError:
        raise
    # What random bytes make zipfile raise is not written down anywhere.
    except Exception as error:
        raise ValueError(f"{path} is damaged or no archive. Copy it anew.") from error
    size, held = sum(member.file_size for member in members), os.path.getsize(path)
    if size > max(_ALWAYS_UNPACKED, _TIMES_UNPACKED * held):
        raise ValueError(
            f"{path} would unpack to {size / 1e9:.1f} GB. Expected: at most {_TIMES_UNPACKED} "
            f"times its own {held / 1e6:.1f} MB. Whoever made it wants to fill the memory."
        )
    return [member.filename for member in members]


@contextlib.contextmanager
def replacing(path: str | os.PathLike, *, may_exist: bool = True) -> Iterator[Path]:
    """Write `path` so that a reader sees the old file or the new one, never half of one.

    The block writes to a temporary path below the target's folder. When it ends well the file is
    flushed to the disk and renamed over the target; when it fails the temporary file is removed and
    the target is as it was. What killed processes have left of this in the folder is removed.

    Args:
        path: the file to write. Its folder is made if it is missing; a link is followed.
        may_exist: bool, whether the file may be there. Of several processes that write one that may
            not, one succeeds. Default True.

    Yields:
        The temporary path, of the same name in a folder of its own, which the block must write.

    Raises:
        FileExistsError: if the file is there and may not be.
        OSError: if something else than a file is there, or the disk is full.

    Example:
        >>> with replacing("runs/digits/gan.keras") as temporary:
        ...     model.save(temporary)
    """
    check_is_file(path)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    with _writing(target) as folder:
        # A link may lead to a name without the suffix.
        temporary = folder / Path(path).name
        yield temporary
        flush_to_disk(temporary)
        if may_exist:
            os.replace(temporary, target)
        else:
            _link(temporary, target)
        flush_to_disk(target.parent)


@contextlib.contextmanager
def appearing(path: str | os.PathLike) -> Iterator[Path]:
    """Write a folder that is there with all its files, or not at all.

    Args:
        path: the folder, which is not there, or empty. Of several processes that write one, one
            succeeds.

    Yields:
        The temporary path of the folder, in which the block must write.

    Raises:
        FileExistsError: if the folder is there and holds something.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _writing(path) as temporary:
        yield temporary
        try:
            # Over an empty folder, but not over a full one.
            os.rename(temporary, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise FileExistsError(f"{path} is there already, and is not empty.") from None
        flush_to_disk(path.parent)


def remove_at_once(folder: str | os.PathLike) -> None:
    """Remove a folder and all in it so that it is never there by half, if it is there.

    Args:
        folder: the folder. Beside it, what killed processes have left is removed, too.
    """
    folder = Path(folder)
    if folder.exists():
        shutil.rmtree(folder.rename(_temporary(folder)), ignore_errors=True)
    remove_leftovers(folder.parent)


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Remove what killed processes have left in a folder of files that they were writing.

    A process holds the lock of what it writes, so that what can be locked is nobody's. Where there
    are no locks nothing is removed.

    Args:
        folder: the folder.
    """
    # What another process is writing, finishes or removes meanwhile is not for this one.
    mine = contextlib.suppress(OSError, ImportError)
    with mine:
        for path in filter(is_temporary, Path(folder).iterdir()):
            with mine, locked(path, wait=False):
                shutil.rmtree(path, ignore_errors=True)


def is_temporary(path: Path) -> bool:
    """Whether a path is something that a process is writing here, or was when it was killed."""
    return _TEMPORARY.fullmatch(path.name) is not None


def check_is_file(path: str | os.PathLike) -> None:
    """Raise if something else than a file is at a path: to open a pipe may take forever.

    Args:
        path: the path, at which there may be nothing.

    Raises:
        OSError: if there is a folder, a pipe or a device. Links are followed.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        message = f"A file was expected. Received: {path}, which is "
        if os.path.isdir(path):
            raise IsADirectoryError(f"{message}a folder. Name a file in it, or move it away.")
        raise OSError(f"{message}a pipe or a device. Move it away, or name another.")


def is_full(error: OSError) -> bool:
    """Whether an error says that a disk, or what one may have of it, is full."""
    return error.errno in _FULL


def _temporary(path: Path) -> Path:
    return path.with_name(f".kgan-{secrets.token_hex(8)}-{path.name}")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """A temporary folder that other processes leave alone, and that is not there in the end."""
    remove_leftovers(path.parent)
    temporary = _temporary(path)
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, temporary, ignore_errors=True)
        try:
            _hold(held, temporary)
            yield temporary
        except OSError as error:
            if not is_full(error):
                raise
            raise OSError(
                error.errno,
                f"{path} cannot be written: {os.strerror(error.errno)}. What was there is as it "
                "was. Make room on that disk, or write elsewhere.",
            ) from error


def _hold(held: contextlib.ExitStack, temporary: Path) -> None:
    # The folder, not the file in it: HDF5 locks what it writes by itself.
    # Another process may find it before it is locked, and remove it, but not again and again.
    for _ in range(9):
        temporary.mkdir(exist_ok=True)
        try:
            held.enter_context(locked(temporary))
        except FileNotFoundError:
            continue
        except (OSError, ImportError):
            pass
        return


def _link(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise FileExistsError(f"{target} is there already: another process has made it.") from None
    except OSError:
        # A disk without links: then two at the same instant are not seen.
        if target.exists():
            raise FileExistsError(f"{target} is there already.") from None
        os.replace(temporary, target)


def flush_to_disk(path: str | os.PathLike) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Some network file systems cannot do so for a folder, which is ignored.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        if not os.path.isdir(path):
            raise


@contextlib.contextmanager
def locked(path: str | os.PathLike, *, wait: bool = True, is_file: bool = False) -> Iterator[None]:
    """Hold a lock that one block at a time can hold, of all processes.

    The system takes it back from a process that dies. It is only for those who ask for it.

    Args:
        path: a folder that is there.
        wait: bool, whether to wait until no other holds it. Default True.
        is_file: bool, whether `path` is a file, which is made if it is missing, and which a network
            file system can lock as well. Default False.

    Raises:
        BlockingIOError: if another holds it, and `wait` is False.
        FileNotFoundError: if `path` was removed while this one waited.
        OSError: if the file system has no locks.
        ImportError: if the system has none.
    """
    # POSIX only, so not at the top: whoever only trains can import kgan elsewhere.
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT if is_file else os.O_RDONLY, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        # While this one waited, the path may have been removed and another made in its place,
        # which the lock does not hold. Then this finds none, or another.
        if not os.path.samestat(os.fstat(descriptor), os.stat(path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        yield
    finally:
        # Closing releases the lock.
        os.close(descriptor)
