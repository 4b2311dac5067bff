"""What tests of two samples ask of their arguments."""

import numpy as np

from kgan.metrics.sample_metric import as_rows
from kgan.metrics.sample_metric import check_widths

# Of each sample: a quarter, 5 rows, is tested, and a few are left to stop a training by.
_FEWEST_ROWS = 20


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
