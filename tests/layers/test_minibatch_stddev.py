"""MinibatchStdDev."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.layers import MinibatchStdDev


def features(rows, shape=(3, 2, 4)):
    return np.random.default_rng(0).normal(size=(rows, *shape)).astype("float32")


def statistic(group):
    """The mean, over features, of the standard deviation over samples."""
    return np.mean(np.std(group, axis=0))


@pytest.mark.parametrize("shape", [(7,), (3, 2, 4), (2, 2, 2, 3)])
def test_every_row_gets_the_statistic_of_its_group_of_neighbours(shape):
    inputs = features(8, shape)
    outputs = np.array(MinibatchStdDev(group_size=4)(inputs))
    np.testing.assert_array_equal(outputs[..., :-1], inputs)
    assert outputs.shape == (8, *shape[:-1], shape[-1] + 1)
    for group in (slice(0, 4), slice(4, 8)):
        np.testing.assert_allclose(outputs[group, ..., -1], statistic(inputs[group]), rtol=1e-5)


@pytest.mark.parametrize("how", ["eager", "graph", "xla"])
def test_rows_left_over_get_the_statistic_of_the_last_full_group(how):
    inputs = features(7)
    layer = MinibatchStdDev(group_size=4)
    if how != "eager":
        unknown = tf.TensorSpec((None, 3, 2, 4), tf.float32)
        layer = tf.function(layer, input_signature=[unknown], jit_compile=how == "xla")
    channel = np.array(layer(inputs))[:, 0, 0, -1]
    np.testing.assert_allclose(channel[:4], statistic(inputs[:4]), rtol=1e-5)
    np.testing.assert_allclose(channel[4:], statistic(inputs[3:]), rtol=1e-5)


@pytest.mark.parametrize("rows", [2, 3])
def test_a_batch_smaller_than_a_group_is_one_group(rows):
    inputs = features(rows)
    channel = np.array(MinibatchStdDev(group_size=4)(inputs))[..., -1]
    np.testing.assert_allclose(channel, statistic(inputs), rtol=1e-5)


def test_equal_samples_have_a_statistic_of_zero_and_a_finite_gradient():
    inputs = tf.ones((4, 5))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = MinibatchStdDev()(inputs)
        loss = tf.reduce_sum(outputs)
    # The square root of epsilon.
    np.testing.assert_allclose(outputs[:, -1], 1e-4, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, inputs), np.ones((4, 5)))


def test_16_bit_features_do_not_overflow():
    # The variance, 300^2, is above the largest float16.
    inputs = np.array([[300.0], [-300.0]], "float16")
    outputs = MinibatchStdDev(group_size=2, dtype="float16")(inputs)
    assert outputs.dtype == tf.float16
    np.testing.assert_array_equal(outputs, [[300.0, 300.0], [-300.0, 300.0]])


def test_shape_is_known_before_the_first_batch():
    model = keras.Sequential([keras.Input((3, 2, 4)), MinibatchStdDev()])
    assert model.output_shape == (None, 3, 2, 5)


def test_config_round_trip():
    layer = MinibatchStdDev(group_size=32)
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == "kgan>MinibatchStdDev"
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    assert copy.group_size == 32


def test_it_says_that_it_mixes_samples():
    assert MinibatchStdDev.mixes_samples is True


@pytest.mark.parametrize("group_size", [1, 0, 2.0, True])
def test_a_group_of_less_than_two_is_refused(group_size):
    message = (
        "The group_size of MinibatchStdDev must be an integer above 1: one sample alone does not "
        f"vary. Received: group_size={group_size!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MinibatchStdDev(group_size)
