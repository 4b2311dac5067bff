"""Sample images from an exported generator, without kgan and without Keras code.

    python tools/sample.py --model=exported/digits --seed=0 --num_images=100 --output=grid.png
    python tools/sample.py --model=exported/digits/digits.tflite --label=7 --output=sevens.png

--model is a folder of versions, of which the newest is taken, one version's folder, or a .tflite
file. Image i has a seed of its own, --seed + i. A generator with classes gives a row of images for
each class, or images of --label alone.

A SavedModel draws its latents itself and gives the same image for a seed in every process. A
.tflite file takes latents, which are drawn here with NumPy, so its images of a seed are others.

Expected time: 4 s, most of it TensorFlow's import. (TensorFlow itself loads Keras where that is
installed; nothing here uses it.)
"""

import math
import os
import sys
from pathlib import Path

import numpy as np
from absl import app
from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_string("model", None, "Folder of versions, one version's folder, or a .tflite file.")
flags.DEFINE_integer("seed", 0, "Seed of the first image, 0 or more.")
flags.DEFINE_integer("num_images", 100, "How many images.")
flags.DEFINE_integer("label", None, "Class of all images. Default: a row for each class.")
flags.DEFINE_string("output", "samples.png", "The PNG file to write.")

# Images made at a time.
BATCH = 64
# Pixels between images, white.
GAP = 2


class SavedModelGenerator:
    """A generator in a SavedModel's folder: seeds to uint8 images."""

    def __init__(self, folder: Path):
        import tensorflow as tf

        # The signature only borrows the variables of what was loaded, which must be kept.
        self.loaded = tf.saved_model.load(str(folder))
        self.generate = self.loaded.signatures["generate"]
        self.conditional = "label" in self.generate.structured_input_signature[1]
        self.refusal = tf.errors.InvalidArgumentError

    def __call__(self, seeds, labels) -> np.ndarray:
        import tensorflow as tf

        inputs = {"seed": tf.constant(seeds, tf.int64)}
        if self.conditional:
            inputs["label"] = tf.constant(labels, tf.int32)
        return self.generate(**inputs)["images"].numpy()


class TFLiteGenerator:
    """A generator in a .tflite file: seeds to latents by NumPy, and those to uint8 images."""

    def __init__(self, path: Path):
        from ai_edge_litert.interpreter import Interpreter

        self.runner = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
        inputs = self.runner.get_input_details()
        self.latent_dim = int(inputs["latents"]["shape"][-1])
        self.conditional = "label" in inputs
        self.refusal = RuntimeError

    def __call__(self, seeds, labels) -> np.ndarray:
        rows = [
            np.random.default_rng(seed).standard_normal(self.latent_dim, "float32")
            for seed in seeds
        ]
        inputs = {"latents": np.stack(rows)}
        if self.conditional:
            inputs["label"] = np.asarray(labels, "int32")
        images = self.runner(**inputs)["images"]
        return np.rint((np.clip(images, -1.0, 1.0) + 1.0) * 127.5).astype("uint8")


def main(arguments):
    # TensorFlow takes seconds to import. A wrong flag or path is told before that, and so every
    # import of it in this file is inside a function.
    check_flags(arguments[1:])
    path = exported_model(Path(FLAGS.model))
    # TensorFlow reports its start and every refused label; errors come as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    generator = open_generator(path)
    labels = choose_labels(generator)
    images = sample(generator, labels)
    write_png(tile(images, classes=rows_of_classes(labels)), Path(FLAGS.output))
    print(f"{FLAGS.output}: {len(images)} images of {path}, seeds from {FLAGS.seed}.")


def check_flags(arguments):
    """Stop unless every flag is in its range, and nothing is said but by flags."""
    if arguments:
        stop(f"everything is said by flags. Received: {' '.join(arguments)}.")
    if FLAGS.model is None:
        stop("give --model=<exported folder or .tflite file>.")
    ranges = {"seed": (0, 2**32 - 1), "num_images": (1, 10_000), "label": (0, 2**31 - 1)}
    for name, (least, most) in ranges.items():
        value = FLAGS[name].value
        if value is not None and not least <= value <= most:
            stop(f"--{name} must be from {least} to {most}. Received: --{name}={value}.")
    if Path(FLAGS.output).suffix.lower() != ".png":
        stop(f"--output must end in .png. Received: --output={FLAGS.output}.")


