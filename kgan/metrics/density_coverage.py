"""Density and coverage: precision and recall that a single outlier does not mislead."""

from collections.abc import Callable
from typing import NamedTuple

from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.neighbours import checked_for_balls
from kgan.metrics.neighbours import memberships
from kgan.metrics.neighbours import nearest_neighbours
from kgan.metrics.sample_metric import SampleMetric


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
    real, fake = checked_for_balls(real, fake, real_k=k)
    radii = nearest_neighbours(real, n=k).distances[:, -1]
    inside = memberships(fake, real, radii, strict=True)
    return DensityCoverageResult(
        density=float(inside.of_points.mean() / k),
        coverage=float((inside.of_balls > 0).mean()),
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
