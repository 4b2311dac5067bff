import re

import numpy as np
import pytest

from kgan.metrics import kernel
from kgan.metrics.kernel import KernelDistance
from kgan.metrics.kernel import kernel_distance
from kgan.metrics.kernel import squared_mmd

X = np.array([(1, 0), (0, 1), (1, 1), (2, 0)], float)
Y = np.array([(0, 0), (1, 0), (2, 1), (3, 1)], float)


def sample(count, width=5, seed=0, *, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, width)) + shift


def one_by_one(real, fake):
    """The definition, pair by pair."""

    def k(x, y):
        return (np.dot(x, y) / len(x) + 1) ** 3

    def among(rows):
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return np.mean([k(rows[i], rows[j]) for i, j in pairs])

    return among(real) + among(fake) - 2 * np.mean([k(x, y) for x in real for y in fake])


def test_worked_by_hand():
    assert squared_mmd(X, Y) == pytest.approx(0.78125, rel=1e-12)


def test_unequal_samples_equal_the_definition_pair_by_pair():
    real, fake = sample(7), sample(9, seed=1, shift=0.5)
    assert squared_mmd(real, fake) == pytest.approx(one_by_one(real, fake), rel=1e-11)


def test_blocks_change_nothing(monkeypatch):
    real, fake = sample(40), sample(30, seed=1, shift=0.5)
    at_once = squared_mmd(real, fake)
    monkeypatch.setattr(kernel, "_BLOCK", 7)
    assert squared_mmd(real, fake) == pytest.approx(at_once, rel=1e-11)


def test_it_is_symmetric():
    real, fake = sample(7), sample(9, seed=1, shift=0.5)
    assert squared_mmd(real, fake) == pytest.approx(squared_mmd(fake, real), rel=1e-11)


def test_subsets_of_all_rows_are_all_rows():
    real, fake = sample(20), sample(20, seed=1, shift=0.5)
    result = kernel_distance(real, fake, subset_size=20, num_subsets=5)
    assert result.mean == pytest.approx(squared_mmd(real, fake), rel=1e-11)
    assert result.std == pytest.approx(0, abs=1e-12)


def test_it_has_the_same_expectation_at_every_number_of_rows():
    # Means of 200 draws lie within 4 standard errors of each other; a biased estimate would fall
    # with the number of rows.
    random = np.random.default_rng(0)

    def draws(count):
        pairs = (random.normal(size=(2, count, 3)) for _ in range(200))
        return np.array([squared_mmd(real, fake + 0.5) for real, fake in pairs])

    few, many = draws(5), draws(50)
    error = np.hypot(few.std(), many.std()) / np.sqrt(200)
    assert abs(few.mean() - many.mean()) < 4 * error


def test_for_equal_distributions_it_is_0_on_average_and_often_negative():
    random = np.random.default_rng(0)
    distances = np.array([squared_mmd(*random.normal(size=(2, 30, 3))) for _ in range(200)])
    assert abs(distances.mean()) < 4 * distances.std() / np.sqrt(200)
    assert 0.2 < np.mean(distances < 0) < 0.9


def test_subsets_average_to_the_distance_of_all_rows():
    # Every pair of rows is as likely in a subset as any other.
    real, fake = sample(50), sample(60, seed=1, shift=0.5)
    result = kernel_distance(real, fake, subset_size=20, num_subsets=1000)
    assert abs(result.mean - squared_mmd(real, fake)) < 4 * result.std / np.sqrt(1000)


def test_its_spread_is_the_population_deviation_over_subsets():
    real, fake = sample(50), sample(60, seed=1, shift=0.5)
    one = kernel_distance(real, fake, subset_size=20, num_subsets=1)
    two = kernel_distance(real, fake, subset_size=20, num_subsets=2)
    assert one.std == 0
    # The first subset is the same: of two numbers the deviation is half their difference.
    assert two.std == pytest.approx(abs(two.mean - one.mean), rel=1e-10)


def test_equal_seeds_draw_equal_subsets():
    real, fake = sample(50), sample(60, seed=1)
    first, second, other = (
        kernel_distance(real, fake, subset_size=10, num_subsets=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_it_grows_with_the_difference():
    real = sample(50)
    distances = [squared_mmd(real, sample(50, seed=1, shift=shift)) for shift in range(4)]
    assert distances == sorted(distances)


def test_float32_features_are_measured_in_float64():
    real, fake = (sample(100, seed=seed, shift=30).astype(np.float32) for seed in (0, 1))
    expected = squared_mmd(real.astype(np.float64), fake.astype(np.float64))
    assert squared_mmd(real, fake) == expected


def test_the_metric_measures_what_the_function_does():
    real, fake = sample(50), sample(60, seed=1, shift=0.5)
    metric = KernelDistance(subset_size=10, num_subsets=3, seed=4)
    metric.update_state(real, fake)
    result = kernel_distance(real, fake, subset_size=10, num_subsets=3, seed=4)
    assert metric.result() == {
        "kernel_distance": result.mean,
        "kernel_distance_std": result.std,
    }


def test_constant_features_have_the_distance_of_their_point():
    # All pairs alike: k(x, x) + k(y, y) - 2 k(x, y).
    real, fake = np.full((5, 2), 1.0), np.full((6, 2), 2.0)
    expected = (1 + 1) ** 3 + (4 + 1) ** 3 - 2 * (2 + 1) ** 3
    assert squared_mmd(real, fake) == pytest.approx(expected, rel=1e-12)


def test_a_subset_larger_than_a_sample_is_refused():
    message = (
        "A subset of 1000 rows takes as many of each. Received: 50 real and 60 fake rows. Give "
        "more, or a smaller subset_size."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kernel_distance(sample(50), sample(60))


@pytest.mark.parametrize(
    ("subset_size", "num_subsets", "message"),
    [
        (1, 5, "An unbiased MMD takes a subset_size of 2 or more. Received: 1."),
        (10, 0, "num_subsets must be a positive integer. Received: num_subsets=0."),
    ],
)
def test_subsets_without_a_pair_and_no_subsets_are_refused(subset_size, num_subsets, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        KernelDistance(subset_size=subset_size, num_subsets=num_subsets)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kernel_distance(sample(20), sample(20), subset_size=subset_size, num_subsets=num_subsets)


def test_one_row_has_no_pair():
    message = "An unbiased MMD takes at least 2 rows of each. Received: 5 real and 1 fake rows."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        squared_mmd(sample(5), sample(1))


def test_different_widths_are_refused():
    message = "Real and fake features must have as many values each. Received: 3 and 4."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        squared_mmd(sample(5, 3), sample(5, 4))
