"""Export a trained generator: a SavedModel for servers, TFLite and ONNX files for devices.

    kgan export --run_dir=runs/digits --output=exported/digits
    kgan export --run_dir=runs/digits --quantize=float32,float16,int8 --onnx --keep=5
    kgan export --model=gan.keras --output=exported/digits --version=3

It writes exported/digits/<version>/, a SavedModel with the signatures `serving_default` (latents
-> float32 images), `generate` and `generate_truncated` (seeds -> uint8 images) and `generate_png`,
with warm-up requests and a model card. Beside the versions and belonging to the newest of them come
digits.tflite, digits-int8.tflite and so on, and digits.onnx, which take latents. Generators with
classes also take `label`, and have a signature `classes` whose shape tells their number.

Everything is opened again and compared with Keras before it is put into place, 8-bit and 16-bit
files also by the Frechet distance of their samples to real images where an extractor for the run's
data is at hand. A version is never overwritten.

Expected time: 8 s on two cores for the 28x28 DCGAN, most of it imports; 15 s for all formats.
"""

import shlex
from pathlib import Path

from kgan.cli import generators
from kgan.cli import real_images
from kgan.cli.command import Flags
from kgan.cli.run_folder import RunFolder
from kgan.export import Export
from kgan.export import ExportedFile
from kgan.export import export_generator
from kgan.export.tflite import MODES


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    define = flags.define
    generators.define(flags, "run_dir", "<run folder>")
    define("string", "output", None, "Folder of the versions. Default: exported/ and a name.")
    define("integer", "version", None, "Version to write. Default: one above the highest there.", 1)
    define("integer", "keep", None, "How many versions stay, the newest. Default: all.", 1)
    define("integer", "num_classes", None, "Classes of a plain generator. Default: as it says.", 1)
    define("list", "quantize", ["float32"], f"Which TFLite files: some of {', '.join(MODES)}.")
    define("bool", "tflite", True, "Whether to write TFLite files at all.")
    define("bool", "onnx", False, "Write an ONNX file too; needs tf2onnx, onnx and onnxruntime.")
    # For the Frechet distance of the smaller files.
    real_images.define(flags, None)
    real_images.define_extractor(flags)
    flags.check(
        ["output"],
        lambda output: "://" not in (output or ""),
        "must be a folder of this machine: a version appears by one rename, which no store behind "
        "an address has. Export to a folder and copy it (docs/serving.md).",
    )
    flags.check(
        ["quantize"],
        lambda modes: bool(modes) and set(modes) <= set(MODES),
        f"must be some of {','.join(MODES)}. For no TFLite file say --notflite.",
    )


def main(flags: Flags) -> int:
    """Export the generator as the flags say, and print what was written."""
    path = generators.find_generator(Path(flags.model or flags.run_dir))
    if path.suffix != ".keras":
        raise ValueError(f"Only a .keras file can be exported. Received: {path}.")
    run = RunFolder.of(path)
    generator = generators.open_generator(path, flags, flags.num_classes)
    # In the order of the modes, each once.
    tflite = [mode for mode in MODES if flags.tflite and mode in flags.quantize]
    is_smaller = tflite[-1:] not in ([], ["float32"])
    print_export(
        export_generator(
            generator.function,
            output_folder(flags),
            # Of a generator without labels it says that there are none.
            num_classes=generator.num_classes or flags.num_classes,
            version=flags.version,
            tflite=tflite,
            onnx=flags.onnx,
            keep=flags.keep,
            frechet=(
                real_images.frechet_gate(flags, run, generator.image_shape) if is_smaller else None
            ),
            card=card_of(flags, path, run),
        )
    )
    return 0


def output_folder(flags: Flags) -> Path:
    """--output, or exported/ and the name of what is exported."""
    if flags.output:
        # Its name is the model's, so "." needs one.
        return Path(flags.output) if Path(flags.output).name else Path(flags.output).resolve()
    name = Path(flags.run_dir).resolve().name if flags.run_dir else Path(flags.model).stem
    return Path("exported", name)


def card_of(flags: Flags, model: Path, run: RunFolder | None) -> dict:
    """What the model card says of the training: what the run folder has written down of it."""
    recipe = run.flags() if run else {}
    data = {name: recipe.pop(name) for name in real_images.DATA_FLAGS if name in recipe}
    # Where it was made says nothing of how.
    recipe.pop("run_dir", None)
    return {
        "data": data or None,
        "recipe": recipe or None,
        "command": shlex.split(flags.command("export")),
        "metrics": run.measured(generators.digest(model)) if run else None,
    }


def print_export(export: Export) -> None:
    """Say what was written, how far it is from Keras, and what to do with it."""
    base = export.saved_model.parent
    name = base.name
    size = sum(file.stat().st_size for file in export.saved_model.rglob("*") if file.is_file())
    print(
        f"{export.saved_model}  SavedModel, {size / 1e6:.2f} MB. Largest difference from Keras: "
        f"{export.differences.images:.1e} in [-1, 1], {export.differences.levels} of 255 levels."
    )
    for mode, file in export.files.items():
        kind = "ONNX" if mode == "onnx" else f"TFLite {mode}"
        if file.published:
            print(f"{base / file.name}  {kind}, {quality(file, export.frechet_distance)}")
        else:
            print(f"{file.name} is left as it was: a version above {export.version} is there.")
    written = {file.name for file in export.files.values()}
    for older in sorted(base.glob(f"{name}*.*")):
        if older.suffix in (".tflite", ".onnx") and older.name not in written:
            print(f"{older} is left as it was, of a version before this one.")
    if export.removed:
        print(f"Removed: {', '.join(str(version) for version in export.removed)} (--keep).")
    print(
        "\nLook at samples:\n"
        f"  kgan sample --model={base} --seed=0 --num_images=100 --output=grid.png\n"
        "Serve it, on http://localhost:8501 (docs/serving.md):\n"
        f'  docker run --rm -p 8501:8501 -v "{base.resolve()}:/models/{name}:ro" '
        f"-e MODEL_NAME={name} tensorflow/serving"
    )


def quality(file: ExportedFile, keras_distance: float | None) -> str:
    """A file's size and how near it is to Keras, in words."""
    words = f"{file.size / 1e6:.2f} MB. Largest difference from Keras: {file.largest:.1e} in "
    words += f"[-1, 1], {file.decibels:.0f} dB."
    if file.frechet_distance is not None:
        words += f" Frechet distance {file.frechet_distance:.2f}, Keras' {keras_distance:.2f}."
    return words
