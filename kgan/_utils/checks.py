"""Checks of single arguments, by every package: integers, shapes, ranges, labels.

Every check says what is wrong, what was expected, what was received, and the remedy.
"""

import math
import numbers

import numpy as np

# Rounding of a resize or of a 16-bit source may step over the end of the range by this much.
RANGE_TOLERANCE = 1e-3

# Of a sum of many probabilities that a model computed in 16 bits.
_SUM_TOLERANCE = 1e-2


def is_integer(value: object) -> bool:
    """Whether `value` is a whole number, Python's or NumPy's such as `labels.max() + 1`."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_positive_integer(name: str, value: object) -> int:
    """As `check_integer`, from 1 on."""
    return check_integer(name, value, 1)


def check_seed(value: object) -> int:
    """As `check_integer`, for what Keras' random generators take: unsigned 32-bit numbers."""
    return check_integer("seed", value, 0, 2**32 - 1)


def check_integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Raise unless `value` is a whole number in a range, Python's or NumPy's, and no bool.

    Args:
        name: how the user knows the value, for the message.
        value: anything.
        low: the least allowed.
        high: the greatest allowed, None for no limit.

    Returns:
        The value as Python's int, the only one that Keras and JSON take.

    Raises:
        ValueError: if it is not.
    """
    if not is_integer(value) or value < low or (high is not None and value > high):
        expected = f"an integer from {low} " + ("on" if high is None else f"to {high}")
        expected = "a positive integer" if (low, high) == (1, None) else expected
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}.")
    return int(value)


def check_number(
    name: str,
    value: object,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    because: str = "",
) -> float:
    """Raise unless `value` is a finite number in a range, Python's or NumPy's: no text, no bool.

    Args:
        name: how the user knows the value, or that and whose it is, such as "gamma of R1".
        value: anything.
        above: what it must be greater than.
        at_least: what it must not be less than.
        at_most: what it must not be more than.
        below: what it must be less than.
        because: str, why, for the message.

    Returns:
        The value as Python's number.

    Raises:
        ValueError: if it is not.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    # Written so that NaN fails too.
    is_between = is_number and above < value < below and at_least <= value <= at_most
    if not (is_between and value < math.inf):
        limits = ((">", above), (">=", at_least), ("<", below), ("<=", at_most))
        expected = " and ".join(f"{sign} {end:g}" for sign, end in limits if math.isfinite(end))
        raise ValueError(
            f"{name} must be {f'a finite number {expected}'.strip()}{because}. "
            f"Received: {name.partition(' ')[0]}={value!r}."
        )
    return value if type(value) in (int, float) else float(value)


def check_flag(name: str, value: object, *words: str) -> bool | str:
    """Raise unless `value` is True or False, or what Python takes for them: 1, 0, None.

    Args:
        name: how the user knows the value, for the message.
        value: anything.
        *words: texts that are allowed besides.

    Returns:
        The value as Python's bool, or one of the words.

    Raises:
        ValueError: if it is not, such as the text "no", which Python takes for True.
    """
    if value not in (True, False, None, *words):
        expected = " or ".join(map(repr, (True, False, *words)))
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}.")
    return value if value in words else bool(value)


def check_image_shape(image_shape: object) -> tuple[int, int, int]:
    """Raise unless `image_shape` is (height, width, channels).

    Args:
        image_shape: anything.

    Returns:
        The three as Python's integers.

    Raises:
        ValueError: if it is something else, or has an entry that is no positive integer.
    """
    if not isinstance(image_shape, (tuple, list)) or len(image_shape) != 3:
        raise ValueError(
            "image_shape must be (height, width, channels). "
            f"Received: image_shape={image_shape!r}. Grey images have one channel: (28, 28, 1)."
        )
    sizes = zip(("height", "width", "channels"), image_shape, strict=True)
    return tuple(check_positive_integer(f"{name} of image_shape", size) for name, size in sizes)


