"""What an evaluation leaves: a folder of its own with metrics.json and report.html."""

import datetime
import itertools
import json
import os
import platform
import shlex
import sys
from pathlib import Path

from generator_file import digest


def output_folder(output: str | None, generator: Path, run: Path | None) -> Path:
    """Where the evaluation goes: a folder that is new or empty.

    Args:
        output: the value of --output, None where nothing was said.
        generator: the generator's file or folder.
        run: the run folder of the generator, None if it has none.

    Returns:
        The folder, which need not exist.

    Raises:
        OSError: if --output holds something, or cannot be written to.
    """
    if output:
        if holds_something(Path(output)):
            raise FileExistsError(
                f"--output must be new or empty. Received: --output={output}, which holds "
                "something. Nothing was changed. Choose another folder."
            )
        return check_writable(Path(output))
    if run is not None:
        first = run / "evaluation"
    else:
        # The folder of an export is one of its versions, <name>/<number>.
        name = generator.parent.name if generator.is_dir() else generator.stem
        first = Path("evaluations", name)
    taken = itertools.count(2)
    folder = first
    while holds_something(folder):
        folder = first.with_name(f"{first.name}-{next(taken)}")
    return check_writable(folder)


def holds_something(folder: Path) -> bool:
    """Whether a folder cannot be taken: it is a file, or there are files in it."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def check_writable(folder: Path) -> Path:
    """The folder itself, if it can be made and written to; PermissionError if not."""
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise PermissionError(
            f"{folder} cannot be made: {above} is no folder that you may write to. Choose another "
            "--output."
        )
    return folder


def print_findings(findings) -> None:
    """The numbers and the classes, as tables."""
    from kgan.report.numbers import terminal_table

    print(f"\n{terminal_table(findings.numbers)}")
    if findings.real_images:
        print(f"real images: {findings.real_images}, in place of the samples")
    classes = findings.classes
    if classes is not None:
        print(f"\n{classes.terminal_table()}")
    print("\nsamples as near to a training image as the nearest 1 % of real images:")
    for space in findings.closeness:
        print(f"{space.close_share:7.1%}  by {space.space}")


def facts_of(generator: Path, training, extractor, *, seed: int) -> dict:
    """Where the numbers come from, for metrics.json and for the page.

    Args:
        generator: the generator's file or folder.
        training: the `kgan.data.Images` that it was trained on.
        extractor: the `kgan.features.Extractor`.
        seed: the seed of the first set of samples.

    Returns:
        What can be written as JSON, by its names.
    """
    import keras
    import numpy
    import tensorflow

    import kgan

    return {
        "command": shlex.join(["python", *sys.argv]),
        "generator": str(generator),
        "generator_sha256": digest(generator),
        "dataset": training.name,
        "dataset_images": len(training),
        "image_shape": list(training.image_shape),
        "extractor": extractor.name,
        "extractor_accuracy": extractor.accuracy,
        "extractor_sha256": extractor.fingerprint,
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {
            "kgan": kgan.__version__,
            "keras": keras.__version__,
            "tensorflow": tensorflow.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        },
    }


def write(findings, facts: dict, output: Path) -> None:
    """Write metrics.json and report.html, each whole or not at all."""
    from kgan._utils.files import replacing
    from kgan.report import report_page

    found = {
        **facts,
        "num_images": findings.numbers[0].measurement.num_fake,
        "num_repeats": findings.numbers[0].measurement.sample_sets,
        "metrics": {number.name: number.as_dict() for number in findings.numbers},
        "classes": None if findings.classes is None else findings.classes.as_dict(),
        "neighbours": [space.as_dict() for space in findings.closeness],
    }
    page = report_page(
        findings,
        title=f"What {facts['generator']} makes",
        subtitle=f"against {facts['dataset']}, {facts['date'][:10]}",
        provenance=in_words(facts),
        warnings=facts["warnings"],
    )
    with replacing(output / "metrics.json") as temporary:
        temporary.write_text(json.dumps(found, indent=1))
    with replacing(output / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(f"\nLeft in {output}: metrics.json, report.html (open it in a browser)")


def in_words(facts: dict) -> dict[str, str]:
    """The facts as a page shows them."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    accuracy = facts["extractor_accuracy"]
    right = "" if accuracy is None else f", right on {accuracy:.1%} of held-out real images"
    shape = " x ".join(map(str, facts["image_shape"]))
    return {
        "command": facts["command"],
        "generator": facts["generator"],
        "generator's SHA-256": facts["generator_sha256"],
        "data set": f"{facts['dataset']}, {facts['dataset_images']:,} images of {shape}",
        "extractor": f"{facts['extractor']}{right}",
        "extractor's SHA-256": facts["extractor_sha256"],
        "date": facts["date"],
        "versions": versions,
    }
