"""NearestUpSampling2D."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kgan.export.interface import read_interface
from kgan.export.loaded import load_exported
from kgan.export.saved_model import write_saved_model
from kgan.export.tflite import convert_to_tflite
from kgan.layers import NearestUpSampling2D

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(size=(3, 4, 6, 2)).astype("float32")


def test_every_pixel_becomes_a_square():
    pixels = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(np.array(NearestUpSampling2D()(pixels))[0, :, :, 0], expected)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("known", [(None, 4, 6, 2), (None, None, None, 2)])
@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
def test_images_are_those_of_keras_bit_for_bit(size, known, jit_compile):
    layer = NearestUpSampling2D(size)
    if jit_compile is not None:
        spec = tf.TensorSpec(known, tf.float32)
        layer = tf.function(layer, input_signature=[spec], jit_compile=jit_compile)
    np.testing.assert_array_equal(layer(IMAGES), layers.UpSampling2D(size)(IMAGES))


@pytest.mark.parametrize("side", [4, None])
def test_shape_is_known_before_the_first_batch(side):
    model = keras.Sequential([keras.Input((side, side, 2)), NearestUpSampling2D(3)])
    enlarged = None if side is None else 12
    assert model.output_shape == (None, enlarged, enlarged, 2)


@pytest.mark.slow
def test_two_in_a_row_run_in_tflite_with_any_batch(tmp_path):
    generator = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4 * 4 * 3),
            layers.Reshape((4, 4, 3)),
            NearestUpSampling2D(),
            layers.Conv2D(4, 3, padding="same"),
            NearestUpSampling2D(),
            layers.Conv2D(1, 3, padding="same"),
        ]
    )
    interface = read_interface(generator)
    write_saved_model(generator, tmp_path, interface)
    path = tmp_path / "generator.tflite"
    path.write_bytes(convert_to_tflite(tmp_path, generator, interface))
    for rows in (1, 3):
        latents = np.random.default_rng(1).normal(size=(rows, 5)).astype("float32")
        images = load_exported(path)(latents)
        assert images.shape == (rows, 16, 16, 1)
        # TFLite's kernels sum in another order.
        np.testing.assert_allclose(images, generator(latents), rtol=0, atol=1e-5)
    operations = Interpreter(model_path=str(path))._get_ops_details()
    # Only the Reshape after the dense layer asks for a shape when it runs.
    assert [operation["op_name"] for operation in operations].count("SHAPE") == 1


def test_config_round_trip():
    layer = NearestUpSampling2D(4)
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == "kgan>NearestUpSampling2D"
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    assert copy.size == 4


@pytest.mark.parametrize("size", [0, (2, 2), 2.0, True])
def test_a_size_that_is_no_positive_integer_is_refused(size):
    message = f"size must be a positive integer. Received: size={size!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        NearestUpSampling2D(size)
