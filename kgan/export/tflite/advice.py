"""Why a generator cannot be converted to TFLite: the operation, its layer, and what to change."""

import re

import keras

from kgan.backend import private

# By a part of the operation's name; the first that fits is said.
_REMEDIES = {
    "PyFunc": "No file can hold Python code: write the layer with keras.ops.",
    "Random": (
        "TFLite draws no such random numbers: let the layer draw them in training only, or give "
        "the generator wider latents to take them from."
    ),
    "TensorList": "TFLite cannot hold the list of a recurrent layer's steps: say unroll=True.",
    "Conv": (
        "TFLite has convolutions of float32 images whose size is known: use "
        "kgan.layers.NearestUpSampling2D in place of UpSampling2D, and "
        "kgan.export.float32_twin(generator) of a generator in 16 bits."
    ),
    "": "Use layers that TFLite has: dense, convolution, normalisation, activation.",
}


def conversion_advice(message: str, generator: keras.Model) -> str:
    """What the converter's error message means for the generator.

    Args:
        message: str, of the error that `tf.lite.TFLiteConverter` raised.
        generator: the keras model that was converted.

    Returns:
        A message that names the operations, their layers and a remedy; TensorFlow's own first line
        where it names no operation.
    """
    # Each error line: ... fused["Conv2D:", "model/conv/convolution@function"] ... 'tf.Conv2D' op is
    # neither ... The innermost call comes first.
    found = re.findall(r'error: loc\([^\n]*?fused\["(\w+):", "([^"@]+)', message)
    described = dict.fromkeys(f"{name} in {_named(place, generator)}" for name, place in found)
    operations = " ".join(name for name, _ in found)
    remedy = next(text for part, text in _REMEDIES.items() if part in operations)
    return (
        "The generator cannot be converted to TFLite's builtin operations. Not convertible: "
        f"{', '.join(described) or message.partition(chr(10))[0]}. {remedy} "
        "Or leave the TFLite file out with tflite=()."
    )


def layer_at(place: str, generator: keras.Model) -> keras.layers.Layer | None:
    """The innermost layer that a name in the graph stands for.

    Args:
        place: str, such as "generator_1/block_1/up_2_1/convolution".
        generator: the keras model of the layers.

    Returns:
        A keras layer, or None.
    """
    layers = {layer.name: layer for layer in private.walk_layers(generator)[1:]}
    for part in reversed(place.split("/")):
        # Keras numbers the calls of a layer: up_2_1 is the layer up_2.
        for name in (re.sub(r"_\d+$", "", part), part):
            if name in layers:
                return layers[name]
    return None


def _named(place: str, generator: keras.Model) -> str:
    layer = layer_at(place, generator)
    return f"the layer {layer.name!r} ({type(layer).__name__})" if layer else place
