"""Export a trained generator: a SavedModel for servers and a TFLite file for devices.

    python tools/export.py --run_dir=runs/digits --output=exported/digits
    python tools/export.py --model=gan.keras --output=exported/digits --version=3

It writes exported/digits/<version>/, a SavedModel with the signatures `serving_default` (latents
-> float32 images) and `generate` (seed -> uint8 images), and exported/digits/digits.tflite, which
has `serving_default` alone and belongs to the newest version. Generators with classes also take
`label`. Everything is reloaded and compared with Keras before it is put into place, and a version
is never overwritten.

Expected time: 10 s on two cores for the 28x28 DCGAN, most of it imports.
"""

import os
import sys
import zipfile
from pathlib import Path

from absl import app
from absl import flags
from absl import logging

FLAGS = flags.FLAGS

flags.DEFINE_string("run_dir", None, "Run folder of tools/train.py, whose gan.keras is exported.")
flags.DEFINE_string("model", None, "A .keras file instead: a kgan.GAN or a plain generator.")
flags.DEFINE_string(
    "output",
    None,
    "Folder of the versions. Default: exported/ and the name of the run folder or of the file.",
)
flags.DEFINE_integer("version", None, "Version to write. Default: one above the highest there.")
flags.DEFINE_integer(
    "num_classes", None, "Classes of a plain generator with labels. Default: its embedding's."
)
flags.DEFINE_bool("tflite", True, "Whether to write the TFLite file too.")


def main(arguments):
    # TensorFlow takes seconds to import. A wrong flag or file is told before that, and so every
    # import of TensorFlow, Keras or kgan in this file is inside a function.
    check_flags(arguments[1:])
    model = model_file()
    # TensorFlow and the converter report their progress; errors come as exceptions.
    logging.set_verbosity(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    generator, num_classes = load_generator(model)
    report(export(generator, num_classes))


def check_flags(arguments):
    """Stop unless the flags say one thing, and nothing is said but by flags."""
    if arguments:
        stop(
            f"everything is said by flags. Received: {' '.join(arguments)}. "
            "Booleans are --tflite or --notflite, other values follow a '='."
        )
    if (FLAGS.run_dir is None) == (FLAGS.model is None):
        stop("give either --run_dir=<run folder> or --model=<file.keras>.")
    for name in ("version", "num_classes"):
        value = FLAGS[name].value
        if value is not None and value < 1:
            stop(f"--{name} must be 1 or more. Received: --{name}={value}.")


def model_file() -> Path:
    """The .keras file to export. Stops unless it is there and whole."""
    path = Path(FLAGS.model) if FLAGS.model else Path(FLAGS.run_dir, "gan.keras")
    if not path.is_file():
        stop(f"there is no {path}. {contents(path.parent)} Train first: {train_command(path)}")
    # Keras calls a file that was cut short "not found".
    if not zipfile.is_zipfile(path):
        stop(f"{path} is damaged or no .keras file: it is no whole zip archive. Copy it anew.")
    if "config.json" not in zipfile.ZipFile(path).namelist():
        stop(f"{path} is no .keras file: the archive holds no config.json.")
    return path


def contents(folder: Path) -> str:
    """A sentence on what a folder holds."""
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join([*names[:10], "..."] if len(names) > 10 else names)
    return f"{folder} holds {shown or 'nothing'}."


def train_command(model: Path) -> str:
    """The command that makes a run folder with a model."""
    run_dir = FLAGS.run_dir or model.parent
    return f"python tools/train.py --flagfile=recipes/digits.flags --run_dir={run_dir}"


def load_generator(path: Path):
    """The generator in a .keras file and its number of classes, None without labels."""
    import keras

    import kgan  # Registers the classes that the file names.

    try:
        # Safe mode stays on: a file cannot bring code of its own.
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:
        stop(f"{path} cannot be loaded: {reason(error)}")
    if isinstance(model, kgan.GAN):
        return model.sampling_generator(), model.num_classes
    return model, FLAGS.num_classes or classes_of_embedding(model)


def reason(error: BaseException) -> str:
    """What Keras says is wrong, without the configs that it prints before and after."""
    message = str(error).rpartition("Exception encountered: ")[2]
    lines = message.partition(" Full object config:")[0].splitlines()
    return lines[0] if lines else type(error).__name__


def classes_of_embedding(generator) -> int | None:
    """The number of classes of a plain generator's only label embedding, else None."""
    import keras

    sizes = [
        layer.input_dim for layer in generator.layers if isinstance(layer, keras.layers.Embedding)
    ]
    return sizes[0] if len(sizes) == 1 else None


def export(generator, num_classes: int | None):
    """Export the generator as the flags say."""
    import tensorflow as tf

    from kgan.export import export_generator

    try:
        return export_generator(
            generator,
            output_folder(),
            num_classes=num_classes,
            version=FLAGS.version,
            tflite=FLAGS.tflite,
        )
    except (ValueError, OSError, tf.errors.OpError) as error:
        stop(str(error).splitlines()[0])


def output_folder() -> Path:
    """--output, or exported/ and the name of what is exported."""
    if FLAGS.output:
        return Path(FLAGS.output)
    return Path("exported", Path(FLAGS.run_dir).name if FLAGS.run_dir else Path(FLAGS.model).stem)


def report(export):
    """Print what was written, how far it is from Keras, and what to do with it."""
    base = export.saved_model.parent
    name = base.name
    print(
        f"{export.saved_model}  SavedModel, {size(export.saved_model)}. Largest difference from "
        f"Keras: {export.image_difference:.1e} in [-1, 1], {export.level_difference} of 255 levels."
    )
    if export.tflite:
        print(
            f"{export.tflite}  TFLite, {size(export.tflite)}. Largest difference from Keras: "
            f"{export.tflite_difference:.1e} in [-1, 1]."
        )
    elif FLAGS.tflite:
        print(f"{name}.tflite is left as it was: a version above {export.version} is there.")
    print(
        "\nLook at samples, without kgan:\n"
        f"  python tools/sample.py --model={base} --seed=0 --num_images=100 --output=grid.png\n"
        "Serve it, on http://localhost:8501:\n"
        f'  docker run --rm -p 8501:8501 -v "{base.resolve()}:/models/{name}" '
        f"-e MODEL_NAME={name} tensorflow/serving"
    )


def size(path: Path) -> str:
    """Size of a file or of all files of a folder, in MB."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:.2f} MB"


def stop(problem: str):
    """End with one line on stderr and exit code 1."""
    sys.exit(f"export.py: {problem}")


if __name__ == "__main__":
    app.run(main)
