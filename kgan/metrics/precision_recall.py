"""Improved precision and recall: are the samples in the data, is the data in the samples?"""

from collections.abc import Callable
from typing import NamedTuple

from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.neighbours import checked_for_balls
from kgan.metrics.neighbours import memberships
from kgan.metrics.neighbours import nearest_neighbours
from kgan.metrics.sample_metric import SampleMetric


class PrecisionRecallResult(NamedTuple):
    """Two shares in [0, 1].

    Attributes:
        precision: share of fakes among the reals: quality.
        recall: share of reals among the fakes: diversity. A collapsed generator has almost none.
    """

    precision: float
    recall: float


def precision_recall(real: ArrayLike, fake: ArrayLike, *, k: int = 3) -> PrecisionRecallResult:
    """Share of fakes in a ball around any real, and of reals in a ball around any fake.

    The ball of a row reaches to its k-th nearest neighbour in its own sample, itself not counted,
    and is closed: distance <= radius.

    Both shares grow with the number of rows, since the balls must cover the same space: compare
    only equal numbers. One real far from all others has a ball that takes in many poor fakes;
    `density_coverage` is less easily misled.

    Args:
        real: float array (reals, width), features.
        fake: float array (fakes, width), features by the same extractor.
        k: int, default 3, the paper's.

    Returns:
        A PrecisionRecallResult.

    Raises:
        ValueError: for arrays of different widths or that are not finite, k rows or fewer, or reals
            that are all the same.

    Example:
        >>> kgan.metrics.precision_recall(real_features, real_features)
        PrecisionRecallResult(precision=1.0, recall=1.0)

    Reference:
        Kynkaanniemi et al. 2019, arXiv 1904.06991, equations 1 and 2.
    """
    real, fake = checked_for_balls(real, fake, real_k=k, fake_k=k)
    real_radii = nearest_neighbours(real, n=k).distances[:, -1]
    fake_radii = nearest_neighbours(fake, n=k).distances[:, -1]
    fakes_inside = memberships(fake, real, real_radii).of_points > 0
    reals_inside = memberships(real, fake, fake_radii).of_points > 0
    return PrecisionRecallResult(float(fakes_inside.mean()), float(reals_inside.mean()))


class PrecisionRecall(SampleMetric):
    """Improved precision and recall of generated samples.

    Its values are `precision` and `recall`. Every row is kept until `reset_state`.

    Args:
        extractor: a `kgan.features.Extractor`; None, the default, to give features.
        k: int, as in `precision_recall`.
        name: str, default "precision_recall".

    Example:
        >>> metric = kgan.metrics.PrecisionRecall(kgan.features.digits())
        >>> metric.update_state(images, gan.generate(100, seed=0))
        >>> metric.result()
        {'precision': ..., 'recall': ...}

    Reference:
        Kynkaanniemi et al. 2019, arXiv 1904.06991.
    """

    def __init__(self, extractor: Callable | None = None, *, k: int = 3, name: str | None = None):
        super().__init__(extractor, name=name)
        self.k = check_positive_integer("k", k)

    def values(self):
        return precision_recall(self.real.all(), self.fake.all(), k=self.k)._asdict()
