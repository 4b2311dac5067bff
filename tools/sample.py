"""Sample images from a generator, wherever it is: a run, an export, or a running server.

    python tools/sample.py --model=exported/digits --seed=0 --num_images=100 --output=grid.png
    python tools/sample.py --model=exported/digits/digits.tflite --label=7 --output=sevens.png
    python tools/sample.py --model=runs/digits --truncation=0.7 --output=samples/
    python tools/sample.py --server=http://localhost:8501/v1/models/digits --output=grid.png

--model is a run folder, a .keras file, a folder of versions, of which the newest is taken, one
version's folder, a .tflite or an .onnx file. --server is the address of a model in TensorFlow
Serving. --output is one PNG file, or with a '/' at its end a folder with a file for each image.

Image i has a seed of its own, --seed + i. A generator with classes gives a row of images for each
class, or images of --label alone. A run, its SavedModel and a server that serves it give the same
image for a seed. A .tflite or .onnx file takes latents, which are drawn here with NumPy, so its
images of a seed are others.

Expected time: 4 s, most of it TensorFlow's import; half a second from a server. Copied together
with sources.py, model_server.py and pictures.py this file works without kgan: it needs absl-py and
pillow, and TensorFlow for a SavedModel, ai-edge-litert for a .tflite or onnxruntime for an .onnx
file. (TensorFlow itself loads Keras where that is installed; nothing here uses it.)
"""

import bisect
import os
import sys
from pathlib import Path

from absl import app
from absl import flags
from absl import logging
from model_server import ADDRESS
from model_server import ServedGenerator
from model_server import ServerError
from pictures import write_each
from pictures import write_grid
from sources import find_source
from sources import open_source

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "model", None, "Run folder, .keras file, folder of versions, one version, .tflite or .onnx."
)
flags.DEFINE_string("server", None, "Instead: http://<host>:8501/v1/models/<name>.")
flags.DEFINE_integer("seed", 0, "Seed of the first image, 0 or more.")
flags.DEFINE_integer("num_images", 100, "How many images.")
flags.DEFINE_integer("label", None, "Class of all images. Default: a row for each class.")
flags.DEFINE_float(
    "truncation",
    None,
    "Largest absolute value of a latent: the smaller, the more typical and alike the images.",
)
flags.DEFINE_string("output", "samples.png", "The PNG file to write, or a folder and '/'.")

# Images made at a time. A server with batching refuses more than its max_batch_size.
BATCH = 32


def main(arguments):
    # absl's `app.run` makes TensorFlow report its progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        # TensorFlow takes seconds to import. A wrong flag or path is told before that, and so every
        # import of it in the files of this tool is inside a function.
        check_flags(arguments[1:])
        place = FLAGS.server or find_source(Path(FLAGS.model))
        generator = ServedGenerator(place) if FLAGS.server else open_source(place)
        labels = choose_labels(generator)
        images = sample(generator, labels)
    except (ImportError, OSError, ValueError, ServerError) as error:
        stop(str(error).splitlines()[0])
    write(images, labels)
    print(f"{FLAGS.output}: {len(images)} images of {place}, seeds from {FLAGS.seed}.")


def check_flags(arguments):
    """Raise ValueError unless every flag is in its range, and nothing is said but by flags."""
    if arguments:
        raise ValueError(f"everything is said by flags. Received: {' '.join(arguments)}.")
    if (FLAGS.model is None) == (FLAGS.server is None):
        raise ValueError(
            "give either --model=<run folder, exported folder or file> or "
            "--server=http://<host>:8501/v1/models/<name>."
        )
    if FLAGS.server is not None and not ADDRESS.fullmatch(FLAGS.server):
        raise ValueError(
            "--server must be http://<host>:<port>/v1/models/<name>, the server's port for REST, "
            "with /versions/<number> or /labels/<label> after it for another version than the "
            f"newest. Received: --server={FLAGS.server}."
        )
    ranges = {"seed": (0, 2**32 - 1), "num_images": (1, 10_000), "label": (0, 2**31 - 1)}
    for name, (least, most) in ranges.items():
        value = FLAGS[name].value
        if value is not None and not least <= value <= most:
            raise ValueError(
                f"--{name} must be from {least} to {most}. Received: --{name}={value}."
            )
    # Not "truncation <= 0", which NaN would pass.
    if FLAGS.truncation is not None and not FLAGS.truncation > 0:
        raise ValueError(
            f"--truncation must be above 0. Received: --truncation={FLAGS.truncation}."
        )
    if not is_folder(FLAGS.output) and Path(FLAGS.output).suffix.lower() != ".png":
        raise ValueError(
            "--output must end in .png, or in / for a folder with a file for each image. "
            f"Received: --output={FLAGS.output}."
        )


