"""What must be the same for a training to go on: the networks, how they learn, and the data."""

import json

import keras

from kgan import backend

_BESIDE_NAMES = ("trainable", "class_name", "batch_shape", "learning_rate", "inner_optimizer")
# The one is an address in memory, the other follows from the rest.
_LEFT_OUT = ("shared_object_id", "build_config")


def fingerprint(gan, variables, data: dict) -> dict:
    """Everything of a training that its numbers depend on, as values for JSON.

    Args:
        gan: compiled `kgan.GAN`.
        variables: its variables.
        data: dict of what tells the data apart from others.

    Returns:
        dict. The names of layers are left out: Keras counts them on with every model of a process.

    Raises:
        ValueError: if a network does not tell what it is made of.
    """
    _check_networks(gan)
    # What was said in `compile`, not what callbacks have made of it since.
    how = {**gan._compiled_with, "jit_compile": bool(gan.jit_compile)}
    what = {
        # Its own `train_step` may do something else.
        "gan": keras.saving.get_registered_name(type(gan)),
        **{name: value for name, value in gan.get_config().items() if name != "name"},
        **how,
        "replicas": backend.num_replicas_of(gan),
        "data": data,
        "variables": [[list(variable.shape), str(variable.dtype)] for variable in variables],
    }
    return _without_names(json.loads(json.dumps(what, default=str)))


def _check_networks(gan) -> None:
    for name in ("generator", "discriminator"):
        network = getattr(gan, name)
        try:
            keras.saving.serialize_keras_object(network)
        except NotImplementedError as error:
            raise ValueError(
                "Backup compares networks with those of its backups. Expected: networks whose "
                f"get_config() tells what they are made of. Received: as {name} a "
                f"{type(network).__name__}, which does not. Define get_config() in its class and "
                "in those of its layers, so that it returns the arguments of the constructor: "
                "gan.save() needs that, too."
            ) from error


def differences(before: dict, now: dict) -> list[str]:
    """In what two fingerprints differ.

    Args:
        before: the one of a backup.
        now: the one of this process.

    Returns:
        List of phrases such as "discriminator_steps was 3 and is 1 now".
    """
    # All of these follow from another network, which tells more.
    before, now = dict(before), dict(now)
    variables = before.pop("variables", None), now.pop("variables", None)
    found = list(_differences("", before, now))
    if not found and variables[0] != variables[1]:
        found = ["the shapes of the variables were others"]
    return found


def _differences(path: str, before, now):
    if isinstance(before, dict) and isinstance(now, dict):
        if before.get("class_name") != now.get("class_name"):
            # Objects of two classes have nothing else to compare.
            before, now = (value.get("class_name", "something else") for value in (before, now))
            yield f"{path} was {_shown(before)} and is {_shown(now)} now"
            return
        for key in [*before, *(key for key in now if key not in before)]:
            # What Keras wraps every object in says nothing.
            inner = path if key == "config" else f"{path}.{key}".lstrip(".")
            yield from _differences(inner, before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, pair in enumerate(zip(before, now, strict=True)):
            yield from _differences(f"{path}[{index}]", *pair)
    elif isinstance(before, list) and isinstance(now, list):
        yield f"{path} had {len(before)} entries and has {len(now)} now"
    elif before != now:
        yield f"{path} was {_shown(before)} and is {_shown(now)} now"


def _shown(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _without_names(config: dict) -> dict:
    """The same configuration with numbers in place of the names of layers and optimizers."""
    names = {}
    _collect_names(config, names)
    return _renamed(config, names)


def _collect_names(value, names: dict) -> None:
    if isinstance(value, dict):
        name = value.get("name")
        # These stand beside the name of a layer or an optimizer, and of nothing else.
        if isinstance(name, str) and not value.keys().isdisjoint(_BESIDE_NAMES):
            names.setdefault(name, f"layer {len(names)}")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _collect_names(item, names)


def _renamed(value, names: dict):
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items() if key not in _LEFT_OUT}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
