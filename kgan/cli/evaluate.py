"""Measure what a generator makes: numbers on the terminal, metrics.json, and a page to look at.

    kgan evaluate --run_dir=runs/digits
    kgan evaluate --model=exported/digits --dataset=digits
    kgan evaluate --model=exported/digits/digits.tflite --dataset=digits --num_repeats=5
    kgan evaluate --run_dir=runs/photos --extractor=imagenet
    kgan evaluate --run_dir=runs/photos --extractor=inception:classify_image_graph_def.pb

A run folder, a .keras file, an exported SavedModel (of a folder of versions the newest), a .tflite
or an .onnx file, against real images: by default those the run was trained on. All formats of a
generator get the same latents and labels for a seed, and so the same numbers, to rounding.

It leaves metrics.json and report.html in <run>/evaluation, or evaluation-2 and so on where there is
one already. The page needs no other file: samples, the training images nearest to them, the way
from one latent to another, classes, and every number with its uncertainty and its protocol.

Distances, precision, recall and classes need an extractor, which makes features of images: the
package has one for digits and one for fashion, trains one where a data set has labels, and takes
Keras' ImageNet network for photographs where it is asked to. Without any the page has all the rest.

Where enough real images are left over, they are measured in place of the samples too: what no
generator can be expected to surpass. Copies are found by comparison with held-out images, or else
with training images, each compared with the others. With --train_on_samples classifiers are trained
on samples, on real images and on both, and tested on held-out ones: do the samples help?

Expected time: about 14 s of processor time for the digits recipe, a good part of it imports.
"""

import datetime
import functools
import json
import platform
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from kgan import evaluation
from kgan import metrics
from kgan import report
from kgan._utils.files import appearing
from kgan._version import __version__
from kgan.cli import generators
from kgan.cli import real_images
from kgan.cli.command import Flags
from kgan.cli.command import in_one_line
from kgan.cli.command import warn
from kgan.cli.run_folder import RunFolder
from kgan.cli.run_folder import check_new

# What is left, and what is not, where no extractor is at hand.
WITHOUT = (
    "So the page has samples, ways between latents and the nearest training images by pixels, but "
    "no distances, precision, recall and classes."
)
HOLD_OUT = (
    "No real images were held out. Name some by --held_out; of a folder, --split=train trains "
    "without a tenth, which is measured by then."
)

NOT_TRAINED = (
    "Whether the samples help to train a classifier was not measured: --train_on_samples does, in "
    "some minutes."
)


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    define = flags.define
    generators.define(flags, "run_dir", "<run folder>")
    real_images.define(flags, None)
    real_images.define_extractor(flags)
    # Of mnist the embedded digits, which are its test images; of a folder's split train the other.
    held_out = "Real images not trained on: a data set, or 'split:<name>' of the same."
    define("string", "held_out", None, held_out)
    define("list", "metrics", None, "Names as kgan.metrics.get takes them. Default: the main.")
    define("integer", "num_images", None, "Samples and reals. Default: 10,000 or half the data.", 2)
    define("integer", "num_repeats", 3, "Sets of samples, for the uncertainty.", 1)
    define("bool", "train_on_samples", False, "Ask whether samples help to train a classifier.")
    define("integer", "seed", 0, "Seed of the first set of samples.", 0, 2**32 - 2**16)
    define("string", "output", None, "New folder. Default: in the run, or evaluations/<name>.")
    define("string", "cache_dir", real_images.CACHE, "Where features of real images are kept.")


