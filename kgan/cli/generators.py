"""A generator, whatever file it lies in: .keras, SavedModel, .tflite or .onnx."""

import bisect
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kgan import sampling
from kgan._utils.files import archive_members
from kgan._utils.images import to_uint8
from kgan._utils.messages import keras_reason
from kgan.cli.command import Flags
from kgan.cli.command import in_one_line
from kgan.cli.run_folder import contents
from kgan.export import float32_twin
from kgan.export.interface import read_interface
from kgan.export.loaded import find_exported
from kgan.export.loaded import load_exported
from kgan.gan import GAN

# No generator has more classes.
_MOST_CLASSES = 2**20


class Generator(NamedTuple):
    """A generator to sample from.

    Attributes:
        function: callable of (latents, training=False) or ([latents, labels], training=False); a
            keras model in float32 if it lies in a .keras file.
        latent_dim: int, width of the latents.
        num_classes: int, None for a generator of latents alone.
        image_shape: (height, width, channels).
    """

    function: Callable
    latent_dim: int
    num_classes: int | None
    image_shape: tuple[int, int, int]

    def pixels(self, seeds, labels, truncation: float | None) -> np.ndarray:
        """Images of seeds, each of its own seed alone, as uint8 (n, height, width, channels)."""
        rows = [keras.random.normal((1, self.latent_dim), seed=seed) for seed in seeds]
        latents = sampling.truncated(keras.ops.concatenate(rows), truncation)
        if labels is not None:
            labels = keras.ops.convert_to_tensor(labels, "int32")
        images = self.function(sampling.network_inputs(latents, labels), training=False)
        return to_uint8(keras.ops.convert_to_numpy(images))


def define(flags: Flags, other: str, place: str) -> None:
    """Define the flags that say where a generator is.

    Args:
        flags: those of the command.
        other: the flag that may be given in place of --model.
        place: what its value is, in words.
    """
    flags.define("string", "model", None, "Run folder, .keras file, export, .tflite or .onnx file.")
    flags.define("string", other, None, f"In place of --model: {place}.")
    flags.define("list", "imports", [], "Modules or .py files that register layers of a .keras.")
    words = "Refuse .keras files with Python code and exports that do more than compute."
    flags.define("bool", "safe_mode", True, words)
    flags.check(
        ["model", other],
        lambda one, other: bool(one) != bool(other),
        f"give either --model=<run folder, exported folder or file> or --{other}={place}.",
    )


def find_generator(path: Path) -> Path:
    """The file or the version's folder that a path stands for.

    Args:
        path: a .keras, .tflite or .onnx file, a run folder, a version's folder or the folder of the
            versions, of which the newest is taken.

    Raises:
        FileNotFoundError: nothing of that kind is there.
    """
    if path.is_file():
        return path
    if (path / "gan.keras").is_file():
        return path / "gan.keras"
    try:
        return find_exported(path)
    except FileNotFoundError:
        folder = path if path.is_dir() else path.parent
        raise FileNotFoundError(
            f"There is no generator in {path}. Expected: a run folder with gan.keras, an exported "
            f"version, <number>/saved_model.pb, or a .keras, .tflite or .onnx file. {folder} holds "
            f"{contents(folder)}. Train first: kgan train --flagfile=recipes/digits.flags"
        ) from None


def open_generator(path: Path, flags: Flags, num_classes: int | None = None) -> Generator:
    """Load a generator and read what it takes and gives.

    Args:
        path: of `find_generator`.
        flags: with those of `define`.
        num_classes: int, how many classes a generator with labels should have; None for as many as
            it has.

    Raises:
        ValueError: the file is damaged or holds no generator of images, or has other classes.
        ImportError: a package or a module of --imports cannot be imported.
    """
    if path.is_dir() or path.suffix in (".tflite", ".onnx"):
        generator = _exported(path, flags)
    else:
        generator = _from_keras(path, flags, num_classes)
    if None not in (num_classes, generator.num_classes) and num_classes != generator.num_classes:
        raise ValueError(
            f"{path} has {generator.num_classes} classes. Expected: {num_classes}, those of the "
            "data set, or of --num_classes."
        )
    return generator


