"""Saving a model whole: random state included, and never half a file.

Keras counts the states of seed generators, those of dropout layers too, among a model's variables
and saves none of them, so that a restored run draws other numbers.
"""

import contextlib
from pathlib import Path

import keras
from keras import ops

from kgan._utils.files import replacing


@contextlib.contextmanager
def destination(model: keras.Model, filepath, *, overwrite: bool, zipped: bool | None):
    """Where to write a `.keras` file, so that it appears whole or not at all.

    Args:
        model: the model that is to be saved.
        filepath: path, where the file is to be in the end.
        overwrite: bool, whether an existing file may be replaced.
        zipped: as in `keras.Model.save`.

    Yields:
        Path of a temporary file that takes the place of the other; `filepath` itself where that is
        not possible.

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
        yield filepath
        return
    with replacing(filepath) as temporary:
        yield temporary


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators of a model.

    Args:
        model: keras model.

    Returns:
        List of variables, always in the same order.
    """
    saved_by_keras = {id(weight) for weight in model.weights}
    return [
        variable
        for variable in model.variables
        if id(variable) not in saved_by_keras and variable.path.endswith("seed_generator_state")
    ]


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
    beside, weights = {}, {}
    for key in store.keys():  # noqa: SIM118 - an HDF5 store of Keras is no mapping
        group = beside if key.startswith(("random_state_", "own_state_")) else weights
        group[key] = store[key]
    for name, variable in _named_state(gan).items():
        # Weights may come from a GAN that was compiled otherwise.
        if name in beside or name.startswith("random_state_"):
            variable.assign(beside[name])
    return weights


def _named_state(gan) -> dict[str, keras.Variable]:
    random = enumerate(random_states(gan))
    beside = gan.state_beside_weights().items()
    return {
        **{f"random_state_{index}": variable for index, variable in random},
        **{f"own_state_{name}": variable for name, variable in beside},
    }
