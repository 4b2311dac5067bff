import json
import re

import keras
import numpy as np
import pytest

from kgan.callbacks.backup.states import CallbackStates


class Counting(keras.callbacks.Callback):
    """A user's callback."""

    def __init__(self, limit=3):
        super().__init__()
        self.limit = limit
        self.count = 0
        self._last = None
        self.file = object()


class Stateful(keras.callbacks.Callback):
    """A callback that decides for itself what is kept."""

    def __init__(self, value=None):
        super().__init__()
        self.value = value

    def get_state(self):
        return self.value

    def set_state(self, state):
        self.value = state


def kept(callbacks, change):
    """What is kept of callbacks after a change, by way of JSON."""
    states = CallbackStates(callbacks)
    states.remember_beginning()
    change()
    states, arrays = states.collect()
    return json.loads(json.dumps(states)), arrays


def given(callbacks, states, arrays=()):
    receiving = CallbackStates(callbacks)
    receiving.remember_beginning()
    receiving.give_back(states, arrays)


def test_what_has_changed_is_given_back_and_options_are_those_of_now():
    before, after = Counting(limit=3), Counting(limit=5)

    def change():
        before.count, before._last, before.params = 7, (1, "a"), {"epochs": 9}

    states, arrays = kept([before], change)
    assert states == {"Counting 0": {"count": 7, "_last": {"tuple": [1, "a"]}}}
    given([after], states, arrays)
    assert (after.limit, after.count, after._last) == (5, 7, (1, "a"))
    assert after.params is None or "epochs" not in after.params


def test_what_was_given_back_is_kept_again():
    before, after = Counting(), Counting()
    states, _ = kept([before], lambda: setattr(before, "count", 7))
    again, _ = kept([after], lambda: given([after], states))
    assert again == states


def test_callbacks_of_one_class_are_told_apart_by_their_order():
    before, after = [Counting(), Counting()], [Counting(), keras.callbacks.History(), Counting()]

    def change():
        before[0].count, before[1].count = 1, 2

    given(after, *kept(before, change))
    assert [after[0].count, after[2].count] == [1, 2]


def test_a_callback_that_is_new_or_gone_is_left_alone():
    before, after = Stateful(3), Counting()
    given([after], *kept([before], lambda: None))
    assert after.count == 0


@pytest.mark.parametrize("value", [{"a": [1, (2,)]}, [np.arange(3)], 0])
def test_a_callback_may_decide_for_itself(value):
    after = Stateful()
    given([after], *kept([Stateful(value)], lambda: None))
    np.testing.assert_equal(after.value, value)


def test_nothing_is_kept_of_a_callback_that_says_so():
    assert kept([Stateful()], lambda: None) == ({}, [])


def test_the_best_weights_of_early_stopping_are_kept():
    before, after = keras.callbacks.EarlyStopping(), keras.callbacks.EarlyStopping()
    weights = [np.arange(3.0), np.ones((2, 2))]

    def change():
        before.wait, before.best, before.best_weights = 2, 0.5, weights

    states, arrays = kept([before], change)
    given([after], states, arrays)
    assert (after.wait, after.best) == (2, 0.5)
    for array, expected in zip(after.best_weights, weights, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_the_direction_of_a_plateau_is_not_turned_around():
    def make():
        plateau = keras.callbacks.ReduceLROnPlateau("loss", mode="min", min_delta=1, patience=5)
        plateau.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
        plateau.model.compile("sgd", "mse")
        plateau.on_train_begin()
        return plateau

    before, after = make(), make()
    given([after], *kept([before], lambda: before.on_epoch_end(0, {"loss": 3.0})))
    after.on_epoch_end(1, {"loss": 2.5})
    assert (after.best, after.wait) == (3.0, 1)


def test_arrays_of_other_callbacks_are_not_kept():
    callback = Counting()
    assert kept([callback], lambda: setattr(callback, "images", np.ones(3))) == (
        {"Counting 0": {}},
        [],
    )


def test_flags_of_a_running_profile_are_not_kept():
    board = keras.callbacks.TensorBoard("unused")

    def change():
        board._is_tracing, board._global_train_batch = True, 5

    states, _ = kept([board], change)
    assert states == {"TensorBoard 0": {"_global_train_batch": 5}}


def test_a_value_that_was_given_back_is_kept_though_it_is_that_of_the_beginning():
    # One object in two trainings of a process: the second begins with 3, goes back to 2, and counts
    # to 3 again, which a new process would not know.
    callback = Counting()
    callback.count = 3
    states = CallbackStates([callback])
    states.remember_beginning()
    states.give_back({"Counting 0": {"count": 2}}, [])
    callback.count += 1
    assert states.collect()[0]["Counting 0"]["count"] == 3


def test_a_state_that_cannot_be_kept_is_refused():
    message = (
        "Stateful.get_state() must return numbers, strings, None and arrays, in lists, tuples and "
        "dicts. Received: Not a plain value: object. Keep what set_state can make it of."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CallbackStates([Stateful({"x": object()})]).collect()
