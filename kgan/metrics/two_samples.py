"""What tests of two samples ask of their arguments."""

import numpy as np

from kgan.metrics.sample_metric import checked
from kgan.metrics.sample_metric import checked_images

# Of each sample: a quarter, 5 rows, is tested, and a few are left to stop a training by.
_FEWEST_ROWS = 20
# Two convolutions of 3 x 3 and a pooling of 2 x 2 leave one pixel of these.
_FEWEST_PIXELS = 6


def checked_samples(real, fake) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of vectors or of images.

    Args:
        real: float array (reals, width), or images (reals, height, width, channels) in [-1, 1].
        fake: float array of the same shape but for the number of rows.

    Returns:
        The two arrays.

    Raises:
        ValueError: for rows of different shapes, that are not finite, fewer than 20 of each, images
            beyond [-1, 1] or of fewer than 6 pixels to a side.
    """
    real, fake = _checked_rows(real, "real rows"), _checked_rows(fake, "fake rows")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            "Real and fake rows must have one shape. "
            f"Received: {real.shape[1:]} and {fake.shape[1:]}."
        )
    if min(len(real), len(fake)) < _FEWEST_ROWS:
        raise ValueError(
            f"A two-sample test takes at least {_FEWEST_ROWS} rows of each sample, better a "
            f"thousand. Received: {len(real)} real and {len(fake)} fake rows."
        )
    return real, fake


def _checked_rows(rows, what: str) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.ndim != 4:
        return checked(rows, what)
    rows = checked_images(rows, what)
    if min(rows.shape[1:3]) < _FEWEST_PIXELS:
        raise ValueError(
            f"The images must have at least {_FEWEST_PIXELS} x {_FEWEST_PIXELS} pixels. Received: "
            f"{rows.shape[1]} x {rows.shape[2]}. Flatten smaller ones to vectors."
        )
    return rows


def check_count(name: str, count) -> None:
    """Raise unless an argument is a positive integer.

    Args:
        name: str, of the argument.
        count: anything.

    Raises:
        ValueError: if it is none.
    """
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be a positive integer. Received: {name}={count!r}.")
