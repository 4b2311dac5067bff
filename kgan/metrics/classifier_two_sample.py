"""The classifier two-sample test: can anything tell the two samples apart?"""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import initializers
from keras import layers
from numpy.typing import ArrayLike

from kgan._utils.checks import check_integer
from kgan._utils.checks import check_positive_integer
from kgan.metrics.nearest_neighbour_two_sample import equally_many
from kgan.metrics.sample_metric import SampleMetric

_LARGEST_BATCH = 128
# The training ends when the validation loss has not fallen by this many nats in so many epochs.
_MOST_EPOCHS, _PATIENCE, _LEAST_GAIN = 50, 5, 1e-3
# Deviations of the reals beyond which inputs are cut off.
_FARTHEST = 10
# The standard normal's, of a two-sided interval of 95 %.
_QUANTILE = 1.959964


class ClassifierTwoSampleResult(NamedTuple):
    """How well a classifier tells reals from fakes that it has not seen.

    Attributes:
        accuracy: mean over splits, balanced: 0.5 is chance, 1 is complete separation.
        p_value: probability of such an accuracy or a higher one from equal distributions.
        interval: 95 % interval (low, high) of the accuracy by Wilson's formula, over test rows. It
            says nothing of other trainings, seeds or classifiers.
        auc: area under the ROC curve, mean over splits: the probability that a real has a higher
            score than a fake.
        n: int, test rows of one split, half of them real.
        accuracies: tuple of floats, one per split.
        aucs: tuple of floats, one per split.
    """

    accuracy: float
    p_value: float
    interval: tuple[float, float]
    auc: float
    n: int
    accuracies: tuple[float, ...]
    aucs: tuple[float, ...]


def classifier_two_sample(
    real: ArrayLike, fake: ArrayLike, *, splits: int = 5, seed: int = 0
) -> ClassifierTwoSampleResult:
    """Train a classifier to tell two samples apart, and test whether it can.

    For each split, three quarters of each sample are for training and a fifth of those to stop it
    early; accuracy t is taken on n rows of the rest. For equal distributions t is normal with mean
    1/2 and variance 1 / (4 n), so p = 1 - Phi((t - 1/2) 2 sqrt(n)). For several splits t is their
    mean and n remains that of one: they share rows, and p is then too large rather than too small.

    The best possible accuracy is (1 + TV) / 2 with the total variation distance of the
    distributions. A rejection proves a difference; no rejection proves nothing beyond this
    classifier and this n. An accuracy of 1/2 + d takes about n = (1.645 / (2 d))^2 to be seen.

    The classifier has two hidden layers of 16 min(width, 20) ReLU units and is trained by Adam on
    the logistic loss. Every entry is scaled by mean and deviation of the reals in the training
    part, and cut off at 10 deviations.

    Args:
        real: float array (reals, ...), features or any other vectors; images are taken as their
            pixels. Not those that a generator was trained on.
        fake: float array (fakes, ...), of as many values each. Of the larger sample, as many rows
            as the smaller has are drawn.
        splits: int, default 5.
        seed: int, of the draw, the splits and the initial weights.

    Returns:
        A ClassifierTwoSampleResult.

    Raises:
        ValueError: for rows of different widths, that are not finite, or fewer than 20 of each.

    Example:
        The same test finds whether a model will meet other inputs than it was trained on:

        >>> shift = kgan.metrics.classifier_two_sample(training_inputs, live_inputs, splits=1)
        >>> if shift.p_value < 0.01:
        ...     print(f"The inputs have shifted: they can be told apart by {shift.accuracy:.0%}.")

    Reference:
        Lopez-Paz and Oquab 2017, arXiv 1610.06545.
    """
    splits = check_positive_integer("splits", splits)
    seed = check_integer("seed", seed, 0)
    random = np.random.default_rng(seed)
    samples = equally_many(real, fake, random)
    classifier = _Classifier(samples[0].shape[1], seed)
    scores = [_held_out_scores(samples, classifier, random) for _ in range(splits)]
    # The logits of the reals should be positive.
    accuracies = tuple(float(np.mean([(r > 0).mean(), (f <= 0).mean()])) for r, f in scores)
    aucs = tuple(_area_under_curve(*pair) for pair in scores)
    accuracy, n = float(np.mean(accuracies)), 2 * len(scores[0][0])
    return ClassifierTwoSampleResult(
        accuracy=accuracy,
        p_value=_p_value(accuracy, n),
        interval=_interval(accuracy, n),
        auc=float(np.mean(aucs)),
        n=n,
        accuracies=accuracies,
        aucs=aucs,
    )


