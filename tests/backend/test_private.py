"""The private names of Keras and TensorFlow are still there and still do what kgan needs."""

import contextlib
import inspect
import os
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.backend import private

# Also on the oldest Keras and TensorFlow.
pytestmark = pytest.mark.smoke


@contextlib.contextmanager
def importing(message):
    """Say the message where a module that is imported at its first use is gone."""
    try:
        yield
    except ImportError:
        pytest.fail(message)


def gone(name, use):
    return f"{name} is gone or no longer does what kgan uses it for: {use}; see {private.__file__}"


class Nested(keras.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.TimeDistributed(keras.layers.Dense(2, name="deepest"))

    def call(self, inputs):
        return self.inner(inputs)


def test_a_walk_enters_wrappers_and_layers_of_custom_layers():
    message = gone("keras.Layer._flatten_layers", "to walk into wrappers and custom layers")
    assert hasattr(keras.Layer, "_flatten_layers"), message
    model = keras.Sequential([keras.Input((3, 4)), Nested()])
    walked = private.walk_layers(model)
    assert walked[0] is model, message
    assert "deepest" in [layer.name for layer in walked], message


def test_a_symbolic_tensor_tells_the_call_that_made_it():
    message = gone("KerasTensor._keras_history", "to find the last layer of a network")
    halve = keras.layers.Dense(2)
    inputs = keras.Input((2,))
    once = halve(inputs)
    # Of a layer that is used twice Keras' public attributes tell nothing.
    scaled = keras.ops.multiply(halve(once), 2.0)
    try:
        operation, arguments, keywords, index = private.made_by(scaled)
        made, (given,), *_ = private.made_by(arguments[0])
    except (AttributeError, ValueError):
        pytest.fail(message)
    assert isinstance(operation, keras.Operation), message
    assert (arguments[1], keywords, index) == (2.0, {}, 0), message
    assert made is halve, message
    assert given is once, message


def test_what_only_connects_layers_computes_nothing():
    model = keras.Sequential([keras.Input((3, 4)), Nested()])
    outer = keras.Model(model.inputs, model(model.inputs[0]))
    names = [type(layer).__name__ for layer in private.computing_layers(outer)]
    assert names == ["Nested", "TimeDistributed", "Dense"]


def test_an_optimizer_tells_what_it_was_built_for():
    message = gone("Optimizer._trainable_variables", "to refuse the optimizer of another GAN")
    optimizer, weights = keras.optimizers.SGD(), [keras.Variable([1.0])]
    assert hasattr(optimizer, "_trainable_variables"), message
    assert private.variables_trained_by(optimizer) == [], message
    optimizer.build(weights)
    assert private.variables_trained_by(optimizer)[0] is weights[0], message


class Recording(keras.Model):
    def __init__(self):
        super().__init__()
        self.seen = []
        self.built_by_fit = False

    def train_step(self, data):
        return {"value": tf.constant(0.0)}

    def test_step(self, data):
        return {"value": tf.constant(0.0)}

    def evaluate(self, *args, **kwargs):
        self.seen.append(private.is_validation_of_fit(kwargs))
        return super().evaluate(*args, **kwargs)

    def _maybe_symbolic_build(self, *args, **kwargs):
        self.built_by_fit = True


def test_fit_says_which_evaluation_is_its_own_and_asks_before_it_builds():
    model = Recording()
    model.compile(run_eagerly=True)
    x = np.zeros((2, 1), "float32")
    model.fit(x, x, validation_data=(x, x), verbose=0)
    assert model.seen == [True], gone(
        "_use_cached_eval_dataset, an argument that keras.Model.fit gives to evaluate",
        "to look at validation data once and not in every epoch",
    )
    model.evaluate(x, x, verbose=0)
    assert model.seen == [True, False]
    assert {"GAN": {"_maybe_symbolic_build"}} == private.OVERRIDDEN
    message = gone(
        "keras.Model._maybe_symbolic_build", "to keep fit from building a GAN from its images"
    )
    assert hasattr(keras.Model, "_maybe_symbolic_build"), message
    assert model.built_by_fit, message


@pytest.mark.parametrize("kind", private.LEARNED)
def test_what_keras_callbacks_learn_has_the_names_that_are_kept(kind):
    options = {
        keras.callbacks.CSVLogger: ["log.csv"],
        keras.callbacks.ModelCheckpoint: ["a.keras", "loss"],
        keras.callbacks.TensorBoard: ["unused"],
    }
    callback = kind(*options.get(kind, []))
    if kind in (keras.callbacks.EarlyStopping, keras.callbacks.History):
        callback.on_train_begin()
    if kind is keras.callbacks.ReduceLROnPlateau:
        callback._reset()
    for name in private.LEARNED[kind]:
        message = gone(f"keras.callbacks.{kind.__name__}.{name}", "to resume what it has learned")
        assert hasattr(callback, name), message


def test_a_dataset_names_what_it_was_derived_from():
    message = gone("tf.data.Dataset._inputs", "to find the data that count their epochs")
    assert hasattr(tf.data.Dataset, "_inputs"), message
    first, second = tf.data.Dataset.range(3), tf.data.Dataset.range(3)
    zipped = tf.data.Dataset.zip(first, second)
    assert list(private.dataset_inputs(zipped)) == [first, second], message
    assert list(private.dataset_inputs(first)) == [], message


def test_a_cache_and_a_shuffle_are_known_by_their_class():
    data = tf.data.Dataset.range(3)
    use = "to warn of orders that cannot be resumed"
    assert private.is_cache(data.cache()), gone("The class name CacheDataset of TensorFlow", use)
    assert private.is_shuffle(data.shuffle(3)), gone(
        "The class name _ShuffleDataset of TensorFlow", use
    )
    for other in (data, data.batch(2), data.map(lambda x: x)):
        assert not private.is_cache(other)
        assert not private.is_shuffle(other)


def test_a_shuffle_tells_whether_it_draws_a_new_order_for_every_pass():
    message = gone(
        "_reshuffle_each_iteration of TensorFlow's shuffled datasets",
        "to warn of orders that cannot be resumed",
    )
    data = tf.data.Dataset.range(3)
    assert hasattr(data.shuffle(3), "_reshuffle_each_iteration"), message
    assert private.shuffles_anew(data.shuffle(3)), message
    assert not private.shuffles_anew(data.shuffle(3, reshuffle_each_iteration=False)), message
    assert not private.shuffles_anew(data)


def test_an_operation_tells_whether_it_has_a_state():
    message = gone("tensorflow.python.framework.op_def_registry", "to check exported graphs")
    with importing(message):
        assert private.is_stateful("RandomUniform"), message
        assert not private.is_stateful("MatMul"), message


def test_tensorflow_tells_whether_it_computes_with_onednn():
    message = gone(
        "tensorflow.python.util._pywrap_util_port.IsMklEnabled", "to warn of slow convolutions"
    )
    with importing(message):
        from tensorflow.python.util import _pywrap_util_port
    assert hasattr(_pywrap_util_port, "IsMklEnabled"), message
    # conftest.py has asked for it; TensorFlow for macOS is built without.
    asked = os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert private.onednn_is_on() == (asked and sys.platform != "darwin"), message


def test_the_message_of_a_saved_model_can_be_read(tmp_path):
    message = gone(
        "tensorflow.core.protobuf.saved_model_pb2.SavedModel", "to check exported graphs"
    )
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with importing(message):
        read = private.read_saved_model((tmp_path / "saved_model.pb").read_bytes())
    assert len(read.meta_graphs) == 1, message


def test_every_private_name_has_a_reason():
    functions = {name: use for name, use in vars(private).items() if inspect.isfunction(use)}
    assert len(functions) >= 7
    for name, use in functions.items():
        assert inspect.getdoc(use).count(".") >= 2, name


def test_adams_update_and_moments():
    message = gone("Adam._backend_update_step", "to update all variables by one kernel each")
    variable = keras.Variable([1.0, 2.0])
    optimizer = keras.optimizers.Adam(0.5, beta_1=0.5, beta_2=0.75)
    optimizer.build([variable])
    called = []

    def update(gradients, variables, learning_rate):
        called.append((gradients, variables, float(learning_rate)))

    assert hasattr(optimizer, private.UPDATE_STEP), message
    vars(optimizer)[private.UPDATE_STEP] = update
    optimizer.apply([np.float32([1, 1])], [variable])
    assert len(called) == 1, message
    assert called[0][1][0] is variable, message
    assert called[0][2] == 0.5, message
    del vars(optimizer)[private.UPDATE_STEP]
    optimizer.apply([np.float32([2, 2])], [variable])
    try:
        momentum, velocity = private.moments(optimizer, variable)
    except AttributeError:
        pytest.fail(gone("Adam._momentums", "to give them to the kernel"))
    np.testing.assert_allclose(momentum, [1.0, 1.0])
    np.testing.assert_allclose(velocity, [1.0, 1.0])
