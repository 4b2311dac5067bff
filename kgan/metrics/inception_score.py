"""The Inception Score: confident predictions of many classes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import checked_probabilities


class InceptionScoreResult(NamedTuple):
    """Mean and spread over splits.

    Attributes:
        mean: from 1 to the number of classes.
        std: population standard deviation over splits.
    """

    mean: float
    std: float


def inception_score(probabilities: ArrayLike, *, splits: int = 10) -> InceptionScoreResult:
    """The exponential of the mean divergence of predictions from their mean.

    exp E_x KL(p(y|x) || p(y)), where p(y) = E_x p(y|x).

    It never looks at a real image, and one perfect image of each class has the highest score.
    It deserves its name only with the Inception classifier; with another, name that one beside it.

    Args:
        probabilities: float array (rows, classes), a classifier's for generated images.
        splits: int >= 1, parts that are scored on their own, default 10. Row i is in part
            i mod `splits`, where others cut the rows into runs: for rows in random order that makes
            no difference.

    Returns:
        An InceptionScoreResult.

    Raises:
        ValueError: for fewer rows than splits, or rows that are no probabilities.

    Example:
        >>> round(kgan.metrics.inception_score(np.eye(10), splits=1).mean, 6)
        10.0

    Reference:
        Salimans et al. 2016, arXiv 1606.03498, section 4.
    """
    state = _Splits(check_positive_integer("splits", splits))
    state.update(checked_probabilities(probabilities, "probabilities"))
    return state.score()


class InceptionScore(SampleMetric):
    """Inception Score of generated samples.

    Its values are `inception_score` and `inception_score_std`, of the fakes alone: reals may be
    left out. Only sums are kept: memory does not grow with the samples.

    Args:
        extractor: a `kgan.features.Extractor` with classes; None, the default, to give
            probabilities.
        splits: int, as in `inception_score`.
        name: str, default "inception_score".

    Example:
        >>> metric = kgan.metrics.InceptionScore(kgan.features.digits())
        >>> metric.update_state(fake=gan.generate(100, seed=0))
        >>> score = metric.result()["inception_score"]

    Reference:
        Salimans et al. 2016, arXiv 1606.03498.
    """

    reads = "probabilities"

    def __init__(
        self, extractor: Callable | None = None, *, splits: int = 10, name: str | None = None
    ):
        self.splits = check_positive_integer("splits", splits)
        super().__init__(extractor, name=name)

    def new_state(self):
        return _Splits(self.splits)

    def values(self):
        result = self.fake.score()
        return {"inception_score": result.mean, "inception_score_std": result.std}


class _Splits:
    """Per split the number of rows, the sum of p and the sum of p log p.

    Attributes:
        count: int, rows so far.
        shape: (classes,); None before the first row.
    """

    def __init__(self, splits: int):
        self.count = 0
        self.shape = None
        self._counts = np.zeros(splits, np.int64)
        self._sums = [0.0] * splits
        self._negative_entropies = np.zeros(splits)

    def update(self, rows: np.ndarray) -> None:
        rows = rows.astype(np.float64)
        self.shape = rows.shape[1:]
        splits = len(self._sums)
        for split in range(splits):
            part = rows[(split - self.count) % splits :: splits]
            self._counts[split] += len(part)
            self._sums[split] = self._sums[split] + part.sum(axis=0)
            self._negative_entropies[split] += _p_log_p(part).sum()
        self.count += len(rows)

    def score(self) -> InceptionScoreResult:
        if self.count < len(self._counts):
            raise ValueError(
                f"An Inception Score of {len(self._counts)} splits takes a row for each at least. "
                f"Received: {self.count} rows. Give more, or fewer splits."
            )
        # E KL(p || mean) = E sum p log p - sum mean log mean.
        means = np.array(self._sums) / self._counts[:, None]
        scores = np.exp(self._negative_entropies / self._counts - _p_log_p(means))
        return InceptionScoreResult(mean=float(scores.mean()), std=float(scores.std()))


def _p_log_p(rows: np.ndarray) -> np.ndarray:
    """The sum of p log p of every row, where 0 log 0 = 0."""
    return np.sum(rows * np.log(np.where(rows > 0, rows, 1.0)), axis=1)
