"""Replicas, where there is one device."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.backend import replicas

# Row 1 of three is looked up four times, with other gradients each time; row 2 never.
ROWS = tf.IndexedSlices(
    values=tf.constant([[2.0], [0.1], [0.2], [0.3], [0.4]]),
    indices=tf.constant([0, 1, 1, 1, 1]),
    dense_shape=tf.constant([3, 1]),
)


def test_one_device_draws_just_its_rows():
    assert replicas.num_replicas() == 1
    drawn = []
    rows = replicas.global_rows(lambda n: drawn.append(n) or tf.range(n), 4)
    assert drawn == [4]
    assert rows.numpy().tolist() == [0, 1, 2, 3]


def test_the_global_mean_of_one_device_is_the_mean():
    assert float(replicas.global_mean(tf.constant([[1.0, 2.0], [3.0, 6.0]]))) == 3.0


def test_one_process_is_worker_0_of_1_and_agrees_with_itself():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert replicas.worker(model) == (0, 1)
    assert replicas.same_everywhere(model, [1, 2])
    assert replicas.num_replicas_of(model) == 1


class Holding(keras.layers.Layer):
    """Seed generators in places of all kinds, beside what cannot be sorted."""

    def __init__(self):
        super().__init__()
        seeds = [keras.random.SeedGenerator(seed) for seed in range(3)]
        self.some = [seeds[0], (seeds[1],)]
        self.others = {1: "one", "two": {"deep": seeds[2]}}
        self.seeds = frozenset(seeds)

    def call(self, inputs):
        return inputs


def test_every_seed_of_a_layer_is_found_on_replicas():
    layer = Holding()
    replicas.draw_own_numbers(keras.Sequential([keras.Input((2,)), layer]))
    for seed in layer.seeds:
        assert "next" in vars(seed)


def updated(optimizer, gradient):
    """Weights and velocities after a step from ones."""
    weight = keras.Variable(np.ones((3, 1)))
    optimizer.build([weight])
    replicas.apply_gradients(optimizer, [gradient], [weight])
    return [np.array(variable) for variable in (weight, *optimizer.variables)]


def test_adam_squares_the_gradient_of_a_row_and_not_its_parts():
    optimizer = keras.optimizers.Adam(0.01, beta_1=0.0, beta_2=0.9, epsilon=1e-7)
    weight, *_, velocity = updated(optimizer, ROWS)
    # The gradient of row 1 is .1 + .2 + .3 + .4 = 1, of which a tenth of the square is kept; the
    # sum of the squares would be .3.
    np.testing.assert_allclose(velocity, [[0.4], [0.1], [0.0]], rtol=1e-6)
    # Kingma and Ba 2015, algorithm 1, at its first step: the rate against the gradient's sign.
    np.testing.assert_allclose(weight, [[0.99], [0.99], [1.0]], rtol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.Adadelta,
        keras.optimizers.Adafactor,
        keras.optimizers.Adagrad,
        keras.optimizers.Adam,
        keras.optimizers.Adamax,
        keras.optimizers.AdamW,
        keras.optimizers.Ftrl,
        keras.optimizers.Lion,
        keras.optimizers.Nadam,
        keras.optimizers.RMSprop,
        keras.optimizers.SGD,
    ],
)
def test_a_list_of_rows_is_followed_as_the_gradient_that_it_is(optimizer):
    for rows, dense in zip(
        updated(optimizer(0.1), ROWS),
        updated(optimizer(0.1), tf.convert_to_tensor(ROWS)),
        strict=True,
    ):
        np.testing.assert_array_equal(rows, dense)
