"""The folder of a training's backups: the newest sound one, and no more than are to be kept."""

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kgan._utils.arrays_file import ArraysFile
from kgan._utils.arrays_file import DamagedFileError
from kgan._utils.arrays_file import ForeignFileError
from kgan._utils.arrays_file import write_arrays
from kgan._utils.files import locked
from kgan._utils.files import remove_leftovers
from kgan._utils.messages import tell

_NAME = re.compile(r"backup-\d{12}\.npz")
# What a backup says it is, with the number of its form.
_KIND = "backup 2"


class BackupFolder:
    """Backups by the number of images their model had seen.

    Args:
        folder: it is made by the first backup.
        keep: int, how many backups stay when another one is written.

    Attributes:
        path: `Path` of the folder.

    Raises:
        NotADirectoryError: if `folder` is a file.
    """

    def __init__(self, folder, keep: int):
        self.path = Path(folder)
        self._keep = keep
        self._held = contextlib.ExitStack()
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(
                f"Backup writes several files and needs a folder. Received: {folder}, a file."
            )

    def hold(self) -> None:
        """Make the folder this training's own until `release`: no other process may write to it.

        On a disk without locks, or that nobody may write to, it is not held. The lock's file stays
        in the folder; what a process has left that was killed while it wrote is removed.

        Raises:
            ValueError: if another run holds it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(locked(self.path / ".lock", wait=False, is_file=True))
        except BlockingIOError:
            raise ValueError(
                f"Another process is training in {self.path} now, and two would write over each "
                "other's backups. Wait until it ends, or end it; or choose another folder."
            ) from None
        except (OSError, ImportError):
            pass
        remove_leftovers(self.path)

    def release(self) -> None:
        """End what `hold` began, and close what `newest` opened."""
        self._held.close()

    def newest(self) -> ArraysFile | None:
        """The newest backup that is not damaged. For each that is, a warning is printed.

        Returns:
            The open file; None if there is no backup at all.

        Raises:
            ValueError: if all are damaged, or one is something else.
            OSError: if one cannot be read: it may be as sound as ever.
        """
        backups = self.backups()
        for path in reversed(backups):
            try:
                file = self._held.enter_context(ArraysFile(path))
                if file.header.get("kind") != _KIND:
                    raise ForeignFileError(f"{path} is no backup of a run, or one of another kgan.")
                return file
            except DamagedFileError as error:
                tell(f"Backup: {error} It is skipped.")
            except ForeignFileError as error:
                raise ValueError(
                    f"{error} Move it away, or choose another folder for the backups."
                ) from error
            except OSError as error:
                error.add_note(
                    f"Backup: {path} could not be read, which says nothing about the file. Nothing "
                    "was changed: begin again when the disk gives it."
                )
                raise
        if backups:
            raise ValueError(
                f"All backups in {self.path} are damaged: "
                f"{', '.join(path.name for path in backups)}. Remove them to train from the "
                "beginning, or choose another folder."
            )
        return None

    def write(self, images: int, header: dict, arrays: Iterable[tuple[str, np.ndarray]]) -> None:
        """Write a backup, then remove those that are not to be kept.

        Args:
            images: int, real images its model has seen.
            header: as in `write_arrays`.
            arrays: as in `write_arrays`.

        Raises:
            OSError: if the disk does not take it. All other backups are still there.
        """
        target = self.path / f"backup-{images:012d}.npz"
        write_arrays(target, {"kind": _KIND, **header}, arrays)
        backups = self.backups()
        # Later ones are damaged, or of a past that was taken back: weights of an earlier step were
        # loaded.
        number = backups.index(target)
        for path in [*backups[number + 1 :], *backups[: max(0, number + 1 - self._keep)]]:
            path.unlink(missing_ok=True)

    def backups(self) -> list[Path]:
        """The paths of all backups, from the oldest to the newest."""
        try:
            paths = list(self.path.iterdir())
        # Any other error does not mean that there is none.
        except FileNotFoundError:
            return []
        return sorted(path for path in paths if _NAME.fullmatch(path.name))
