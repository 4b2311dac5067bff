"""A look at the data before the first step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.backend import batches
from kgan.data import by_epoch

ARRAY = np.arange(10, dtype="float32")


def test_the_first_batch_of_arrays_has_the_rows_of_a_batch():
    (images,), same, shuffled = batches.first_batch(ARRAY, batch_size=4)
    assert images.tolist() == [0, 1, 2, 3]
    assert same is ARRAY
    assert shuffled is False
    images, labels = batches.first_batch(ARRAY, ARRAY + 1, batch_size=4)[0]
    assert labels.tolist() == [1, 2, 3, 4]
    assert len(batches.first_batch(np.zeros(50), None)[0][0]) == 32


def test_the_first_batch_of_a_dataset_is_its_first():
    dataset = tf.data.Dataset.from_tensor_slices((ARRAY, ARRAY + 1)).batch(3)
    (images, labels), same, shuffled = batches.first_batch(dataset)
    assert images.tolist() == [0, 1, 2]
    assert labels.tolist() == [1, 2, 3]
    assert same is dataset
    assert shuffled is True


def test_a_generator_goes_on_from_its_first_batch():
    batch, continued, shuffled = batches.first_batch((number, None) for number in range(3))
    assert batch == (0,)
    assert [int(number) for (number,) in continued] == [0, 1, 2]
    assert shuffled is True
    # It is at its end, and its first batch does not come again.
    assert not list(continued)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return ARRAY[5 * index : 5 * index + 5]


def test_a_pydataset_is_looked_into():
    batch, _, shuffled = batches.first_batch(Batches())
    assert batch.tolist() == [0, 1, 2, 3, 4]
    # Keras shuffles the batches of a PyDataset.
    assert shuffled is False


@pytest.mark.parametrize(
    "empty", [np.zeros((0, 2)), tf.data.Dataset.range(0), (number for number in ())]
)
def test_nothing_to_look_at_is_an_error(empty):
    with pytest.raises(ValueError, match="The dataset is empty: it yields no batch at all"):
        batches.first_batch(empty)


class Endless(Batches):
    num_batches = None


def test_which_data_are_known_to_have_no_end():
    finite = tf.data.Dataset.range(3)
    endless, filtered = finite.repeat(), finite.repeat().filter(lambda number: number > 0)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    found = [
        batches.is_endless(x)
        for data in (finite, endless, filtered)
        for x in (data, strategy.experimental_distribute_dataset(data))
    ]
    assert found == [False, False, True, True, False, False]
    others = [Batches(), Endless(), ARRAY, (number for number in ARRAY), None]
    assert [batches.is_endless(x) for x in others] == [False, True, False, False, False]


def test_batches_are_all_full_if_their_data_say_so():
    rows = np.zeros((6, 2), "float32")
    of_rows = tf.data.Dataset.from_tensor_slices((rows, rows))
    assert batches.are_all_full(of_rows.batch(4, drop_remainder=True))
    assert not batches.are_all_full(of_rows.batch(3))
    assert batches.are_all_full(rows, 3)
    assert not batches.are_all_full(rows, 4)
    # Six rows are less than the 32 of Keras' batches.
    assert not batches.are_all_full(rows)
    assert not batches.are_all_full(row for row in rows)
    assert not batches.are_all_full(Batches())
    # Of such data the shapes are what their signature says.
    of_three = tf.data.Dataset.from_generator(
        lambda: iter(rows.reshape(4, 3)), output_signature=tf.TensorSpec((3,))
    )
    assert batches.are_all_full(of_three)


@pytest.mark.parametrize(("length", "received"), [(2, "at least 3"), (5, "only 3")])
def test_data_of_another_length_than_they_say_are_told_how_to_say_it(length, received):
    data = by_epoch(lambda epoch: tf.data.Dataset.range(3), length)
    told = f"Expected: {length} elements. Received: {received}. Pass kgan.data.by_epoch the right"
    with pytest.raises(ValueError, match=told), batches.refused_in_plain_words():
        list(data)
