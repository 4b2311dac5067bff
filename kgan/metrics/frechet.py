"""The Frechet distance: how far apart two normal distributions of features are."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked
from kgan.metrics.states import Moments

# A feature of which less than this share of the variance is its own is taken for a combination of
# the others. A share too large only costs time.
_OWN_VARIANCE = 1e-10

# Moments that were kept in 16 bits are off by so much of the largest variance, and less than this.
_ROUNDING = 1e-3


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> float:
    """Squared Frechet distance between normal distributions fitted to two samples of features.

    |mean_r - mean_f|^2 + tr(cov_r + cov_f - 2 (cov_r cov_f)^(1/2)), covariances over n - 1.

    It is called FID only if the features are those of the FID paper's InceptionV3. It falls about
    as 1 / n for equal distributions too: compare only equal extractors and equal numbers of rows.

    Args:
        real: float array (reals, width), features.
        fake: float array (fakes, width), features by the same extractor.

    Returns:
        A float >= 0, in squared units of the features: 0 for equal moments.

    Raises:
        ValueError: for arrays of different widths or that are not finite, or fewer than 2 rows.

    Warns:
        UserWarning: for no more rows than features.

    Example:
        >>> round(kgan.metrics.frechet_distance(real_features, real_features + [3, 4]), 6)
        25.0

    Reference:
        Heusel et al. 2017, arXiv 1706.08500; Dowson and Landau 1982.
    """
    return _distance(_moments(real, "real features"), _moments(fake, "fake features"))


def frechet_distance_of_moments(
    real_mean: ArrayLike,
    real_covariance: ArrayLike,
    fake_mean: ArrayLike,
    fake_covariance: ArrayLike,
) -> float:
    """The Frechet distance of given moments, such as published ones of a data set.

    Args:
        real_mean: float array (width,).
        real_covariance: float array (width, width), symmetric; it may be singular.
        fake_mean: float array (width,).
        fake_covariance: float array (width, width), symmetric; it may be singular.

    Returns:
        A float >= 0, in squared units of the features. Never NaN.

    Raises:
        ValueError: for arrays of other shapes or that are not finite, or no covariance.

    Example:
        >>> kgan.metrics.frechet_distance_of_moments([0.0], [[1.0]], [3.0], [[4.0]])
        10.0
    """
    real_mean, real_covariance = _checked_moments(real_mean, real_covariance, "real")
    fake_mean, fake_covariance = _checked_moments(fake_mean, fake_covariance, "fake")
    if len(real_mean) != len(fake_mean):
        raise ValueError(
            "Real and fake moments must have one width. "
            f"Received: {len(real_mean)} and {len(fake_mean)} features."
        )
    between = np.sum((real_mean - fake_mean) ** 2)
    within = np.trace(real_covariance) + np.trace(fake_covariance)
    root = _trace_of_root(real_covariance, fake_covariance)
    # Rounding can take equal moments a little below 0, which no distance is.
    return max(0.0, float(between + within - 2 * root))


class FrechetDistance(SampleMetric):
    """Frechet distance between features of reals and of generated samples.

    Its value is `frechet_distance`. Only moments are kept: memory does not grow with the samples.

    Args:
        extractor: a `kgan.features.Extractor`; None, the default, to give features.
        name: str, default "frechet_distance".

    Example:
        >>> metric = kgan.metrics.FrechetDistance(kgan.features.digits())
        >>> metric.update_state(images, gan.generate(100, seed=0))
        >>> distance = metric.result()

    Reference:
        Heusel et al. 2017, arXiv 1706.08500.
    """

    def new_state(self):
        return Moments()

    def values(self):
        return {"frechet_distance": _distance(self.real, self.fake)}


def _moments(features, what: str) -> Moments:
    moments = Moments()
    moments.update(checked(features, what))
    return moments


def _distance(real: Moments, fake: Moments) -> float:
    if min(real.count, fake.count) < 2:
        raise ValueError(
            "A Frechet distance takes at least 2 rows of each for their covariances, better more "
            f"than there are features. Received: {real.count} real and {fake.count} fake rows."
        )
    (width,) = real.shape
    if min(real.count, fake.count) <= width:
        warnings.warn(
            f"The Frechet distance of {real.count} real and {fake.count} fake rows with "
            f"{width} features each is too large: a covariance of no more rows than "
            f"features is singular. Take more than {width} rows of each, or compare only "
            "distances of equally many.",
            # The user's call of frechet_distance or result.
            stacklevel=3,
        )
    return frechet_distance_of_moments(real.mean, real.covariance(), fake.mean, fake.covariance())


def _checked_moments(mean, covariance, side: str) -> tuple[np.ndarray, np.ndarray]:
    mean, covariance = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
        raise ValueError(
            f"The {side} mean and covariance must have the shapes (width,) and (width, width). "
            f"Received: {mean.shape} and {covariance.shape}."
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(f"The {side} mean or covariance holds NaN or infinity.")
    variances = np.maximum(np.diagonal(covariance), 0)
    rounding = _ROUNDING * variances.max(initial=0)
    largest = np.sqrt(np.outer(variances, variances))
    off = max(
        np.abs(covariance - covariance.T).max(initial=0),
        (np.abs(covariance) - largest).max(initial=0),
    )
    if off > rounding:
        raise _no_covariance(f"entries of the {side} one that are off by {off:g}")
    return mean, covariance


def _no_covariance(received: str) -> ValueError:
    return ValueError(
        "A covariance is symmetric, with variances >= 0 and no entry beyond the root of the "
        f"product of its two variances, and no eigenvalue below 0. Received: {received}. Take "
        "numpy.cov(features, rowvar=False)."
    )


def _trace_of_root(first: np.ndarray, second: np.ndarray) -> float:
    """tr((A B)^(1/2)) of two covariances.

    With factors A = K K^T and B = L L^T it is the sum of the singular values of K^T L: the
    eigenvalues of A B are their squares. So no root of a matrix is taken, which at A B that is
    singular need not exist.
    """
    # A constant feature is a row of zeros in its factor, so the other's row counts for nothing.
    varying = (np.diagonal(first) > 0) & (np.diagonal(second) > 0)
    first, second = (covariance[np.ix_(varying, varying)] for covariance in (first, second))
    try:
        product = _triangular_factor(first).T @ _triangular_factor(second)
    except np.linalg.LinAlgError:
        product = _factor_of_singular(first).T @ _factor_of_singular(second)
        return float(np.linalg.svd(product, compute_uv=False).sum())
    # The eigenvalues of the square take a fifth of the time of singular values. Small ones lose
    # digits, but fewer than those of A B itself: triangular factors put them in rows of their size.
    squares = np.linalg.eigvalsh(product.T @ product)
    return float(np.sqrt(np.maximum(squares, 0)).sum())


def _triangular_factor(covariance: np.ndarray) -> np.ndarray:
    factor = np.linalg.cholesky(covariance)
    # The squared pivot is the variance that a feature does not share with those before it. Where
    # that is rounding alone, its root has half of the digits.
    if (np.diagonal(factor) ** 2 < _OWN_VARIANCE * np.diagonal(covariance)).any():
        raise np.linalg.LinAlgError("The covariance is singular to rounding.")
    return factor


def _factor_of_singular(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -_ROUNDING * values[-1]:
        raise _no_covariance(f"one with the eigenvalue {values[0]:g}")
    # Ascending; below this an eigenvalue is rounding of the largest.
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])
