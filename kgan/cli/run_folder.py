"""The folder of a run: what is in it, and whose it is."""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from kgan._utils.arrays_file import ArraysFile
from kgan._utils.files import is_temporary
from kgan._utils.files import remove_leftovers
from kgan._utils.files import replacing

# The folder may have been moved, or may be named in another way, what a run leaves does not depend
# on when its backups are written, and a run may become longer.
_MAY_DIFFER = ("--run_dir=", "--backup_minutes=", "--backup_images=", "--images=", "--epochs=")
_BACKUPS = f"backup-{'[0-9]' * 12}.npz"
_MEASURED = ("num_images", "num_repeats", "extractor", "metrics")


class RunFolder:
    """A folder with everything of one run.

    Its first file is `flags.txt`, which repeats the run. Until the run is complete there are
    backups, from which the same flags resume it; then the last one is its end, from which it goes
    on when more images are asked for.

    Args:
        path: the folder, which need not be there.

    Attributes:
        path, flags_file, model, backups, end, samples, curves, log: the folder and what is in it.

    Example:
        >>> run = RunFolder("runs/digits")
        >>> run.flags()["dataset"]
        'digits'
        >>> gan = keras.saving.load_model(run.model)
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.flags_file = self.path / "flags.txt"
        self.model = self.path / "gan.keras"
        self.backups = self.path / "backup"
        self.end = self.path / "end"
        self.samples = self.path / "samples"
        self.curves = self.path / "curves.png"
        self.log = self.path / "log.csv"

    @classmethod
    def of(cls, model: Path) -> "RunFolder | None":
        """The run folder that a file lies in, None if it lies in none."""
        run = cls(model.parent)
        return run if run.flags_file.is_file() else None

    def is_begun(self, lines: Sequence[str]) -> bool:
        """Whether the folder holds this very run, begun and not complete, or to be made longer.

        Args:
            lines: the flags of the run, a str for each line of a flagfile.

        Raises:
            ValueError: if it holds an incomplete run with other flags, or a complete one that
                cannot be made longer.
            OSError: as `check_new`, for a complete run with other flags too.
        """
        if not self.flags_file.is_file() or not self.backups.is_dir():
            if self._is_over(lines):
                if self._last(self.end) is None:
                    raise ValueError(
                        f"The run in {self.path} is complete, and its end, {self.end}, is not "
                        "there. Without it the run cannot be made longer. Nothing was changed. "
                        f"Choose another --run_dir; --init_from={self.model} begins with its "
                        "weights."
                    )
                return True
            # One that was killed before it had written its flags has nothing but this.
            found = [*self.path.glob("*"), *self.backups.glob("*")]
            if [path for path in found if not is_temporary(path)] != [self.backups]:
                check_new(self.path, "--run_dir")
            return False
        differences = self._differences(lines)
        if differences:
            raise ValueError(
                f"The folder {self.path} holds a run with other flags, which is not complete. They "
                f"differ in {', '.join(differences)}. Nothing was changed. Resume it by "
                f"--flagfile={self.flags_file}, or choose another --run_dir."
            )
        return True

    def is_complete(self, lines: Sequence[str]) -> bool:
        """Whether the folder holds this very run, and nothing is left to do."""
        if not self._is_over(lines):
            return False
        last, given = self._last(self.end), _by_name(lines)
        seen = self.flags()
        if last is not None:
            with ArraysFile(last) as file:
                seen = {"images": _images_of(last), "epochs": file.header["epochs"]}
        # As in a run, epochs come before images.
        name = "epochs" if "epochs" in given else "images"
        return int(given.get(name, 0)) <= int(seen.get(name, 0))

    def images_seen(self) -> int | None:
        """How many images the newest backup has seen, None without one."""
        last = self._last(self.backups) or self._last(self.end)
        return None if last is None else _images_of(last)

    def begin(self, lines: Sequence[str]) -> None:
        """Write the flags: the first file of a run."""
        # Of two runs that start in one folder at once, one fails.
        with replacing(self.flags_file, may_exist=False) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines))

    def go_on(self, lines: Sequence[str]) -> None:
        """Write the flags of now, and make the end of a complete run its newest backup."""
        with replacing(self.flags_file) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines))
        # Killed here, it is a complete run with too few images, which the same command resumes.
        if self.end.is_dir():
            self.end.rename(self.backups)

    def complete(self) -> None:
        """Keep the last backup alone, as the end: without backups a run is known as complete."""
        last = self._last(self.backups)
        for path in self.backups.iterdir():
            # The lock, too.
            if path != last and path.is_file():
                path.unlink(missing_ok=True)
        self.backups.rename(self.end)
        remove_leftovers(self.path)

    def flags(self) -> dict[str, str]:
        """The flags of the run by their names; none where there is no file of them."""
        return _by_name(self._lines() if self.flags_file.is_file() else [])

    def measured(self, digest: str) -> dict | None:
        """The newest evaluation of a model of the run, and of no other state of its file.

        Args:
            digest: SHA-256 of the model's file.

        Returns:
            dict with num_images, num_repeats, extractor and metrics; None if there is none.
        """
        of_this = []
        for path in sorted(self.path.glob("evaluation*/metrics.json")):
            try:
                found = json.loads(path.read_text())
                # One without extractor has looked, and measured nothing.
                if found["metrics"] and found["generator_sha256"] == digest:
                    of_this.append((found["date"], {name: found[name] for name in _MEASURED}))
            except (OSError, ValueError, KeyError, TypeError):
                print(f"{path} is damaged or of another program, and is left out.", file=sys.stderr)
        return max(of_this, key=lambda dated: dated[0])[1] if of_this else None

    def _is_over(self, lines: Sequence[str]) -> bool:
        """Whether the folder holds this run, complete, however long it was."""
        is_over = self.flags_file.is_file() and not self.backups.exists()
        return is_over and self.model.is_file() and not self._differences(lines)

    def _last(self, folder: Path) -> Path | None:
        return max(folder.glob(_BACKUPS), default=None)

    def _lines(self) -> list[str]:
        try:
            return self.flags_file.read_text().splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.flags_file} is no text: it is damaged.") from error

    def _differences(self, lines: Sequence[str]) -> list[str]:
        before = self._lines()
        others = sorted(line for line in {*before} ^ {*lines} if not line.startswith(_MAY_DIFFER))
        return [f"{line} ({'before' if line in before else 'now'})" for line in others]


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.removeprefix("--").partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def _images_of(backup: Path) -> int:
    return int(backup.stem.removeprefix("backup-"))


def check_new(folder: Path, flag: str) -> None:
    """Raise OSError unless a folder is new or empty and can be written to.

    Args:
        folder: the folder.
        flag: the flag that named it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{flag} must be a new or empty folder. Received: {flag}={folder}, which holds "
            f"{contents(folder)}. Nothing was changed. Choose another, for example "
            f"{flag}={folder}-2."
        )
    check_writable(folder, flag)


def check_writable(folder: Path, flag: str) -> None:
    """Raise OSError unless a folder can be written to, or made.

    Args:
        folder: the folder.
        flag: the flag that named it.
    """
    # A path has one slash of two.
    if re.match(r"\w\w+:/", str(folder)):
        raise ValueError(
            f"{flag} must be a folder of this machine. Received: {folder}, an address. Copy the "
            "folder there afterwards."
        )
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PermissionError(
            f"The folder cannot be made. Received: {flag}={folder}, but {above} is no folder that "
            f"you may write to. Choose another {flag}."
        )


def contents(folder: Path) -> str:
    """What is in a folder, in words."""
    if not folder.is_dir():
        return "a file" if folder.exists() else "nothing, for it is not there"
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return shown or "nothing"
