"""The files of `CSVLogger`, cut back to what they were when a backup was written."""

import csv
import io
import os
from pathlib import Path

import keras


def check_logs(callbacks) -> None:
    """Raise ValueError for a `CSVLogger` that would lose what it has written before.

    Args:
        callbacks: callbacks of all kinds.
    """
    for logger in _loggers(callbacks):
        if not logger.append:
            raise ValueError(
                "CSVLogger would begin its file anew whenever the training goes on. Received: "
                f"CSVLogger({logger.filename!r}) beside Backup. Pass append=True: it begins a "
                "file that is not there."
            )


def log_sizes(callbacks, folder: Path) -> dict[str, int]:
    """How long the files of all `CSVLogger` are, whose last lines are whole after every epoch.

    Args:
        callbacks: callbacks of all kinds.
        folder: that of the backups.

    Returns:
        The bytes of each file, by its path from `folder`, which stays when both are moved.
    """
    paths = {_name(path, folder): path for path in map(_path, _loggers(callbacks))}
    return {name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()}


def cut_logs(callbacks, folder: Path, sizes: dict[str, int], epoch: int) -> None:
    """Remove from the files of all `CSVLogger` what was written since they had these sizes.

    What stood in a file before, perhaps of another training, stays. So does everything in a file
    that the backup does not know, that is shorter than it was, or to which another training has
    written since.

    Args:
        callbacks: callbacks of all kinds.
        folder: that of the backups.
        sizes: what `log_sizes` returned.
        epoch: int, the one that the training goes on with, and so the one of the first line to be
            removed.
    """
    for logger in _loggers(callbacks):
        path = _path(logger)
        size = sizes.get(_name(path, folder))
        if size is None or not path.exists() or path.stat().st_size <= size:
            continue
        if _are_of_one_training(path, size, logger.sep, epoch):
            os.truncate(path, size)
        else:
            print(
                f"Backup: {path} holds lines of another training after those of this one. All stay "
                "there, and some epochs may be in it twice. Give every training a log of its own.",
                flush=True,
            )


def _loggers(callbacks) -> list:
    return [each for each in callbacks if isinstance(each, keras.callbacks.CSVLogger)]


def _path(logger) -> Path:
    return Path(logger.filename)


def _name(path: Path, folder: Path) -> str:
    try:
        return os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:
        # On another drive of Windows.
        return str(path.resolve())


def _are_of_one_training(path: Path, size: int, separator: str, epoch: int) -> bool:
    """Whether a file has from `size` on only lines of epochs that follow on each other."""
    text = path.read_bytes()[size:].decode(errors="replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return False
    # A file that was empty begins with the names of its columns.
    numbers = [row[0] if row else "" for row in rows[0 if size else 1 :]]
    expected = [str(epoch + index) for index in range(len(numbers))]
    if numbers and expected[-1].startswith(numbers[-1]):
        # The last line may be half, and its number with it.
        numbers[-1] = expected[-1]
    return numbers == expected
