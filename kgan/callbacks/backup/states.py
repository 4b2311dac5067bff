"""What the callbacks of a run know, kept and given back."""

import collections

import keras

from kgan.callbacks.backup.csv_logs import check_logs
from kgan.callbacks.backup.plain_values import decode
from kgan.callbacks.backup.plain_values import encode

# Of a TensorBoard: flags of a running profile would be wrong in a process in which none runs.
_COUNTERS = ("_global_train_batch", "_global_test_batch")


class CallbackStates:
    """The states of callbacks: their numbers, strings and None, in lists, tuples and dicts.

    Of what a callback holds only that counts which has changed since the training began, so that
    its options are those of this process. A callback with `get_state()` and `set_state(state)`
    decides for itself; `get_state` returns what is to be kept, None for nothing.

    Args:
        callbacks: the callbacks. They are told apart by their class, and by their order in it.
    """

    def __init__(self, callbacks):
        self._named = _named(callbacks)
        self._at_first = {}

    def remember_beginning(self) -> None:
        """Note what the callbacks are when a run has just begun."""
        self._at_first = {
            name: _attributes(callback, [])
            for name, callback in self._named.items()
            if not hasattr(callback, "get_state")
        }

    def collect(self) -> tuple[dict, list]:
        """What the callbacks know now.

        Returns:
            (states, arrays): a dict for JSON, and the NumPy arrays that it refers to.

        Raises:
            ValueError: if a `get_state` returns something that cannot be kept.
        """
        states, arrays = {}, []
        for name, callback in self._named.items():
            if hasattr(callback, "get_state"):
                state = callback.get_state()
                if state is not None:
                    states[name] = _encoded(callback, state, arrays)
            else:
                states[name] = self._changed(name, callback, arrays)
        return states, arrays

    def give_back(self, states: dict, arrays) -> None:
        """Let the callbacks know what they knew.

        Args:
            states: what `collect` returned.
            arrays: as well.
        """
        for name, callback in self._named.items():
            if name not in states:
                continue
            if hasattr(callback, "set_state"):
                callback.set_state(decode(states[name], arrays))
            else:
                for attribute, value in states[name].items():
                    setattr(callback, attribute, decode(value, arrays))
                    # It has changed since the training began, even if this process noted the same
                    # value at its own beginning.
                    self._at_first.get(name, {}).pop(attribute, None)

    def _changed(self, name: str, callback, arrays: list) -> dict:
        at_first = self._at_first.get(name, {})
        return {
            attribute: value
            for attribute, value in _attributes(callback, arrays).items()
            if attribute not in at_first or not _are_equal(value, at_first[attribute])
        }


def check_callbacks(callbacks) -> None:
    """Raise ValueError if a callback and a backup would get in each other's way.

    Args:
        callbacks: the callbacks beside the backup.
    """
    check_logs(callbacks)
    for callback in callbacks:
        if hasattr(callback, "get_state") and not hasattr(callback, "set_state"):
            name = type(callback).__name__
            raise ValueError(
                f"Backup asks {name}.get_state() for what it keeps, and could not give it back. "
                f"Expected: {name}.set_state(state). Received: a {name} without one. Define both, "
                "or neither: then its numbers, strings and None are kept."
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "BackupAndRestore and Backup would both say where the run resumes. Leave "
                "BackupAndRestore out: Backup resumes exactly."
            )


def _encoded(callback, state, arrays: list):
    try:
        return encode(state, arrays)
    except TypeError as error:
        raise ValueError(
            f"{type(callback).__name__}.get_state() must return numbers, strings, None and arrays, "
            f"in lists, tuples and dicts. Received: {error} Keep what set_state can make it of."
        ) from error


def _named(callbacks) -> dict:
    count = collections.Counter()
    named = {}
    for callback in callbacks:
        kind = type(callback).__name__
        named[f"{kind} {count[kind]}"] = callback
        count[kind] += 1
    return named


def _attributes(callback, arrays: list) -> dict:
    """The plain attributes of a callback, encoded."""
    encoded = {}
    for name, value in vars(callback).items():
        if _is_no_state(callback, name):
            continue
        # Other arrays are not the callback's own, or large.
        may_be_array = isinstance(callback, keras.callbacks.EarlyStopping)
        try:
            encoded[name] = encode(value, arrays if may_be_array else None)
        except TypeError:
            continue
    return encoded


def _is_no_state(callback, name: str) -> bool:
    if isinstance(callback, keras.callbacks.TensorBoard):
        return name not in _COUNTERS
    # An option, of which Keras' monitors change the sign when they learn their direction.
    return name == "params" or (name == "min_delta" and hasattr(callback, "monitor_op"))


def _are_equal(first, second) -> bool:
    # As text, since no NaN equals itself.
    return repr(first) == repr(second)
