"""The nearest neighbour two-sample test, which sees copies and takes no training."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_integer
from kgan._utils.checks import check_positive_integer
from kgan.metrics.neighbours import nearest_neighbours
from kgan.metrics.sample_metric import as_rows
from kgan.metrics.sample_metric import check_widths

# Of each sample: a quarter, 5 rows, is tested, and a few are left to stop a training by.
_FEWEST_ROWS = 20


class NearestNeighbourTestResult(NamedTuple):
    """How often the nearest neighbour of a row comes from its own sample.

    Attributes:
        accuracy: share of all rows; about 0.5 for equal distributions, near 0 where fakes are
            copies of reals.
        p_value: probability of such an accuracy or a higher one from equal distributions.
        real_accuracy: share of reals whose nearest neighbour is real.
        fake_accuracy: share of fakes whose nearest neighbour is fake. Far above `real_accuracy` for
            a collapsed generator.
        n: int, rows of both samples.
    """

    accuracy: float
    p_value: float
    real_accuracy: float
    fake_accuracy: float
    n: int


def nearest_neighbour_two_sample(
    real: ArrayLike, fake: ArrayLike, *, permutations: int = 1000, seed: int = 0
) -> NearestNeighbourTestResult:
    """Ask of every row whether its nearest neighbour comes from its own sample.

    It takes no training, and sees copies, which a classifier does not. Its p-value comes from
    random exchanges of rows between the samples: mutual neighbours make the variance larger than
    that of coin tosses.

    Args:
        real: float array (reals, ...), features or images.
        fake: float array (fakes, ...), of as many values each. Of the larger sample, as many rows
            as the smaller has are drawn.
        permutations: int, default 1000. The p-value cannot be below 1 / (permutations + 1).
        seed: int, of the draw and the permutations.

    Returns:
        A NearestNeighbourTestResult.

    Raises:
        ValueError: for rows of different widths, that are not finite, or fewer than 20 of each.

    Example:
        >>> kgan.metrics.nearest_neighbour_two_sample(real_features, real_features + 10).accuracy
        1.0

    Reference:
        Lopez-Paz and Oquab 2017, arXiv 1610.06545; Henze 1988.
    """
    permutations = check_positive_integer("permutations", permutations)
    random = np.random.default_rng(check_integer("seed", seed, 0))
    both = np.concatenate(equally_many(real, fake, random))
    # Mixed, so that the order does not decide to which sample one of several equals belongs.
    order = random.permutation(len(both))
    is_real = order < len(both) // 2
    nearest = nearest_neighbours(both[order]).indices[:, 0]
    own = is_real == is_real[nearest]
    exchanged = []
    for _ in range(permutations):
        labels = random.permutation(is_real)
        exchanged.append((labels == labels[nearest]).mean())
    reached = np.count_nonzero(np.array(exchanged) >= own.mean())
    return NearestNeighbourTestResult(
        accuracy=float(own.mean()),
        p_value=float((reached + 1) / (permutations + 1)),
        real_accuracy=float(own[is_real].mean()),
        fake_accuracy=float(own[~is_real].mean()),
        n=len(both),
    )


def equally_many(real, fake, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As many reals as fakes, in random order.

    Args:
        real: float array (reals, ...), vectors or images, which are taken as their pixels.
        fake: float array (fakes, ...), of as many values each.
        random: of the order, and of the rows drawn from the larger sample.

    Returns:
        Two float arrays of one shape (rows, width).

    Raises:
        ValueError: for rows of different widths, that are not finite, or fewer than 20 of each.
    """
    real, fake = as_rows(real, "real rows"), as_rows(fake, "fake rows")
    check_widths(real, fake, "real and fake rows")
    count = min(len(real), len(fake))
    if count < _FEWEST_ROWS:
        raise ValueError(
            f"A two-sample test takes at least {_FEWEST_ROWS} rows of each sample, better a "
            f"thousand. Received: {len(real)} real and {len(fake)} fake rows."
        )
    real, fake = (sample[random.permutation(len(sample))[:count]] for sample in (real, fake))
    return real, fake