def without_column(labels):
    """Labels (n,) of a column (n, 1) of integers, as keras.datasets has them.

    Args:
        labels: array, or anything else.

    Returns:
        Array (n,); what is no such column as it is.
    """
    is_column = np.ndim(labels) == 2 and np.shape(labels)[1] == 1
    if is_column and np.issubdtype(np.asarray(labels).dtype, np.integer):
        return np.asarray(labels)[:, 0]
    return labels


def check_labels(labels: np.ndarray, rows: int, num_classes: int | None) -> int:
    """Raise unless `labels` are `rows` class numbers.

    Args:
        labels: array, expected (rows,) of integers from 0 to num_classes - 1.
        rows: int, how many are needed.
        num_classes: int, the number of classes; None for the largest label plus one.

    Returns:
        The number of classes.

    Raises:
        ValueError: for a wrong shape, dtype or value, or a number of classes that is none.
    """
    if num_classes is not None:
        num_classes = check_positive_integer("num_classes", num_classes)
    if labels.shape != (rows,):
        raise ValueError(
            f"Labels must have the shape ({rows},). Received: {labels.shape}. Give one class "
            "number per image: take labels[:, 0] of a column, numpy.argmax(labels, axis=-1) of "
            "one-hot labels."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        remedy = "Convert them with .astype('int32')."
        if labels.dtype.kind not in "bfc":
            remedy = "Number names with numpy.unique(labels, return_inverse=True)[1]."
        raise ValueError(f"Labels must be integers. Received: dtype {labels.dtype}. {remedy}")
    if num_classes is None:
        num_classes = max(0, int(labels.max())) + 1
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"Labels must lie in 0..{num_classes - 1}, since num_classes={num_classes}. "
            f"Received: {wrong[0]}. Build the GAN and its networks with the right num_classes, or "
            "renumber the labels from 0."
        )
    return num_classes


def check_image_values(images: np.ndarray, start: int = 0) -> None:
    """Raise unless images that are to be looked at are finite and in [-1, 1].

    Args:
        images: float array (images, height, width, channels), at least one.
        start: int, the row of the first of them among all images, for the message.

    Raises:
        ValueError: for NaN, infinity, or values outside.
    """
    check_finite(images, "The images", start)
    check_range(images)


def check_finite(rows: np.ndarray, what: str, start: int = 0) -> None:
    """Raise unless all values of what a generator or an extractor made are finite.

    Args:
        rows: float array (rows, ...), at least one.
        what: str, what they are, for the message.
        start: int, the row of the first of them among all, for the message.

    Raises:
        ValueError: for NaN or infinity.
    """
    # NaN and infinity pass into the minimum or the maximum.
    if not np.isfinite([rows.min(), rows.max()]).all():
        bad = ~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
        raise ValueError(
            f"{what} hold NaN or infinity, first in row {start + int(bad.argmax())}. "
            "A generator that makes such images has diverged: go back to an earlier checkpoint."
        )


def check_probabilities(rows: np.ndarray, what: str, remedy: str) -> None:
    """Raise unless every row holds class probabilities.

    Args:
        rows: float array (rows, classes), at least one row.
        what: str, what they are, for the message.
        remedy: str, the end of the message.

    Raises:
        ValueError: for values that are NaN or below 0, or a row whose sum is not 1.
    """
    sums = rows.sum(axis=1, dtype=np.float64)
    # Written so that NaN fails too.
    wrong = ~((rows.min(axis=1) >= 0) & (np.abs(sums - 1) <= _SUM_TOLERANCE))
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(
            f"{what} must be >= 0 and sum to 1 in every row. Received: in row {first} values from "
            f"{rows[first].min():g} on, with the sum {sums[first]:g}. {remedy}"
        )


def check_range(images: np.ndarray, what: str = "Images") -> None:
    """Raise unless images lie in [-1, 1].

    Args:
        images: finite float array of any shape.
        what: str, what they are, for the message.

    Raises:
        ValueError: for values outside.
    """
    low, high = float(images.min()), float(images.max())
    if low < -1 - RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
        raise ValueError(
            f"{what} must lie in [-1, 1]. Received: values from {low:g} to {high:g}. "
            "Scale them with images / 127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if "
            "they lie in [0, 1]."
        )
