"""Which classes a generator makes, and how evenly."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked_probabilities


class ModeCountResult(NamedTuple):
    """Classes among generated samples.

    Attributes:
        modes: int, classes with enough samples.
        kl_to_uniform: KL(p_fake || uniform) of the shares of classes, in nats, from 0 to
            log(classes).
        kl_to_real: KL(p_fake || p_real), in nats; infinite if there are fakes of a class without
            reals, None without reals.
        kl_floor: (classes - 1) / (2 rows), about what `kl_to_uniform` is on average for that many
            draws from a uniform law.
    """

    modes: int
    kl_to_uniform: float
    kl_to_real: float | None
    kl_floor: float


def mode_count(
    fake: ArrayLike, *, real: ArrayLike | None = None, min_samples: int = 1
) -> ModeCountResult:
    """Count the classes that a classifier finds among generated samples.

    A classifier that errs invents modes: with many rows, a higher `min_samples` forgives that.

    Args:
        fake: float array (fakes, classes), a classifier's probabilities for generated images.
        real: float array (reals, classes), the same for real ones; None, the default, without.
        min_samples: int >= 1, samples that make a class count as a mode, default 1.

    Returns:
        A ModeCountResult.

    Raises:
        ValueError: for rows that are no probabilities, or of different numbers of classes.

    Example:
        >>> kgan.metrics.mode_count(np.eye(10)[[0, 0, 1, 2]]).modes
        3

    Reference:
        Srivastava et al. 2017, arXiv 1705.07761, section 4; Lin et al. 2018, arXiv 1712.04086.
    """
    fake = _classes(checked_probabilities(fake, "fake probabilities"))
    if real is not None:
        real = _classes(checked_probabilities(real, "real probabilities"))
    return mode_count_of_counts(fake, real=real, min_samples=min_samples)


def mode_count_of_counts(
    fake: ArrayLike, *, real: ArrayLike | None = None, min_samples: int = 1
) -> ModeCountResult:
    """The same of given numbers of samples, where a mode is no class of one classifier.

    Args:
        fake: int array (modes,), generated samples of each mode.
        real: int array (modes,), real samples of each; None, the default, without.
        min_samples: int >= 1, samples that make a mode count, default 1.

    Returns:
        A ModeCountResult.

    Raises:
        ValueError: for arrays of different shapes, negative numbers or no samples at all.

    Example:
        >>> triples = 100 * labels[:-2] + 10 * labels[1:-1] + labels[2:]
        >>> modes = kgan.metrics.mode_count_of_counts(np.bincount(triples, minlength=1000)).modes
    """
    min_samples = check_positive_integer("min_samples", min_samples)
    fake = _checked_counts(fake, "fake")
    shares = fake / fake.sum()
    kl_to_real = None
    if real is not None:
        real = _checked_counts(real, "real")
        if len(real) != len(fake):
            raise ValueError(
                "Real and fake counts must be of the same modes. "
                f"Received: {len(real)} and {len(fake)} modes."
            )
        kl_to_real = _kl(shares, real / real.sum())
    return ModeCountResult(
        modes=int(np.count_nonzero(fake >= min_samples)),
        kl_to_uniform=_kl(shares, np.full(len(fake), 1 / len(fake))),
        kl_to_real=kl_to_real,
        kl_floor=float((len(fake) - 1) / (2 * fake.sum())),
    )


class ModeCount(SampleMetric):
    """Number of classes among generated samples, and how evenly they come.

    Its values are `modes` and `kl_to_uniform`, and `kl_to_real` when there were reals. Only counts
    are kept: memory does not grow with the samples.

    Args:
        extractor: a `kgan.features.Extractor` with classes; None, the default, to give
            probabilities.
        min_samples: int, as in `mode_count`.
        name: str, default "mode_count".

    Example:
        >>> metric = kgan.metrics.ModeCount(kgan.features.digits())
        >>> metric.update_state(fake=images)
        >>> metric.result()["modes"]
        10.0

    Reference:
        Lin et al. 2018, arXiv 1712.04086.
    """

    reads = "probabilities"

    def __init__(
        self, extractor: Callable | None = None, *, min_samples: int = 1, name: str | None = None
    ):
        super().__init__(extractor, name=name)
        self.min_samples = check_positive_integer("min_samples", min_samples)

    def new_state(self):
        return _ClassCounts()

    def values(self):
        if not self.fake.count:
            raise ValueError("There are no fake rows yet. Give some to update_state().")
        real = self.real.counts if self.real.count else None
        result = mode_count_of_counts(self.fake.counts, real=real, min_samples=self.min_samples)
        values = {"modes": float(result.modes), "kl_to_uniform": result.kl_to_uniform}
        return values if real is None else {**values, "kl_to_real": result.kl_to_real}


class _ClassCounts:
    """How many rows were taken for each class.

    Attributes:
        count: int, rows so far.
        shape: (classes,); None before the first row.
        counts: int64 array (classes,); 0 before the first row.
    """

    def __init__(self):
        self.count = 0
        self.shape = None
        self.counts = 0

    def update(self, rows: np.ndarray) -> None:
        self.shape = rows.shape[1:]
        self.counts = self.counts + _classes(rows)
        self.count += len(rows)


def _classes(probabilities: np.ndarray) -> np.ndarray:
    """How many rows have their largest entry in each column."""
    return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])


def _kl(first: np.ndarray, second: np.ndarray) -> float:
    present = first > 0
    if (second[present] == 0).any():
        return float("inf")
    return float(np.sum(first[present] * np.log(first[present] / second[present])))


def _checked_counts(counts, side: str) -> np.ndarray:
    counts = np.asarray(counts)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        raise ValueError(
            f"The {side} counts must be one number >= 0 for each mode, not all 0. "
            f"Received: {counts!r}."
        )
    return counts
