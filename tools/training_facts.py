"""What a model card says of a training: what a run folder has written down of it."""

import json
import sys
from pathlib import Path

from generator_file import digest
from real_images import DATA_FLAGS
from real_images import flags_of_run

_MEASURED = ("num_images", "num_repeats", "extractor", "metrics")


def training_facts(model: Path, run: Path | None) -> dict:
    """The facts known of the training behind a .keras file.

    Args:
        model: the .keras file.
        run: the run folder it lies in, None for a file without one.

    Returns:
        dict with data (the data set's flags), recipe (the other flags of the run), command (the
        export's) and metrics (of the run's newest evaluation of this very file); None for what is
        not known.
    """
    recipe = flags_of_run(run / "flags.txt") if run else {}
    data = {name: recipe.pop(name) for name in DATA_FLAGS if name in recipe}
    # Where it was made says nothing of how.
    recipe.pop("run_dir", None)
    return {
        "data": data or None,
        "recipe": recipe or None,
        "command": ["python", *sys.argv],
        "metrics": _metrics(model, run) if run else None,
    }


def _refuse(number: str):
    raise ValueError(number)


def _metrics(model: Path, run: Path) -> dict | None:
    """The newest measurements of a file, and not those of what it was before."""
    found = [_read(path) for path in run.glob("evaluation*/metrics.json")]
    of_this = [each for each in found if each and each["generator_sha256"] == digest(model)]
    if not of_this:
        return None
    newest = max(of_this, key=lambda each: each["date"])
    return {name: newest[name] for name in _MEASURED}


def _read(path: Path) -> dict | None:
    """What an evaluation has written, None for what none has."""
    try:
        # A number that JSON does not know is none for the card either.
        found = json.loads(path.read_text(), parse_constant=_refuse)
        if {"generator_sha256", "date", *_MEASURED} <= found.keys():
            return found
    except (OSError, ValueError, AttributeError):
        pass
    print(f"{path} is damaged or of another program: not on the model card.", file=sys.stderr)
    return None
