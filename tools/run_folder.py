"""What every tool with a run folder does first: refuse, then write down its flags."""

import os
import sys
from pathlib import Path

from absl import flags

# What a run folder holds until the run is complete, and what it holds then.
BACKUPS = "backup"
MODEL = "gan.keras"
# The folder may have been moved, or may be named in another way, and what a run leaves does not
# depend on when its backups are written.
_MAY_DIFFER = ("--run_dir=", "--backup_minutes=", "--backup_images=")


def check_no_arguments(arguments: list[str]) -> None:
    """Raise ValueError for what is no flag, such as the value of a boolean flag."""
    if arguments:
        raise ValueError(
            f"Everything is said by flags. Received: {' '.join(arguments)}. "
            "Booleans are --conditional or --noconditional, other values follow a '='."
        )


def check_run_folder(run: Path) -> None:
    """Raise OSError if the folder holds another run, or anything else, or cannot be made."""
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise FileExistsError(
            f"The run folder must be new or empty. Received: --run_dir={run}, which holds "
            f"{_contents(run)}. Nothing was changed. Choose another folder, for example "
            f"--run_dir={run}-2."
        )
    above = next(folder for folder in (run, *run.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PermissionError(
            f"The run folder cannot be made. Received: --run_dir={run}, but {above} is no folder "
            "that you may write to. Choose another --run_dir."
        )


def is_begun(run: Path) -> bool:
    """Whether the folder holds this very run, begun and not complete.

    Raises:
        ValueError: if it holds an incomplete run with other flags.
        OSError: as `check_run_folder` does, for a complete run too.
    """
    if not (run / "flags.txt").is_file() or not (run / BACKUPS).is_dir():
        # One that was killed before it wrote its flags has nothing but this.
        if not run.is_dir() or [path.name for path in run.rglob("*")] != [BACKUPS]:
            check_run_folder(run)
        return False
    differences = _differences(run)
    if differences:
        raise ValueError(
            f"The folder {run} holds a run with other flags, which is not complete. They differ "
            f"in {', '.join(differences)}. Nothing was changed. Go on with it by "
            f"--flagfile={run / 'flags.txt'}, or choose another --run_dir."
        )
    return True


def is_complete(run: Path) -> bool:
    """Whether the folder holds this very run, and nothing is left to do."""
    is_over = (run / "flags.txt").is_file() and not (run / BACKUPS).exists()
    return is_over and (run / MODEL).is_file() and not _differences(run)


def _differences(run: Path) -> list[str]:
    """The flags that are others than those of the run in a folder."""
    before, now = (run / "flags.txt").read_text().splitlines(), _resolved_flags()
    differences = sorted(line for line in {*before} ^ {*now} if not line.startswith(_MAY_DIFFER))
    return [f"{line} ({'before' if line in before else 'now'})" for line in differences]


def write_flags(run: Path) -> None:
    """Write the resolved flags: the first file of a run, and what repeats it."""
    run.mkdir(parents=True, exist_ok=True)
    # Exclusive: of two runs that start in one folder at once, one fails.
    with open(run / "flags.txt", "x") as file:
        file.write("".join(f"{line}\n" for line in _resolved_flags()))


def _resolved_flags() -> list[str]:
    resolved = sorted(flags.FLAGS.get_key_flags_for_module(sys.argv[0]), key=lambda flag: flag.name)
    return [
        line
        for flag in resolved
        if flag.value not in (None, [])
        for line in flag.serialize().splitlines()
    ]


def _contents(run: Path) -> str:
    if not run.is_dir():
        return "a file"
    names = sorted(path.name for path in run.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
