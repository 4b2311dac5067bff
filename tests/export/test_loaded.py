import importlib.util
import re
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf

from kgan import sampling
from kgan.export import export_generator
from kgan.export.loaded import find_exported
from kgan.export.loaded import load_exported
from kgan.export.onnx_file import convert_to_onnx

# TFLite's kernels sum in another order than TensorFlow's.
TOLERANCE = 1e-4


WITH_ONNX = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None or importlib.util.find_spec("onnxruntime") is None,
    reason="needs pip install tf2onnx onnx onnxruntime",
)


def onnx(name):
    """The name of an ONNX file as a parameter, skipped where its packages are missing."""
    return pytest.param(name, marks=WITH_ONNX)


def add_onnx(base, version):
    """Put the ONNX file of a version beside the versions, where there is a converter."""
    if not WITH_ONNX.args[0]:
        (base / f"{base.name}.onnx").write_bytes(convert_to_onnx(base / version))


@pytest.fixture(scope="module")
def plain(generator, tmp_path_factory):
    """The exported generator of latents alone."""
    base = tmp_path_factory.mktemp("exported") / "plain"
    export_generator(generator, base)
    add_onnx(base, "1")
    return base


@pytest.fixture(scope="module")
def conditional(conditional_generator, tmp_path_factory):
    """The exported generator of latents and 3 classes, its version 9 behind version 10."""
    base = tmp_path_factory.mktemp("exported") / "conditional"
    export_generator(conditional_generator, base, num_classes=3, version=10)
    shutil.copytree(base / "10", base / "9")
    add_onnx(base, "10")
    return base


@pytest.mark.parametrize("name", ["", "1", "plain.tflite", onnx("plain.onnx")])
def test_every_format_gives_keras_samples_of_a_seed(generator, plain, name):
    loaded = load_exported(plain / name)
    options = {"latent_dim": 5, "seed": 3, "batch_size": 4}
    samples = sampling.generate(loaded, 10, **options)
    assert samples.dtype == np.float32
    expected = sampling.generate(generator, 10, **options)
    np.testing.assert_allclose(samples, expected, rtol=0, atol=TOLERANCE)
    assert (loaded.latent_dim, loaded.conditional) == (5, False)


@pytest.mark.parametrize("name", ["", "9", "conditional.tflite", onnx("conditional.onnx")])
def test_every_format_gives_keras_samples_of_a_seed_and_classes(
    conditional_generator, conditional, name
):
    loaded = load_exported(conditional / name)
    options = {"latent_dim": 5, "num_classes": 3, "seed": 3, "batch_size": 4}
    samples = sampling.generate(loaded, 10, **options)
    expected = sampling.generate(conditional_generator, 10, **options)
    np.testing.assert_allclose(samples, expected, rtol=0, atol=TOLERANCE)
    assert (loaded.latent_dim, loaded.conditional) == (5, True)


def test_of_several_versions_the_newest_is_taken(conditional):
    # By number: by name "9" would come after "10".
    assert load_exported(conditional).path == conditional / "10"


@pytest.mark.parametrize("name", ["10", "conditional.tflite", onnx("conditional.onnx")])
def test_it_knows_the_classes_it_was_exported_with_and_no_others(conditional, name):
    loaded = load_exported(conditional / name)
    assert [label for label in range(-2, 6) if loaded.knows(label)] == [0, 1, 2]
    # A refused label leaves it usable.
    assert loaded([np.zeros((2, 5)), [0, 2]]).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("name", ["10", "conditional.tflite", onnx("conditional.onnx")])
def test_labels_beyond_its_classes_are_refused(conditional, name):
    message = f"{conditional / name} refuses labels from 1 to 3. It knows fewer classes."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_exported(conditional / name)([np.zeros((2, 5)), [3, 1]])


def test_labels_must_be_given_exactly_where_they_belong(plain, conditional):
    latents = np.zeros((2, 5))
    message = f"{conditional / '10'} takes [latents, labels]. Received: latents alone."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_exported(conditional)(latents)
    message = f"{plain / '1'} takes latents alone. Received: [latents, labels]."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_exported(plain)([latents, [0, 0]])


