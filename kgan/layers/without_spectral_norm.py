"""Models of plain layers from models with `SpectralNorm`."""

import keras

from kgan.backend import private
from kgan.backend.rebuilding import rebuilt
from kgan.layers.spectral_norm import SpectralNorm

_REGISTERED_NAME = keras.saving.get_registered_name(SpectralNorm)


def without_spectral_norm(model: keras.Model) -> keras.Model:
    """The same model with every `SpectralNorm` replaced by the layer in it, for inference.

    The kernels of the new model are W / sigma(W), and its outputs those of `model`: nothing of u,
    sigma or the division is left to be computed or exported.

    Args:
        model: a built keras model, functional or sequential, with layers that can be serialised if
            any of them is a `SpectralNorm`. Models inside it are taken apart too.

    Returns:
        A new model. `model` itself if it holds no `SpectralNorm`, or one that its config does not
        show, such as an attribute of a subclassed model or layer, or if its config makes another
        function; that still computes the same.

    Example:
        >>> plain = kgan.layers.without_spectral_norm(generator)
    """
    normalised = _normalised_layers(model)
    if not normalised:
        return model
    weights = _plain_weights(model, normalised)
    try:
        config = keras.saving.serialize_keras_object(model)
        if _with_plain_layers(config) == config:
            return model
        plain = rebuilt(model, change=_with_plain_layers, weights=weights)
    # A subclassed model whose constructor takes what only Python knows, or forgets what it took.
    except (NotImplementedError, ValueError):
        return model
    return model if _normalised_layers(plain) else plain


def _normalised_layers(model) -> list[SpectralNorm]:
    return [layer for layer in private.walk_layers(model) if isinstance(layer, SpectralNorm)]


def _with_plain_layers(config):
    if isinstance(config, (list, tuple)):
        return type(config)(_with_plain_layers(value) for value in config)
    if not isinstance(config, dict):
        return config
    if config.get("registered_name") == _REGISTERED_NAME:
        wrapper = config["config"]
        layer = wrapper["layer"]
        # Under the wrapper's name, by which functional models connect their layers.
        config = {**config, **layer, "config": {**layer["config"], "name": wrapper["name"]}}
    return {key: _with_plain_layers(value) for key, value in config.items()}


def _plain_weights(model, normalised: list[SpectralNorm]) -> list:
    """The weights of `model` in their order: kernels normalised, every u left out."""
    kernels = {id(layer.kernel): layer.normalised_kernel() for layer in normalised}
    left_out = {id(layer.u) for layer in normalised}
    return [
        keras.ops.convert_to_numpy(kernels.get(id(weight), weight))
        for weight in model.weights
        if id(weight) not in left_out
    ]
