"""Networks made anew of their configs, and whether they are the functions that they were.

A config may leave out what makes a network the function it is: an argument that `get_config`
forgets, or all of them in a `keras.Model` without a `get_config` of its own. What Keras and kgan
define leaves out nothing; the rest is called and compared.
"""

import inspect
import re
import textwrap
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from kgan.backend import private

# A forgotten argument changes more than this share of the largest output; sums in another order
# change less.
_TOLERANCE = 1e-3
_TOLERANCE_IN_16_BITS = 5e-2
_ROWS = 4


def rebuilt(
    network: keras.Model,
    *,
    inputs=None,
    change: Callable[[dict], dict] | None = None,
    weights: list | None = None,
) -> keras.Model:
    """A second network by the config of the first, which is known to be the same function.

    Layers need not be registered with Keras for it, and may hold lambdas.

    Args:
        network: a built keras model.
        inputs: what it is called with for the comparison, an array or a list of arrays. None, the
            default, for random inputs of the shape that it says it takes.
        change: function of the config that returns the config to build; None, the default, for the
            config as it is.
        weights: list of arrays for the new network. None, the default, for those of the first.

    Returns:
        A new keras model.

    Raises:
        ValueError: if there is no such config, or if it makes another function.
    """
    foreign = foreign_objects(network)
    changes = change is not None or weights is not None
    if foreign and changes:
        # Compared as it is: what is changed may round its outputs otherwise.
        rebuilt(network, inputs=inputs)
    with keras.saving.custom_object_scope(foreign):
        try:
            config = keras.saving.serialize_keras_object(network)
            # These lambdas come from memory, not out of a file.
            copy = keras.saving.deserialize_keras_object(
                change(config) if change else config, safe_mode=False
            )
            if inputs is not None and not copy.weights:
                copy(inputs)
            copy.set_weights(network.get_weights() if weights is None else weights)
        # Constructors of users raise what they like.
        except Exception as error:
            raise ValueError(_refusal(network, foreign, in_words(error))) from error
        if foreign and not changes:
            found = difference(network, copy, _inputs(network) if inputs is None else inputs)
            if found:
                raise ValueError(_refusal(network, foreign, found))
    return copy


def foreign_objects(*parts) -> dict[str, type | Callable]:
    """The classes and functions that neither Keras nor kgan define.

    Args:
        *parts: keras layers, with all that is in them, and other objects with configs.

    Returns:
        Dict of them by the names that Keras knows them by; what `custom_object_scope` takes.
    """
    found = {}
    for part in parts:
        for holder in private.walk_layers(part) if isinstance(part, keras.Layer) else [part]:
            # Keras wraps methods of a layer in functions that it keeps in the layer.
            own = {
                key: value for key, value in vars(holder).items() if not hasattr(keras.Layer, key)
            }
            for held in (holder, *own.values()):
                named = held if inspect.isfunction(held) else type(held)
                package = (named.__module__ or "").partition(".")[0]
                is_custom = package not in ("keras", "kgan", "builtins")
                if is_custom and (inspect.isfunction(held) or hasattr(held, "get_config")):
                    found[keras.saving.get_registered_name(named)] = named
    return found


