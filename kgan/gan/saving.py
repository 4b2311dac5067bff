"""Saving a model whole: random state included, and never half a file.

Keras counts the states of seed generators, those of dropout layers too, among a model's variables
and saves none of them, so that a restored run draws other numbers.
"""

import contextlib
from pathlib import Path

import keras
from keras import ops

from kgan._utils.files import replacing


def destination(model: keras.Model, filepath, *, overwrite: bool, zipped: bool | None):
    """Where to write a `.keras` file, so that it appears whole or not at all.

    Args:
        model: the model that is to be saved.
        filepath: path, where the file is to be in the end.
        overwrite: bool, whether an existing file may be replaced.
        zipped: as in `keras.Model.save`.

    Returns:
        Context of the path to write to: a temporary file that takes the place of the other, or
        `filepath` itself where that is not possible.

    Raises:
        ValueError: for another file format, which would not keep everything.
    """
    in_one_file = zipped is not False
    if in_one_file and Path(filepath).suffix != ".keras":
        raise ValueError(
            f"A {type(model).__name__} is saved in Keras' own format, which alone keeps "
            f"everything. Expected: a path that ends in .keras. Received: {filepath}."
        )
    if not (overwrite and in_one_file) or "://" in str(filepath):
        return contextlib.nullcontext(filepath)
    return replacing(filepath)


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators of a model.

    Args:
        model: keras model.

    Returns:
        List of variables, always in the same order.
    """
    return [state for state in model.variables if state.path.endswith("seed_generator_state")]


def save_state(gan: keras.Model, store) -> None:
    """Write random states, and what else is no weight, into the file of a model.

    Args:
        gan: `kgan.GAN`.
        store: what Keras gives to `save_own_variables`.
    """
    for name, variable in _named_state(gan).items():
        store[name] = ops.convert_to_numpy(variable)


def load_state(gan: keras.Model, store) -> dict:
    """Read what `save_state` has written.

    Args:
        gan: `kgan.GAN`.
        store: what Keras gives to `load_own_variables`.

    Returns:
        Dict of the rest, which Keras reads.
    """
    saved = {key: store[key] for key in store.keys()}  # noqa: SIM118 - it is no mapping
    for name, variable in _named_state(gan).items():
        # Weights may come from a GAN that was compiled otherwise.
        if name in saved or name.startswith("random_state_"):
            variable.assign(saved[name])
    return {key: saved[key] for key in saved if not key.startswith(("random_state_", "own_state_"))}


def _named_state(gan) -> dict[str, keras.Variable]:
    random = {f"random_state_{index}": state for index, state in enumerate(random_states(gan))}
    beside = gan.state_beside_weights().items()
    return random | {f"own_state_{name}": variable for name, variable in beside}