def is_folder(output: str) -> bool:
    """Whether the images go into a folder, a file each."""
    return output.endswith("/") or Path(output).is_dir()


def choose_labels(generator) -> list[int] | None:
    """A class for each image: --label, or all classes in turn; None without classes."""
    if FLAGS.truncation is not None and not generator.truncates:
        raise ValueError(
            "--truncation applies to a .keras file, and to a SavedModel or a server with the "
            "signature generate_truncated. Leave it out, or export anew."
        )
    if not generator.conditional:
        if FLAGS.label is not None:
            raise ValueError("--label applies to conditional generators. This one takes no labels.")
        return None
    if FLAGS.label is None:
        classes = count_classes(generator, most=FLAGS.num_images)
        return [image % classes for image in range(FLAGS.num_images)]
    classes = count_classes(generator, most=FLAGS.label + 1)
    if FLAGS.label >= classes:
        raise ValueError(
            f"--label must be from 0 to {classes - 1}. Received: --label={FLAGS.label}."
        )
    return [FLAGS.label] * FLAGS.num_images


def count_classes(generator, *, most: int) -> int:
    """The number of classes, or `most` if there are more: every source refuses those above."""
    # Known and unknown labels are in order, so a few questions are enough.
    classes = bisect.bisect_left(range(most), True, key=lambda label: refuses(generator, label))
    if not classes:
        # What refuses the first class too has another reason, and says it.
        pictures_of(generator, [FLAGS.seed], [0], None)
    return classes


def refuses(generator, label: int) -> bool:
    """Whether the generator does not know a class."""
    try:
        generator([FLAGS.seed], [label], None)
    except generator.refusal:
        return True
    return False


def sample(generator, labels) -> list:
    """A picture for each image."""
    images = []
    for start in range(0, FLAGS.num_images, BATCH):
        rows = range(start, min(start + BATCH, FLAGS.num_images))
        seeds = [FLAGS.seed + row for row in rows]
        chosen = None if labels is None else [labels[row] for row in rows]
        images += pictures_of(generator, seeds, chosen, FLAGS.truncation)
    return images


def pictures_of(generator, seeds, labels, truncation) -> list:
    """What the generator makes. Raises ValueError with its reason if it refuses."""
    try:
        return generator(seeds, labels, truncation)
    except generator.refusal as error:
        lines = str(error).splitlines()
        # TensorFlow puts where it happened before what happened.
        reason = next((line for line in lines if line.startswith("assertion failed")), lines[0])
        raise ValueError(f"the generator refuses: {reason}") from error


def write(images, labels):
    """Write what --output says. Stops if it cannot be written."""
    output = Path(FLAGS.output)
    try:
        if is_folder(FLAGS.output):
            write_each(images, FLAGS.seed, output)
        else:
            write_grid(images, rows_of_classes(labels), output)
    except OSError as error:
        stop(f"cannot write {output}: {error.strerror or error}. Choose another --output.")


def rows_of_classes(labels) -> int | None:
    """How many rows of one class each the grid has, None for a grid without an order."""
    if labels is None or FLAGS.label is not None:
        return None
    return max(labels) + 1


def stop(problem: str):
    """End with one line on stderr and exit code 1."""
    sys.exit(f"sample.py: {problem}")


if __name__ == "__main__":
    app.run(main)
