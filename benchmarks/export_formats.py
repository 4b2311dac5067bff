"""What each export format of a generator weighs, how near to Keras it is, and how fast.

    python benchmarks/export_formats.py --model=runs/digits/gan.keras

One process on one core, one run: a Markdown table. Size is that of the file, or of the SavedModel's
folder. The largest difference and the peak signal-to-noise ratio are of images in [-1, 1] against
Keras', over batches of 1, 5 and 64. The Frechet distance is of 5,000 samples to the 10,000 embedded
digits, by the digits extractor, for the same latents and labels; only for a model of 28x28 digits.

Speed is how many times faster than `generator.predict` in the same round, for a single image and
for a batch of 64, the median over rounds that take the formats in turns, with arrays going in and
coming out. Milliseconds are the median too, and of this machine alone. About a minute.
"""

import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from absl import app
from absl import flags
from absl import logging

FLAGS = flags.FLAGS
flags.DEFINE_string("model", None, "The .keras file of a GAN or of a generator.", required=True)
flags.DEFINE_integer("num_classes", None, "Classes of a plain generator that takes labels.")
flags.DEFINE_integer("rounds", 15, "Rounds, each of all formats.", 1)

# Calls a round: one image at a time, and 64.
CALLS = {1: 10, 64: 3}


class Format(NamedTuple):
    """A way to run the generator.

    Attributes:
        name: str, for the table.
        run: function of an int, how many images, that makes them.
        images_of: function of (latents, labels or None), None where there are only seeds.
        size: int, bytes, None for Keras.
    """

    name: str
    run: Callable
    images_of: Callable | None
    size: int | None


def one_core() -> None:
    """Hold this process, and every library in it, to one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def load():
    """The generator as it is exported, and its interface."""
    import keras

    import kgan
    from kgan.export import float32_twin
    from kgan.export.interface import read_interface
    from kgan.layers import without_spectral_norm

    model = keras.saving.load_model(FLAGS.model, compile=False)
    num_classes = FLAGS.num_classes
    if isinstance(model, kgan.GAN):
        model, num_classes = model.sampling_generator(), model.num_classes
    generator = float32_twin(without_spectral_norm(model))
    return generator, read_interface(generator, num_classes)


def formats(generator, interface, folder: Path) -> list[Format]:
    """All formats, written and opened."""
    from kgan.export.saved_model import write_saved_model

    version = folder / "version"
    write_saved_model(generator, version, interface)
    return [
        *keras_formats(generator, interface),
        *saved_model_formats(version, interface),
        *file_formats(generator, interface, version),
    ]


def keras_formats(generator, interface) -> list[Format]:
    """The model's own two ways."""
    from kgan.export.comparison import keras_images

    def predict(latents, labels):
        inputs = latents if labels is None else [latents, labels]
        return generator.predict(inputs, batch_size=64, verbose=0)

    call = functools.partial(keras_images, generator)
    return [
        Format("Keras `predict`", maker(predict, interface), predict, None),
        Format("Keras call", maker(call, interface), call, None),
    ]


def saved_model_formats(version: Path, interface) -> list[Format]:
    """The SavedModel from latents and from seeds."""
    import numpy as np
    import tensorflow as tf

    loaded = tf.saved_model.load(str(version))
    size = sum(file.stat().st_size for file in version.rglob("*") if file.is_file())

    def call(name, **inputs):
        # The signatures only borrow the variables of `loaded`.
        tensors = {key: tf.constant(value) for key, value in inputs.items() if value is not None}
        return loaded.signatures[name](**tensors)["images"].numpy()

    def serving_default(latents, labels):
        return call("serving_default", latents=latents, label=labels)

    def generate(rows):
        labels = np.arange(rows, dtype="int32") % (interface.num_classes or 1)
        labels = None if interface.num_classes is None else labels
        return call("generate", seed=np.arange(rows), label=labels)

    name = "SavedModel `serving_default`"
    return [
        Format(name, maker(serving_default, interface), serving_default, size),
        Format("SavedModel `generate`", generate, None, size),
    ]


