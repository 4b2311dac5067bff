import re
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.interface import read_interface
from kgan.export.loaded import load_exported
from kgan.export.quality import DECIBELS
from kgan.export.quality import FrechetGate
from kgan.export.quality import check_file
from kgan.export.saved_model import write_saved_model
from kgan.export.signatures import signatures
from kgan.export.tflite import MODES
from kgan.export.tflite import convert_to_tflite
from kgan.models import dcgan_generator


def write_images_alone(generator, interface, folder):
    """A SavedModel of the one signature that TFLite takes, which is quicker than all of them."""
    archive = keras.export.ExportArchive()
    archive.add_endpoint(*signatures(generator, interface)[0])
    archive.write_out(str(folder), verbose=False)


class Exported(NamedTuple):
    """A generator, its interface, its SavedModel and its TFLite files by their modes."""

    generator: keras.Model
    interface: Interface
    saved_model: Path
    files: dict[str, Path]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A conditional DCGAN of (16, 16, 1), from 16 latents, with enough weights for 8 bits."""
    keras.utils.set_random_seed(5)
    generator = dcgan_generator((16, 16, 1), 16, width=32, num_classes=3)
    # As it starts, a DCGAN makes plain grey.
    generator.set_weights([values * 4 for values in generator.get_weights()])
    interface = read_interface(generator, 3)
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(generator, folder, interface)
    files = {}
    for mode in MODES:
        files[mode] = folder / f"{mode}.tflite"
        files[mode].write_bytes(convert_to_tflite(folder, generator, interface, mode=mode))
    return Exported(generator, interface, folder, files)


def latents(rows):
    return np.random.default_rng(4).standard_normal((rows, 16), "float32")


def tensors(path):
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    return interpreter.get_tensor_details()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_one_signature_with_float_images(exported, mode):
    interpreter = Interpreter(model_path=str(exported.files[mode]))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["label", "latents"], "outputs": ["images"]}
    }
    runner = interpreter.get_signature_runner("serving_default")
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    assert inputs["latents"]["dtype"] == outputs["images"]["dtype"] == np.float32
    assert inputs["label"]["dtype"] == np.int32
    assert list(inputs["latents"]["shape_signature"]) == [-1, 16]
    assert list(inputs["label"]["shape_signature"]) == [-1]


@pytest.mark.parametrize("mode", ["dynamic", "int8"])
def test_the_same_saved_model_gives_the_same_bytes_and_no_local_path(exported, mode):
    generator, interface, saved_model, files = exported
    content = convert_to_tflite(saved_model, generator, interface, mode=mode)
    assert content == files[mode].read_bytes()
    assert str(saved_model.parent).encode() not in content


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_any_batch_size_gives_keras_images(exported, rows):
    labels = np.arange(rows, dtype="int32") % 3
    expected = exported.generator([latents(rows), labels])
    images = load_exported(exported.files["float32"]).images_of(latents(rows), labels)
    # TFLite's kernels sum in another order; see TOLERANCE.
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("label", [3, -1])
def test_a_label_out_of_range_is_refused(exported, mode, label):
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        load_exported(exported.files[mode]).images_of(latents(1), [label])


def test_the_modes_differ_in_size_as_their_weights_do(exported):
    files = exported.files
    size = {mode: path.stat().st_size for mode, path in files.items()}
    size = {mode: size[mode] / size["float32"] for mode in size}
    # Half and a quarter, and a few kilobytes that hold no weights.
    assert 0.5 < size["float16"] < 0.6
    assert 0.25 < size["dynamic"] < 0.4
    assert 0.25 < size["int8"] < 0.4


def test_every_mode_is_as_near_to_keras_as_it_promises(exported):
    generator, interface, _, files = exported
    found = {
        mode: check_file(path, generator, interface, file_format=mode)
        for mode, path in files.items()
    }
    quality = {mode: difference for mode, (difference, _) in found.items()}
    assert quality["float32"].largest <= 1e-4
    for mode, least in DECIBELS.items():
        assert quality[mode].decibels >= least
    # Were int8 float in disguise, it would be nearer.
    assert quality["int8"].decibels < 70
    assert {distance for _, distance in found.values()} == {None}


def test_int8_computes_in_integers_from_the_latents_to_the_images(exported, operations):
    files = exported.files
    floats = [each for each in tensors(files["int8"]) if each["dtype"] == np.float32]
    assert {tuple(each["shape_signature"]) for each in floats} == {(-1, 16), (-1, 16, 16, 1)}
    assert "DEQUANTIZE" in operations(files["int8"].read_bytes())[-1:]
    # The weights, with a scale for each channel of the transposed convolutions.
    kernels = [
        each
        for each in tensors(files["int8"])
        if each["dtype"] == np.int8 and each["quantization_parameters"]["scales"].size > 1
    ]
    assert {tuple(each["shape"]) for each in kernels} >= {(32, 4, 4, 64)}


def test_dynamic_keeps_weights_in_8_bits_and_images_in_float(exported, operations):
    files = exported.files
    details = tensors(files["dynamic"])
    pictures = [each for each in details if len(each["shape_signature"]) == 4]
    weights = [each for each in pictures if -1 not in each["shape_signature"]]
    assert (np.int8, (32, 4, 4, 64)) in [(each["dtype"], tuple(each["shape"])) for each in weights]
    flowing = [each for each in pictures if -1 in each["shape_signature"]]
    assert {each["dtype"] for each in flowing} == {np.float32}
    # Without it the interpreter's transposed convolution is nine times as slow.
    assert operations(files["dynamic"].read_bytes()).count("DEQUANTIZE") == 1


def test_int8_learns_its_ranges_from_every_class(tmp_path):
    # Only the last of 200 classes makes bright images: ranges from the others would cut them off.
    inputs = [keras.Input((2,)), keras.Input((), dtype="int32")]
    brightness = keras.layers.Embedding(200, 16, name="brightness")
    embedded = keras.layers.Concatenate()(
        [keras.layers.Dense(16)(inputs[0]), brightness(inputs[1])]
    )
    images = keras.layers.Dense(16, name="mean")(embedded)
    generator = keras.Model(inputs, keras.layers.Reshape((4, 4, 1))(images))
    brightness.set_weights(
        [np.repeat(np.arange(200)[:, None] == 199, 16, axis=1).astype("float32")]
    )
    mean = generator.get_layer("mean")
    mean.set_weights([np.full((32, 16), 1 / 16) * (np.arange(32) >= 16)[:, None], np.zeros(16)])
    interface = read_interface(generator, 200)
    write_images_alone(generator, interface, tmp_path)
    path = tmp_path / "int8.tflite"
    path.write_bytes(convert_to_tflite(tmp_path, generator, interface, mode="int8"))
    images = load_exported(path).images_of(np.zeros((1, 2)), [199])
    np.testing.assert_allclose(images, 1.0, atol=0.02)


def test_other_weights_are_found_in_float32(exported):
    generator = keras.models.clone_model(exported.generator)
    message = (
        r"The float32 TFLite file's images differ from those of Keras by \d\.\de[+-]\d\d, more "
        r"than 1e-04\. Leave the file out with tflite=\(\)\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_file(
            exported.files["float32"],
            generator,
            read_interface(generator, 3),
            file_format="float32",
        )


@pytest.mark.parametrize(
    ("mode", "least", "remedy"),
    [
        ("float16", 60, "Choose float32, which rounds no weights."),
        (
            "dynamic",
            30,
            "Choose float16, which is twice as large and nearer to Keras.",
        ),
        (
            "int8",
            25,
            "Choose dynamic, which is as small, or float16, which is nearer to Keras.",
        ),
    ],
)
def test_a_file_with_too_much_noise_is_refused_with_another_mode(exported, mode, least, remedy):
    generator = keras.models.clone_model(exported.generator)
    message = (
        rf"The {mode} TFLite file's images are \d+\.\d dB from those of Keras, less than {least} "
        rf"dB \(peak signal-to-noise ratio\)\. {re.escape(remedy)}"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_file(exported.files[mode], generator, read_interface(generator, 3), file_format=mode)


@pytest.mark.parametrize("mode", MODES)
def test_images_that_are_not_numbers_are_refused(exported, mode):
    generator = keras.models.clone_model(exported.generator)
    generator.set_weights([np.full_like(values, np.nan) for values in generator.get_weights()])
    with pytest.raises(ValueError, match="nan"):
        check_file(exported.files[mode], generator, read_interface(generator, 3), file_format=mode)


def pixels(images):
    return images.reshape(len(images), -1)[:, ::9]


def test_the_distance_to_real_images_is_measured_and_limited(exported):
    generator, interface, _, files = exported
    near = keras_images(generator, *latents_and_labels(interface, rows=200))
    far = np.random.default_rng(0).uniform(-1, 1, near.shape)
    frechet = FrechetGate(pixels, pixels(far), samples=200).reference(generator, interface)
    _, distance = check_file(
        files["int8"], generator, interface, file_format="int8", frechet=frechet
    )
    assert distance == pytest.approx(frechet.distance, rel=0.15)
    # Next to no distance for Keras: no rounding is small enough.
    frechet = FrechetGate(pixels, pixels(near), samples=200).reference(generator, interface)
    message = (
        r"The Frechet distance of the int8 TFLite file's samples to real images is \S+, more than "
        r"1\.15 times the \S+ of Keras' samples of the same 200 latents\. Choose dynamic, .+\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_file(files["int8"], generator, interface, file_format="int8", frechet=frechet)


def test_an_unknown_mode_is_refused(generator, tmp_path):
    message = "mode must be one of float32, float16, dynamic, int8. Received: mode='int4'."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        convert_to_tflite(tmp_path, generator, read_interface(generator), mode="int4")


class Always(keras.layers.Layer):
    """A layer of any function."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def test_a_file_that_does_not_run_is_refused(tmp_path):
    # It converts, but to a constant without values.
    inputs = keras.Input((16,))
    images = keras.layers.Reshape((4, 4, 1))(Always(tf.math.lgamma)(inputs))
    generator = keras.Model(inputs, images)
    interface = read_interface(generator)
    write_images_alone(generator, interface, tmp_path)
    path = tmp_path / "a.tflite"
    path.write_bytes(convert_to_tflite(tmp_path, generator, interface))
    message = (
        r"The float32 TFLite file does not run: it gives images \(0, .*\) in place of "
        r"\(1, 4, 4, 1\)\. Leave the file out .+\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_file(path, generator, interface, file_format="float32")


def test_a_file_with_operations_of_tensorflow_does_not_run(tmp_path):
    inputs = keras.Input((16,))
    images = keras.layers.Reshape((4, 4, 1))(Always(tf.math.erf)(inputs))
    generator = keras.Model(inputs, images)
    interface = read_interface(generator)
    write_images_alone(generator, interface, tmp_path)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ValueError, match=r"^The float32 TFLite file does not run: .*Leave the"):
        check_file(path, generator, interface, file_format="float32")
