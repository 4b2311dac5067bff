"""The weights of a model, with facts about them, in one file with checksums."""

import os

import keras

from kgan._utils.arrays_file import ArraysFile
from kgan._utils.arrays_file import write_arrays


def save_weights(path: str | os.PathLike, model: keras.Model, facts: dict, *, dtype="float32"):
    """Write a model's weights and facts about them, whole or not at all.

    Args:
        path: the file to write, a compressed `.npz` without pickled objects.
        model: keras model.
        facts: dict that JSON can hold, to be read back with the weights.
        dtype: "float32", or "float16" for half the size.
    """
    arrays = (
        (f"weight_{index:02}", keras.ops.convert_to_numpy(weight).astype(dtype))
        for index, weight in enumerate(model.weights)
    )
    write_arrays(path, {"facts": facts}, arrays, compress=True)


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
    with ArraysFile(path) as file:
        facts = file.header.get("facts", {})
        arrays = list(file.arrays().values())
    if key is not None and facts.get("key") != key:
        raise ValueError(
            f"The weight file {path} belongs to something else. Expected: the key {key}. "
            f"Received: {facts.get('key')}."
        )
    expected = [tuple(weight.shape) for weight in model.weights]
    received = [array.shape for array in arrays]
    if received != expected:
        raise ValueError(
            f"The weight file {path} belongs to another architecture. Expected: weights of the "
            f"shapes {expected}. Received: {received}."
        )
    for weight, array in zip(model.weights, arrays, strict=True):
        weight.assign(array.astype("float32"))
    return facts