def exported_model(path: Path) -> Path:
    """The .tflite file or the version's folder that `path` stands for."""
    if path.is_file() and path.suffix == ".tflite":
        return path
    if (path / "saved_model.pb").is_file():
        return path
    versions = [folder for folder in path.glob("*/") if is_version(folder)]
    if not versions:
        stop(
            f"{path} is no .tflite file and holds no exported version, <number>/saved_model.pb. "
            "Export first: python tools/export.py --run_dir=<run folder>"
        )
    return max(versions, key=lambda folder: int(folder.name))


def is_version(folder: Path) -> bool:
    """Whether a folder is a version's, as model servers see it."""
    return folder.name.isdecimal() and (folder / "saved_model.pb").is_file()


def open_generator(path: Path):
    """Load the model. Stops if it is damaged or of another program."""
    try:
        return TFLiteGenerator(path) if path.suffix == ".tflite" else SavedModelGenerator(path)
    except Exception as error:
        stop(f"{path} cannot be loaded: {(str(error) or type(error).__name__).splitlines()[0]}")


def choose_labels(generator) -> list[int] | None:
    """A class for each image: --label, or all classes in turn; None without classes."""
    if not generator.conditional:
        if FLAGS.label is not None:
            stop("--label applies to conditional generators. This one takes no labels.")
        return None
    if FLAGS.label is None:
        classes = count_classes(generator, most=FLAGS.num_images)
        return [image % classes for image in range(FLAGS.num_images)]
    classes = count_classes(generator, most=FLAGS.label + 1)
    if FLAGS.label >= classes:
        stop(f"--label must be from 0 to {classes - 1}. Received: --label={FLAGS.label}.")
    return [FLAGS.label] * FLAGS.num_images


def count_classes(generator, *, most: int) -> int:
    """The number of classes, or `most` if there are more: every export refuses the first above."""
    return next((label for label in range(most) if not accepts(generator, label)), most)


def accepts(generator, label: int) -> bool:
    """Whether the generator knows a class."""
    try:
        generator([FLAGS.seed], [label])
    except generator.refusal:
        return False
    return True


def sample(generator, labels) -> np.ndarray:
    """The images, uint8 (num_images, height, width, channels)."""
    batches = []
    for start in range(0, FLAGS.num_images, BATCH):
        rows = range(start, min(start + BATCH, FLAGS.num_images))
        seeds = [FLAGS.seed + row for row in rows]
        batches.append(generator(seeds, [labels[row] for row in rows] if labels else None))
    return np.concatenate(batches)


def rows_of_classes(labels) -> int | None:
    """How many rows of one class each the grid has, None for a grid without an order."""
    if labels is None or FLAGS.label is not None:
        return None
    return max(labels) + 1


def tile(images: np.ndarray, classes: int | None) -> np.ndarray:
    """One picture: image i in row i modulo `classes`, or in a square without classes."""
    count, height, width, channels = images.shape
    columns = math.ceil(count / classes) if classes else math.ceil(math.sqrt(count))
    rows = classes or math.ceil(count / columns)
    shape = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels)
    picture = np.full(shape, 255, "uint8")
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        if classes:
            column, row = divmod(number, classes)
        top = GAP + row * (height + GAP)
        left = GAP + column * (width + GAP)
        picture[top : top + height, left : left + width] = image
    return picture


def write_png(picture: np.ndarray, path: Path):
    """Write the picture, making the folder if it is missing."""
    import tensorflow as tf

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(picture).numpy())
    except OSError as error:
        stop(f"cannot write {path}: {error.strerror}. Choose another --output.")


def stop(problem: str):
    """End with one line on stderr and exit code 1."""
    sys.exit(f"sample.py: {problem}")


if __name__ == "__main__":
    app.run(main)