def count_classes(knows: Callable[[int], bool]) -> int:
    """How many classes a generator has that knows the labels below their number."""
    most = 1
    while most < _MOST_CLASSES and knows(most):
        most *= 2
    found = bisect.bisect_left(range(most), True, key=lambda label: not knows(label))
    if not found:
        raise ValueError("The generator takes labels, and refuses every label.")
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder one after the other, in hexadecimal."""
    found = hashlib.sha256()
    for file in [path, *sorted(path.rglob("*"))]:
        if file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


def _exported(path: Path, flags: Flags) -> Generator:
    model = load_exported(path, safe_mode=flags.safe_mode)
    num_classes = count_classes(model.knows) if model.conditional else None
    latents = np.zeros((1, model.latent_dim), "float32")
    try:
        images = model([latents, [0]] if model.conditional else latents)
    # Each engine has errors of its own.
    except Exception as error:
        raise ValueError(f"{path} makes no images of latents: {in_one_line(error)}") from error
    if images.ndim != 4 or images.dtype.kind != "f":
        raise ValueError(
            f"{path} makes {images.dtype} of shape {images.shape} from one latent vector. "
            "Expected: an image, floats (1, height, width, channels)."
        )
    return Generator(model, model.latent_dim, num_classes, images.shape[1:])


def _from_keras(path: Path, flags: Flags, num_classes: int | None) -> Generator:
    model = load_keras_file(path, flags.imports, safe_mode=flags.safe_mode)
    if isinstance(model, GAN):
        model, num_classes = model.sampling_generator(), model.num_classes
    elif len(getattr(model, "inputs", None) or []) < 2:
        num_classes = None
    elif num_classes is None:
        embeddings = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
        if len(embeddings) != 1:
            raise ValueError(
                f"{path} takes labels, and how many there are cannot be read from its "
                f"{len(embeddings)} embeddings. Export it with --num_classes=<number>."
            )
        num_classes = embeddings[0].input_dim
    interface = read_interface(model, num_classes)
    twin = float32_twin(model)
    return Generator(twin, interface.latent_dim, num_classes, interface.image_shape)


def load_keras_file(path: Path, imports: Sequence[str] = (), *, safe_mode: bool = True):
    """Load a .keras file, uncompiled.

    Args:
        path: the file.
        imports: modules or .py files that register what it needs.
        safe_mode: bool, whether to refuse Python code in it. Default True.

    Raises:
        ValueError: if it is damaged, something else, or cannot be loaded.
        ImportError: if one of `imports` cannot be imported.
    """
    # Keras calls a file that was cut short "not found".
    if "config.json" not in archive_members(path):
        raise ValueError(f"{path} is no .keras file. Expected: an archive that Keras has saved.")
    for name in imports:
        if name.endswith(".py"):
            _import_file(Path(name).absolute())
        else:
            importlib.import_module(name)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=safe_mode)
    except Exception as error:
        raise ValueError(f"{path} cannot be loaded: {_reason(error)}") from error


def _import_file(path: Path) -> None:
    """Import a file, whose name may be that of a module which is there, such as random."""
    if not path.is_file():
        raise ImportError(f"There is no file {path}. Expected: --imports=<module or file.py>.")
    # What lies beside it may be imported by it.
    sys.path.insert(0, str(path.parent))
    known = (getattr(sys.modules.get(name), "__file__", None) for name in (path.stem, str(path)))
    if str(path) in known:
        return
    name = str(path) if path.stem in sys.modules else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules[name])
    except BaseException:
        del sys.modules[name]
        raise


def _reason(error: BaseException) -> str:
    """What is wrong and what to do."""
    unknown = re.search(r"Could not locate (?:class|function) '([^']+)'", str(error))
    if unknown:
        return (
            f"it needs {unknown[1]!r}, which is not registered. Decorate its definition with "
            "@keras.saving.register_keras_serializable() and say --imports=<module or file.py>."
        )
    if "safe_mode" in str(error):
        return (
            "it brings Python code, which loading would run. Write the layer as a class, not a "
            "lambda; or, if the file is your own, say --nosafe_mode."
        )
    return keras_reason(error)
