"""Export a trained generator: a SavedModel for servers, TFLite and ONNX files for devices.

    python tools/export.py --run_dir=runs/digits --output=exported/digits
    python tools/export.py --run_dir=runs/digits --quantize=float32,float16,int8 --onnx --keep=5
    python tools/export.py --model=gan.keras --output=exported/digits --version=3

It writes exported/digits/<version>/, a SavedModel with the signatures `serving_default` (latents
-> float32 images), `generate` and `generate_truncated` (seeds -> uint8 images) and `generate_png`,
with warm-up requests and a model card. Beside the versions and belonging to the newest of them come
digits.tflite, digits-int8.tflite and so on, and digits.onnx, which take latents. Generators with
classes also take `label`.

Everything is opened again and compared with Keras before it is put into place, 8-bit and 16-bit
files also by the Frechet distance of their samples to real images where an extractor for the run's
data is at hand. A version is never overwritten.

Expected time: 8 s on two cores for the 28x28 DCGAN, most of it imports; 15 s for all formats.
"""

import importlib.util
import os
import sys
from pathlib import Path

from absl import app
from absl import flags
from absl import logging
from chosen_extractor import check_extractor
from frechet_gate import frechet_gate
from generator_file import find_generator
from generator_file import load_generator
from training_facts import training_facts

FLAGS = flags.FLAGS

MODES = ("float32", "float16", "dynamic", "int8")
ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")

flags.DEFINE_string("run_dir", None, "Run folder of tools/train.py, whose gan.keras is exported.")
flags.DEFINE_string("model", None, "A .keras file instead: a kgan.GAN or a plain generator.")
flags.DEFINE_string(
    "output",
    None,
    "Folder of the versions. Default: exported/ and the name of the run folder or of the file.",
)
flags.DEFINE_integer("version", None, "Version to write. Default: one above the highest there.")
flags.DEFINE_integer("keep", None, "How many versions stay, the newest. Default: all.")
flags.DEFINE_integer(
    "num_classes", None, "Classes of a plain generator with labels. Default: its embedding's."
)
flags.DEFINE_list("quantize", ["float32"], f"Which TFLite files: some of {', '.join(MODES)}.")
flags.DEFINE_bool("tflite", True, "Whether to write TFLite files at all.")
flags.DEFINE_bool("onnx", False, "Whether to write an ONNX file too; needs the extra kgan[onnx].")
flags.DEFINE_string(
    "dataset", None, "Real images for the Frechet distance, as in evaluate.py. Default: the run's."
)
flags.DEFINE_string(
    "extractor",
    None,
    "What looks at the images for it, as in evaluate.py. Default: the package's own for digits and "
    "fashion, none for other data.",
)


def main(arguments):
    # TensorFlow and the converter report their progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    try:
        # TensorFlow takes seconds to import. A wrong flag or file is told before that, and so every
        # import of TensorFlow, Keras or kgan in the files of this tool is inside a function.
        check_flags(arguments[1:])
        model = find_generator(Path(FLAGS.model or Path(FLAGS.run_dir, "gan.keras")))
        check_extractor(FLAGS.extractor)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        report(export(model))
    except (ImportError, OSError, ValueError) as error:
        stop(error)
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing was published.", file=sys.stderr)
        return 130
    return 0


def check_flags(arguments):
    """Raise ValueError unless the flags say one thing, and nothing is said but by flags."""
    if arguments:
        raise ValueError(
            f"everything is said by flags. Received: {' '.join(arguments)}. "
            "Booleans are --onnx or --noonnx, other values follow a '='."
        )
    if bool(FLAGS.run_dir) == bool(FLAGS.model):
        raise ValueError("give either --run_dir=<run folder> or --model=<file.keras>.")
    if FLAGS.model and not FLAGS.model.endswith(".keras"):
        raise ValueError(f"--model must be a .keras file. Received: --model={FLAGS.model}.")
    if FLAGS.output and "://" in FLAGS.output:
        raise ValueError(
            "--output must be a folder of this machine: a version appears by one rename, which no "
            f"store behind an address has. Received: --output={FLAGS.output}. Export to a folder "
            "and copy it (docs/serving.md)."
        )
    for name in ("version", "keep", "num_classes"):
        value = FLAGS[name].value
        if value is not None and value < 1:
            raise ValueError(f"--{name} must be 1 or more. Received: --{name}={value}.")
    if not FLAGS.quantize or not set(FLAGS.quantize) <= set(MODES):
        raise ValueError(
            f"--quantize must be some of {','.join(MODES)}. "
            f"Received: --quantize={','.join(FLAGS.quantize)}. For no TFLite file say --notflite."
        )
    missing = [name for name in ONNX_PACKAGES if not importlib.util.find_spec(name)]
    if FLAGS.onnx and missing:
        raise ValueError(
            f"--onnx needs {', '.join(missing)}, not installed: pip install 'kgan[onnx]'."
        )