def difference(network: keras.Model, copy: keras.Model, inputs, *, training=False) -> str | None:
    """How a network of equal weights is another function, in words.

    Both are left as they were.

    Args:
        network: keras model.
        copy: keras model that was made of its config.
        inputs: array or list of arrays, or None if none are known.
        training: bool, whether they are compared as in training. Default False.

    Returns:
        str; None if they are the same, or if that cannot be known: the network takes no such
        inputs, or draws random numbers that no seed of its own decides.
    """
    if len(network.variables) != len(copy.variables):
        return None
    in_16_bits = any("16" in layer.compute_dtype for layer in private.computing_layers(network))
    tolerance = _TOLERANCE_IN_16_BITS if in_16_bits else _TOLERANCE
    state = [ops.convert_to_numpy(variable) for variable in network.variables]
    own_state = [ops.convert_to_numpy(variable) for variable in copy.variables]

    def outputs(one):
        for variable, value in zip(one.variables, state, strict=True):
            variable.assign(value)
        found = keras.tree.flatten(one(inputs, training=training))
        return [ops.convert_to_numpy(ops.cast(part, "float32")) for part in found]

    try:
        try:
            expected = outputs(network)
        # Whatever it does not like of inputs that nobody gave it.
        except Exception:
            return None
        try:
            found = outputs(copy)
        except Exception as error:
            return f"the one made anew cannot be called: {in_words(error)}"
        largest = _largest_difference(expected, found)
        if largest > tolerance and _largest_difference(expected, outputs(network)) <= tolerance:
            return f"the outputs of the one made anew differ by {largest:.2g}."
        return None
    finally:
        for one, values in ((network, state), (copy, own_state)):
            for variable, value in zip(one.variables, values, strict=True):
                variable.assign(value)


def advice(foreign: dict) -> str:
    """What the classes and functions that `foreign_objects` found must have, as a message's end."""
    names = ", ".join(sorted(named.__name__ for named in foreign.values())) or "none"
    # The config of every layer has its name, dtype and whether it is trained.
    closed = [
        named.__name__
        for named in foreign.values()
        if inspect.isclass(named)
        and issubclass(named, keras.Layer)
        and named.get_config in (keras.Layer.get_config, keras.Model.get_config)
        and all(
            argument.kind is not argument.VAR_KEYWORD and argument.name != "trainable"
            for argument in inspect.signature(named.__init__).parameters.values()
        )
    ]
    if closed:
        return (
            f"Expected: constructors that take what every config holds. Received: "
            f"{', '.join(sorted(closed))}. Write def __init__(self, ..., **kwargs): "
            "super().__init__(**kwargs), and a get_config() that returns the other arguments."
        )
    return (
        "Expected: a get_config() that returns every argument of the constructor. Received, of "
        f"classes and functions that are not Keras': {names}. Complete their get_config(); in "
        "place of a lambda write a function or a layer."
    )


def in_words(error: Exception) -> str:
    """What an error of Keras says, without the config and the arguments that Keras quotes whole."""
    text = re.split(r"Exception encountered: |Error encountered[^:]*:", str(error))[-1]
    text = re.split(r"Full object config|Arguments received by", text)[0]
    # Without the signs for bold letters.
    return textwrap.shorten(re.sub(r"\x1b\[\d*m", "", text) or type(error).__name__, 300)


def _largest_difference(expected: list, found: list) -> float:
    if [part.shape for part in expected] != [part.shape for part in found]:
        return float("inf")
    return max(
        float(np.nan_to_num(np.abs(one - other)).max(initial=0))
        / max(1.0, float(np.nan_to_num(np.abs(one)).max(initial=0)))
        for one, other in zip(expected, found, strict=True)
    )


def _inputs(network):
    """Random inputs of the shape that a network says it takes; None if it does not say."""
    random = np.random.default_rng(0)

    def drawn(shape, dtype="float32"):
        sizes = [size or 16 for size in shape[1:]]
        if not keras.backend.is_float_dtype(dtype):
            # A class that every embedding has.
            return np.zeros((shape[0] or _ROWS, *sizes), dtype)
        return random.standard_normal((shape[0] or _ROWS, *sizes)).astype("float32")

    if getattr(network, "inputs", None):
        inputs = [drawn(tensor.shape, tensor.dtype) for tensor in network.inputs]
        return inputs if len(inputs) > 1 else inputs[0]
    shape = (network.get_build_config() or {}).get("input_shape")
    return drawn(shape) if shape and not isinstance(shape[-1], (tuple, list)) else None


def _refusal(network, foreign: dict, reason: str) -> str:
    return (
        f"The network {network.name!r} cannot be made anew by its config as the same function: "
        f"{reason} {advice(foreign)}"
    )
