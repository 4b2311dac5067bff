import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.export.float32 import float32_twin
from kgan.export.interface import read_interface
from kgan.export.signatures import signatures
from kgan.export.tflite import convert_to_tflite
from kgan.export.tflite.advice import conversion_advice
from kgan.export.tflite.advice import layer_at

layers = keras.layers


def generator_with(*middle):
    """A generator of 1-channel images whose middle layers take and give (batch, 4, 4, 8)."""
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4 * 4 * 8),
            layers.Reshape((4, 4, 8)),
            *middle,
            layers.Conv2D(1, 3, padding="same", name="images"),
        ]
    )


class Always(layers.Layer):
    """A layer of any function, in training or not."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def write_images_alone(generator, folder):
    """A SavedModel of the one signature that TFLite takes, which is quicker than all of them."""
    latents_to_images = signatures(generator, read_interface(generator))[0]
    archive = keras.export.ExportArchive()
    archive.add_endpoint(*latents_to_images)
    archive.write_out(str(folder), verbose=False)


def refusal(generator, folder):
    write_images_alone(generator, folder)
    with pytest.raises(ValueError, match=r"^The .*\.$") as caught:
        convert_to_tflite(folder, generator, read_interface(generator))
    return str(caught.value)


def not_convertible(named, remedy):
    return (
        "The generator cannot be converted to TFLite's builtin operations. Not convertible: "
        f"{named}. {remedy} Or leave the TFLite file out with tflite=()."
    )


_CONVOLUTION = (
    "TFLite has convolutions of float32 images whose size is known: use "
    "kgan.layers.NearestUpSampling2D in place of UpSampling2D, and "
    "kgan.export.float32_twin(generator) of a generator in 16 bits."
)


def test_nearest_upsampling_is_named_with_what_to_use_instead(tmp_path):
    generator = generator_with(
        layers.UpSampling2D(name="first_doubling"),
        layers.Conv2D(4, 3, padding="same", name="first_convolution"),
        layers.UpSampling2D(name="second_doubling"),
    )
    assert refusal(generator, tmp_path) == not_convertible(
        "Conv2D in the layer 'images' (Conv2D)",
        _CONVOLUTION,
    )


def test_nearest_upsampling_is_not_blamed_for_another_layers_operation(tmp_path):
    generator = generator_with(
        Always(lambda images: images * keras.ops.erf(images), name="own"), layers.UpSampling2D()
    )
    assert refusal(generator, tmp_path) == not_convertible(
        "Erf in the layer 'own' (Always)",
        "Use layers that TFLite has: dense, convolution, normalisation, activation.",
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_layers_in_16_bits_are_named_and_their_twin_converts(tmp_path, policy):
    generator = generator_with(layers.Conv2D(8, 3, padding="same", dtype=policy, name="half"))
    assert refusal(generator, tmp_path / "half") == not_convertible(
        "Conv2D in the layer 'half' (Conv2D), BiasAdd in the layer 'half' (Conv2D)",
        _CONVOLUTION,
    )
    twin = float32_twin(generator)
    write_images_alone(twin, tmp_path / "twin")
    assert convert_to_tflite(tmp_path / "twin", twin, read_interface(twin))


def test_random_numbers_of_keras_are_named_with_their_layer(tmp_path):
    noisy = Always(
        lambda images: images + keras.random.normal(keras.ops.shape(images)), name="always_noisy"
    )
    named = ", ".join(
        f"{operation} in the layer 'always_noisy' (Always)"
        for operation in ("StatelessRandomGetKeyCounter", "StatelessRandomNormalV2")
    )
    assert refusal(generator_with(noisy), tmp_path) == not_convertible(
        named,
        "TFLite draws no such random numbers: let the layer draw them in training only, or give "
        "the generator wider latents to take them from.",
    )


def test_python_code_is_named(tmp_path):
    def doubled(images):
        result = tf.numpy_function(lambda values: values * np.float32(2), [images], tf.float32)
        result.set_shape(images.shape)
        return result

    message = refusal(generator_with(Always(doubled, name="own_code")), tmp_path)
    assert "Not convertible: PyFunc in the layer 'own_code' (Always)" in message
    assert "No file can hold Python code: write the layer with keras.ops." in message


def test_what_names_no_operation_is_passed_on():
    message = conversion_advice("Out of memory\nDetails", generator_with())
    assert message == not_convertible(
        "Out of memory",
        "Use layers that TFLite has: dense, convolution, normalisation, activation.",
    )


def test_a_lambda_layer_inside_a_block_is_named(tmp_path):
    block = keras.Sequential(
        [layers.ReLU(), layers.Lambda(tf.math.erfinv, name="inner")], name="block"
    )
    assert refusal(generator_with(block), tmp_path) == not_convertible(
        "Erfinv in the layer 'inner' (Lambda)",
        "Use layers that TFLite has: dense, convolution, normalisation, activation.",
    )


def test_an_operation_outside_of_layers_is_named_by_its_place(tmp_path):
    inputs = keras.Input((6,))
    values = keras.ops.svd(layers.Reshape((2, 3))(inputs), compute_uv=False)
    generator = keras.Model(inputs, layers.Reshape((1, 2, 1))(values))
    message = not_convertible(
        "PLACE", "Use layers that TFLite has: dense, convolution, normalisation, activation."
    )
    pattern = re.escape(message).replace("PLACE", r"Svd in \S+/Svd")
    assert re.fullmatch(pattern, refusal(generator, tmp_path))


def test_the_innermost_layer_of_a_place_is_found():
    block = keras.Sequential([layers.ReLU(name="up"), layers.ReLU(name="up_2")], name="block")
    generator = generator_with(block)
    up, up_2 = block.layers
    # Keras numbers the calls of layers, and their names may end in a number already.
    assert layer_at("sequential_1/block_1/up_1/Relu", generator) is up
    assert layer_at("sequential_1/block_1/up_2_1/Relu", generator) is up_2
    assert layer_at("sequential_1/block_1/Relu", generator) is block
    assert layer_at("sequential_1/unknown_1/Relu", generator) is None


def recurrent(unroll):
    return [
        layers.Reshape((4, 32)),
        layers.GRU(32, return_sequences=True, unroll=unroll, name="steps"),
        layers.Reshape((4, 4, 8)),
    ]


@pytest.mark.slow
def test_a_recurrent_layer_is_named_and_its_remedy_works(tmp_path):
    assert refusal(generator_with(*recurrent(unroll=False)), tmp_path / "rolled") == (
        not_convertible(
            "TensorListReserve in the layer 'steps' (GRU)",
            "TFLite cannot hold the list of a recurrent layer's steps: say unroll=True.",
        )
    )
    generator = generator_with(*recurrent(unroll=True))
    write_images_alone(generator, tmp_path / "unrolled")
    convert_to_tflite(tmp_path / "unrolled", generator, read_interface(generator))
