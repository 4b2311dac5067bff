"""Files that are either whole or not there, and folders that one process has for itself."""

import contextlib
import errno
import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path

# A foreign archive may unpack to so many bytes, or to so many times its own size. What Keras and
# NumPy write is hardly compressed.
_ALWAYS_UNPACKED, _TIMES_UNPACKED = 2**28, 20


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
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Write `path` so that a reader sees the old file or the new one, never half of one.

    The block writes to a temporary path beside the target. When it ends well the file is flushed to
    the disk and renamed over the target; when it fails the temporary file is removed and the
    target is as it was.

    Args:
        path: the file to write. Its folder is made if it is missing.

    Yields:
        The temporary path, in the same folder and with the same suffix, which the block must write.

    Example:
        >>> with replacing("runs/digits/gan.keras") as temporary:
        ...     model.save(temporary)
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not of `tempfile`, whose files nobody else may read.
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        flush_to_disk(temporary)
        os.replace(temporary, target)
        flush_to_disk(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
