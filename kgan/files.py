"""Files that are either whole or not there."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


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
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; what replaces a user's file gets a user's permissions.
        temporary.chmod(0o666 & ~_umask())
        flush_to_disk(temporary)
        os.replace(temporary, target)
        flush_to_disk(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_to_disk(path: str | os.PathLike) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
