"""Weights in one small file that tells whether it is whole."""

import hashlib
import io
import json
import os
from pathlib import Path

import keras
import numpy as np

from kgan._utils.files import replacing


def save_weights(path: str | os.PathLike, model: keras.Model, facts: dict, *, dtype="float32"):
    """Write a model's weights, facts about them and a digest of both, whole or not at all.

    Args:
        path: the file to write, a compressed `.npz` without pickled objects.
        model: keras model.
        facts: dict that JSON can hold, to be read back with the weights.
        dtype: "float32", or "float16" for half the size.
    """
    arrays = {
        f"weight_{index:02}": keras.ops.convert_to_numpy(weight).astype(dtype)
        for index, weight in enumerate(model.weights)
    }
    arrays["facts"] = np.array(json.dumps(facts, sort_keys=True))
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays, digest=np.array(_digest(arrays)))


def load_weights(path: str | os.PathLike, model: keras.Model, *, key: str | None = None) -> dict:
    """Read weights into a model that has the shapes of the one they come from.

    Args:
        path: a file that `save_weights` wrote.
        model: keras model; it stays as it was if anything is wrong.
        key: str, what the facts must hold as "key"; None for any.

    Returns:
        The facts.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or does not belong to this model or key.
    """
    arrays = _read(path)
    facts = json.loads(str(arrays.pop("facts")))
    if key is not None and facts.get("key") != key:
        raise ValueError(
            f"The weight file {path} belongs to something else. Expected: the key {key}. "
            f"Received: {facts.get('key')}."
        )
    expected = [tuple(weight.shape) for weight in model.weights]
    received = [array.shape for array in arrays.values()]
    if received != expected:
        raise ValueError(
            f"The weight file {path} belongs to another architecture. Expected: weights of the "
            f"shapes {expected}. Received: {received}."
        )
    for weight, array in zip(model.weights, arrays.values(), strict=True):
        weight.assign(array.astype("float32"))
    return facts


def _read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        whole = str(arrays.pop("digest")) == _digest(arrays)
    # A damaged archive raises what it likes, from BadZipFile to NotImplementedError.
    except Exception as error:
        raise ValueError(f"The weight file {path} is damaged: it cannot be read.") from error
    if not whole:
        raise ValueError(
            f"The weight file {path} is damaged: its content is not that of its digest."
        )
    return arrays


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
