"""Open a generator, whatever file it lies in: .keras, SavedModel, .tflite or .onnx."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from keras_file import check_keras_file
from keras_file import load_keras_file

# Files that tools/export.py writes.
_EXPORTED = (".tflite", ".onnx")


class Generator(NamedTuple):
    """A generator to sample from.

    Attributes:
        function: callable of (latents, training=False) or ([latents, labels], training=False).
        path: the file, or the version's folder.
        latent_dim: int, width of the latents.
        num_classes: int, None for a generator of latents alone.
        image_shape: (height, width, channels).
    """

    function: Callable
    path: Path
    latent_dim: int
    num_classes: int | None
    image_shape: tuple[int, int, int]


def find_generator(path: Path) -> Path:
    """The file or folder of a generator, a file checked as far as that goes without TensorFlow.

    Args:
        path: a .keras, .tflite or .onnx file, a version's folder or the folder of the versions.

    Returns:
        The path itself, or that of the newest version.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file is damaged, or of another kind.
    """
    if path.is_dir():
        return _newest_version(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. {_contents(path.parent)} Train first: "
            "python tools/train.py --flagfile=recipes/digits.flags"
        )
    if path.suffix in _EXPORTED:
        return path
    check_keras_file(path)
    return path


def open_generator(path: Path, num_classes: int | None) -> Generator:
    """Load a generator and read what it takes and gives.

    Args:
        path: of `find_generator`.
        num_classes: int, the data set's, for a generator with labels that does not say how many it
            knows; None for a data set without labels.

    Returns:
        The `Generator`.

    Raises:
        ValueError: the file is damaged or holds no generator of images, or its classes are not
            those of the data set.
    """
    if path.is_dir() or path.suffix in _EXPORTED:
        return _open_exported(path, num_classes)
    return _open_keras(path, num_classes)


def load_generator(path: Path, num_classes: int | None = None):
    """The keras generator in a .keras file, of a kgan.GAN the averaged one, and its classes.

    Args:
        path: of `find_generator`, a .keras file.
        num_classes: int, for a plain generator whose classes are not those of its only embedding.

    Returns:
        The generator and its number of classes, None for one of latents alone.

    Raises:
        ValueError: the file is damaged, or does not say how many classes there are.
    """
    import keras

    import kgan

    model = load_keras_file(path)
    if isinstance(model, kgan.GAN):
        if num_classes not in (None, model.num_classes):
            raise ValueError(
                f"{path} has num_classes={model.num_classes}. Received: "
                f"--num_classes={num_classes}. Leave it out: a kgan.GAN knows its classes."
            )
        return model.sampling_generator(), model.num_classes
    if num_classes is not None or len(getattr(model, "inputs", None) or []) < 2:
        return model, num_classes
    sizes = [layer.input_dim for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    if len(sizes) != 1:
        raise ValueError(
            f"{path} takes labels, and how many there are cannot be read from its {len(sizes)} "
            "embeddings. Export it with --num_classes=<number>."
        )
    return model, sizes[0]


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files of a folder, in hexadecimal."""
    found = hashlib.sha256()
    if path.is_file():
        found.update(path.read_bytes())
        return found.hexdigest()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        found.update(str(file.relative_to(path)).encode() + b"\0")
        found.update(file.read_bytes())
    return found.hexdigest()


def _newest_version(folder: Path) -> Path:
    from kgan.export.loaded import find_exported

    try:
        return find_exported(folder)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder} holds no exported version, <number>/saved_model.pb. {_contents(folder)} "
            "Of a run folder say --run_dir, of a file its name."
        ) from error


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join([*names[:10], "..."] if len(names) > 10 else names)
    return f"{folder} holds {shown or 'nothing'}."


def _open_keras(path: Path, num_classes: int | None) -> Generator:
    import kgan
    from kgan.export.interface import read_interface

    model = load_keras_file(path)
    if isinstance(model, kgan.GAN):
        model, num_classes = model.sampling_generator(), model.num_classes
    elif len(getattr(model, "inputs", None) or []) < 2:
        num_classes = None
    else:
        num_classes = _classes_of_data(path, num_classes)
    interface = read_interface(model, num_classes)
    return Generator(model, path, interface.latent_dim, num_classes, interface.image_shape)


def _open_exported(path: Path, num_classes: int | None) -> Generator:
    import numpy as np

    from kgan.export.loaded import load_exported

    model = load_exported(path)
    latents = np.zeros((1, model.latent_dim), "float32")
    if not model.conditional:
        return Generator(model, path, model.latent_dim, None, model(latents).shape[1:])
    num_classes = _classes_of_data(path, num_classes)
    if not model.knows(num_classes - 1) or model.knows(num_classes):
        raise ValueError(
            f"{path} was not exported with the {num_classes} classes of the data set. Evaluate it "
            "against the data set that it was trained on."
        )
    shape = model([latents, [0]]).shape[1:]
    return Generator(model, path, model.latent_dim, num_classes, shape)


def _classes_of_data(path: Path, num_classes: int | None) -> int:
    if num_classes is None:
        raise ValueError(
            f"{path} takes labels, and the data set has none. Evaluate it against the data set "
            "that it was trained on."
        )
    return num_classes
