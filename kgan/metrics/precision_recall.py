"""Precision and recall, density and coverage: are samples among the data, and data among them?"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.neighbours import check_others
from kgan.metrics.neighbours import memberships
from kgan.metrics.neighbours import nearest_neighbours
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked_features


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
    real, fake = checked_features(real, fake)
    balls_around_fakes, _ = memberships(fake, real, _radii_of_reals(real, k))
    balls_around_reals, _ = memberships(real, fake, _radii(fake, k, "fake"))
    return PrecisionRecallResult(
        precision=float((balls_around_fakes > 0).mean()),
        recall=float((balls_around_reals > 0).mean()),
    )


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


class DensityCoverageResult(NamedTuple):
    """Quality and diversity, by balls around the reals.

    Attributes:
        density: mean number of real balls around a fake, over k: about 1 where fakes are
            distributed as the reals are, more where they crowd where reals are dense. No share.
        coverage: share in [0, 1] of reals with a fake in their ball.
    """

    density: float
    coverage: float


def density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> DensityCoverageResult:
    """Count real balls around fakes, and real balls that hold a fake.

    The ball of a real reaches to its k-th nearest neighbour among the reals, itself not counted,
    and is open: distance < radius. So the reals themselves, taken for fakes, have density 1
    exactly.

    For independent samples of one distribution and equal size, density is 1 and coverage
    1 - 1 / 2^k on average, 0.97 for k = 5. A real with k exact copies has an empty ball and is not
    covered.

    Args:
        real: float array (reals, width), features.
        fake: float array (fakes, width), features by the same extractor.
        k: int, default 5, the paper's.

    Returns:
        A DensityCoverageResult.

    Raises:
        ValueError: for arrays of different widths or that are not finite, k reals or fewer, or
            reals that are all the same.

    Example:
        >>> kgan.metrics.density_coverage(real_features, real_features)
        DensityCoverageResult(density=1.0, coverage=1.0)

    Reference:
        Naeem et al. 2020, arXiv 2002.09797, section 3.
    """
    real, fake = checked_features(real, fake)
    balls, fakes_inside = memberships(fake, real, _radii_of_reals(real, k), strict=True)
    return DensityCoverageResult(
        density=float(balls.mean() / k), coverage=float((fakes_inside > 0).mean())
    )


class DensityCoverage(SampleMetric):
    """Density and coverage of generated samples.

    Its values are `density` and `coverage`. Every row is kept until `reset_state`.

    Args:
        extractor: a `kgan.features.Extractor`; None, the default, to give features.
        k: int, as in `density_coverage`.
        name: str, default "density_coverage".

    Example:
        >>> metric = kgan.metrics.DensityCoverage(kgan.features.digits())
        >>> metric.update_state(images, gan.generate(100, seed=0))
        >>> metric.result()
        {'density': ..., 'coverage': ...}

    Reference:
        Naeem et al. 2020, arXiv 2002.09797.
    """

    def __init__(self, extractor: Callable | None = None, *, k: int = 5, name: str | None = None):
        super().__init__(extractor, name=name)
        self.k = check_positive_integer("k", k)

    def values(self):
        return density_coverage(self.real.all(), self.fake.all(), k=self.k)._asdict()


def _radii_of_reals(real: np.ndarray, k: int) -> np.ndarray:
    radii = _radii(real, k, "real")
    if (real == real[0]).all():
        raise ValueError(
            f"All {len(real)} real features are the same: there is no ball around any of them. "
            "Check the images, and that the extractor is trained."
        )
    return radii


def _radii(features: np.ndarray, k: int, side: str) -> np.ndarray:
    k = check_positive_integer("k", k)
    check_others(len(features) - 1, k, f"{side} features")
    return nearest_neighbours(features, n=k).distances[:, -1]
