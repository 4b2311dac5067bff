import functools
import importlib
import re
import statistics

import keras
import numpy as np
import pytest

from kgan.metrics.classifier_two_sample import ClassifierTwoSample
from kgan.metrics.classifier_two_sample import classifier_two_sample
from kgan.metrics.nearest_neighbour_two_sample import nearest_neighbour_two_sample

# Its name is also that of the function.
module = importlib.import_module("kgan.metrics.classifier_two_sample")

# Every training begins anew, as a test of its own says.
compiled = functools.cache(module._Classifier)


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """Train for as long as these simple samples need, and compile each network once."""
    monkeypatch.setattr(module, "_MOST_EPOCHS", 12)
    monkeypatch.setattr(module, "_Classifier", compiled)


def sample(count, width=2, seed=0, *, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, width)) + shift


def one_hot(probabilities, count, seed):
    classes = np.random.default_rng(seed).choice(len(probabilities), count, p=probabilities)
    return np.eye(len(probabilities))[classes]


@pytest.mark.parametrize(
    ("p", "q", "best"),
    [
        ((0.1, 0.2, 0.3, 0.4), (0.25, 0.25, 0.25, 0.25), 0.60),
        pytest.param((0.7, 0.2, 0.1), (0.2, 0.3, 0.5), 0.75, marks=pytest.mark.slow),
    ],
)
def test_it_reaches_the_best_accuracy(p, q, best):
    # (1 + total variation) / 2, within two deviations of a coin: 1,000 rows are tested.
    real, fake = one_hot(p, 2000, 0), one_hot(q, 2000, 1)
    result = classifier_two_sample(real, fake, splits=1)
    assert result.n == 1000
    assert result.accuracy == pytest.approx(best, abs=0.032)
    assert result.interval[0] < best < result.interval[1]
    assert result.p_value < 1e-5


@pytest.mark.slow
def test_equal_distributions_are_told_apart_no_better_than_by_coins():
    result = classifier_two_sample(sample(100), sample(100, seed=1), splits=3)
    assert result.p_value > 0.05
    assert result.interval[0] < 0.5 < result.interval[1]
    assert len(result.accuracies) == len(result.aucs) == 3
    assert result.accuracy == pytest.approx(np.mean(result.accuracies))
    assert result.auc == pytest.approx(np.mean(result.aucs))
    # Every split is another.
    assert len({*zip(result.accuracies, result.aucs, strict=True)}) == 3


@pytest.mark.slow
def test_inputs_that_have_shifted_since_the_training_are_found():
    training, deployment = sample(300, 25), sample(300, 25, seed=1)
    deployment[:, 3] += 2
    result = classifier_two_sample(training, deployment, splits=1)
    # The best possible is Phi(1) = 0.84.
    assert result.p_value < 1e-3
    assert result.accuracy > 0.65
    assert result.auc > result.accuracy


@pytest.mark.slow
def test_equal_distributions_are_rejected_in_a_twentieth_of_repeats():
    rejected = 0
    for repeat in range(60):
        real, fake = sample(200, seed=2 * repeat), sample(200, seed=2 * repeat + 1)
        rejected += classifier_two_sample(real, fake, splits=1, seed=repeat).p_value < 0.05
    # 3 on average, above 8 with a probability of 0.4 %. The test by neighbours has 200 repeats.
    assert rejected <= 8


@pytest.mark.parametrize("scale", [pytest.param(1e6, marks=pytest.mark.slow), 1e30])
def test_fakes_beyond_all_measure_are_told_apart(scale):
    result = classifier_two_sample(sample(200), scale * sample(200, seed=1), splits=1)
    assert result.accuracy > 0.9


@pytest.mark.slow
def test_a_constant_entry_tells_fakes_apart_and_constant_samples_are_alike():
    # What is a constant of the reals, such as a pixel of the border, has no deviation.
    real, fake = sample(100), sample(100, seed=1)
    real[:, 1], fake[:, 1] = 0.1, 0.1001
    assert classifier_two_sample(real, fake, splits=1).accuracy > 0.9
    constant = np.tile([0.1, 0.5], (20, 1))
    alike = classifier_two_sample(constant, constant, splits=1)
    assert (alike.accuracy, alike.auc, alike.p_value) == (0.5, 0.5, 0.5)


@pytest.mark.slow
def test_small_entries_count_as_much_as_large_ones():
    real, fake = sample(300), sample(300, seed=1, shift=(0, 3))
    scales = np.array([1e6, 1e-6])
    result = classifier_two_sample(real * scales + 5, fake * scales + 5, splits=1)
    assert result.accuracy > 0.85


@pytest.mark.slow
def test_every_split_begins_anew():
    classifier = module._Classifier(2, seed=0)
    rows, labels = sample(60).astype(np.float32), np.repeat(np.float32([1, 0]), 30)[:, None]
    classifier.fit(rows, labels, (rows, labels))
    first = classifier.logits(rows)
    classifier.fit(rows, 1 - labels, (rows, 1 - labels))
    classifier.fit(rows, labels, (rows, labels))
    np.testing.assert_allclose(classifier.logits(rows), first, rtol=1e-4, atol=1e-5)


class Recorder:
    """A classifier that keeps what it is given and learns nothing."""

    splits = ()

    def __init__(self, width, seed):
        pass

    def fit(self, rows, labels, validation):
        self.splits.append([rows, validation[0]])

    def logits(self, rows):
        self.splits[-1].append(rows)
        return np.zeros(len(rows))


@pytest.fixture
def splits(monkeypatch):
    """The parts of every split: for training, for stopping it, tested reals, tested fakes."""
    monkeypatch.setattr(Recorder, "splits", [])
    monkeypatch.setattr(module, "_Classifier", Recorder)
    return Recorder.splits


