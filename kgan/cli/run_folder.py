"""The folder of a run: what is in it, and whose it is."""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from kgan._utils.files import is_temporary
from kgan._utils.files import remove_at_once
from kgan._utils.files import replacing

# The folder may have been moved, or may be named in another way, and what a run leaves does not
# depend on when its backups are written.
_MAY_DIFFER = ("--run_dir=", "--backup_minutes=", "--backup_images=")
_MEASURED = ("num_images", "num_repeats", "extractor", "metrics")


class RunFolder:
    """A folder with everything of one run.

    Its first file is `flags.txt`, which repeats the run. Until the run is complete there are
    backups, from which the same flags resume it.

    Args:
        path: the folder, which need not be there.

    Attributes:
        path, flags_file, model, backups, samples, curves, log: the folder and what is in it.

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
        self.samples = self.path / "samples"
        self.curves = self.path / "curves.png"
        self.log = self.path / "log.csv"

    @classmethod
    def of(cls, model: Path) -> "RunFolder | None":
        """The run folder that a file lies in, None if it lies in none."""
        run = cls(model.parent)
        return run if run.flags_file.is_file() else None

    def is_begun(self, lines: Sequence[str]) -> bool:
        """Whether the folder holds this very run, begun and not complete.

        Args:
            lines: the flags of the run, a str for each line of a flagfile.

        Raises:
            ValueError: if it holds an incomplete run with other flags.
            OSError: as `check_new`, for a complete run too.
        """
        if not self.flags_file.is_file() or not self.backups.is_dir():
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
        is_over = self.flags_file.is_file() and not self.backups.exists()
        return is_over and self.model.is_file() and not self._differences(lines)

    def begin(self, lines: Sequence[str]) -> None:
        """Write the flags: the first file of a run."""
        # Of two runs that start in one folder at once, one fails.
        with replacing(self.flags_file, may_exist=False) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines))

    def complete(self) -> None:
        """Remove the backups, by which an incomplete run is known, and what a kill has left."""
        remove_at_once(self.backups)

    def flags(self) -> dict[str, str]:
        """The flags of the run by their names; none where there is no file of them."""
        lines = self._lines() if self.flags_file.is_file() else []
        pairs = (line.removeprefix("--").partition("=") for line in lines)
        return {name: value for name, _, value in pairs}

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

    def _lines(self) -> list[str]:
        try:
            return self.flags_file.read_text().splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.flags_file} is no text: it is damaged.") from error

    def _differences(self, lines: Sequence[str]) -> list[str]:
        before = self._lines()
        others = sorted(line for line in {*before} ^ {*lines} if not line.startswith(_MAY_DIFFER))
        return [f"{line} ({'before' if line in before else 'now'})" for line in others]


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
