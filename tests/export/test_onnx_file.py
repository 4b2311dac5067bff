import re
import sys

import keras
import numpy as np
import pytest

from kgan.export.interface import read_interface
from kgan.export.loaded import load_exported
from kgan.export.onnx_file import OPSET
from kgan.export.onnx_file import convert_to_onnx
from kgan.export.quality import check_file
from kgan.export.saved_model import write_saved_model

WHY = "needs pip install tf2onnx onnx onnxruntime"
onnx = pytest.importorskip("onnx", reason=WHY)
pytest.importorskip("tf2onnx", reason=WHY)
pytest.importorskip("onnxruntime", reason=WHY)


@pytest.fixture(scope="module")
def saved_model(conditional_generator, tmp_path_factory):
    """The SavedModel of the conditional generator."""
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(conditional_generator, folder, read_interface(conditional_generator, 3))
    return folder


@pytest.fixture(scope="module")
def content(saved_model):
    """The ONNX file of the conditional generator, as bytes."""
    return convert_to_onnx(saved_model)


@pytest.fixture(scope="module")
def path(content, tmp_path_factory):
    """The ONNX file of the conditional generator."""
    path = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    path.write_bytes(content)
    return path


def latents(rows):
    return np.random.default_rng(4).standard_normal((rows, 5), "float32")


def shapes(values):
    return {
        value.name: [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_inputs_and_images_keep_their_names_and_any_batch(content):
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert shapes(model.graph.input) == {"latents": ["batch", 5], "label": ["batch"]}
    assert shapes(model.graph.output) == {"images": ["batch", 8, 8, 1]}
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    assert types == {"latents": onnx.TensorProto.FLOAT, "label": onnx.TensorProto.INT32}
    assert next(each.version for each in model.opset_import if not each.domain) == OPSET


@pytest.mark.slow
def test_a_generator_without_labels_takes_latents_alone(generator, tmp_path):
    interface = read_interface(generator)
    write_saved_model(generator, tmp_path, interface)
    path = tmp_path / "generator.onnx"
    path.write_bytes(convert_to_onnx(tmp_path))
    assert not load_exported(path).conditional
    difference, _ = check_file(path, generator, interface, file_format="onnx")
    assert 0 <= difference.largest <= 1e-4


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_any_batch_size_gives_keras_images(conditional_generator, path, rows):
    labels = np.arange(rows, dtype="int32") % 3
    images = load_exported(path).images_of(latents(rows), labels)
    expected = conditional_generator([latents(rows), labels])
    # Onnxruntime's kernels sum in another order; see TOLERANCE.
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("label", [3, 2**31 - 1, -1, -3, -(2**31)])
def test_a_label_out_of_range_is_refused(path, label):
    images_of = load_exported(path).images_of
    with pytest.raises(Exception, match="indices element out of data bounds"):
        images_of(latents(1), [label])
    # It leaves the session usable.
    assert images_of(latents(1), [2]).shape == (1, 8, 8, 1)


def test_each_image_must_have_its_label(path):
    with pytest.raises(Exception, match="must match"):
        load_exported(path).images_of(latents(2), [0])


def test_the_same_saved_model_gives_the_same_bytes_and_no_local_path(saved_model, content):
    # tf2onnx' own names hold numbers that run on.
    assert convert_to_onnx(saved_model) == content
    assert str(saved_model.parent).encode() not in content


def test_other_weights_are_found(conditional_generator, path):
    other = keras.models.clone_model(conditional_generator)
    message = (
        r"The ONNX file's images differ from those of Keras by \d\.\de[+-]\d\d, more than 1e-04\. "
        r"Leave the file out with onnx=False\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_file(path, other, read_interface(other, 3), file_format="onnx")


@pytest.mark.slow
def test_an_operation_that_onnx_does_not_have_is_named_with_its_place(tmp_path):
    inputs = keras.Input((6,))
    values = keras.ops.svd(keras.layers.Reshape((2, 3))(inputs), compute_uv=False)
    generator = keras.Model(inputs, keras.layers.Reshape((1, 2, 1))(values), name="singular")
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = (
        r"The generator cannot be converted to ONNX\. Not convertible: Svd in singular\S*/Svd\. "
        r"Use layers that ONNX has, or leave the file out with onnx=False\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        convert_to_onnx(tmp_path)


def test_without_tf2onnx_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    message = (
        "Writing an ONNX file takes tf2onnx, onnx and onnxruntime: pip install tf2onnx onnx "
        "onnxruntime"
    )
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        convert_to_onnx(tmp_path)
