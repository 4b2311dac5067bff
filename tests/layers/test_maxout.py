"""Maxout."""

import keras
import numpy as np
import pytest

from kgan.constraints import WeightClip
from kgan.layers import Maxout


def test_maxout_is_the_largest_of_its_pieces():
    layer = Maxout(3, pieces=4)
    x = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    y = layer(x)
    kernel, bias = (np.asarray(weight) for weight in layer.weights)
    pieces = [
        [
            max(row @ kernel[:, 4 * unit + j] + bias[4 * unit + j] for j in range(4))
            for unit in range(3)
        ]
        for row in x
    ]
    np.testing.assert_allclose(y, pieces, rtol=1e-5)


def test_maxout_of_two_opposite_pieces_is_the_absolute_value():
    layer = Maxout(1, pieces=2)
    layer.build((None, 1))
    layer.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    np.testing.assert_allclose(layer(np.array([[-3.0], [2.0]])), [[3.0], [2.0]])


def test_shape_is_known_before_the_first_batch():
    assert keras.Sequential([keras.Input((7,)), Maxout(3)]).output_shape == (None, 3)


def test_config_round_trip_keeps_initializer_and_constraints():
    layer = Maxout(
        3,
        pieces=2,
        kernel_initializer=keras.initializers.RandomUniform(-0.005, 0.005),
        kernel_constraint=WeightClip(0.02),
        bias_constraint=WeightClip(0.03),
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    assert copy.linear.kernel_constraint.c == 0.02
    assert copy.linear.bias_constraint.c == 0.03


@pytest.mark.parametrize("arguments", [(0, 5), (3, 0)])
def test_sizes_below_one_are_refused(arguments):
    with pytest.raises(ValueError, match=r"must be a positive integer. Received: (units|pieces)=0"):
        Maxout(*arguments)
