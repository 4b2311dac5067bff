"""What must be the same for a run to resume: the networks, how they learn, and the data."""

import json
import re

import keras

from kgan import backend
from kgan._version import __version__
from kgan.backend import replicas

# Names, addresses in memory, and what follows from the rest.
_LEFT_OUT = {
    "build_config",
    "inbound_nodes",
    "input_layers",
    "module",
    "name",
    "output_layers",
    "registered_name",
    "shared_object_id",
}
# What Keras wraps every object in says nothing.
_WRAPPERS = {"config", "class_name"}
_SHOWN = 80


def versions() -> dict[str, str]:
    """The versions of everything that the numbers of a run depend on, by name."""
    return {"kgan": __version__, "keras": keras.__version__, "tensorflow": backend.version()}


def fingerprint(gan: keras.Model, data: dict) -> dict:
    """What the numbers of a run depend on.

    Args:
        gan: compiled `kgan.GAN`.
        data: dict of what tells the data apart from others.

    Returns:
        Dict from names such as "penalties[0].gamma" to numbers, strings and None. The numbers in
        the names of layers are left out: Keras counts them on with every model of a process.

    Raises:
        NotImplementedError: if a network does not tell what it is made of.
    """
    what = {
        # Its own `train_step` may do something else.
        "gan": keras.saving.get_registered_name(type(gan)),
        **gan.get_config(),
        # What was said in `compile`, not what callbacks have made of it since.
        **gan._compiled_with,
        "jit_compile": bool(gan.jit_compile),
        "replicas": replicas.num_replicas_of(gan),
        "data": data,
    }
    # "dense_12" is the second model's "dense".
    leaves = keras.tree.flatten_with_path(json.loads(json.dumps(what, default=str)))
    return {
        _named(path): re.sub(r"_\d+$", "", leaf) if isinstance(leaf, str) else leaf
        for path, leaf in leaves
        if _LEFT_OUT.isdisjoint(path)
    }


def differences(before: dict, now: dict) -> list[str]:
    """In what two fingerprints differ.

    Args:
        before: the one of a backup.
        now: the one of this process.

    Returns:
        List of phrases such as "discriminator_steps was 3 and is 1 now".
    """
    return [
        f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))} now"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]


def _named(path: tuple) -> str:
    steps = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return "".join(step for step in steps if step[1:] not in _WRAPPERS).lstrip(".")


def _shown(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