def file_formats(generator, interface, version: Path) -> list[Format]:
    """The TFLite files and, where tf2onnx is installed, the ONNX file."""
    from kgan.export.loaded import load_exported
    from kgan.export.onnx_file import convert_to_onnx
    from kgan.export.tflite import MODES
    from kgan.export.tflite import convert_to_tflite

    def opened(name: str, file: str, content: bytes) -> Format:
        path = version.with_name(file)
        path.write_bytes(content)
        images_of = load_exported(path, threads=1).images_of
        return Format(name, maker(images_of, interface), images_of, len(content))

    found = []
    for mode in MODES:
        content = convert_to_tflite(version, generator, interface, mode=mode)
        found.append(opened(f"TFLite {mode}", f"{mode}.tflite", content))
    try:
        found.append(opened("ONNX", "generator.onnx", convert_to_onnx(version)))
    except ImportError as error:
        print(f"No ONNX: {error}")
    return found


def maker(images_of: Callable, interface) -> Callable:
    """A function of a number of images that makes them from latents drawn before."""
    from kgan.export.comparison import latents_and_labels

    inputs = {rows: latents_and_labels(interface, rows=rows) for rows in CALLS}
    return lambda rows: images_of(*inputs[rows])


def frechet_reference(generator, interface):
    """The gate on digits for this generator, None for one of other images."""
    import numpy as np

    import kgan
    from kgan.export.quality import FrechetGate

    if interface.image_shape != (28, 28, 1):
        return None
    extractor = kgan.features.digits()
    real = kgan.data.digits().images / np.float32(127.5) - 1
    gate = FrechetGate(
        lambda images: extractor(images).features, extractor(real).features, limit=float("inf")
    )
    return gate.reference(generator, interface)


def measure_speed(all_formats: list[Format]) -> dict[tuple[str, int], list[float]]:
    """Seconds per call of each format and number of images, one for each round."""
    seconds = {(each.name, rows): [] for each in all_formats for rows in CALLS}
    for number in range(FLAGS.rounds + 1):
        for each in all_formats if number % 2 else all_formats[::-1]:
            for rows, calls in CALLS.items():
                start = time.perf_counter()
                for _ in range(calls):
                    each.run(rows)
                # The first round traces and allocates.
                if number:
                    passed = time.perf_counter() - start
                    seconds[each.name, rows].append(passed / calls)
    return seconds


def quality_cells(each: Format, generator, interface, reference) -> list[str]:
    """Largest difference, decibels, Frechet distance and its ratio to Keras'."""
    from kgan.export.quality import difference_from_keras

    if each.images_of is None:
        return ["", "", "", ""]
    difference = difference_from_keras(each.images_of, generator, interface)
    cells = [f"{difference.largest:.1e}", f"{difference.decibels:.0f}"]
    if reference is None:
        return [*cells, "", ""]
    distance = reference.gate.distance(each.images_of, interface)
    return [*cells, f"{distance:.3f}", f"{distance / reference.distance:.3f}"]


def speed_cells(each: Format, base: Format, seconds: dict) -> list[str]:
    """Milliseconds and how many times faster than `predict`, for one image and for 64."""
    cells = []
    for rows in CALLS:
        own, predict = seconds[each.name, rows], seconds[base.name, rows]
        faster = statistics.median(map(lambda mine, its: its / mine, own, predict))
        cells += [f"{1e3 * statistics.median(own):.3g}", f"{faster:.3g}"]
    return cells


def main(_) -> None:
    """Measure and print the table."""
    logging.set_verbosity(logging.WARNING)
    one_core()
    generator, interface = load()
    with tempfile.TemporaryDirectory() as folder:
        all_formats = formats(generator, interface, Path(folder))
    reference = frechet_reference(generator, interface)
    seconds = measure_speed(all_formats)
    header = "format|KB|largest difference|dB|Frechet|of Keras'|1 image, ms|times `predict`"
    print_row([*header.split("|"), "64 images, ms", "times `predict`"])
    print_row(["---", *["---:"] * 9])
    for each in all_formats:
        size = "" if each.size is None else f"{each.size / 1e3:,.0f}"
        quality = quality_cells(each, generator, interface, reference)
        print_row([each.name, size, *quality, *speed_cells(each, all_formats[0], seconds)])


def print_row(cells: list[str]) -> None:
    """A row of a Markdown table."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    app.run(main)
