"""Measure what a generator makes: numbers on the terminal, metrics.json, and a page to look at.

    python tools/evaluate.py --run_dir=runs/digits
    python tools/evaluate.py --model=exported/digits --dataset=digits
    python tools/evaluate.py --model=exported/digits/digits.tflite --dataset=digits --num_repeats=5
    python tools/evaluate.py --run_dir=runs/photos --extractor=classifier --held_out=folder:others

A run folder, a .keras file, an exported SavedModel (of a folder of versions the newest), a .tflite
or an .onnx file, against real images: by default those the run was trained on. All formats of a
generator get the same latents and labels for a seed, and so the same numbers, to rounding.

It leaves metrics.json and report.html in <run>/evaluation, or evaluation-2 and so on where there is
one already. The page needs no other file: samples, the training images nearest to them, the way
from one latent to another, classes, and every number with its uncertainty and its protocol.

Where enough real images are left over, they are measured in place of the samples too: what no
generator can be expected to surpass.

Expected time: about 14 s of processor time for the digits recipe, a good part of it imports.
"""

import contextlib
import os
import sys
import warnings
from pathlib import Path

from absl import app
from absl import flags
from absl import logging
from chosen_extractor import check_extractor
from chosen_extractor import choose_extractor
from evaluation_folder import facts_of
from evaluation_folder import output_folder
from evaluation_folder import print_findings
from evaluation_folder import write
from generator_file import find_generator
from generator_file import open_generator
from real_images import DATA_FLAGS
from real_images import data_options
from real_images import load_images

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
flags.DEFINE_string("model", None, "An exported folder instead, or a .keras, .tflite, .onnx file.")
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


def main(arguments: list[str]) -> int:
    # absl's `app.run` makes TensorFlow and TFDS report their progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    try:
        # TensorFlow takes seconds to import. A wrong flag or file is told before that, and so every
        # import of it in the files of this tool is inside a function.
        check_flags(arguments[1:])
        path = find_generator(Path(FLAGS.model or Path(FLAGS.run_dir, "gan.keras")))
        run = run_folder(path)
        given = {name: FLAGS[name].value for name in DATA_FLAGS}
        options = data_options(given, run, FLAGS.held_out)
        check_extractor(FLAGS.extractor)
        output = output_folder(FLAGS.output, path, run)
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
    if bool(FLAGS.run_dir) == bool(FLAGS.model):
        raise ValueError(
            "Give either --run_dir=<run folder> or --model=<exported folder, or .keras, .tflite or "
            ".onnx file>."
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


def evaluate(path: Path, options: dict, output: Path) -> int:
    """Load everything, examine the generator, print and write what was found."""
    training, held_out = load_images(options, FLAGS.held_out)
    generator = open_generator(path, training.num_classes)
    if generator.image_shape != tuple(training.image_shape):
        raise ValueError(
            f"The generator makes images {generator.image_shape}, and those of {training.name!r} "
            f"are {tuple(training.image_shape)}. Name the data set that it was trained on, and its "
            "--image_size."
        )
    extractor = choose_extractor(
        FLAGS.extractor, training, options["dataset"], cache_dir=cache_dir()
    )
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
    facts = {**facts_of(path, training, extractor, seed=FLAGS.seed), "warnings": warned}
    print_findings(findings)
    write(findings, facts, output)
    return 0


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
    from kgan import metrics

    if FLAGS.metrics is None:
        return None
    # Small sets are measured by smaller subsets; the protocol says how many.
    smaller = metrics.KernelDistance(subset_size=min(1000, FLAGS.num_images or 1000))
    return [smaller if name == "kernel_distance" else metrics.get(name) for name in FLAGS.metrics]


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app.run(main)