def run_folder(model: Path) -> Path | None:
    """The run folder of a .keras file, None if it lies in none."""
    if FLAGS.run_dir:
        return Path(FLAGS.run_dir)
    return model.parent if Path(model.parent, "flags.txt").is_file() else None


def export(model: Path):
    """Export the generator in a .keras file as the flags say."""
    generator, num_classes = load_generator(model, FLAGS.num_classes)
    import tensorflow as tf

    from kgan.export import export_generator

    run = run_folder(model)
    # In the order of the modes, each once.
    tflite = [mode for mode in MODES if FLAGS.tflite and mode in FLAGS.quantize]
    try:
        return export_generator(
            generator,
            output_folder(),
            num_classes=num_classes,
            version=FLAGS.version,
            tflite=tflite,
            onnx=FLAGS.onnx,
            keep=FLAGS.keep,
            frechet=frechet_gate(
                run, FLAGS.dataset, FLAGS.extractor, image_shape=generator.output_shape[1:]
            )
            if tflite[-1:] not in ([], ["float32"])
            else None,
            card=training_facts(model, run),
        )
    except tf.errors.OpError as error:
        raise ValueError(error.message.splitlines()[0]) from error


def output_folder() -> Path:
    """--output, or exported/ and the name of what is exported."""
    if FLAGS.output:
        # Its name is the model's, so "." needs one.
        return Path(FLAGS.output) if Path(FLAGS.output).name else Path(FLAGS.output).resolve()
    run = Path(FLAGS.run_dir or "").resolve()
    return Path("exported", run.name if FLAGS.run_dir else Path(FLAGS.model).stem)


def report(export):
    """Print what was written, how far it is from Keras, and what to do with it."""
    base = export.saved_model.parent
    name = base.name
    print(
        f"{export.saved_model}  SavedModel, {size(export.saved_model)}. Largest difference from "
        f"Keras: {export.differences.images:.1e} in [-1, 1], {export.differences.levels} of 255 "
        "levels."
    )
    for mode, file in export.files.items():
        if not file.published:
            print(f"{file.name} is left as it was: a version above {export.version} is there.")
            continue
        print(f"{base / file.name}  {kind(mode)}, {quality(file, export.frechet_distance)}")
    for older in left_from_before(base, export):
        print(f"{older} is left as it was, of a version before this one.")
    if export.removed:
        print(f"Removed: {', '.join(str(version) for version in export.removed)} (--keep).")
    print(
        "\nLook at samples, without kgan:\n"
        f"  python tools/sample.py --model={base} --seed=0 --num_images=100 --output=grid.png\n"
        "Serve it, on http://localhost:8501 (docs/serving.md):\n"
        f'  docker run --rm -p 8501:8501 -v "{base.resolve()}:/models/{name}:ro" '
        f"-e MODEL_NAME={name} tensorflow/serving"
    )


def kind(mode: str) -> str:
    """What a file is, in words."""
    return "ONNX" if mode == "onnx" else f"TFLite {mode}"


def quality(file, keras_distance: float | None) -> str:
    """A file's size and how near it is to Keras, in words."""
    words = f"{file.size / 1e6:.2f} MB. Largest difference from Keras: {file.largest:.1e} in "
    words += f"[-1, 1], {file.decibels:.0f} dB."
    if file.frechet_distance is not None:
        words += f" Frechet distance {file.frechet_distance:.2f}, Keras' {keras_distance:.2f}."
    return words


def left_from_before(base: Path, export) -> list[Path]:
    """Files of an earlier export beside the versions, which this one has not written anew."""
    written = {file.name for file in export.files.values()}
    files = [path for ending in ("tflite", "onnx") for path in base.glob(f"{base.name}*.{ending}")]
    return sorted(path for path in files if path.name not in written)


def size(folder: Path) -> str:
    """Size of all files of a folder, in MB."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:.2f} MB"


def stop(error: Exception):
    """End with one line on stderr and exit code 1."""
    # An OSError of ours is explained in its text, and its number is for programs.
    said = error.strerror if isinstance(error, OSError) and error.filename is None else None
    lines = str(said or error).splitlines() or [type(error).__name__]
    sys.exit(f"export.py: {' '.join(lines) if lines[0].endswith(':') else lines[0]}")


if __name__ == "__main__":
    app.run(main)
