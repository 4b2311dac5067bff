"""The log-likelihood of the 2014 paper: a Parzen window over samples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_range
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import as_rows
from kgan.metrics.sample_metric import check_widths
from kgan.metrics.sample_metric import checked_images

# What the paper's code tries, on images in [0, 1].
SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())

# Entries of the distance matrix at a time: 80 MB of float64.
_BLOCK = 10_000_000


class ParzenResult(NamedTuple):
    """A log-likelihood and how it was found.

    Attributes:
        log_likelihood: mean over the test images, in nats.
        standard_error: of that mean over test images (population standard deviation over the square
            root of their number); it says nothing about seeds.
        sigma: the kernel's width, chosen on the validation images.
        validation_log_likelihood: the mean over the validation images at `sigma`.
    """

    log_likelihood: float
    standard_error: float
    sigma: float
    validation_log_likelihood: float


def parzen_log_likelihood(
    samples: ArrayLike, validation: ArrayLike, test: ArrayLike, *, sigmas: ArrayLike = SIGMAS
) -> ParzenResult:
    """Fit a Gaussian Parzen window to samples, its width on `validation`, and score `test`.

    log p(x) = log mean_i N(x; sample_i, sigma^2 I).

    The protocol of 2014: 10,000 samples; the first 1,000 validation images (50,000 to 50,999 of
    MNIST's training file); all 10,000 test images. It is a reproduction, not a measure of quality:
    blurred images score higher than real ones (Theis et al. 2016, arXiv 1511.01844).

    Args:
        samples: float array (samples, ...) in [-1, 1], read as (x + 1) / 2, in [0, 1].
        validation: float array (images, ...) in [-1, 1], of the same shape.
        test: float array (images, ...) in [-1, 1], of the same shape.
        sigmas: the widths to try, in units of [0, 1]; default 10 from 0.1 to 1, evenly in the
            logarithm.

    Returns:
        A ParzenResult.

    Raises:
        ValueError: for arrays of different widths, not finite or outside [-1, 1], or a sigma <= 0.

    Example:
        >>> samples = gan.generate(100, seed=0)
        >>> kgan.metrics.parzen_log_likelihood(samples, images, test_images).sigma in (0.1, 1.0)
        False

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 5 and Table 1, and the code published with
        it; Breuleux et al. 2009.
    """
    sigmas = _checked_sigmas(sigmas)
    samples = _in_unit_interval(samples, "samples")
    validation, test = _in_unit_interval(validation, "validation"), _in_unit_interval(test, "test")
    check_widths(samples, validation, "samples and validation")
    check_widths(samples, test, "samples and test")
    means = _log_densities(validation, samples, sigmas).mean(axis=1)
    best = int(means.argmax())
    scores = _log_densities(test, samples, sigmas[[best]])[0]
    return ParzenResult(
        log_likelihood=float(scores.mean()),
        standard_error=float(scores.std() / np.sqrt(len(scores))),
        sigma=float(sigmas[best]),
        validation_log_likelihood=float(means[best]),
    )


class ParzenLogLikelihood(SampleMetric):
    """Parzen-window log-likelihood of real test images under generated ones.

    The reals given to `update_state` are the test images. Its values are `parzen_log_likelihood`,
    `parzen_standard_error` and `parzen_sigma`.

    Args:
        validation: float array of images in [-1, 1] on which the width is chosen.
        sigmas: as in `parzen_log_likelihood`.
        name: str, default "parzen_log_likelihood".

    Example:
        >>> metric = kgan.metrics.ParzenLogLikelihood(images[:50])
        >>> metric.update_state(test_images, gan.generate(100, seed=0))
        >>> likelihood = metric.result()["parzen_log_likelihood"]

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 5.
    """

    reads = "images"

    def __init__(
        self, validation: ArrayLike, *, sigmas: ArrayLike = SIGMAS, name: str | None = None
    ):
        super().__init__(name=name)
        self.validation = checked_images(validation, "validation images")
        self.sigmas = tuple(_checked_sigmas(sigmas).tolist())

    def values(self):
        result = parzen_log_likelihood(
            self.fake.all(), self.validation, self.real.all(), sigmas=self.sigmas
        )
        return {
            "parzen_log_likelihood": result.log_likelihood,
            "parzen_standard_error": result.standard_error,
            "parzen_sigma": result.sigma,
        }


def _checked_sigmas(sigmas) -> np.ndarray:
    sigmas = np.asarray(sigmas, np.float64)
    # Of widths further out the square is 0 or infinity.
    if sigmas.ndim != 1 or not sigmas.size or not ((sigmas > 1e-100) & (sigmas < 1e100)).all():
        raise ValueError(
            "sigmas must be a list of positive numbers, from 1e-100 to 1e100, in units of [0, 1]. "
            f"Received: {sigmas!r}."
        )
    return sigmas


def _in_unit_interval(images, what: str) -> np.ndarray:
    rows = as_rows(images, what).astype(np.float64)
    check_range(rows, what)
    return (rows + 1) / 2


def _log_densities(points: np.ndarray, samples: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """The log density of every point under every width, (sigmas, points)."""
    width = points.shape[1]
    norms = (samples**2).sum(axis=1)
    densities = np.empty((len(sigmas), len(points)))
    step = max(1, _BLOCK // len(samples))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        squares = (block**2).sum(axis=1)[:, None] + norms - 2 * block @ samples.T
        nearest = squares.min(axis=1, keepdims=True)
        for row, sigma in enumerate(sigmas):
            # The largest term is taken out, so that at least one exponential is 1.
            terms = np.exp((nearest - squares) / (2 * sigma**2)).mean(axis=1)
            exponent = np.log(terms) - nearest[:, 0] / (2 * sigma**2)
            normalizer = width * np.log(sigma * np.sqrt(2 * np.pi))
            densities[row, start : start + step] = exponent - normalizer
    return densities