class ClassifierTwoSample(SampleMetric):
    """How well a new classifier tells generated samples from reals.

    Its values are `c2st_accuracy` and `c2st_p_value`. Every row is kept until `reset_state`.

    Args:
        extractor: a `kgan.features.Extractor`; None, the default, to give features.
        splits: int, as in `classifier_two_sample`.
        seed: int, as in `classifier_two_sample`.
        name: str, default "classifier_two_sample".

    Example:
        >>> metric = kgan.metrics.ClassifierTwoSample(splits=1)
        >>> metric.update_state(real_features, fake_features)
        >>> accuracy = metric.result()["c2st_accuracy"]

    Reference:
        Lopez-Paz and Oquab 2017, arXiv 1610.06545.
    """

    def __init__(
        self,
        extractor: Callable | None = None,
        *,
        splits: int = 5,
        seed: int = 0,
        name: str | None = None,
    ):
        super().__init__(extractor, name=name)
        self.splits = check_positive_integer("splits", splits)
        self.seed = check_integer("seed", seed, 0)

    def values(self):
        result = classifier_two_sample(
            self.real.all(), self.fake.all(), splits=self.splits, seed=self.seed
        )
        return {"c2st_accuracy": result.accuracy, "c2st_p_value": result.p_value}


class _Classifier:
    """A network that is trained anew for every split, with one compilation for all.

    Args:
        width: int, of one row.
        seed: int, of the initial weights.
    """

    def __init__(self, width: int, seed: int):
        units = 16 * min(width, 20)
        self._model = keras.Sequential(
            [
                keras.Input((width,)),
                layers.Dense(units, "relu", kernel_initializer=initializers.HeNormal(seed + 1)),
                layers.Dense(units, "relu", kernel_initializer=initializers.HeNormal(seed + 2)),
                layers.Dense(1, kernel_initializer=initializers.GlorotUniform(seed)),
            ]
        )
        self._model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        self._model.optimizer.build(self._model.trainable_variables)
        self._variables = [*self._model.variables, *self._model.optimizer.variables]
        self._start = [np.array(variable) for variable in self._variables]

    def fit(self, rows: np.ndarray, labels: np.ndarray, validation: tuple) -> None:
        """Train from the start until the validation loss rises."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        stop = keras.callbacks.EarlyStopping(
            patience=_PATIENCE, min_delta=_LEAST_GAIN, restore_best_weights=True
        )
        self._model.fit(
            rows,
            labels,
            # A few rows still make an epoch of eight steps.
            batch_size=min(_LARGEST_BATCH, max(16, len(rows) // 8)),
            epochs=_MOST_EPOCHS,
            validation_data=validation,
            callbacks=[stop],
            # Keras shuffles by a global seed; the rows come shuffled.
            shuffle=False,
            verbose=0,
        )

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """High for real, float (rows,)."""
        # Not by predict(), which would compile once more for a few rows.
        return keras.ops.convert_to_numpy(self._model(rows, training=False))[:, 0]


def _held_out_scores(samples: tuple, classifier: _Classifier, random: np.random.Generator) -> tuple:
    """The logits of the real and of the fake test rows of a new split."""
    samples = [sample[random.permutation(len(sample))] for sample in samples]
    count = len(samples[0])
    tested = count // 4
    stopping = tested + (count - tested) // 5
    real, fake = (sample[stopping:] for sample in samples)
    scaled = _scale_of(real, fake)
    order = random.permutation(2 * len(real))
    training = scaled(np.concatenate([real, fake]))[order], _labels(len(real))[order]
    validation = [sample[tested:stopping] for sample in samples]
    validation = scaled(np.concatenate(validation)), _labels(stopping - tested)
    classifier.fit(*training, validation)
    return tuple(classifier.logits(scaled(sample[:tested])) for sample in samples)


def _labels(count: int) -> np.ndarray:
    return np.repeat(np.float32([1, 0]), count)[:, None]


def _scale_of(real: np.ndarray, fake: np.ndarray):
    mean, deviation = real.mean(axis=0, dtype=np.float64), real.std(axis=0, dtype=np.float64)
    # Of an entry in which the reals do not vary, but for rounding, the fakes give the unit.
    rounding = 10 * np.finfo(real.dtype).eps * np.abs(mean)
    distance = np.sqrt(((fake - mean) ** 2).mean(axis=0))
    deviation = np.where(deviation <= rounding, distance, deviation)
    deviation = np.where(deviation <= rounding, 1, deviation)
    # Fakes may be anywhere; the network is to learn where they lie, not to follow them.
    return lambda rows: np.clip((rows - mean) / deviation, -_FARTHEST, _FARTHEST).astype("float32")


def _area_under_curve(real: np.ndarray, fake: np.ndarray) -> float:
    """The share of pairs in which the real has the higher score, ties as halves."""
    fake = np.sort(fake)
    below = np.searchsorted(fake, real, "left") + np.searchsorted(fake, real, "right")
    return float(below.mean() / (2 * len(fake)))


def _p_value(accuracy: float, n: int) -> float:
    # 1 - Phi(x) = erfc(x / sqrt(2)) / 2, which keeps its digits far out.
    return math.erfc((accuracy - 0.5) * math.sqrt(2 * n)) / 2


def _interval(accuracy: float, n: int) -> tuple[float, float]:
    """Wilson's, which does not shrink to nothing at an accuracy of 1."""
    square = _QUANTILE**2 / n
    centre = (accuracy + square / 2) / (1 + square)
    half = _QUANTILE * math.sqrt(accuracy * (1 - accuracy) / n + square / (4 * n)) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)