@pytest.mark.parametrize("name", ["a.keras", "gone.tflite", "gone.onnx", "", "1.tmp"])
def test_where_nothing_was_exported_is_told(tmp_path, name):
    (tmp_path / "1.tmp").mkdir()
    (tmp_path / "a.keras").touch()
    path = tmp_path / name
    message = (
        f"{path} is no .tflite or .onnx file and holds no exported version, "
        "<number>/saved_model.pb. Export first, with gan.export(path)."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        find_exported(path)


def damaged(path, reason):
    return (
        re.escape(f"{path} cannot be opened: ")
        + reason
        + re.escape(". It is damaged, or kgan has not exported it. Export it anew.")
    )


def test_a_file_that_was_cut_short_is_refused(plain, tmp_path):
    content = (plain / "plain.tflite").read_bytes()
    short = tmp_path / "short.tflite"
    short.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"^{damaged(short, '.*Flatbuffer.*')}$"):
        load_exported(short)


@WITH_ONNX
def test_an_onnx_file_that_was_cut_short_is_refused(plain, tmp_path):
    content = (plain / "plain.onnx").read_bytes()
    short = tmp_path / "short.onnx"
    short.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"^{damaged(short, '.*PROTOBUF.*')}$"):
        load_exported(short)


@WITH_ONNX
def test_an_onnx_file_of_another_program_is_refused(tmp_path):
    from onnx import TensorProto
    from onnx import helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = tmp_path / "other.onnx"
    path.write_bytes(model.SerializeToString())
    reason = re.escape(
        "it is no generator of images from latents, or from latents and label. Its inputs: a. Its "
        "outputs: b"
    )
    with pytest.raises(ValueError, match=f"^{damaged(path, reason)}$"):
        load_exported(path)


def test_an_onnx_file_without_onnxruntime_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = tmp_path / "a.onnx"
    path.touch()
    message = "Running an ONNX file takes onnxruntime: pip install onnxruntime"
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        load_exported(path)


def test_a_folder_without_its_variables_is_refused(plain, tmp_path):
    shutil.copytree(plain / "1", tmp_path / "1")
    shutil.rmtree(tmp_path / "1" / "variables")
    with pytest.raises(ValueError, match=f"^{damaged(tmp_path / '1', '.*variables.*')}$"):
        load_exported(tmp_path)


def test_a_model_of_another_program_is_refused(tmp_path):
    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "1"))
    with pytest.raises(ValueError, match=f"^{damaged(tmp_path / '1', '.*serving_default.*')}$"):
        load_exported(tmp_path)


def save_function(folder, function, width=4):
    """A SavedModel of a function of latents, (n, width), and of a variable."""
    module = tf.Module()
    module.variable = tf.Variable(tf.zeros((4,)))
    spec = tf.TensorSpec((None, width), tf.float32, "latents")
    module.serve = tf.function(lambda latents: function(latents, module.variable), [spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def images_of(latents):
    return tf.reshape(latents, (-1, 2, 2, 1))


def test_a_model_that_writes_files_is_opened_only_if_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def writing(latents, variable):
        with tf.control_dependencies([tf.io.write_file("seen", "latents")]):
            return {"images": images_of(latents + variable)}

    save_function("1", writing)
    message = (
        r"1 holds the operation WriteFile in function \S+, node WriteFile, which reads or writes "
        r"files\. Expected: a generator, which only computes images\. If you made the file, or "
        r"trust whoever did, open it with safe_mode=False\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        load_exported("1")
    load_exported("1", safe_mode=False)(np.zeros((1, 4)))
    assert (tmp_path / "seen").exists()


def test_a_model_that_changes_its_own_variable_is_opened(tmp_path):
    def counting(latents, variable):
        return {"images": images_of(latents + variable.assign_add(tf.ones((4,))))}

    save_function(tmp_path, counting)
    # 0 + 1.
    assert (load_exported(tmp_path)(np.zeros((1, 4))) == 1).all()


@pytest.mark.parametrize(
    ("output", "width", "reason"),
    [
        ("pictures", 4, "it is no generator .* Its inputs: latents. Its outputs: pictures"),
        ("images", None, r"its latents have no fixed width\. Their shape: \(None, None\)"),
    ],
)
def test_a_model_of_other_inputs_or_outputs_is_refused(tmp_path, output, width, reason):
    save_function(tmp_path, lambda latents, variable: {output: images_of(latents)}, width)
    with pytest.raises(ValueError, match=f"^{damaged(tmp_path, reason)}$"):
        load_exported(tmp_path)
