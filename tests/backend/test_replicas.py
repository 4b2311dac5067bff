"""Replicas, where there is one device."""

import keras
import tensorflow as tf

from kgan.backend import replicas


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
