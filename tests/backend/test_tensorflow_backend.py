"""Gradients, replicas and the first batch on TensorFlow."""

import re
import runpy

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import backend

ARRAY = np.arange(10, dtype="float32")


def test_gradients_are_those_of_the_scalar_and_others_pass_through():
    x, y = keras.Variable(3.0), keras.Variable(2.0)
    others, gradients = backend.value_and_gradients(lambda: (x * x * y, "others"), [x, y])
    assert others == "others"
    # d(x^2 y)/dx = 2xy, d(x^2 y)/dy = x^2
    assert [float(gradient) for gradient in gradients] == [12.0, 9.0]


def test_a_compiled_function_is_the_function_and_sees_new_values_of_variables():
    calls, x = [], keras.Variable(3.0)
    square = backend.compiled(lambda factor: calls.append(1) or factor * x * x)
    assert float(square(tf.constant(2.0))) == 18.0
    x.assign(4.0)
    assert float(square(tf.constant(1.0))) == 16.0
    # Traced once: Python did not run a second time.
    assert len(calls) == 1


def test_one_device_draws_just_its_rows():
    assert backend.num_replicas() == 1
    drawn = []
    rows = backend.global_rows(lambda n: drawn.append(n) or tf.range(n), 4)
    assert drawn == [4]
    assert rows.numpy().tolist() == [0, 1, 2, 3]


def test_the_first_batch_of_arrays_has_the_rows_of_a_batch():
    (images,), same, shuffled = backend.first_batch(ARRAY, batch_size=4)
    assert images.tolist() == [0, 1, 2, 3]
    assert same is ARRAY
    assert shuffled is False
    images, labels = backend.first_batch(ARRAY, ARRAY + 1, batch_size=4)[0]
    assert labels.tolist() == [1, 2, 3, 4]
    assert len(backend.first_batch(np.zeros(50), None)[0][0]) == 32


def test_the_first_batch_of_a_dataset_is_its_first():
    dataset = tf.data.Dataset.from_tensor_slices((ARRAY, ARRAY + 1)).batch(3)
    (images, labels), same, shuffled = backend.first_batch(dataset)
    assert images.tolist() == [0, 1, 2]
    assert labels.tolist() == [1, 2, 3]
    assert same is dataset
    assert shuffled is True


def test_a_generator_goes_on_from_its_first_batch():
    batch, continued, shuffled = backend.first_batch((number,) for number in range(3))
    assert batch == (0,)
    assert list(continued) == [(0,), (1,), (2,)]
    assert shuffled is True


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return ARRAY[5 * index : 5 * index + 5]


def test_a_pydataset_is_looked_into():
    batch, _, shuffled = backend.first_batch(Batches())
    assert batch.tolist() == [0, 1, 2, 3, 4]
    # Keras shuffles the batches of a PyDataset.
    assert shuffled is False


@pytest.mark.parametrize(
    "empty", [np.zeros((0, 2)), tf.data.Dataset.range(0), (number for number in ())]
)
def test_nothing_to_look_at_is_an_error(empty):
    with pytest.raises(ValueError, match="The dataset is empty: it yields no batch at all"):
        backend.first_batch(empty)


def test_another_backend_is_refused_with_the_setting_to_change(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    told = (
        "kgan trains on Keras' TensorFlow backend. Expected KERAS_BACKEND=tensorflow, received: "
        "jax. Set the environment variable KERAS_BACKEND=tensorflow"
    )
    # The whole of kgan imports this package, which looks before it imports anything else.
    with pytest.raises(ImportError, match=re.escape(told)):
        runpy.run_path(backend.__file__)


def test_the_global_mean_of_one_device_is_the_mean():
    assert float(backend.global_mean(tf.constant([[1.0, 2.0], [3.0, 6.0]]))) == 3.0


def test_input_gradients_are_those_of_each_row_and_have_gradients_themselves():
    weight = tf.Variable(3.0)
    x = tf.constant([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        # d(w x^3)/dx = 3 w x^2
        gradients = backend.input_gradients(lambda rows: weight * rows**3, x)
    assert gradients.numpy().tolist() == [[9.0], [36.0]]
    # and by w, summed over the rows: 3 (1 + 4)
    assert float(tape.gradient(gradients, weight)) == 15.0


def test_repeated_steps_are_compiled_once_and_taken_as_often_as_asked():
    count, traces = keras.Variable(0, dtype="int32"), []

    def step():
        traces.append(1)
        count.assign(count + 1)

    many_steps = backend.repeated(step)
    for times in (1, 5, 0, 4):
        many_steps(times)
    assert int(count) == 10
    assert len(traces) == 1


def test_batches_are_all_full_if_their_data_say_so():
    rows = np.zeros((6, 2), "float32")
    batches = tf.data.Dataset.from_tensor_slices((rows, rows))
    assert backend.are_all_full(batches.batch(4, drop_remainder=True))
    assert not backend.are_all_full(batches.batch(3))
    assert backend.are_all_full(rows, 3)
    assert not backend.are_all_full(rows, 4)
    # Six rows are less than the 32 of Keras' batches.
    assert not backend.are_all_full(rows)
    assert not backend.are_all_full(row for row in rows)
    assert not backend.are_all_full(Batches())
    # Of such data the shapes are what their signature says.
    of_three = tf.data.Dataset.from_generator(
        lambda: iter(rows.reshape(4, 3)), output_signature=tf.TensorSpec((3,))
    )
    assert backend.are_all_full(of_three)


def test_one_process_is_worker_0_of_1_and_agrees_with_itself():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert backend.worker(model) == (0, 1)
    assert backend.same_everywhere(model, [1, 2])
    assert backend.num_replicas_of(model) == 1


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
    backend.draw_own_numbers(keras.Sequential([keras.Input((2,)), layer]))
    for seed in layer.seeds:
        assert "next" in vars(seed)
