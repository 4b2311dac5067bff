"""Values of callbacks as JSON and arrays, and back with their types."""

import numpy as np

_SIMPLE = (type(None), bool, int, float, str)


def encode(value, arrays: list):
    """A value as what JSON can keep, exactly.

    Args:
        value: a number, string or None, of Python or NumPy, or an array; lists, tuples and dicts of
            them.
        arrays: list to which NumPy's are appended, which JSON cannot keep.

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
        return {"tuple": encode(list(value), arrays)}
    if type(value) is dict:
        # Keys of JSON are strings.
        return {"dict": encode(list(value.items()), arrays)}
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    raise TypeError(f"Not a plain value: {type(value).__name__}.")


def decode(value, arrays):
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
    if kind == "array":
        # An array without axes was a number.
        return arrays[content][()].copy()
    content = decode(content, arrays)
    return tuple(content) if kind == "tuple" else dict(content)
