"""Measure what a generator makes: numbers on the terminal, metrics.json, and a page to look at.

    python tools/evaluate.py --run_dir=runs/digits
    python tools/evaluate.py --model=exported/digits --dataset=digits
    python tools/evaluate.py --model=exported/digits/digits.tflite --dataset=digits --num_repeats=5
    python tools/evaluate.py --run_dir=runs/photos --extractor=classifier --held_out=folder:others

A run folder, a .keras file, an exported SavedModel (of a folder of versions the newest) or a
.tflite file, against real images: by default those the run was trained on. All formats of a
generator get the same latents and labels for a seed, and so the same numbers, to rounding.

It leaves metrics.json and report.html in <run>/evaluation, or evaluation-2 and so on where there is
one already. The page needs no other file: samples, the training images nearest to them, the way
from one latent to another, classes, and every number with its uncertainty and its protocol.

Where enough real images are left over, they are measured in place of the samples too: what no
generator can be expected to surpass.

Expected time: about 14 s of processor time for the digits recipe, a good part of it imports.
"""

import contextlib
import datetime
import itertools
import json
import os
import platform
import shlex
import sys
import warnings
from pathlib import Path

from absl import app
from absl import flags
from absl import logging
from generator_file import digest
from generator_file import find_generator
from generator_file import open_generator

FLAGS = flags.FLAGS

METRICS = (
    "frechet_distance",
    "kernel_distance",
    "precision_recall",
    "density_coverage",
    "mode_count",
    "inception_score",
    "classifier_two_sample",
    "ms_ssim",
)

flags.DEFINE_string("run_dir", None, "Run folder of tools/train.py, whose gan.keras is measured.")
flags.DEFINE_string("model", None, "Instead: a .keras file, an exported folder or a .tflite file.")
flags.DEFINE_string(
    "dataset",
    None,
    "Real images: 'digits', 'folder:<path>', 'idx:<path>' with MNIST's published files, or the "
    "name of a TensorFlow Datasets image set, such as 'mnist'. Default: those of the run.",
)
flags.DEFINE_string("split", None, "Split of such a set. Default: the run's.")
flags.DEFINE_integer("image_size", None, "Pixels a side to resize to. Default: the run's.", 1)
flags.DEFINE_string("data_dir", None, "Where TensorFlow Datasets keeps prepared data.")
flags.DEFINE_string("manual_dir", None, "Folder with files downloaded by hand, for one data set.")
flags.DEFINE_string(
    "held_out",
    None,
    "Real images that the generator was not trained on: another data set, or 'split:<name>' of "
    "the same. Default: for mnist the embedded digits, which are its test images.",
)
flags.DEFINE_string(
    "extractor",
    None,
    "What looks at the images: 'digits', 'fashion', 'inception:<path>', a .keras file, or "
    "'classifier' for one trained on the data set. Default: by the data set.",
)
flags.DEFINE_list(
    "metrics", None, f"Some of {', '.join(METRICS)}. Default: distance, precision, recall, classes."
)
flags.DEFINE_integer(
    "num_images", None, "Samples and real images. Default: 10,000, or half of a small data set.", 2
)
flags.DEFINE_integer("num_repeats", 3, "Sets of samples, for the uncertainty.", 1)
flags.DEFINE_integer("seed", 0, "Seed of the first set of samples.", 0, 2**32 - 2**16)
flags.DEFINE_string("output", None, "New folder. Default: in the run, or evaluations/<name>.")
flags.DEFINE_string(
    "cache_dir", "~/.cache/kgan", "Where features of real images and classifiers are kept."
)
# The data set's flags, which a run has written down.
_DATA_FLAGS = ("dataset", "split", "image_size", "data_dir", "manual_dir")
# Data sets for which the package holds a trained extractor; what comes after is a version.
_SHIPPED = {"digits": "digits", "mnist": "digits", "fashion_mnist": "fashion"}


def main(arguments: list[str]) -> int:
    # absl's `app.run` makes TensorFlow and TFDS report their progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    try:
        # TensorFlow takes seconds to import. A wrong flag or path is told before that, and so every
        # import of it in this file is inside a function.
        check_flags(arguments[1:])
        path = find_generator(Path(FLAGS.model or Path(FLAGS.run_dir, "gan.keras")))
        options = data_options(path)
        check_extractor()
        output = output_folder(path)
        return evaluate(path, options, output)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing was written.", file=sys.stderr)
        return 130


