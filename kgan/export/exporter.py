"""From a keras generator to published files, each compared with Keras first."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Collection
from collections.abc import Sequence
from pathlib import Path

import keras

from kgan._utils.checks import check_flag
from kgan.export.comparison import full_float32
from kgan.export.float32 import float32_twin
from kgan.export.graph_checks import check_contents
from kgan.export.interface import read_interface
from kgan.export.model_card import check_card
from kgan.export.model_card import write_model_card
from kgan.export.onnx_file import convert_to_onnx
from kgan.export.publish import publish
from kgan.export.quality import FrechetGate
from kgan.export.quality import check_file
from kgan.export.saved_model import SavedModelDifferences
from kgan.export.saved_model import compare_saved_model
from kgan.export.saved_model import write_saved_model
from kgan.export.tflite import MODES
from kgan.export.tflite import convert_to_tflite
from kgan.export.warmup import write_warmup
from kgan.layers import without_spectral_norm


@dataclasses.dataclass(frozen=True)
class ExportedFile:
    """A file beside the versions, and how far it is from Keras.

    Attributes:
        name: str, the file's name.
        published: bool, whether it was put in place: only those of the newest version are.
        size: int, in bytes.
        sha256: str, digest of its content.
        largest: float, largest difference of its images in [-1, 1].
        decibels: float, peak signal-to-noise ratio of its images; infinity where nothing differs.
        frechet_distance: float, of its samples to real images; None where that was not measured.
    """

    name: str
    published: bool
    size: int
    sha256: str
    largest: float
    decibels: float
    frechet_distance: float | None


@dataclasses.dataclass(frozen=True)
class Export:
    """What an export wrote, and how far it is from Keras.

    Attributes:
        version: int, the version's number.
        saved_model: `<output>/<version>`, the SavedModel's folder.
        differences: `SavedModelDifferences`, the SavedModel's from Keras.
        files: `ExportedFile` of each further file, by its format: "float32", "float16", "dynamic",
            "int8" for TFLite, "onnx".
        frechet_distance: float, that of Keras' samples to real images, None if not measured.
        removed: numbers of the old versions that made room.
    """

    version: int
    saved_model: Path
    differences: SavedModelDifferences
    files: dict[str, ExportedFile]
    frechet_distance: float | None
    removed: list[int]


def export_generator(
    generator: keras.Model,
    output: str | os.PathLike,
    *,
    num_classes: int | None = None,
    version: int | None = None,
    tflite: Sequence[str] = ("float32",),
    onnx: bool = False,
    keep: int | None = None,
    frechet: FrechetGate | None = None,
    card: dict | None = None,
) -> Export:
    """Export a generator as a SavedModel, as TFLite files and as an ONNX file, in float32.

    `<output>/<version>/` is a SavedModel with the functions of `kgan.export.signatures`, with
    warm-up requests and a model card in its assets.extra. Beside the versions stand the files that
    take latents: `<name>.tflite`, `<name>-float16.tflite` and so on, and `<name>.onnx`, where name
    is the last part of `output`. They belong to the newest version and are replaced with it.

    Before any of it is in place, the SavedModel is opened afresh, what it holds is checked, its
    functions are compared with the generator and its warm-up requests replayed; every other file is
    run by its own interpreter and compared. A generator in 16 bits is compared with its float32
    form, which `float32_twin` has found to be the same function. Layers under
    `kgan.layers.SpectralNorm` are written with their normalised kernels, as plain layers.

    Args:
        generator: functional or sequential keras model of latents, (batch, latent_dim), or of
            [latents, labels], to images in [-1, 1], (batch, height, width, channels).
        output: folder of the versions, made if missing. Its name must be letters, digits, dots,
            underscores and hyphens, and not a number.
        num_classes: int > 0 if the generator takes labels, else None.
        version: int > 0, or None for the next free one. An existing version is never overwritten.
        tflite: which TFLite files to write, of "float32", "float16", "dynamic" and "int8".
        onnx: bool, whether to write an ONNX file; needs the extra kgan[onnx].
        keep: int > 0, how many of the highest versions stay, or None for all.
        frechet: `FrechetGate`, a limit on how much worse the samples of the TFLite files may be
            than those of Keras; None for none.
        card: what the model card shall say of the training: a dict with some of data, recipe,
            command, metrics, as in `kgan.export.model_card.write_model_card`.

    Returns:
        The `Export`.

    Raises:
        ValueError: the model is no generator of images, holds what a server must not run, cannot be
            converted, or a file differs too much from it; an argument is unusable.
        FileExistsError: `version` exists.
        ImportError: `onnx`, and its packages are not installed.
        OSError: `output` cannot be written; PermissionError where that is the reason.

    Example:
        >>> export = export_generator(gan.sampling_generator(), "exported/digits", num_classes=10)
        >>> export.saved_model
        PosixPath('exported/digits/1')
    """
    name = Path(output).name
    _check_name(name)
    is_list = isinstance(tflite, Collection) and not isinstance(tflite, str)
    if not (is_list and all(mode in MODES for mode in tflite)):
        raise ValueError(
            f"tflite must be a sequence of some of {', '.join(MODES)}; an empty one for no TFLite "
            f"file. Received: tflite={tflite!r}."
        )
    onnx = check_flag("onnx", onnx)
    if not isinstance(frechet, FrechetGate | None):
        raise ValueError(
            "frechet must be a kgan.export.FrechetGate, which holds the real images and the limit, "
            f"or None. Received: frechet={frechet!r}."
        )
    check_card(card)
    interface = read_interface(generator, num_classes)
    plain = without_spectral_norm(generator)
    twin = float32_twin(plain)
    # What is written is compared with what was given, or, of 16 bits, with its float32 form.
    original = generator if twin is plain else twin
    found = {}

    @full_float32()
    def write(folder: Path, number: int) -> None:
        saved_model = folder / "version"
        write_saved_model(twin, saved_model, interface)
        check_contents(saved_model, twin)
        found["differences"] = compare_saved_model(original, saved_model, interface)
        write_warmup(saved_model, twin, interface, name=name)
        reference = frechet.reference(original, interface) if frechet and tflite else None
        found["distance"] = reference.distance if reference else None
        found["files"] = {
            file_format: _write_checked_file(
                twin, original, folder, interface, name, file_format, reference
            )
            for file_format in ((*tflite, "onnx") if onnx else tflite)
        }
        files = {file.name: _on_card(file) for file in found["files"].values()}
        write_model_card(
            saved_model,
            name=name,
            version=number,
            interface=interface,
            files=files,
            **(card or {}),
        )

    publication = publish(write, output, version=version, keep=keep)
    published = {path.name for path in publication.files}
    return Export(
        version=publication.version,
        saved_model=publication.folder,
        differences=found["differences"],
        files={
            mode: dataclasses.replace(file, published=file.name in published)
            for mode, file in found["files"].items()
        },
        frechet_distance=found["distance"],
        removed=publication.removed,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name.isdecimal():
        raise ValueError(
            "The output folder's name must start with a letter or digit, go on with letters, "
            "digits, dots, underscores or hyphens, and not be a number, which would read as a "
            f"version. Received: {name!r}."
        )


def _write_checked_file(
    twin, original, folder, interface, name, file_format, reference
) -> ExportedFile:
    if file_format == "onnx":
        content, ending, reference = convert_to_onnx(folder / "version"), ".onnx", None
    else:
        content = convert_to_tflite(folder / "version", twin, interface, mode=file_format)
        ending = ".tflite" if file_format == "float32" else f"-{file_format}.tflite"
    path = folder / f"{name}{ending}"
    path.write_bytes(content)
    difference, distance = check_file(
        path, original, interface, file_format=file_format, frechet=reference
    )
    digest = hashlib.sha256(content).hexdigest()
    return ExportedFile(path.name, False, len(content), digest, *difference, distance)


def _on_card(file: ExportedFile) -> dict:
    """What the model card says of a file, by which one can tell whose version it is."""
    return {
        "bytes": file.size,
        "sha256": file.sha256,
        "largest_difference": file.largest,
        # Infinity where nothing differs, which JSON does not know.
        "decibels": file.decibels if file.decibels < float("inf") else None,
        "frechet_distance": file.frechet_distance,
    }
