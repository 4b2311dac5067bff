"""Why a generator cannot be converted to TFLite: the operation, its layer, and what to change."""

import re
from typing import NamedTuple

import keras

from kgan.backend import private

_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# TFLite has these; where they fail it is for the shape or the type of their input.
_CONVOLUTIONS = {"Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative"}

_RANDOM_REMEDY = (
    "Let the layer draw them in training only, or give the generator wider latents to take them "
    "from."
)


class Failure(NamedTuple):
    """An operation that cannot be converted.

    Attributes:
        operation: str, as TensorFlow calls it.
        place: str, its name in the graph: layers within layers, with slashes between.
        layer: the keras layer it belongs to, or None if the place names none.
    """

    operation: str
    place: str
    layer: keras.layers.Layer | None


def conversion_advice(message: str, generator: keras.Model) -> str:
    """What the converter's error message means for the generator.

    Args:
        message: str, of the error that `tf.lite.TFLiteConverter` raised.
        generator: the keras model that was converted.

    Returns:
        A message that names the operations, their layers and a remedy.
    """
    failures = _failures(message, generator)
    # What follows Python code fails too, because the shape of its result is not known.
    failures = [each for each in failures if each.operation in _PYTHON] or failures
    named = ", ".join(dict.fromkeys(map(_described, failures))) or message.partition("\n")[0]
    return (
        "The generator cannot be converted to TFLite's builtin operations. Not convertible: "
        f"{named}. {_remedy(failures, generator)} "
        "Or leave the TFLite file out with tflite=()."
    )


def random_advice(places: list[str], generator: keras.Model) -> str:
    """What to say of a file that draws random numbers, which TFLite has operations for.

    Args:
        places: names of the tensors they are drawn into.
        generator: the keras model that was converted.

    Returns:
        A message that names the layers and a remedy.
    """
    failures = [Failure("Random", place, layer_at(place, generator)) for place in places]
    named = ", ".join(dict.fromkeys(map(_layer_or_place, failures)))
    return (
        f"The TFLite file would draw random numbers, in {named}, so that equal latents gave "
        f"different images. {_RANDOM_REMEDY} "
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


def _failures(message: str, generator: keras.Model) -> list[Failure]:
    # Each error line: ... fused["Conv2D:", "model/conv/convolution@function"] ... 'tf.Conv2D' op is
    # neither ... The innermost call comes first.
    found = re.findall(r'error: loc\([^\n]*?fused\["(\w+):", "([^"@]+)', message)
    return [
        Failure(operation, place, layer_at(place, generator))
        for operation, place in dict.fromkeys(found)
    ]


def _described(failure: Failure) -> str:
    return f"{failure.operation} in {_layer_or_place(failure)}"


def _layer_or_place(failure: Failure) -> str:
    if failure.layer is None:
        return failure.place
    return f"the layer {failure.layer.name!r} ({type(failure.layer).__name__})"


def _remedy(failures: list[Failure], generator: keras.Model) -> str:
    operations = {failure.operation for failure in failures}
    if operations & _PYTHON:
        return "No file can hold Python code: write the layer with keras.ops."
    if any("Random" in operation for operation in operations):
        return f"TFLite draws no such random numbers. {_RANDOM_REMEDY}"
    if any("TensorList" in operation for operation in operations):
        return "TFLite cannot hold the list of a recurrent layer's steps: say unroll=True."
    if any("16" in failure.layer.compute_dtype for failure in failures if failure.layer):
        return (
            "TFLite has no kernels for layers that compute in 16 bits: convert "
            "kgan.export.float32_twin(generator)."
        )
    nearest = [
        layer.name
        for layer in private.walk_layers(generator)
        if isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation == "nearest"
    ]
    if nearest and operations <= _CONVOLUTIONS:
        return (
            f"Nearest UpSampling2D layers ({', '.join(nearest)}) hide the image's size from what "
            "follows: use kgan.layers.NearestUpSampling2D, which gives the same pixels."
        )
    return "Use layers that TFLite has: dense, convolution, normalisation, activation."
