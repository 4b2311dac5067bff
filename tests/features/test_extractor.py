import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.features import Extractor
from kgan.features.extractor import check_name_is_free

SHAPE = (2, 3, 1)


def images(count, seed=0):
    pixels = np.random.default_rng(seed).uniform(-1, 1, (count, *SHAPE))
    return pixels.astype(np.float32)


def flat_model():
    """Features are the pixels themselves."""
    inputs = keras.Input(SHAPE, name="images")
    return keras.Model(inputs, keras.layers.Flatten(name="flat")(inputs), name="flat_model")


def two_outputs(activation="softmax"):
    inputs = keras.Input(SHAPE)
    features = keras.layers.Flatten()(inputs)
    classes = keras.layers.Dense(4, activation=activation)(features)
    return keras.Model(inputs, [features, classes])


def test_features_are_what_the_model_makes():
    extractor = Extractor(flat_model(), "flat")
    batch = images(5)
    result = extractor(batch)
    np.testing.assert_array_equal(result.features, batch.reshape(5, 6))
    assert result.features.dtype == np.float32
    assert result.probabilities is None


def test_shapes_are_read_from_the_model():
    extractor = Extractor(two_outputs(), "two", accuracy=0.5)
    assert (extractor.image_shape, extractor.dim, extractor.num_classes) == (SHAPE, 6, 4)
    assert repr(extractor) == (
        "<Extractor 'two': images (2, 3, 1) to 6 features, 4 classes, right on 50.00%>"
    )
    alone = Extractor(flat_model(), "flat")
    assert (alone.num_classes, alone.accuracy) == (None, None)
    assert repr(alone) == "<Extractor 'flat': images (2, 3, 1) to 6 features, no classes>"


def test_probabilities_are_the_second_output():
    extractor = Extractor(two_outputs(), "two")
    result = extractor(images(7))
    assert result.probabilities.shape == (7, 4)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-6)
    expected = extractor.model(images(7))[1]
    np.testing.assert_allclose(result.probabilities, expected, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 10, 1000])
def test_batches_of_any_size_give_the_same_rows(batch_size):
    model = two_outputs()
    whole = Extractor(model, "two")(images(10))
    parts = Extractor(model, "two", batch_size=batch_size)(images(10))
    np.testing.assert_allclose(parts.features, whole.features, atol=1e-7)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-6)


def test_batches_of_many_sizes_trace_the_model_at_most_twice():
    traces = []

    class Counting(keras.layers.Layer):
        def call(self, inputs):
            traces.append(inputs.shape)
            return inputs

    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, keras.layers.Flatten()(Counting()(inputs)))
    extractor = Extractor(model, "counting", batch_size=4)
    traces.clear()
    for count in (4, 5, 6, 7, 13, 21):
        extractor(images(count))
    assert len(traces) <= 2


def test_the_model_is_in_inference_mode():
    inputs = keras.Input(SHAPE)
    dropped = keras.layers.Dropout(0.5)(keras.layers.Flatten()(inputs))
    extractor = Extractor(keras.Model(inputs, dropped), "dropped")
    np.testing.assert_array_equal(extractor(images(5)).features, images(5).reshape(5, 6))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_is_taken_and_tensors_too(dtype):
    tensor = tf.cast(images(3), dtype)
    extractor = Extractor(flat_model(), "flat")
    expected = tf.cast(tensor, "float32").numpy().reshape(3, 6)
    np.testing.assert_array_equal(extractor(tensor).features, expected)
    np.testing.assert_array_equal(extractor(tensor.numpy()).features, expected)


def test_rounding_may_step_over_the_range():
    edge = np.full((1, *SHAPE), 1.0009, np.float32)
    assert Extractor(flat_model(), "flat")(edge).features.max() == np.float32(1.0009)


