"""Shares of images, and how far chance alone moves them."""

import math

import numpy as np

# Of N(0, 1): 95 % of it lie nearer to 0.
NORMAL_95 = 1.959964
_UPPER = 0.975


def wilson_interval(share: float, images: int) -> tuple[float, float]:
    """The 95 % interval of a share that was counted among some images.

    It is (s + z^2 / 2n -+ z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n), and stays inside
    [0, 1] where few images, or none, were counted.

    Args:
        share: float in [0, 1].
        images: int > 0, among how many it was counted.

    Returns:
        Two floats in [0, 1].

    Reference:
        Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    square = NORMAL_95**2 / images
    middle = share + square / 2
    width = math.sqrt(square * (share * (1 - share) + square / 4))
    low, high = ((middle + sign * width) / (1 + square) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def most_by_chance(images: int, inside: float, outside: float) -> float:
    """The share that chance alone exceeds once in 40 times, beyond an edge that others have set.

    Where images of one kind are drawn twice, and `inside` of the first lie on one side of an edge
    that is itself the outermost of them, the number of the second on that side is beta-binomial:
    p(k) = C(images, k) B(k + inside, images - k + outside + 1) / B(inside, outside + 1).

    Args:
        images: int > 0, how many were drawn the second time.
        inside: float > 0, how many of the first lie inside, the one on the edge included.
        outside: float >= 0, how many of the first lie outside.

    Returns:
        Float in [0, 1].
    """
    k = np.arange(images)
    # Of p(k + 1) over p(k); the products would leave the range of floats.
    ratios = (images - k) * (k + inside) / ((k + 1) * (images - k + outside))
    logs = np.concatenate([[0.0], np.log(ratios).cumsum()])
    p = np.exp(logs - logs.max())
    return float(np.searchsorted(p.cumsum() / p.sum(), _UPPER) / images)
