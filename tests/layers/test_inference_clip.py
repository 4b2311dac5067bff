"""InferenceClip."""

import keras
import numpy as np
import tensorflow as tf

from kgan.layers import InferenceClip

VALUES = np.array([[-1.5, -1.0, 0.25, 1.0, 7.0]], "float32")


def test_in_inference_values_are_clipped_to_the_range_of_images():
    model = keras.Sequential([keras.Input((5,)), InferenceClip()])
    expected = [[-1.0, -1.0, 0.25, 1.0, 1.0]]
    np.testing.assert_array_equal(model(VALUES), expected)
    np.testing.assert_array_equal(model.predict(VALUES, verbose=0), expected)
    assert model.output_shape == (None, 5)


def test_in_training_values_and_gradients_pass():
    values = tf.constant(VALUES)
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = InferenceClip()(values, training=True)
        loss = tf.reduce_sum(outputs**2)
    np.testing.assert_array_equal(outputs, VALUES)
    np.testing.assert_array_equal(tape.gradient(loss, values), 2 * VALUES)


def test_config_round_trip():
    layer = InferenceClip(name="images", dtype="float32")
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == "kgan>InferenceClip"
    assert keras.saving.deserialize_keras_object(config).get_config() == layer.get_config()
