"""The kernel distance: squared maximum mean discrepancy of features, free of bias."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import check_seed
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked_features

# Rows of a kernel matrix at a time: 1,000 by 10,000 float64 are 80 MB.
_BLOCK = 1000


class KernelDistanceResult(NamedTuple):
    """Mean and spread over subsets.

    Attributes:
        mean: the kernel distance; slightly below 0 is as right as slightly above for equal
            distributions.
        std: population standard deviation over subsets. It is no error of the mean: subsets share
            rows.
    """

    mean: float
    std: float


def kernel_distance(
    real: ArrayLike,
    fake: ArrayLike,
    *,
    subset_size: int = 1000,
    num_subsets: int = 100,
    seed: int = 0,
) -> KernelDistanceResult:
    """Unbiased squared MMD of random subsets of two samples of features.

    The kernel is k(x, y) = (x.y / width + 1)^3. Unlike a Frechet distance it has the same
    expectation at every number of rows. It is called KID only if the features are those of the FID
    paper's InceptionV3.

    Args:
        real: float array (reals, width), features.
        fake: float array (fakes, width), features by the same extractor.
        subset_size: int >= 2, rows drawn of each for a subset, without replacement; default 1000,
            the customary.
        num_subsets: int >= 1, default 100.
        seed: int, of the draw of subsets.

    Returns:
        A KernelDistanceResult.

    Raises:
        ValueError: for arrays of different widths or that are not finite, or fewer rows of either
            than `subset_size`.

    Example:
        >>> result = kgan.metrics.kernel_distance(real_features, fake_features, subset_size=50)
        >>> distance = result.mean

    Reference:
        Binkowski et al. 2018, arXiv 1801.01401.
    """
    real, fake = checked_features(real, fake)
    _check_subsets(subset_size, num_subsets)
    if min(len(real), len(fake)) < subset_size:
        raise ValueError(
            f"A subset of {subset_size} rows takes as many of each. Received: {len(real)} real and "
            f"{len(fake)} fake rows. Give more, or a smaller subset_size."
        )
    # The generator whose numbers no release of NumPy changes, and by which torch-fidelity draws.
    random = np.random.RandomState(check_seed(seed))
    distances = []
    for _ in range(num_subsets):
        reals = real[random.choice(len(real), subset_size, replace=False)]
        fakes = fake[random.choice(len(fake), subset_size, replace=False)]
        distances.append(squared_mmd(reals, fakes))
    return KernelDistanceResult(mean=float(np.mean(distances)), std=float(np.std(distances)))


def squared_mmd(real: ArrayLike, fake: ArrayLike) -> float:
    """Unbiased squared MMD of all rows, with the kernel k(x, y) = (x.y / width + 1)^3.

    mean_{i != j} k(r_i, r_j) + mean_{i != j} k(f_i, f_j) - 2 mean_{i, j} k(r_i, f_j).

    Args:
        real: float array (reals, width), features.
        fake: float array (fakes, width), features by the same extractor. The numbers of rows may
            differ.

    Returns:
        A float, which can be negative.

    Raises:
        ValueError: for arrays of different widths or that are not finite, or fewer than 2 rows.

    Example:
        >>> kgan.metrics.squared_mmd(real_features, real_features + 10) > 0
        True

    Reference:
        Gretton et al. 2012, JMLR 13, equation 3; Binkowski et al. 2018, arXiv 1801.01401.
    """
    real, fake = checked_features(real, fake)
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            "An unbiased MMD takes at least 2 rows of each. "
            f"Received: {len(real)} real and {len(fake)} fake rows."
        )
    across = _kernel_sum(real, fake) / (len(real) * len(fake))
    return float(_mean_among(real) + _mean_among(fake) - 2 * across)


class KernelDistance(SampleMetric):
    """Kernel distance between features of reals and of generated samples, with its spread.

    Its values are `kernel_distance` and `kernel_distance_std`. Every row is kept until
    `reset_state`.

    Args:
        extractor: a `kgan.features.Extractor`; None, the default, to give features.
        subset_size: int, as in `kernel_distance`.
        num_subsets: int, as in `kernel_distance`.
        seed: int, as in `kernel_distance`.
        name: str, default "kernel_distance".

    Example:
        >>> metric = kgan.metrics.KernelDistance(kgan.features.digits(), subset_size=100)
        >>> metric.update_state(images, gan.generate(100, seed=0))
        >>> distance = metric.result()["kernel_distance"]

    Reference:
        Binkowski et al. 2018, arXiv 1801.01401.
    """

    def __init__(
        self,
        extractor: Callable | None = None,
        *,
        subset_size: int = 1000,
        num_subsets: int = 100,
        seed: int = 0,
        name: str | None = None,
    ):
        super().__init__(extractor, name=name)
        self.subset_size, self.num_subsets = _check_subsets(subset_size, num_subsets)
        self.seed = check_seed(seed)

    def values(self):
        result = kernel_distance(
            self.real.all(),
            self.fake.all(),
            subset_size=self.subset_size,
            num_subsets=self.num_subsets,
            seed=self.seed,
        )
        return {"kernel_distance": result.mean, "kernel_distance_std": result.std}


def _check_subsets(subset_size: int, num_subsets: int) -> tuple[int, int]:
    num_subsets = check_positive_integer("num_subsets", num_subsets)
    if check_positive_integer("subset_size", subset_size) < 2:
        raise ValueError("An unbiased MMD takes a subset_size of 2 or more. Received: 1.")
    return int(subset_size), num_subsets


def _mean_among(rows: np.ndarray) -> float:
    """The mean kernel of two different rows of one sample."""
    count, width = rows.shape
    # A row with itself is what biases the plain mean.
    themselves = np.sum((np.sum(rows**2, axis=1) / width + 1) ** 3)
    return (_kernel_sum(rows, rows) - themselves) / (count * (count - 1))


def _kernel_sum(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for start in range(0, len(first), _BLOCK):
        kernel = first[start : start + _BLOCK] @ second.T
        kernel /= first.shape[1]
        kernel += 1
        # Cubes as products: NumPy's general power takes ten times as long.
        total += np.einsum("ij,ij,ij->", kernel, kernel, kernel)
    return float(total)
