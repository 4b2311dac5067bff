"""From a keras generator to published files, each compared with Keras first."""

import dataclasses
import os
import re
from pathlib import Path

import keras

from kgan.export.float32 import float32_twin
from kgan.export.interface import read_interface
from kgan.export.publish import publish
from kgan.export.saved_model import compare_saved_model
from kgan.export.saved_model import write_saved_model
from kgan.export.tflite import compare_tflite
from kgan.export.tflite import convert_to_tflite
from kgan.layers import without_spectral_norm


@dataclasses.dataclass(frozen=True)
class Export:
    """What an export wrote, and how far it is from Keras.

    Attributes:
        version: int, the version's number.
        saved_model: `<output>/<version>`, the SavedModel's folder.
        tflite: `<output>/<name>.tflite`, or None if it was left out or `version` is not the newest.
        image_difference: float, largest difference of the SavedModel's images in [-1, 1].
        level_difference: int, largest difference of its uint8 images, in levels.
        tflite_difference: float, largest difference of the TFLite file's images, or None.
    """

    version: int
    saved_model: Path
    tflite: Path | None
    image_difference: float
    level_difference: int
    tflite_difference: float | None


def export_generator(
    generator: keras.Model,
    output: str | os.PathLike,
    *,
    num_classes: int | None = None,
    version: int | None = None,
    tflite: bool = True,
) -> Export:
    """Export a generator as a SavedModel and a TFLite file, in float32.

    `<output>/<version>/` is a SavedModel with the signatures `serving_default` (latents -> float32
    images in [-1, 1]) and `generate` (seed -> uint8 images), both with label where the generator
    takes labels. `<output>/<name>.tflite`, where name is the last part of `output`, has
    `serving_default` alone; it belongs to the newest version and is replaced with it. Everything is
    reloaded and compared with the Keras model before any of it is in place. Layers under
    `kgan.layers.SpectralNorm` are written with their normalised kernels, as plain layers.

    Args:
        generator: functional or sequential keras model of latents, (batch, latent_dim), or of
            [latents, labels], to images in [-1, 1], (batch, height, width, channels).
        output: folder of the versions, made if missing. Its name must be letters, digits, dots,
            underscores and hyphens, and not a number.
        num_classes: int > 0 if the generator takes labels, else None.
        version: int > 0, or None for the next free one. An existing version is never overwritten.
        tflite: bool, whether to write the TFLite file too.

    Returns:
        The `Export`.

    Raises:
        ValueError: the model is no generator of images, cannot be converted to TFLite, or an export
            differs from it; `output` or `version` is unusable.
        FileExistsError: `version` exists.
        OSError: `output` cannot be written; PermissionError where that is the reason.

    Example:
        >>> export = export_generator(gan.sampling_generator(), "exported/digits", num_classes=10)
        >>> export.saved_model
        PosixPath('exported/digits/1')
    """
    name = Path(output).name
    _check_name(name)
    interface = read_interface(generator, num_classes)
    twin = float32_twin(without_spectral_norm(generator))
    found = {}

    def write(folder: Path) -> None:
        saved_model = folder / "version"
        write_saved_model(twin, saved_model, interface)
        found["saved_model"] = compare_saved_model(twin, saved_model, interface)
        if tflite:
            content = convert_to_tflite(saved_model, twin)
            found["tflite"] = compare_tflite(twin, content, interface)
            (folder / f"{name}.tflite").write_bytes(content)

    publication = publish(write, output, version=version)
    return Export(
        version=publication.version,
        saved_model=publication.folder,
        tflite=publication.files[0] if publication.files else None,
        image_difference=found["saved_model"].images,
        level_difference=found["saved_model"].levels,
        tflite_difference=found.get("tflite"),
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name.isdecimal():
        raise ValueError(
            "The output folder's name must start with a letter or digit, go on with letters, "
            "digits, dots, underscores or hyphens, and not be a number, which would read as a "
            f"version. Received: {name!r}."
        )
