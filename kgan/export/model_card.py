"""What a version is, beside it: `assets.extra/model_card.json`."""

import datetime
import hashlib
import json
import math
import os
import platform
import re
import shlex
from pathlib import Path
from pathlib import PurePosixPath

import keras
import numpy as np
import tensorflow as tf

from kgan._version import __version__
from kgan.export.graph_checks import read_saved_model
from kgan.export.graph_checks import read_variables
from kgan.export.interface import Interface

# What a caller says of the training.
_TOLD = ("data", "recipe", "command", "metrics")

FILE = Path("assets.extra", "model_card.json")

# Where a path ends, in a list or in a sentence.
_NO_END = r"[^\s,;:'\"()]+"
# A path from the root, from somebody's home, or far up from where it was used, in a text: at its
# start or after what is no part of a name or of a URL.
_PATH = re.compile(
    rf"file://{_NO_END}|[A-Za-z]:\\{_NO_END}|(?<![\w.~/:-])(?:~\w+|\.\.(?:/\.\.)+)?/{_NO_END}"
    rf"|(?<=:)/(?!/){_NO_END}"
)
# A text that is a path as a whole, or a flag with one, which may hold spaces.
_ONE_PATH = re.compile(r"(--?\w+=)?((?:~\w+|\.\.(?:/\.\.)+)?/[^,;:'\"]+)")
# Name and password in a URL.
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def write_model_card(
    folder: str | os.PathLike,
    *,
    name: str,
    version: int,
    interface: Interface,
    data: dict | None = None,
    recipe: dict | None = None,
    command: list[str] | str | None = None,
    metrics: dict | None = None,
    files: dict | None = None,
) -> None:
    """Describe a SavedModel: what it takes and gives, what it was made from and how good it is.

    Paths from the root, from somebody's home or far upwards, in what the caller gives, are cut to
    their last part, ".../digits", for they say more of a machine and its users than of the model.
    Names and passwords are taken out of URLs.

    The card says name, version, date (UTC), image_shape, latent_dim, num_classes, signatures
    (inputs and outputs with dtype and shape), weights (number and sha256, see `weights_digest`),
    packages (versions), data, recipe, command, metrics, files.

    Args:
        folder: the SavedModel's folder, into which the card is written.
        name: the model's.
        version: int, the number under which the SavedModel is published.
        interface: what `read_interface` said of the generator.
        data: what it was trained on, or None if that is not known.
        recipe: flags or settings of its training, or None.
        command: the command that trained or exported it, as sys.argv holds it or as it is typed, or
            None.
        metrics: how good it is; the names say by what protocol. Or None.
        files: what is to be said of each file that accompanies the version, by its name. Or None.

    Raises:
        ValueError: what the caller gives holds a number that is not finite, or what is no JSON.
    """
    card = {
        "name": name,
        "version": version,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "image_shape": list(interface.image_shape),
        "latent_dim": interface.latent_dim,
        "num_classes": interface.num_classes,
        "signatures": _signatures(folder),
        "weights": {
            "number": sum(values.size for _, values in read_variables(folder)),
            "sha256": weights_digest(folder),
        },
        "packages": {
            "kgan": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "data": _json(data, "data"),
        "recipe": _json(recipe, "recipe"),
        "command": _json(command, "command"),
        "metrics": _json(metrics, "metrics"),
        "files": files,
    }
    if isinstance(card["command"], list):
        card["command"] = shlex.join(map(str, card["command"]))
    path = Path(folder, FILE)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(card, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def check_card(card: object) -> None:
    """Raise unless `write_model_card` can write what a caller wants to say of the training.

    Args:
        card: anything; expected None or a dict with some of data, recipe, command, metrics.

    Raises:
        ValueError: if it is something else, or holds what is no JSON.
    """
    if card is not None and not (isinstance(card, dict) and set(card) <= set(_TOLD)):
        raise ValueError(
            f"card must be a dict with some of {', '.join(_TOLD)}, or None. Received: {card!r}."
        )
    for place, value in (card or {}).items():
        _json(value, place)


def weights_digest(folder: str | os.PathLike) -> str:
    """The SHA-256 of a SavedModel's weights, by which two exports are known for the same.

    It is taken over a line for each variable in the checkpoint, variables/variables, but for the
    entry _CHECKPOINTABLE_OBJECT_GRAPH: "dtype shape digest" and a newline, such as "float32
    [10, 64] 9f86d081...", where digest is the SHA-256 of the values, row by row, little-endian. The
    lines are sorted, for the names and the order of the variables are others in every process.

    Args:
        folder: the SavedModel's folder.

    Returns:
        64 hexadecimal digits.
    """
    lines = []
    for _, values in read_variables(folder):
        little_endian = values.astype(values.dtype.newbyteorder("<"), copy=False)
        digest = hashlib.sha256(little_endian.tobytes()).hexdigest()
        lines.append(f"{values.dtype.name} {list(values.shape)} {digest}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _signatures(folder: str | os.PathLike) -> dict:
    described = read_saved_model(folder).meta_graphs[0].signature_def
    return {
        name: {
            "inputs": _tensors(described[name].inputs),
            "outputs": _tensors(described[name].outputs),
        }
        for name in sorted(described)
        # TensorFlow's own, for the moment of loading.
        if not name.startswith("__")
    }


def _tensors(infos) -> dict:
    return {
        name: {
            "dtype": tf.as_dtype(infos[name].dtype).name,
            "shape": tf.TensorShape(infos[name].tensor_shape).as_list(),
        }
        for name in sorted(infos)
    }


def _json(value, place: str):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {_without_folders(str(key)): _json(value[key], f"{place}.{key}") for key in value}
    if isinstance(value, (list, tuple)):
        return [_json(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, (str, os.PathLike)):
        return _without_folders(os.fspath(value))
    is_finite = isinstance(value, float) and math.isfinite(value)
    if value is None or isinstance(value, int) or is_finite:
        return value
    raise ValueError(
        f"A model card holds texts, finite numbers, booleans, None, and lists and dicts of them. "
        f"Received at {place}: {value!r}."
    )


def _without_folders(text: str) -> str:
    text = _CREDENTIALS.sub("", text)
    whole = _ONE_PATH.fullmatch(text)
    if whole:
        return (whole[1] or "") + _shortened(whole[2])
    return _PATH.sub(lambda found: _shortened(found[0]), text)


def _shortened(path: str) -> str:
    return f".../{PurePosixPath(path.replace(chr(92), '/')).name}"
