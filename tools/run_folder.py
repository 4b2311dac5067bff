"""What every tool with a run folder does first: refuse, then write down its flags."""

import os
import sys
from pathlib import Path

from absl import flags


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


def write_flags(run: Path) -> None:
    """Write the resolved flags: the first file of a run, and what repeats it."""
    run.mkdir(parents=True, exist_ok=True)
    resolved = sorted(flags.FLAGS.get_key_flags_for_module(sys.argv[0]), key=lambda flag: flag.name)
    lines = [flag.serialize() for flag in resolved if flag.value not in (None, [])]
    # Exclusive: of two runs that start in one folder at once, one fails.
    with open(run / "flags.txt", "x") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _contents(run: Path) -> str:
    if not run.is_dir():
        return "a file"
    names = sorted(path.name for path in run.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
