import collections
import hashlib
import json
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

import kgan
from kgan._utils.images import to_uint8
from kgan.export import export_generator
from kgan.export import exporter
from kgan.export.loaded import load_exported
from kgan.export.quality import FrechetGate
from kgan.layers import NearestUpSampling2D
from kgan.layers import SpectralNorm


@pytest.fixture(scope="module")
def export(conditional_generator, tmp_path_factory):
    """An export of the conditional generator."""
    output = tmp_path_factory.mktemp("exported") / "digits"
    return export_generator(conditional_generator, output, num_classes=3)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def tflite_file(export, mode="float32"):
    return export.saved_model.parent / export.files[mode].name


@pytest.mark.smoke
def test_a_version_and_a_tflite_file_are_written(export):
    base = export.saved_model.parent
    assert names(base) == ["1", "digits.tflite"]
    assert export.version == 1
    assert export.saved_model == base / "1"
    assert [(mode, file.name) for mode, file in export.files.items()] == [
        ("float32", "digits.tflite")
    ]
    assert names(export.saved_model) == [
        "assets",
        "assets.extra",
        "fingerprint.pb",
        "saved_model.pb",
        "variables",
    ]
    assert names(export.saved_model / "assets.extra") == [
        "model_card.json",
        "tf_serving_warmup_requests",
    ]


@pytest.mark.smoke
def test_the_differences_from_keras_are_told(export):
    assert 0 <= export.differences.images <= 1e-5
    assert 0 <= export.differences.levels <= 1
    assert 0 <= export.files["float32"].largest <= 1e-4
    # 1e-4 everywhere, over a range of 2.
    assert export.files["float32"].decibels > 86
    assert export.files["float32"].frechet_distance is None


@pytest.mark.slow
def test_every_format_is_written_and_on_the_model_card(conditional_generator, tmp_path):
    pytest.importorskip("tf2onnx", reason="the extra kgan[onnx] is not installed")
    pytest.importorskip("onnxruntime", reason="the extra kgan[onnx] is not installed")
    modes = ("float32", "float16", "dynamic", "int8")
    export = export_generator(
        conditional_generator,
        tmp_path / "digits",
        num_classes=3,
        tflite=modes,
        onnx=True,
        card={"data": {"dataset": "digits"}, "metrics": {"frechet_distance": 2.5}},
    )
    files = [f"digits{ending}" for ending in ("-dynamic", "-float16", "-int8", "")]
    assert names(tmp_path / "digits") == [
        "1",
        *(f"{file}.tflite" for file in files[:3]),
        "digits.onnx",
        "digits.tflite",
    ]
    card = json.loads((export.saved_model / "assets.extra" / "model_card.json").read_text())
    assert (card["name"], card["version"], card["num_classes"]) == ("digits", 1, 3)
    assert (card["data"], card["metrics"]) == ({"dataset": "digits"}, {"frechet_distance": 2.5})
    for mode, file in export.files.items():
        content = (tmp_path / "digits" / file.name).read_bytes()
        assert file.published
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert card["files"][file.name] == {
            "bytes": file.size,
            "sha256": file.sha256,
            "largest_difference": file.largest,
            "decibels": file.decibels,
            "frechet_distance": None,
        }, mode
    assert set(card["files"]) == {file.name for file in export.files.values()}


def first_pixels(images):
    return images.reshape(len(images), -1)[:, :4]


@pytest.mark.slow
def test_the_samples_of_a_smaller_file_are_held_to_a_limit(generator, tmp_path):
    def real_features(seed):
        latents = np.random.default_rng(seed).standard_normal((200, 5), "float32")
        return first_pixels(np.asarray(generator(latents)))

    output = tmp_path / "digits"
    gate = FrechetGate(first_pixels, real_features(7), limit=2, samples=200)
    export = export_generator(generator, output, tflite=("float32", "int8"), frechet=gate)
    assert export.files["float32"].frechet_distance == pytest.approx(
        export.frechet_distance, rel=1e-3
    )
    assert export.files["int8"].frechet_distance <= 2 * export.frechet_distance
    # Real images that Keras' samples are equal to: every other sample is infinitely far from them.
    gate = FrechetGate(first_pixels, real_features(0), samples=200)
    with pytest.raises(ValueError, match=r"^The Frechet distance of the int8 TFLite file"):
        export_generator(generator, output, tflite=("int8",), frechet=gate)
    assert names(output) == ["1", "digits-int8.tflite", "digits.tflite"]


@pytest.mark.slow
def test_old_versions_make_room(generator, tmp_path):
    output = tmp_path / "digits"
    exports = [export_generator(generator, output, tflite=(), keep=1) for _ in range(2)]
    assert [export.removed for export in exports] == [[], [1]]
    assert names(output) == ["2"]


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("card", {"foo": 1}, "card must be a dict with some of data, recipe, command, metrics, or"),
        ("card", 5, "card must be a dict with some of data, recipe, command, metrics, or None."),
        ("card", {"metrics": {"fid": math.nan}}, "Received at metrics.fid: nan."),
        ("frechet", 5, "frechet must be a kgan.export.FrechetGate"),
        ("onnx", "no", "onnx must be True or False. Received: onnx='no'."),
    ],
)
def test_arguments_are_checked_before_the_work(tmp_path, argument, value, message):
    # Of no generator: it is not looked at yet.
    with pytest.raises(ValueError, match=re.escape(message)):
        export_generator(None, tmp_path / "digits", **{argument: value})


