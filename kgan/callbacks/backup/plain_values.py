"""Values of callbacks as JSON and arrays, and back with their types."""

import numpy as np

_SIMPLE = (type(None), bool, int, float, str)


def encode(value, arrays: list | None = None):
    """A value as what JSON can keep, exactly.

    Args:
        value: a number, string or None, of Python or NumPy; lists, tuples and dicts of them.
        arrays: list to which NumPy arrays are appended, which JSON cannot keep; None, the default,
            if there may be none.

    Returns:
        Numbers, strings, None, lists and dicts.

    Raises:
        TypeError: for anything else.
    """
    if type(value) in _SIMPLE:
        return value
    if type(value) is list:
        return [encode(item, arrays) for item in value]
    if type(value) is tuple:
        return {"tuple": [encode(item, arrays) for item in value]}
    if type(value) is dict:
        # Keys of JSON are strings.
        return {"dict": [[encode(key), encode(item, arrays)] for key, item in value.items()]}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return {"numpy": [value.dtype.str, value.item()]}
    if isinstance(value, np.ndarray) and arrays is not None:
        arrays.append(value)
        return {"array": len(arrays) - 1}
    raise TypeError(f"Not a plain value: {type(value).__name__}.")


def decode(value, arrays=()):
    """What `encode` was given.

    Args:
        value: what `encode` returned.
        arrays: the arrays it appended.

    Returns:
        The value, nothing of which is shared with another call.
    """
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tuple":
        return tuple(decode(item, arrays) for item in content)
    if kind == "dict":
        return {decode(key): decode(item, arrays) for key, item in content}
    if kind == "numpy":
        return np.dtype(content[0]).type(content[1])
    return arrays[content].copy()
