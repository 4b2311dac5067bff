"""The files of `CSVLogger`, in which every epoch stands once also after an interruption."""

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
                "CSVLogger would begin its file anew whenever the run resumes. Received: "
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
    return {
        os.path.relpath(path, folder): path.stat().st_size if path.exists() else 0
        for path in _loggers(callbacks).values()
    }


def cut_logs(callbacks, folder: Path, sizes: dict[str, int], epoch: int) -> None:
    """Remove the lines of epochs that will be run again from the files of all `CSVLogger`.

    Lines of other runs stay: what was written since is removed only if it begins with `epoch`.

    Args:
        callbacks: callbacks of all kinds.
        folder: that of the backups.
        sizes: what `log_sizes` returned when the backup was written.
        epoch: int, the one in which the run resumes.
    """
    for logger, path in _loggers(callbacks).items():
        size = sizes.get(os.path.relpath(path, folder))
        if size is None or not path.exists() or path.stat().st_size <= size:
            continue
        lines = path.read_bytes()[size:].decode(errors="replace").splitlines()
        numbers = [line.partition(logger.sep)[0] for line in lines if not line.startswith("epoch")]
        expected = [str(epoch + index) for index in range(len(numbers))]
        # The last line may be half, and its number with it.
        if numbers[:-1] == expected[:-1] and all(map(str.startswith, expected[-1:], numbers[-1:])):
            os.truncate(path, size)


def _loggers(callbacks) -> dict:
    """All `CSVLogger`, with the paths of their files."""
    loggers = [each for each in callbacks if isinstance(each, keras.callbacks.CSVLogger)]
    return {logger: Path(logger.filename).resolve() for logger in loggers}