def test_an_unknown_tflite_mode_is_refused(generator, tmp_path):
    for wrong in ("float32", ("int4",), 5, None):
        message = (
            "tflite must be a sequence of some of float32, float16, dynamic, int8; an empty one "
            f"for no TFLite file. Received: tflite={wrong!r}."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            export_generator(generator, tmp_path / "digits", tflite=wrong)


@pytest.mark.smoke
def test_saved_model_and_tflite_file_give_the_same_images(export):
    latents = np.random.default_rng(3).standard_normal((4, 5), "float32")
    label = np.array([0, 1, 2, 0], "int32")
    serving_default = tf.saved_model.load(str(export.saved_model)).signatures["serving_default"]
    expected = serving_default(latents=tf.constant(latents), label=tf.constant(label))["images"]
    images = load_exported(tflite_file(export))([latents, label])
    np.testing.assert_allclose(images, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_16_bit_generator_is_exported_in_float32(build_generator, tmp_path):
    generator = build_generator(dtype="mixed_float16")
    export = export_generator(generator, tmp_path / "half", tflite=())
    content = (export.saved_model / "saved_model.pb").read_bytes()
    library = SavedModel.FromString(content).meta_graphs[0].graph_def.library
    types = {
        attribute.type
        for function in library.function
        for node in function.node_def
        for attribute in node.attr.values()
    }
    assert tf.float32.as_datatype_enum in types
    assert tf.float16.as_datatype_enum not in types


def build_upsampling_generator(wrap, dtype="float32"):
    """Dense, then convolutions of both kinds, each layer with a kernel through `wrap`."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5,)),
            wrap(layers.Dense(4 * 4 * 3, dtype=dtype)),
            layers.Reshape((4, 4, 3), dtype=dtype),
            NearestUpSampling2D(dtype=dtype),
            wrap(layers.Conv2D(4, 3, padding="same", dtype=dtype)),
            layers.ReLU(dtype=dtype),
            wrap(layers.Conv2DTranspose(1, 4, 2, padding="same", dtype=dtype)),
            layers.Activation("tanh", dtype="float32"),
        ]
    )


def operations(saved_model):
    """How often each operation stands in a SavedModel's functions."""
    content = (saved_model / "saved_model.pb").read_bytes()
    library = SavedModel.FromString(content).meta_graphs[0].graph_def.library
    return collections.Counter(
        node.op for function in library.function for node in function.node_def
    )


def variable_shapes(saved_model):
    return sorted(
        shape for _, shape in tf.train.list_variables(str(saved_model / "variables/variables"))
    )


@pytest.fixture(scope="module")
def normalised(tmp_path_factory):
    """A generator with spectral norm, and its export."""
    generator = build_upsampling_generator(SpectralNorm)
    return generator, export_generator(
        generator, tmp_path_factory.mktemp("spectral") / "normalised"
    )


@pytest.mark.slow
def test_spectral_norm_is_exported_as_plain_layers(normalised, tmp_path):
    _, export = normalised
    generator = build_upsampling_generator(lambda layer: layer)
    # The TFLite file is made from the SavedModel alone.
    plain = export_generator(generator, tmp_path / "plain", tflite=())
    assert operations(export.saved_model) == operations(plain.saved_model)
    assert variable_shapes(export.saved_model) == variable_shapes(plain.saved_model)


def check_same_images(generator, export, tolerance):
    latents = np.random.default_rng(3).standard_normal((4, 5), "float32")
    expected = generator(latents)
    assert np.abs(expected).max() > 0.05
    serving_default = tf.saved_model.load(str(export.saved_model)).signatures["serving_default"]
    for images in (
        serving_default(latents=tf.constant(latents))["images"],
        load_exported(tflite_file(export))(latents),
    ):
        np.testing.assert_allclose(images, expected, rtol=0, atol=tolerance)


@pytest.mark.slow
def test_spectral_norm_is_exported_with_the_same_images(normalised):
    check_same_images(*normalised, tolerance=1e-5)


@pytest.mark.slow
def test_spectral_norm_in_16_bits_is_exported_with_the_same_images(tmp_path):
    generator = build_upsampling_generator(SpectralNorm, "mixed_float16")
    export = export_generator(generator, tmp_path / "normalised")
    # The rounding of the 16-bit generator itself.
    check_same_images(generator, export, tolerance=5e-3)


@pytest.mark.slow
def test_the_tflite_file_can_be_left_out(generator, tmp_path):
    export = export_generator(generator, tmp_path / "digits", tflite=())
    assert export.files == {}
    assert names(tmp_path / "digits") == ["1"]


@pytest.mark.slow
def test_the_tflite_file_is_the_newest_versions(build_generator, generator, tmp_path):
    output = tmp_path / "digits"
    export_generator(generator, output, version=2)
    newest = (output / "digits.tflite").read_bytes()
    other = build_generator()
    other.set_weights([weight * 0.5 for weight in other.get_weights()])
    earlier = export_generator(other, output, version=1)
    assert not earlier.files["float32"].published
    assert (output / "digits.tflite").read_bytes() == newest
    later = export_generator(other, output)
    assert later.version == 3
    assert tflite_file(later).read_bytes() != newest


def test_an_export_of_a_gan_gives_the_images_of_the_gan(conditional_generator, tmp_path):
    images = keras.Input((8, 8, 1))
    labels = keras.Input((), dtype="int32")
    features = keras.layers.Concatenate()(
        [keras.layers.Flatten()(images), keras.layers.Embedding(3, 2)(labels)]
    )
    discriminator = keras.Model([images, labels], keras.layers.Dense(1)(features))
    gan = kgan.GAN(conditional_generator, discriminator, latent_dim=5, num_classes=3)
    export = export_generator(
        gan.sampling_generator(), tmp_path / "digits", num_classes=gan.num_classes, tflite=()
    )
    generate = tf.saved_model.load(str(export.saved_model)).signatures["generate"]
    found = generate(seed=tf.constant([8], tf.int64), label=tf.constant([2]))["images"].numpy()
    expected = to_uint8(gan.generate(1, seed=8, labels=2))
    # One level: a graph may round a sum to the other side of a half.
    np.testing.assert_allclose(found.astype(int), expected.astype(int), rtol=0, atol=1)


@pytest.mark.slow
def test_a_failed_comparison_leaves_everything_as_it_was(
    conditional_generator, export, monkeypatch
):
    output = export.saved_model.parent
    before = names(output), (output / "digits.tflite").stat().st_mtime_ns

    def refuse(*_, **__):
        raise ValueError("it differs")

    monkeypatch.setattr(exporter, "check_file", refuse)
    with pytest.raises(ValueError, match=r"^it differs$"):
        export_generator(conditional_generator, output, num_classes=3)
    assert (names(output), (output / "digits.tflite").stat().st_mtime_ns) == before


def test_what_is_written_is_compared_with_what_was_given(build_generator, tmp_path, monkeypatch):
    given, other = build_generator(), build_generator()
    other.set_weights([weight * 0.5 for weight in other.get_weights()])
    monkeypatch.setattr(exporter, "without_spectral_norm", lambda _: other)
    with pytest.raises(ValueError, match=r"^The SavedModel's images differ from those of Keras by"):
        export_generator(given, tmp_path / "digits", tflite=())
    assert names(tmp_path / "digits") == []


@pytest.mark.slow
def test_a_generator_that_tflite_cannot_run_writes_nothing(tmp_path):
    inputs = keras.Input((6,))
    values = keras.ops.svd(keras.layers.Reshape((2, 3))(inputs), compute_uv=False)
    generator = keras.Model(inputs, keras.layers.Reshape((1, 2, 1))(values))
    with pytest.raises(ValueError, match="Not convertible: Svd in"):
        export_generator(generator, tmp_path / "exported" / "digits")
    assert names(tmp_path / "exported" / "digits") == []


class Noisy(keras.layers.Layer):
    """A layer that adds random numbers of TensorFlow's, in training or not."""

    def call(self, images):
        return images + tf.random.normal(tf.shape(images))


def test_a_generator_that_draws_random_numbers_is_refused(tmp_path):
    inputs = keras.Input((4,))
    generator = keras.Model(inputs, keras.layers.Reshape((2, 2, 1))(Noisy()(inputs)))
    message = "holds the operation RandomStandardNormal in .*, which draws numbers that no seed"
    with pytest.raises(ValueError, match=message):
        export_generator(generator, tmp_path / "digits")
    assert names(tmp_path / "digits") == []


@pytest.mark.slow
def test_everything_is_compared_in_full_float32(generator, tmp_path, monkeypatch):
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    seen = []

    def look(*arguments):
        seen.append(enabled())
        raise ZeroDivisionError

    monkeypatch.setattr(exporter, "check_contents", look)
    assert enabled()
    with pytest.raises(ZeroDivisionError):
        export_generator(generator, tmp_path / "digits", tflite=())
    assert (seen, enabled()) == ([False], True)


@pytest.mark.parametrize("name", ["12", "a b", ".hidden", "-x", "dig;its"])
def test_a_name_that_is_no_name_is_refused(generator, tmp_path, name):
    message = (
        "The output folder's name must start with a letter or digit, go on with letters, digits, "
        "dots, underscores or hyphens, and not be a number, which would read as a version. "
        f"Received: {name!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        export_generator(generator, tmp_path / name)
    assert names(tmp_path) == []


def test_an_existing_version_is_refused(conditional_generator, export):
    base = export.saved_model.parent
    before = names(base)
    with pytest.raises(FileExistsError, match="already holds version 1, and a version is never"):
        export_generator(conditional_generator, base, num_classes=3, version=1)
    assert names(base) == before
