"""What a user's callback comes to know and a backup cannot keep, told before it is missed."""

import collections

import keras
import numpy as np

from kgan.callbacks.backup.plain_values import encode
from kgan.callbacks.base import GANCallback

# Larger arrays and longer containers are looked at from outside: this runs at every backup.
_BYTES = 10_000
_LENGTH = 100
_DEPTH = 3
_TOLD = "told"


class Unkept:
    """Attributes that have changed since the training began and cannot be kept, each told once.

    Only callbacks are watched that are a user's alone and have no `get_state`. A change within what
    is large, or of no kind known here, is not seen.

    Args:
        callbacks: callbacks of all kinds.
    """

    def __init__(self, callbacks):
        self._watched = [callback for callback in callbacks if _is_of_user(callback)]

    def remember_beginning(self) -> None:
        """Note what the callbacks are when a training has just begun."""
        self._known = [_sights(callback) for callback in self._watched]

    def found(self) -> list[str]:
        """What has changed since then, or since this was asked last.

        Returns:
            List of lines, one for each callback of which there is something new to tell.
        """
        lines = []
        for callback, known in zip(self._watched, self._known, strict=True):
            now = _sights(callback).items()
            changed = [name for name, sight in now if known.get(name) not in (sight, _TOLD)]
            known.update(dict.fromkeys(changed, _TOLD))
            if changed:
                kind = type(callback).__name__
                values = vars(callback)
                shown = ", ".join(f"{name} ({type(values[name]).__name__})" for name in changed)
                lines.append(
                    f"Backup: {kind} has changed what cannot be kept: {shown}. In a training that "
                    f"goes on it begins anew. Define {kind}.get_state() and set_state(state)."
                )
        return lines


def _is_of_user(callback) -> bool:
    # What a class of Keras or kgan holds, below a user's too, is not the user's to keep.
    base = (keras.callbacks.Callback, GANCallback, object)
    kinds = [kind for kind in type(callback).__mro__ if kind not in base]
    rooms = {kind.__module__.partition(".")[0] for kind in kinds}
    return not hasattr(callback, "get_state") and rooms.isdisjoint({"keras", "kgan"})


def _sights(callback) -> dict:
    """Of the attributes that cannot be kept, what a look at them shows."""
    return {
        name: _sight(value, _DEPTH)
        for name, value in vars(callback).items()
        if name not in ("params", "_model") and not callable(value) and not _is_kept(value)
    }


def _is_kept(value) -> bool:
    try:
        encode(value)
    except TypeError:
        return False
    return True


def _sight(value, depth: int):
    if isinstance(value, np.ndarray) and value.nbytes <= _BYTES:
        return value.tobytes()
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        is_small = depth > 0 and len(value) <= _LENGTH
        return len(value), [_sight(item, depth - 1) for item in value] if is_small else None
    return repr(value) if _is_kept(value) else id(value)
