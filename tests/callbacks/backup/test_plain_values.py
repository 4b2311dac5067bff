import json
import math

import numpy as np
import pytest

from kgan.callbacks.backup.plain_values import decode
from kgan.callbacks.backup.plain_values import encode

VALUES = [
    None,
    True,
    3,
    0.1 + 0.2,
    math.inf,
    "text",
    [1, [2.5, None]],
    (1, ("a", [True])),
    {"name": {"deeper": (1, 2)}, 3: "three", (1, 2): None},
    np.float32(0.1),
    np.int64(2**40),
    np.bool_(True),
]


def there_and_back(value):
    arrays = []
    return decode(json.loads(json.dumps(encode(value, arrays))), arrays)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_with_its_types(value):
    read = there_and_back(value)
    assert read == value
    assert repr(read) == repr(value)


def test_nan_comes_back():
    assert math.isnan(there_and_back(math.nan))


def test_arrays_are_kept_beside():
    arrays = []
    value = {"best": [np.arange(3), np.ones((2, 2))]}
    encoded = json.loads(json.dumps(encode(value, arrays)))
    assert len(arrays) == 2
    read = decode(encoded, arrays)
    for array, expected in zip(read["best"], value["best"], strict=True):
        np.testing.assert_array_equal(array, expected)
        assert not np.shares_memory(array, expected)


def test_two_readings_share_nothing():
    encoded = encode({"list": [1]}, [])
    first, second = decode(encoded, []), decode(encoded, [])
    first["list"].append(2)
    assert second == {"list": [1]}


@pytest.mark.parametrize("value", [object(), [object()], {1, 2}, lambda: 0, 1j])
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(TypeError, match="Not a plain value: "):
        encode(value, [])
