import re

import numpy as np
import pytest
import tensorflow as tf

from kgan.data import Images
from kgan.data import by_epoch
from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of
from kgan.data.epochs import keeps_order
from kgan.data.epochs import uncounted

SHUFFLED = tf.data.Dataset.range(3).shuffle(3, seed=1)
SHUFFLED_ONCE = tf.data.Dataset.range(3).shuffle(3, seed=1, reshuffle_each_iteration=False)


def tens(epoch):
    """The epoch's number times ten, and the two numbers after it."""
    return tf.data.Dataset.range(10 * epoch, 10 * epoch + 3)


def values(dataset):
    return [int(value) for value in dataset]


def test_every_iteration_is_the_next_epoch():
    dataset = by_epoch(tens, 3)
    assert len(dataset) == 3
    assert [values(dataset) for _ in range(3)] == [[0, 1, 2], [10, 11, 12], [20, 21, 22]]


def test_the_next_epoch_can_be_asked_and_set():
    dataset = by_epoch(tens, 3)
    epochs = epochs_of(dataset)
    assert epochs.next == 0
    values(dataset)
    assert epochs.next == 1
    epochs.next = 7
    assert values(dataset) == [70, 71, 72]
    assert epochs.next == 8


def test_numbers_that_are_held_do_not_move():
    dataset = by_epoch(tens, 3)
    epochs = epochs_of(dataset)
    epochs.next = 2
    epochs.hold(True)
    assert [values(dataset) for _ in range(2)] == [[20, 21, 22], [20, 21, 22]]
    epochs.hold(False)
    assert [values(dataset) for _ in range(2)] == [[20, 21, 22], [30, 31, 32]]


def test_an_iterator_that_is_not_asked_for_anything_counts_as_no_epoch():
    dataset = by_epoch(tens, 3)
    iter(dataset)
    assert epochs_of(dataset).next == 0


def test_a_repeated_dataset_goes_through_one_epoch_after_the_other():
    assert values(by_epoch(tens, 3).repeat(2)) == [0, 1, 2, 10, 11, 12]


# TensorFlow tells what a dataset was made from by a private method, which this pins.
@pytest.mark.parametrize(
    "derive",
    [
        lambda dataset: dataset,
        lambda dataset: dataset.map(lambda value: value + 1),
        lambda dataset: dataset.batch(2).prefetch(1),
        lambda dataset: dataset.with_options(tf.data.Options()).skip(1).repeat(),
        lambda dataset: tf.data.Dataset.zip((dataset, tf.data.Dataset.range(3))),
        lambda dataset: tf.data.Dataset.zip((dataset, dataset)),
    ],
)
def test_the_numbers_are_found_from_what_was_derived(derive):
    dataset = by_epoch(tens, 3)
    assert epochs_of(derive(dataset)) is epochs_of(dataset)


def test_there_are_none_of_other_data_or_of_several_parts():
    two = tf.data.Dataset.zip((by_epoch(tens, 3), by_epoch(tens, 3)))
    for data in (tf.data.Dataset.range(3), np.zeros(3), None, two):
        assert epochs_of(data) is None


@pytest.mark.parametrize(
    ("derive", "found"),
    [
        (lambda dataset: dataset.cache(), "cache"),
        (lambda dataset: dataset.cache().map(lambda value: value).prefetch(1), "cache"),
        (lambda dataset: dataset.repeat().shuffle(3), "shuffle"),
        (lambda dataset: tf.data.Dataset.zip((tf.data.Dataset.range(3), dataset.cache())), "cache"),
        (lambda dataset: dataset.map(lambda value: value + 1), None),
        (lambda dataset: tf.data.Dataset.zip((dataset, tf.data.Dataset.range(3).cache())), None),
        (lambda dataset: tf.data.Dataset.zip((dataset, SHUFFLED)).map(lambda a, b: a), "shuffle"),
        (lambda dataset: tf.data.Dataset.zip((SHUFFLED.batch(2), dataset)), "shuffle"),
        (lambda dataset: tf.data.Dataset.zip((dataset, SHUFFLED_ONCE)), None),
    ],
)
def test_what_has_a_state_of_its_own_after_the_numbers_is_found(derive, found):
    assert keeps_order(derive(by_epoch(tens, 3))) == (found is None)


def test_a_cache_before_the_numbers_freezes_nothing():
    cached = tf.data.Dataset.range(3).cache()
    dataset = by_epoch(lambda epoch: cached.map(lambda value: value + 10 * epoch), 3)
    assert keeps_order(dataset)
    assert [values(dataset) for _ in range(2)] == [[0, 1, 2], [10, 11, 12]]
    for data in (cached, np.zeros(3), None):
        assert keeps_order(data)


def test_what_is_iterated_over_uncounted_does_not_move_the_numbers():
    dataset = by_epoch(tens, 3)
    with uncounted(dataset.map(lambda value: value)):
        assert int(next(iter(dataset))) == 0
    assert epochs_of(dataset).next == 0
    with uncounted(np.zeros(3)):
        pass


def test_numbers_made_in_the_scope_of_a_strategy_are_those_of_the_host():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        dataset = by_epoch(tens, 3)
    assert [values(dataset) for _ in range(2)] == [[0, 1, 2], [10, 11, 12]]


def test_the_length_must_be_a_positive_integer_and_true():
    message = "length must be a positive integer. Received: length=0."
    with pytest.raises(ValueError, match=re.escape(message)):
        by_epoch(tens, 0)
    with pytest.raises(tf.errors.FailedPreconditionError, match="expected to contain 4 elements"):
        values(by_epoch(tens, 4))


def test_a_digest_tells_arrays_apart_and_looks_at_few_rows():
    rows = np.arange(5_000, dtype=np.uint8).reshape(-1, 1)
    changed = rows.copy()
    changed[5] += 1
    assert digest(rows) == digest(rows.copy())
    assert digest(rows) != digest(changed)
    changed = rows.copy()
    # Every fifth row is looked at.
    changed[6] += 1
    assert digest(rows) == digest(changed)


def test_images_describe_what_they_are_and_how_they_are_dealt():
    images = Images(np.arange(28, dtype=np.uint8).reshape(7, 2, 2, 1), np.zeros(7, int), name="x")
    # Not by their name: a folder may be moved.
    description = epochs_of(images.batches(3, seed=5)).describe()
    assert description == {
        "shape": [7, 2, 2, 1],
        "images": digest(images.images),
        "labels": digest(images.labels),
        "seed": 5,
        "shuffle": True,
        "rows": 3,
        "flip": False,
    }