def main(flags: Flags) -> int:
    """Load everything, examine the generator, print and write what was found."""
    path = generators.find_generator(Path(flags.model or flags.run_dir))
    run = RunFolder.of(path)
    options = real_images.data_options(flags, run)
    choose = functools.partial(new_folder, flags.output, path, run)
    # What cannot be written to is refused before the work.
    choose()
    chosen = chosen_metrics(flags)
    training, held_out = real_images.load_images(options, flags.held_out)
    generator = generators.open_generator(path, flags, training.num_classes)
    real_images.check_shape(generator.image_shape, training)
    extractor, doubts = choose_extractor(flags, training, options["dataset"])
    print(
        f"{path} against {len(training):,} images of {training.name}, {by_what(extractor)}.",
        flush=True,
    )
    with warnings.catch_warnings(record=True) as caught:
        findings = evaluation.examine(
            generator.function,
            evaluation.divide(training, held_out, flags.num_images),
            extractor,
            latent_dim=generator.latent_dim,
            num_classes=generator.num_classes,
            seed=flags.seed,
            metrics=chosen,
            repeats=flags.num_repeats,
            train_on_samples=flags.train_on_samples,
            cache_dir=Path(flags.cache_dir).expanduser(),
        )
    for doubt in dict.fromkeys(str(warning.message) for warning in caught):
        warn(doubt)
        doubts.append(doubt)
    print(f"\n{report.as_text(findings)}")
    if held_out is None:
        print(HOLD_OUT)
    elif findings.usefulness is None and not findings.usefulness_takes:
        print(NOT_TRAINED)
    # Whatever the package is called that brought it: Keras has imported it.
    packages = {name: sys.modules[name].__version__ for name in ("keras", "tensorflow", "numpy")}
    facts = {
        "command": flags.command("evaluate"),
        "generator": str(path),
        "generator_sha256": generators.digest(path),
        "dataset": training.name,
        "dataset_images": len(training),
        "image_shape": list(training.image_shape),
        "extractor": findings.extractor,
        "extractor_accuracy": getattr(extractor, "accuracy", None),
        "extractor_sha256": getattr(extractor, "fingerprint", None),
        "seed": flags.seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"kgan": __version__, **packages, "python": platform.python_version()},
    }
    output = write(findings, facts, doubts, choose)
    print(f"\nLeft in {output}: metrics.json, report.html (open it in a browser)")
    return 0


def choose_extractor(flags: Flags, training, dataset: str) -> tuple:
    """What looks at the images; or None, where nothing was asked for, and a list that says why."""
    try:
        found = real_images.choose_extractor(flags.extractor, training, dataset, flags.cache_dir)
        return found, []
    except ValueError as error:
        if flags.extractor is not None:
            raise
        others = real_images.other_extractors(training.image_shape)
        doubt = f"{in_one_line(error)} {WITHOUT} {others}"
        warn(doubt)
        return None, [doubt]


def by_what(extractor) -> str:
    """The extractor in words."""
    if extractor is None:
        return "by their pixels alone"
    right = extractor.accuracy and f", right on {extractor.accuracy:.1%} of held-out images"
    return f"by the extractor {extractor.name!r}{right or ''}"


def new_folder(output: str | None, generator: Path, run: RunFolder | None) -> Path:
    """Where the evaluation goes: a folder that is new or empty."""
    if output is None:
        # The folder of an export is one of its versions, <name>/<number>.
        name = generator.parent.name if generator.is_dir() else generator.stem
        first = Path("evaluations", name) if run is None else run.path / "evaluation"
        output, number = first, 1
        while output.exists():
            number += 1
            output = first.with_name(f"{first.name}-{number}")
    check_new(Path(output), "--output")
    return Path(output)


def chosen_metrics(flags: Flags) -> list | None:
    """The measures of --metrics, None for the default."""
    if flags.metrics is None:
        return None
    # Small sets are measured by smaller subsets; the protocol says how many.
    smaller = metrics.KernelDistance(subset_size=min(1000, flags.num_images or 1000))
    return [smaller if name == "kernel_distance" else metrics.get(name) for name in flags.metrics]


def write(findings, facts: dict, doubts: list[str], choose: Callable[[], Path]) -> Path:
    """Write metrics.json and report.html into the folder that `choose` names, and return it."""
    while True:
        output = choose()
        try:
            with appearing(output) as folder:
                write_into(folder, findings, facts, doubts)
            return output
        except FileExistsError:
            # Another evaluation has taken it meanwhile.
            continue


def write_into(folder: Path, findings, facts: dict, doubts: list[str]) -> None:
    """Write metrics.json and report.html."""
    found = {**facts, "warnings": doubts, **findings.as_dict()}
    (folder / "metrics.json").write_text(json.dumps(found, indent=1))
    provenance = {name.replace("_", " "): str(fact) for name, fact in facts.items()}
    numbers = [f"{name} {number}" for name, number in facts["versions"].items()]
    provenance["versions"] = ", ".join(numbers)
    report.write(
        findings,
        folder / "report.html",
        title=f"What {facts['generator']} makes",
        subtitle=f"against {facts['dataset']}, {facts['date'][:10]}",
        provenance=provenance,
        warnings=doubts,
    )