def test_rows_that_keras_repeats_for_each_replica_are_counted_once(monkeypatch):
    extractor = Extractor(two_outputs(), "two", batch_size=3)
    alone = extractor(images(5))
    once = extractor.model.predict_on_batch
    monkeypatch.setattr(
        extractor.model,
        "predict_on_batch",
        lambda batch: [np.concatenate([output, output]) for output in once(batch)],
    )
    replicated = extractor(images(5))
    np.testing.assert_allclose(replicated.features, alone.features, atol=1e-6)
    np.testing.assert_allclose(replicated.probabilities, alone.probabilities, atol=1e-6)


@pytest.mark.slow
def test_rows_are_not_repeated_under_a_strategy_of_two_replicas():
    # In a process of its own: devices can only be divided before TensorFlow has started.
    code = """
import keras, numpy as np, tensorflow as tf
from kgan.features import Extractor
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    inputs = keras.Input((2, 3, 1))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
images = np.random.default_rng(0).uniform(-1, 1, (5, 2, 3, 1)).astype("float32")
features = Extractor(model, "replicated", batch_size=2)(images).features
np.testing.assert_allclose(features, model(images), rtol=1e-5)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=120)


def test_the_fingerprint_depends_on_name_architecture_and_weights():
    def with_weights(units, value, activation=None):
        inputs = keras.Input(SHAPE, name="images")
        x = keras.layers.Flatten(name="flat")(inputs)
        x = keras.layers.Dense(
            units, activation, kernel_initializer=keras.initializers.Constant(0.0), name="dense"
        )(x)
        model = keras.Model(inputs, x, name="model")
        model.get_layer("dense").kernel.assign(np.full((6, units), value))
        return model

    same = Extractor(with_weights(2, 1.0), "a").fingerprint
    assert re.fullmatch("[0-9a-f]{64}", same)
    assert Extractor(with_weights(2, 1.0), "a").fingerprint == same
    others = [
        Extractor(with_weights(2, 1.0), "b"),
        Extractor(with_weights(2, 2.0), "a"),
        Extractor(with_weights(3, 1.0), "a"),
        Extractor(with_weights(2, 1.0, "relu"), "a"),
    ]
    assert len({same, *(extractor.fingerprint for extractor in others)}) == 5


def test_the_fingerprint_follows_the_weights():
    extractor = Extractor(two_outputs(), "two")
    before = extractor.fingerprint
    extractor.model.weights[0].assign(extractor.model.weights[0] + 1)
    assert extractor.fingerprint != before


def test_the_fingerprint_outlives_saving_training_and_use(tmp_path):
    model = two_outputs()
    extractor = Extractor(model, "two")
    before = extractor.fingerprint
    extractor(images(3))
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert extractor.fingerprint == before
    assert Extractor(loaded, "two").fingerprint == before


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("shape", [(4, 28, 28, 1), (4, 2, 3), (0, 2, 3, 1), (4, 2, 3, 3)])
def test_images_of_another_shape(shape):
    message = (
        "The images do not fit the extractor 'flat'. Expected: (images, 2, 3, 1) with at least one "
        f"image. Received: {shape}. Resize them (image_size= and channels= in kgan.data), or "
        "choose an extractor for their shape: kgan.features.train_classifier trains one on any "
        "labelled images."
    )
    with refused(message):
        Extractor(flat_model(), "flat")(np.zeros(shape, np.float32))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_images_that_are_no_floats(dtype):
    message = (
        f"Images must be floats in [-1, 1]. Received: dtype {dtype}. "
        "Scale stored pixels with images / np.float32(127.5) - 1."
    )
    with refused(message):
        Extractor(flat_model(), "flat")(np.zeros((4, *SHAPE), dtype))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.25), (-1.5, 0.0), (0.0, 255.0)])
def test_images_outside_the_range(low, high):
    batch = np.zeros((4, *SHAPE), np.float32)
    batch[3, 0, 0], batch[3, 1, 1] = low, high
    message = (
        f"Images must lie in [-1, 1]. Received: values from {low:g} to {high:g}. "
        "Scale them with images / 127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they "
        "lie in [0, 1]."
    )
    with refused(message):
        Extractor(flat_model(), "flat")(batch)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_images_that_are_not_finite_are_named_by_their_row(value):
    batch = images(9)
    batch[7, 1, 2, 0] = value
    message = (
        "The images hold NaN or infinity, first in row 7. "
        "A generator that makes such images has diverged: go back to an earlier checkpoint."
    )
    with refused(message):
        Extractor(flat_model(), "flat", batch_size=2)(batch)


def test_features_that_are_not_finite():
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, keras.ops.log(keras.layers.Flatten()(inputs)))
    message = (
        "The extractor 'log' made NaN or infinity of finite images in [-1, 1]. "
        "Its weights are damaged or its training has diverged: load or train it again."
    )
    with refused(message):
        Extractor(model, "log")(images(3))


def test_a_second_output_of_logits():
    inputs = keras.Input(SHAPE)
    features = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, [features, 3 * features])
    message = (
        "The second output of the extractor 'logits', class probabilities, must be >= 0 and sum to "
        "1 in every row. Received: in row 0 values from 1.5 on, with the sum 9. "
        "End it in a softmax, or leave it out."
    )
    with refused(message):
        Extractor(model, "logits")(np.full((2, *SHAPE), 0.5, np.float32))


@pytest.mark.parametrize("values", [[2.0, -1.0], [np.nan, 1.0]])
def test_probabilities_that_are_none(values):
    class Fixed(keras.layers.Layer):
        def call(self, inputs):
            rows = keras.ops.ones_like(inputs[:, :1, 0, 0])
            return rows * keras.ops.convert_to_tensor(values)

    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, [keras.layers.Flatten()(inputs), Fixed()(inputs)])
    with pytest.raises(ValueError, match="class probabilities, must be >= 0 and sum to 1"):
        Extractor(model, "fixed")(images(2))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def test_what_is_no_model_of_a_known_shape():
    model = Subclassed()
    message = (
        f"An extractor is a keras.Model whose input shape is known. Received: {model!r}. "
        "Wrap a subclassed model or a layer: inputs = keras.Input((height, width, channels)); "
        "keras.Model(inputs, model(inputs))."
    )
    with refused(message):
        Extractor(model, "subclassed")


@pytest.mark.parametrize("shapes", [[(None, None, 3)], [(6,)], [SHAPE, SHAPE]])
def test_models_that_do_not_take_images_of_one_shape(shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, [keras.layers.Flatten()(tensor) for tensor in inputs][:1])
    message = (
        "An extractor takes one batch of images of one fixed shape, (batch, height, width, "
        f"channels). Received: a model of {[(None, *shape) for shape in shapes]}."
    )
    with refused(message):
        Extractor(model, "inputs")


def test_models_that_return_pictures():
    inputs = keras.Input(SHAPE)
    message = (
        "An extractor returns features (batch, dim), or [features, class probabilities (batch, "
        "classes)]. Received: a model that returns [(None, 2, 3, 1)]. "
        "End it in keras.layers.GlobalAveragePooling2D or Flatten."
    )
    with refused(message):
        Extractor(keras.Model(inputs, keras.layers.ReLU()(inputs)), "pictures")


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", None])
def test_names_that_could_not_stand_in_a_file_name(name):
    message = (
        "An extractor's name consists of letters, digits, '_', '-' and '.', and starts with a "
        f"letter, a digit or '_'. Received: {name!r}."
    )
    with refused(message):
        Extractor(flat_model(), name)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_batch_sizes_that_are_none(batch_size):
    message = f"batch_size must be a positive integer. Received: batch_size={batch_size!r}."
    with refused(message):
        Extractor(flat_model(), "flat", batch_size=batch_size)


@pytest.mark.parametrize("name", ["digits", "fashion", "inception"])
def test_names_of_kgans_own_extractors_are_kept(name):
    message = (
        f"The name {name!r} is kept for kgan's own extractor, so that numbers of one name compare "
        "with each other. Choose another name."
    )
    with refused(message):
        check_name_is_free(name)
    check_name_is_free("photos")