def test_of_the_larger_sample_as_many_rows_are_drawn(splits):
    # A quarter of 43, of each sample.
    assert classifier_two_sample(sample(60), sample(43, seed=1), splits=1).n == 20
    assert [len(part) for part in splits[0]] == [2 * 27, 2 * 6, 10, 10]


def test_images_are_taken_as_their_pixels(splits):
    classifier_two_sample(sample(20, 12).reshape(20, 2, 2, 3), sample(20, 12), splits=1)
    assert splits[0][0].shape == (24, 12)


def test_every_split_tests_other_rows_and_none_that_it_was_trained_with(splits):
    # Row i holds the number i, which is still its rank when it has been scaled.
    numbers = np.arange(80.0)[:, None]
    classifier_two_sample(numbers[:40], numbers[40:], splits=3)
    tested = []
    for parts in splits:
        assert [len(part) for part in parts] == [48, 12, 10, 10]
        ranked = np.unique(np.concatenate(parts))
        assert len(ranked) == 80
        tested.append([np.searchsorted(ranked, part).ravel().tolist() for part in parts[2:]])
    assert all(max(real) < 40 <= min(fake) for real, fake in tested)
    assert tested[0] != tested[1] != tested[2] != tested[0]


@pytest.mark.slow
def test_equal_seeds_give_equal_results_whatever_the_global_seed_is():
    results = []
    for seed, global_seed in ((1, 2), (1, 3), (4, 3)):
        keras.utils.set_random_seed(global_seed)
        compiled.cache_clear()
        real, fake = sample(40), sample(40, seed=1, shift=0.5)
        results.append(classifier_two_sample(real, fake, splits=1, seed=seed))
    first, again, other = results
    assert first.auc == pytest.approx(again.auc, abs=1e-6)
    assert first.auc != other.auc


@pytest.mark.slow
def test_global_random_numbers_are_left_alone():
    # Neither by the building of a network.
    compiled.cache_clear()
    keras.utils.set_random_seed(1)
    expected = np.random.random(), keras.random.uniform(()).numpy()
    keras.utils.set_random_seed(1)
    classifier_two_sample(sample(20), sample(20, seed=1), splits=1)
    assert (np.random.random(), keras.random.uniform(()).numpy()) == expected


@pytest.mark.parametrize(
    ("n", "limit"), [(200, 0.558), (1000, 0.526), (2000, 0.518), (10000, 0.508)]
)
def test_one_in_twenty_coins_passes_the_limit(n, limit):
    # The limits are given to three digits.
    assert module._p_value(limit - 0.0005, n) > 0.05 > module._p_value(limit + 0.0005, n)


@pytest.mark.parametrize(("accuracy", "n"), [(0.5, 100), (0.63, 40), (0.9, 1000)])
def test_p_is_the_normal_tail(accuracy, n):
    tail = statistics.NormalDist(0.5, np.sqrt(1 / (4 * n))).cdf(1 - accuracy)
    assert module._p_value(accuracy, n) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(("accuracy", "n"), [(0.5, 100), (0.63, 40), (0.99, 1000)])
def test_the_ends_of_the_interval_are_1_96_of_their_deviations_away(accuracy, n):
    for end in module._interval(accuracy, n):
        deviation = np.sqrt(end * (1 - end) / n)
        assert abs(accuracy - end) / deviation == pytest.approx(1.959964, rel=1e-6)


def test_the_interval_of_a_complete_separation_ends_at_1_and_is_not_empty():
    low, high = module._interval(1.0, 100)
    assert low == pytest.approx(1 / (1 + 1.959964**2 / 100), rel=1e-9)
    assert high == 1


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    real, fake = np.array([3.0, 1, 1, 5]), np.array([1.0, 0, 3, 2, 1])
    pairs = [(r > f) + (r == f) / 2 for r in real for f in fake]
    assert module._area_under_curve(real, fake) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_the_metric_measures_what_the_function_does():
    real, fake = sample(40), sample(50, seed=1, shift=1)
    metric = ClassifierTwoSample(splits=1, seed=3)
    metric.update_state(real, fake)
    expected = classifier_two_sample(real, fake, splits=1, seed=3)
    result = metric.result()
    assert list(result) == ["c2st_accuracy", "c2st_p_value"]
    # Threads may round the weights differently.
    assert result["c2st_accuracy"] == pytest.approx(expected.accuracy, abs=0.05)


@pytest.mark.parametrize("test", [classifier_two_sample, nearest_neighbour_two_sample])
def test_too_few_rows_are_refused(test):
    message = (
        "A two-sample test takes at least 20 rows of each sample, better a thousand. "
        "Received: 30 real and 19 fake rows."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        test(sample(30), sample(19))


@pytest.mark.parametrize("test", [classifier_two_sample, nearest_neighbour_two_sample])
def test_rows_of_different_widths_are_refused(test):
    message = "Real and fake rows must have as many values each. Received: 2 and 64."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        test(sample(30), np.zeros((30, 8, 8, 1)))


@pytest.mark.parametrize("test", [classifier_two_sample, nearest_neighbour_two_sample])
def test_rows_that_are_not_finite_are_refused(test):
    rows = sample(30)
    rows[8, 1] = np.inf
    message = (
        "fake rows hold NaN or infinity, first in row 8. A generator that makes such images has "
        "diverged: go back to an earlier checkpoint."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        test(sample(30), rows)


def test_counts_are_positive_integers():
    message = "splits must be a positive integer. Received: splits=0."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ClassifierTwoSample(splits=0)
    message = "permutations must be a positive integer. Received: permutations=2.5."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbour_two_sample(sample(30), sample(30), permutations=2.5)