def check_flags(arguments: list[str]) -> None:
    """Raise ValueError unless the flags say one thing, and nothing is said but by flags."""
    if arguments:
        raise ValueError(f"Everything is said by flags. Received: {' '.join(arguments)}.")
    if (FLAGS.run_dir is None) == (FLAGS.model is None):
        raise ValueError(
            "Give either --run_dir=<run folder> or --model=<file.keras, exported folder or "
            "file.tflite>."
        )
    unknown = [name for name in FLAGS.metrics or [] if name not in METRICS]
    if unknown or FLAGS.metrics == []:
        raise ValueError(
            f"--metrics must be some of {', '.join(METRICS)}. "
            f"Received: {', '.join(unknown) or 'none'}."
        )


def run_folder(path: Path) -> Path | None:
    """The run folder of a generator's file, None if it lies in none."""
    if FLAGS.run_dir:
        return Path(FLAGS.run_dir)
    return path.parent if Path(path.parent, "flags.txt").is_file() else None


def data_options(path: Path) -> dict:
    """What is known of the data set, by the flags or else by the run's.

    Raises:
        ValueError: if neither names a data set.
        FileNotFoundError: if a folder of pictures is not there.
    """
    options = {name: FLAGS[name].value for name in _DATA_FLAGS}
    run = run_folder(path)
    if run is not None and options["dataset"] is None:
        written = flags_of_run(run / "flags.txt")
        options = {name: options[name] or written.get(name) for name in _DATA_FLAGS}
    if options["dataset"] is None:
        raise ValueError(
            "Against which real images? Give --dataset=digits, --dataset=folder:<path> or the name "
            "of a TensorFlow Datasets set, the one that the generator was trained on."
        )
    for name in (options["dataset"], FLAGS.held_out or ""):
        folder = name.removeprefix("folder:")
        if folder != name and not Path(folder).is_dir():
            raise FileNotFoundError(f"There is no folder {folder}. Received: {name}.")
    if options["image_size"] is not None:
        options["image_size"] = int(options["image_size"])
    return options


