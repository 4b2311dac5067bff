import collections

import keras
import numpy as np
import pytest

from kgan.callbacks.backup.unkept import Unkept

Pair = collections.namedtuple("Pair", "first second")


class Own(keras.callbacks.Callback):
    """A user's callback."""

    def __init__(self, value):
        super().__init__()
        self.value, self.count = value, 0


def told(callback, change):
    unkept = Unkept([keras.callbacks.History(), callback])
    unkept.remember_beginning()
    assert unkept.found() == []
    change()
    return unkept.found(), unkept


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: np.zeros(3), lambda value: value.__iadd__(1)),
        (set, lambda value: value.add(1)),
        (collections.deque, lambda value: value.append(1)),
        (lambda: collections.defaultdict(list), lambda value: value["a"].append(1)),
        (lambda: collections.defaultdict(list, a=[1]), lambda value: value["a"].append(2)),
        (lambda: collections.OrderedDict(n=0), lambda value: value.update(n=1)),
        (lambda: [np.zeros(2)], lambda value: value[0].__iadd__(1)),
        (lambda: collections.deque(range(1000)), lambda value: value.append(1)),
    ],
)
def test_what_has_changed_and_cannot_be_kept_is_told_once(make, change):
    callback = Own(make())
    lines, unkept = told(callback, lambda: change(callback.value))
    kind = type(callback.value).__name__
    assert lines == [
        f"Backup: Own has changed what cannot be kept: value ({kind}). In a training that goes on "
        "it begins anew. Define Own.get_state() and set_state(state)."
    ]
    change(callback.value)
    assert unkept.found() == []


@pytest.mark.parametrize("value", [None, Pair(0, 0), object()])
def test_what_was_replaced_is_told(value):
    callback = Own(value)
    lines, _ = told(callback, lambda: setattr(callback, "value", Pair(1, 2)))
    assert "value (Pair)" in lines[0]


def test_all_of_one_callback_are_one_line():
    callback = Own(set())

    def change():
        callback.value.add(1)
        callback.new = np.zeros(2)

    (line,) = told(callback, change)[0]
    assert "value (set), new (ndarray). In" in line


def test_what_is_kept_or_stays_as_it_is_is_not_told():
    recursive = []
    recursive.append(recursive)
    callback = Own([np.zeros(2), {1}, object(), recursive])

    def change():
        callback.count += 1
        callback.function = print
        callback.params = {"x": object()}

    assert told(callback, change)[0] == []


def test_callbacks_of_keras_and_those_that_decide_for_themselves_are_not_watched():
    class Stopping(keras.callbacks.EarlyStopping):
        pass

    class Deciding(Own):
        def get_state(self):
            return None

    for callback in (Stopping(), Deciding(None)):
        assert told(callback, lambda callback=callback: setattr(callback, "new", {1}))[0] == []
