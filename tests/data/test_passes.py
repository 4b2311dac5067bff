import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from kgan.data import by_epoch
from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of
from kgan.data.passes import Passes
from kgan.data.passes import Position


def passes_of(x, y, batch_size, steps_per_epoch):
    return Passes(x, y, batch_size, steps_per_epoch, True)


def hundreds(epoch):
    """The epoch's number times a hundred, and the four numbers after it."""
    return tf.data.Dataset.range(100 * epoch, 100 * epoch + 5)


def seen(passes, start, epochs):
    """The batches of every epoch, as Keras would take them, with the numbers they have."""
    batches = []
    for part in passes.parts(start, epochs):
        passes.begin_part(start, part.epoch)
        iterator = None
        for epoch in range(part.epoch, part.epochs):
            passes.begin_epoch(epoch)
            if iterator is None or part.steps_per_epoch is None:
                iterator = (int(value) for value in part.x)
            first = part.first_batch if epoch == part.epoch else 0
            taken = itertools.islice(iterator, part.steps_per_epoch)
            batches += [(epoch, first + number, value) for number, value in enumerate(taken)]
            # Keras begins passes that it throws away.
            iter(part.x)
    passes.end()
    return batches


def kinds():
    counted = by_epoch(hundreds, 5)
    plain = tf.data.Dataset.range(5)
    return {
        "counted": (counted, None),
        "plain": (plain, None),
        "twice an epoch": (by_epoch(hundreds, 5).repeat(2), None),
        "counted, as long as an epoch": (by_epoch(hundreds, 5), 5),
        "array": (np.arange(10), None),
    }


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("first_epoch", [0, 2])
def test_from_any_position_follows_what_would_have_followed(kind, first_epoch):
    x, steps = kinds()[kind]
    passes = passes_of(x, None, 1, steps)
    first_order = None if passes.numbers is None else 3
    start = Position(first_epoch, 0, first_epoch, first_order)
    whole = seen(passes, start, first_epoch + 3)
    assert len(whole) == 3 * passes.length
    # With epochs of 4, 5 and 10 batches, every third one is in all parts of them.
    for number in range(0, len(whole), 3):
        epoch, batch, _ = whole[number]
        assert seen(passes, start.at(epoch, batch), first_epoch + 3) == whole[number:]


def test_nothing_follows_the_last_epoch():
    for x, steps in kinds().values():
        passes = passes_of(x, None, 1, steps)
        start = Position(3, 0, 0, None if passes.numbers is None else 0)
        assert seen(passes, start, 3) == []
        # A shorter training than the one that was restored.
        assert seen(passes, start.at(5, 2), 3) == []


def test_every_epoch_has_its_own_order_and_the_next_training_goes_on():
    dataset = by_epoch(hundreds, 5)
    passes = passes_of(dataset, None, None, None)
    assert seen(passes, Position(0, 0, 0, 2), 2)[::5] == [(0, 0, 200), (1, 0, 300)]
    assert epochs_of(dataset).next == 4
    assert not epochs_of(dataset).held


def test_a_pass_that_is_begun_beside_does_not_change_the_order():
    dataset = by_epoch(hundreds, 5)
    passes = passes_of(dataset, None, None, None)
    passes.begin_part(Position(0, 0, 0, 0), 0)
    passes.begin_epoch(0)
    # A validation on the same data.
    assert next(iter(dataset)) == 0
    assert next(iter(dataset)) == 0
    passes.begin_epoch(1)
    assert next(iter(dataset)) == 100
    passes.end()
    assert epochs_of(dataset).next == 2


def test_a_dataset_that_is_repeated_within_an_epoch_has_other_orders_in_it():
    passes = passes_of(by_epoch(hundreds, 5).repeat(2), None, None, None)
    batches = seen(passes, Position(0, 0, 0, 0), 2)
    assert [value for _, _, value in batches[::5]] == [0, 100, 200, 300]


@pytest.mark.parametrize(
    ("x", "steps", "length", "within"),
    [
        (tf.data.Dataset.range(7), None, 7, False),
        (tf.data.Dataset.range(7).repeat(), None, math.inf, False),
        (tf.data.Dataset.range(7).filter(lambda value: value > 2), None, None, False),
        (tf.data.Dataset.range(7).repeat(), 3, 3, False),
        (by_epoch(hundreds, 5), None, 5, True),
        (by_epoch(hundreds, 5), 5, 5, True),
        (by_epoch(hundreds, 5), 3, 3, False),
        (by_epoch(hundreds, 5).map(lambda value: value), None, 5, True),
        (by_epoch(hundreds, 5).shuffle(5), None, 5, False),
        (np.zeros(7), None, 4, True),
        (tf.zeros(7), None, 4, True),
        (np.zeros(7), 3, 3, False),
        (iter([1]), None, None, False),
    ],
)
def test_how_long_an_epoch_is_and_whether_it_can_be_begun_in_its_middle(x, steps, length, within):
    passes = passes_of(x, None, 2, steps)
    assert passes.length == length
    assert passes.resumes_within == within


def test_shuffled_arrays_cannot_be_begun_in_the_middle():
    assert not Passes(np.zeros(7), None, 2, None, False).resumes_within


def test_labels_beside_an_array_are_cut_like_it():
    passes = passes_of(np.arange(10), np.arange(10) * 10, 3, None)
    rest, whole = passes.parts(Position(1, 2), 3)
    np.testing.assert_array_equal(rest.x, np.arange(6, 10))
    np.testing.assert_array_equal(rest.y, np.arange(60, 100, 10))
    assert (rest.epoch, rest.epochs, rest.first_batch) == (1, 2, 2)
    assert (whole.epoch, whole.epochs, whole.first_batch) == (2, 3, 0)


def test_descriptions_tell_data_apart():
    plain = passes_of(tf.data.Dataset.range(5), None, None, None)
    assert plain.description() == {"batches": 5}
    endless = passes_of(tf.data.Dataset.range(5).repeat(), None, None, None)
    assert endless.description() == {"batches": None}
    counted = passes_of(by_epoch(hundreds, 5), None, None, None)
    assert counted.description() == {"batches": 5, "source": "by_epoch"}
    images, labels = np.ones((5, 2)), np.arange(5)
    assert passes_of(images, labels, 2, None).description() == {
        "batches": 3,
        "batch_size": 2,
        "images": digest(images),
        "y": digest(labels),
    }
