import importlib
import math
import re

import numpy as np
import pytest

from kgan.metrics.classifier_two_sample import ClassifierTwoSample
from kgan.metrics.classifier_two_sample import classifier_two_sample

# Its name is also that of the function.
module = importlib.import_module("kgan.metrics.classifier_two_sample")


def normal(count, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, 3)) + shift


def one_hot(probabilities, count, seed):
    drawn = np.random.default_rng(seed).choice(len(probabilities), count, p=probabilities)
    return np.eye(len(probabilities))[drawn]


@pytest.fixture
def short(monkeypatch):
    """Trainings as long as these simple samples need."""
    monkeypatch.setattr(module, "_MOST_EPOCHS", 12)


@pytest.mark.parametrize(
    ("real", "fake", "best"),
    # Protocol cases whose best accuracy is (1 + TV) / 2.
    [
        ((0.1, 0.2, 0.3, 0.4), (0.25, 0.25, 0.25, 0.25), 0.60),
        ((0.7, 0.2, 0.1), (0.2, 0.3, 0.5), 0.75),
    ],
    ids=["A", "B"],
)
def test_it_reaches_the_best_accuracy_there_is(short, real, fake, best):
    result = classifier_two_sample(one_hot(real, 8000, 0), one_hot(fake, 8000, 1), splits=1)
    # Three standard deviations of n = 4,000 test rows.
    assert result.n == 4000
    assert result.accuracy == pytest.approx(best, abs=3 / (2 * math.sqrt(4000)))
    assert result.p_value < 1e-6


def test_equal_distributions_are_not_told_apart(short):
    result = classifier_two_sample(normal(400, 0), normal(400, 1), splits=2)
    assert abs(result.accuracy - 0.5) < 4 / (2 * math.sqrt(result.n))
    assert result.p_value > 1e-4
    assert len(result.accuracies) == len(result.aucs) == 2


def test_distributions_apart_are(short):
    result = classifier_two_sample(normal(200, 0), normal(300, 1, 8.0), splits=1)
    assert result.accuracy == result.auc == 1
    assert result.n == 100
    assert result.interval[0] > 0.95


def test_equal_seeds_give_equal_results(short):
    samples = normal(80, 0), normal(80, 1, 0.5)
    first, again = (classifier_two_sample(*samples, splits=1, seed=3) for _ in range(2))
    assert first == again


def test_images_have_a_network_of_their_own(short):
    images = np.random.default_rng(0).uniform(-1, 1, (60, 8, 8, 1))
    result = classifier_two_sample(images, 0.1 * images, splits=1)
    assert result.classifier.startswith("conv 32, conv 64")
    assert result.accuracy > 0.9


@pytest.mark.parametrize(
    ("n", "accuracy"), [(200, 0.558), (1000, 0.526), (2000, 0.518), (10_000, 0.508)]
)
def test_the_p_value_is_that_of_coin_tosses(n, accuracy):
    # One-sided limits of 95 %, to the three digits that the protocol gives.
    assert module._p_value(accuracy, n) == pytest.approx(0.05, abs=0.0055)
    assert module._p_value(0.5, n) == pytest.approx(0.5, rel=1e-12)


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    real, fake = np.array([3.0, 1.0, 2.0]), np.array([2.0, 0.0])
    pairs = [(r > f) + 0.5 * (r == f) for r in real for f in fake]
    assert module._area_under_curve(real, fake) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_wilsons_interval_solves_its_equation():
    # Its ends are the p with (accuracy - p)^2 = z^2 p (1 - p) / n.
    for accuracy in (0.5, 0.83, 1.0):
        for p in module._interval(accuracy, 50):
            assert (accuracy - p) ** 2 == pytest.approx(1.959964**2 * p * (1 - p) / 50, abs=1e-9)


@pytest.mark.slow
def test_the_classifier_rejects_equal_distributions_in_five_of_a_hundred(short):
    rejected = np.mean(
        [
            classifier_two_sample(normal(60, 2 * i), normal(60, 2 * i + 1), splits=1).p_value < 0.05
            for i in range(200)
        ]
    )
    assert 0 < rejected <= 0.05 + 4 * 0.0155


def test_few_rows_are_refused():
    message = (
        "A two-sample test takes at least 20 rows of each sample, better a thousand. "
        "Received: 19 real and 30 fake rows."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        classifier_two_sample(normal(19, 0), normal(30, 1))


def test_rows_of_different_shapes_are_refused():
    message = "Real and fake rows must have one shape. Received: (3,) and (2,)."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        classifier_two_sample(normal(30, 0), normal(30, 1)[:, :2])


def test_the_metric_reads_features_or_images():
    message = 'reads must be "features" or "images". Received: \'pixels\'.'
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ClassifierTwoSample(reads="pixels")
    assert ClassifierTwoSample(reads="images").reads == "images"
