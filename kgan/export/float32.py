"""The float32 form of a model that was trained in 16 bits."""

import keras

from kgan.backend import private
from kgan.backend.rebuilding import rebuilt


def float32_twin(model: keras.Model) -> keras.Model:
    """The same model with the same weights, computing in float32 in every layer.

    Servers cannot write half or bfloat16 tensors as JSON and TFLite has no kernels for them, so an
    export is always made from the twin. Its images differ from the 16-bit model's by the latter's
    rounding.

    Args:
        model: a built keras model of any dtype policy, with layers that can be serialised if they
            are not float32.

    Returns:
        `model` itself if all of it is float32 already, else a new model.

    Raises:
        ValueError: if the config of the model makes another function.
    """
    layers = private.computing_layers(model)
    if all(layer.compute_dtype == layer.variable_dtype == "float32" for layer in layers):
        return model
    # A layer whose config leaves its dtype out is built with the global policy.
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        return rebuilt(model, change=_in_float32)
    finally:
        keras.config.set_dtype_policy(policy)


def _in_float32(config):
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(value) for value in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy" and "float" in config["config"]["name"]:
        return {**config, "config": {"name": "float32"}}
    found = {key: _in_float32(value) for key, value in config.items()}
    dtype = config.get("dtype")
    return {**found, "dtype": "float32"} if isinstance(dtype, str) and "float" in dtype else found
