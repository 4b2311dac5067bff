"""What the callbacks of a run know, kept and given back."""

import os
from pathlib import Path

import keras

from kgan.backend import private
from kgan.callbacks.backup.plain_values import decode
from kgan.callbacks.backup.plain_values import encode


def check_callbacks(callbacks) -> None:
    """Raise ValueError if a callback and a backup would get in each other's way.

    Args:
        callbacks: the callbacks beside the backup.
    """
    for callback in callbacks:
        name = type(callback).__name__
        if hasattr(callback, "get_state") and not hasattr(callback, "set_state"):
            raise ValueError(
                f"Backup asks {name}.get_state() for what it keeps, and could not give it back. "
                f"Expected: {name}.set_state(state). Received: a {name} without one. Define both, "
                "or neither: then nothing of it is kept."
            )
        if isinstance(callback, keras.callbacks.CSVLogger) and not callback.append:
            raise ValueError(
                "CSVLogger would begin its file anew whenever the run resumes. Received: "
                f"CSVLogger({callback.filename!r}) beside Backup. Pass append=True: it begins a "
                "file that is not there."
            )


def collect(callbacks) -> tuple[dict, list]:
    """What callbacks know now: Keras' own what they have learned, others what they say.

    Args:
        callbacks: the callbacks. They are told apart by their class, and by their order in it.

    Returns:
        (states, arrays): a dict for JSON, and the NumPy arrays that it refers to.

    Raises:
        ValueError: if a `get_state` returns something that cannot be kept.
    """
    states, arrays = {}, []
    for name, callback in _named(callbacks).items():
        state = _state_of(callback)
        if state is None:
            continue
        try:
            states[name] = encode(state, arrays)
        except TypeError as error:
            raise ValueError(
                f"{type(callback).__name__}.get_state() must return numbers, strings, None and "
                f"arrays, in lists, tuples and dicts. Received: {error} Keep what set_state can "
                "make of it."
            ) from error
    return states, arrays


def give_back(callbacks, states: dict, arrays, epoch: int | None) -> None:
    """Let callbacks know what they knew.

    Args:
        callbacks: the callbacks.
        states: what `collect` returned.
        arrays: as well.
        epoch: int, the one in which the run resumes; None if it is complete.
    """
    for name, callback in _named(callbacks).items():
        if name not in states:
            continue
        state = decode(states[name], arrays)
        if hasattr(callback, "set_state"):
            callback.set_state(state)
            continue
        file = state.pop("file", None)
        if file is not None and epoch is not None:
            _cut(callback, *file, epoch)
        for attribute, value in state.items():
            setattr(callback, attribute, value)


def _named(callbacks) -> dict:
    kinds = [type(callback).__name__ for callback in callbacks]
    return {
        f"{kind} {kinds[:index].count(kind)}": callbacks[index] for index, kind in enumerate(kinds)
    }


def _state_of(callback) -> dict | None:
    if hasattr(callback, "get_state"):
        return callback.get_state()
    state = {
        name: getattr(callback, name)
        for kind, names in private.LEARNED.items()
        if isinstance(callback, kind)
        for name in names
    }
    if isinstance(callback, keras.callbacks.CSVLogger):
        path = Path(callback.filename)
        # After every epoch the last line is whole.
        state["file"] = (path.name, path.stat().st_size if path.exists() else 0)
    return state or None


def _cut(logger, name: str, size: int, epoch: int) -> None:
    """Remove the lines of epochs that will be run again from the file of a `CSVLogger`.

    Lines of other runs stay: what was written since is removed only if it begins with `epoch`.
    """
    path = Path(logger.filename)
    lines = path.read_bytes()[size:].decode(errors="replace").splitlines()
    numbers = [line.partition(logger.sep)[0] for line in lines if not line.startswith("epoch")]
    expected = [str(epoch + index) for index in range(len(numbers))]
    # The last line may be half, and its number with it.
    is_own = numbers[:-1] == expected[:-1] and all(map(str.startswith, expected[-1:], numbers[-1:]))
    if lines and is_own and path.name == name:
        os.truncate(path, size)
        # The file was opened, and looked at, before this.
        logger.append_header = size == 0
