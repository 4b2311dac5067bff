import re

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from kgan.export.interface import read_interface
from kgan.export.saved_model import write_saved_model
from kgan.export.tflite import compare_tflite
from kgan.export.tflite import convert_to_tflite
from kgan.export.tflite import run_tflite


@pytest.fixture(scope="module")
def content(conditional_generator, tmp_path_factory):
    """The TFLite file of the conditional generator."""
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(conditional_generator, folder, read_interface(conditional_generator, 3))
    return convert_to_tflite(folder, conditional_generator)


def latents(rows):
    return np.random.default_rng(4).standard_normal((rows, 5), "float32")


def test_the_file_has_one_signature_with_named_inputs_and_output(content):
    assert Interpreter(model_content=content).get_signature_list() == {
        "serving_default": {"inputs": ["label", "latents"], "outputs": ["images"]}
    }


def test_the_file_holds_builtin_operations_only(content):
    names = {
        operation["op_name"] for operation in Interpreter(model_content=content)._get_ops_details()
    }
    assert "TRANSPOSE_CONV" in names
    assert not {name for name in names if name.startswith("Flex") or name == "CUSTOM"}


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_any_batch_size_gives_keras_images(conditional_generator, content, rows):
    labels = np.arange(rows, dtype="int32") % 3
    expected = conditional_generator([latents(rows), labels])
    images = run_tflite(content, latents(rows), labels)
    # TFLite's kernels sum in another order; see TOLERANCE.
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_out_of_range_is_refused(content, label):
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        run_tflite(content, latents(1), np.array([label], "int32"))


def test_compare_measures_the_largest_difference(conditional_generator, content):
    interface = read_interface(conditional_generator, 3)
    assert 0 <= compare_tflite(conditional_generator, content, interface) <= 1e-4


def test_other_weights_are_found(conditional_generator, content):
    other = keras.models.clone_model(conditional_generator)
    message = (
        r"The TFLite file's images differ from those of Keras by \d\.\de[+-]\d\d, more than "
        r"1e-04\. Leave the file out with tflite=False \(--notflite\)\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        compare_tflite(other, content, read_interface(other, 3))


def check_not_convertible(generator, folder, message):
    write_saved_model(generator, folder, read_interface(generator))
    with pytest.raises(ValueError, match=f"^{message}$"):
        convert_to_tflite(folder, generator)


def test_nearest_upsampling_is_named_with_what_to_use_instead(tmp_path):
    layers = keras.layers
    generator = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(4 * 4 * 3),
            layers.Reshape((4, 4, 3)),
            layers.UpSampling2D(name="first_doubling"),
            layers.Conv2D(4, 3, padding="same", name="first_convolution"),
            layers.UpSampling2D(name="second_doubling"),
            layers.Conv2D(1, 3, padding="same", name="second_convolution"),
        ]
    )
    message = (
        r"The generator cannot be converted to TFLite's builtin operations\. Not convertible: "
        r"Conv2D in \S+/second_convolution\S*\. "
        r"Nearest UpSampling2D layers \(first_doubling, second_doubling\) hide the image's size "
        r"from what follows: use kgan\.layers\.NearestUpSampling2D, which gives the same pixels\. "
        r"Or leave the TFLite file out with tflite=False \(--notflite\)\."
    )
    check_not_convertible(generator, tmp_path, message)


def test_an_operation_without_a_kernel_is_named(tmp_path):
    inputs = keras.Input((6,))
    values = keras.ops.svd(keras.layers.Reshape((2, 3))(inputs), compute_uv=False)
    generator = keras.Model(inputs, keras.layers.Reshape((1, 2, 1))(values))
    message = (
        r"The generator cannot be converted to TFLite's builtin operations\. Not convertible: "
        r"Svd in \S+/Svd\. "
        + re.escape("Use layers that TFLite has: dense, convolution, normalisation, activation. ")
        + re.escape("Or leave the TFLite file out with tflite=False (--notflite).")
    )
    check_not_convertible(generator, tmp_path, message)