def flags_of_run(path: Path) -> dict[str, str]:
    """The flags that a run has written down, by their names; nothing where it has not."""
    if not path.is_file():
        return {}
    pairs = (line.removeprefix("--").partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def check_extractor() -> None:
    """Raise unless --extractor is a known word or a file that is there."""
    name = FLAGS.extractor
    if name in (None, "digits", "fashion", "classifier"):
        return
    path = Path(name.removeprefix("inception:"))
    if path.suffix != ".keras" and path == Path(name):
        raise ValueError(
            "--extractor must be 'digits', 'fashion', 'inception:<path>', '<path>.keras' or "
            f"'classifier'. Received: --extractor={name}."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no {path}. Received: --extractor={name}.")


def output_folder(path: Path) -> Path:
    """Where the evaluation goes: a folder that is new or empty.

    Raises:
        OSError: if --output holds something, or cannot be written to.
    """
    if FLAGS.output:
        if holds_something(Path(FLAGS.output)):
            raise FileExistsError(
                f"--output must be new or empty. Received: --output={FLAGS.output}, which holds "
                "something. Nothing was changed. Choose another folder."
            )
        return check_writable(Path(FLAGS.output))
    run = run_folder(path)
    if run is not None:
        first = run / "evaluation"
    else:
        first = Path("evaluations", path.parent.name if path.is_dir() else path.stem)
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


def evaluate(path: Path, options: dict, output: Path) -> int:
    """Load everything, examine the generator, print and write what was found."""
    training, held_out = load_images(options)
    generator = open_generator(path, training.num_classes)
    if generator.image_shape != tuple(training.image_shape):
        raise ValueError(
            f"The generator makes images {generator.image_shape}, and those of {training.name!r} "
            f"are {tuple(training.image_shape)}. Name the data set that it was trained on, and its "
            "--image_size."
        )
    extractor = choose_extractor(training, options["dataset"])
    right = (
        ""
        if extractor.accuracy is None
        else f", right on {extractor.accuracy:.1%} of held-out images"
    )
    print(
        f"{path} against {len(training):,} images of {training.name}, by the extractor "
        f"{extractor.name!r}{right}.",
        flush=True,
    )
    with noted_warnings() as warned:
        findings = examine(generator, training, held_out, extractor)
    facts = {**facts_of(path, training, extractor), "warnings": warned}
    print_findings(findings)
    write(findings, facts, output)
    return 0


def load_images(options: dict) -> tuple:
    """The data set, and images that the generator was not trained on, None if there are none."""
    from kgan import data

    name, rest = options["dataset"], {key: options[key] for key in _DATA_FLAGS[1:]}
    training = data.load(name, **rest)
    held_out = FLAGS.held_out
    if held_out is None:
        # The digits in the package are MNIST's test images.
        trained_on_test = "test" in (rest["split"] or "")
        if name.partition(":")[0] != "mnist" or trained_on_test:
            return training, None
        held_out = "digits"
    if held_out.startswith("split:"):
        return training, data.load(name, **{**rest, "split": held_out.removeprefix("split:")})
    return training, data.load(held_out, image_size=rest["image_size"])


def choose_extractor(training, dataset: str):
    """The extractor of --extractor, or the one for the data set.

    Raises:
        ValueError: if there is none for it.
    """
    from kgan import features
    from kgan.features.by_name import get

    name = FLAGS.extractor
    if name is None:
        # After the colon of a TFDS name comes its version, after that of "idx:" a folder.
        word = Path(dataset).name if dataset.startswith("idx:") else dataset.partition(":")[0]
        shipped = _SHIPPED.get(word.removeprefix("idx:"))
        fits = shipped is not None and tuple(training.image_shape) == (28, 28, 1)
        name = shipped if fits else "classifier"
        if name == "classifier" and training.labels is None:
            raise ValueError(
                f"{training.name!r} has no labels, so no classifier can be trained to look at its "
                "images. Name one: --extractor=inception:<path> for colour, digits or fashion for "
                "28x28 grey images, or a .keras file."
            )
    if name == "classifier":
        return features.train_classifier(
            training.images,
            training.labels,
            num_classes=training.num_classes,
            cache_dir=cache_dir(),
        )
    return get(name, image_shape=tuple(training.image_shape))


def cache_dir() -> Path:
    """The folder of --cache_dir."""
    return Path(FLAGS.cache_dir).expanduser()


@contextlib.contextmanager
def noted_warnings():
    """Say what kgan warns of in a line each, and keep it for the page."""
    noted = []

    def note(message, category, filename, lineno, file=None, line=None):
        if str(message) not in noted:
            noted.append(str(message))
            print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = note
        yield noted


def examine(generator, training, held_out, extractor):
    """The findings on a generator."""
    from kgan import report

    return report.examine(
        report.Subject(
            generator.function,
            latent_dim=generator.latent_dim,
            num_classes=generator.num_classes,
            seed=FLAGS.seed,
        ),
        report.divide(training, held_out, FLAGS.num_images),
        extractor,
        metrics=chosen_metrics(),
        repeats=FLAGS.num_repeats,
        cache_dir=cache_dir(),
        say=lambda words: print(words, flush=True),
    )


def chosen_metrics():
    """The measures of --metrics, None for the default."""
    from kgan import evaluation
    from kgan import metrics

    if FLAGS.metrics is None:
        return None
    # Small sets are measured by smaller subsets; the protocol says how many.
    smaller = metrics.KernelDistance(subset_size=min(1000, FLAGS.num_images or 1000))
    return [
        smaller if name == "kernel_distance" else evaluation.get(name) for name in FLAGS.metrics
    ]


def facts_of(path: Path, training, extractor) -> dict:
    """Where the numbers come from, for metrics.json and for the page."""
    import keras
    import numpy
    import tensorflow

    import kgan

    return {
        "command": shlex.join(["python", *sys.argv]),
        "generator": str(path),
        "generator_sha256": digest(path),
        "dataset": training.name,
        "dataset_images": len(training),
        "image_shape": list(training.image_shape),
        "extractor": extractor.name,
        "extractor_accuracy": extractor.accuracy,
        "extractor_sha256": extractor.fingerprint,
        "seed": FLAGS.seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {
            "kgan": kgan.__version__,
            "keras": keras.__version__,
            "tensorflow": tensorflow.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        },
    }


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


def write(findings, facts: dict, output: Path) -> None:
    """Write metrics.json and report.html, each whole or not at all."""
    from kgan.files import replacing
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


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app.run(main)
