import math
import re

import numpy as np
import pytest

from kgan.metrics.nearest_neighbour_two_sample import nearest_neighbour_two_sample


def normal(count, seed):
    return np.random.default_rng(seed).normal(size=(count, 3))


def test_copies_are_each_others_neighbours():
    real = normal(60, 0)
    result = nearest_neighbour_two_sample(real, real + 1e-9)
    assert result.accuracy == 0
    assert result.p_value == 1


def test_samples_apart_are_neighbours_among_themselves():
    result = nearest_neighbour_two_sample(normal(30, 0), normal(30, 1) + 100)
    assert result == (1, 1 / 1001, 1, 1, 60)


def test_neighbours_are_those_of_a_slow_loop():
    real, fake = normal(25, 0), normal(25, 1) + 0.3
    both = np.concatenate([real, fake])
    own = []
    for i, row in enumerate(both):
        distances = [np.inf if i == j else ((row - b) ** 2).sum() for j, b in enumerate(both)]
        own.append((i < 25) == (np.argmin(distances) < 25))
    result = nearest_neighbour_two_sample(real, fake)
    assert result.accuracy == pytest.approx(np.mean(own))
    assert result.real_accuracy == pytest.approx(np.mean(own[:25]))
    assert result.fake_accuracy == pytest.approx(np.mean(own[25:]))


def test_fakes_that_collapsed_are_each_others_neighbours():
    result = nearest_neighbour_two_sample(normal(60, 0), 1e-3 * normal(60, 1), permutations=99)
    assert result.fake_accuracy == 1
    assert result.p_value == pytest.approx(1 / 100, rel=1e-12)


@pytest.mark.parametrize("discrete", [False, True])
def test_it_rejects_equal_distributions_in_five_of_a_hundred(discrete):
    # Of rows of whole numbers most have several nearest ones.
    random = np.random.default_rng(0)
    values, differences = [], []
    for repeat in range(200):
        rows = random.integers(4, size=(2, 30, 2)) if discrete else random.normal(size=(2, 30, 2))
        result = nearest_neighbour_two_sample(*rows, permutations=99, seed=repeat)
        values.append(result.p_value)
        differences.append(result.real_accuracy - result.fake_accuracy)
    # 200 tosses of 0.05 have a standard deviation of 0.015.
    assert 0 < np.mean(np.array(values) <= 0.05) <= 0.05 + 3 * 0.0155
    assert 0.4 < np.mean(values) < 0.65
    # Of several nearest rows no sample's are preferred.
    assert abs(np.mean(differences)) < 4 * np.std(differences) / np.sqrt(200)


def test_the_p_value_of_twenty_couples_is_that_of_all_exchanges():
    # Each couple are each other's nearest, 8 of one real and one fake, 6 of reals, 6 of fakes.
    places = 100.0 * np.arange(20)
    real = np.concatenate([places[:14], places[8:14] + 1])[:, None]
    fake = np.concatenate([places[:8] + 1, places[14:], places[14:] + 1])[:, None]
    result = nearest_neighbour_two_sample(real, fake)
    assert result.accuracy == pytest.approx(0.6)
    # Ways to put 20 reals in 20 couples with as few mixed ones or fewer, of all ways.
    ways = sum(
        math.comb(20, mixed) * 2**mixed * math.comb(20 - mixed, 10 - mixed // 2)
        for mixed in range(0, 9, 2)
    )
    expected = ways / math.comb(40, 20)
    # 1,000 tosses; independent ends of the couples would give 0.13, not 0.29.
    assert result.p_value == pytest.approx(expected, abs=4 * math.sqrt(expected / 1000))


def test_a_larger_sample_is_drawn_from():
    result = nearest_neighbour_two_sample(normal(30, 0), normal(50, 1), permutations=9)
    assert result.n == 60


def test_no_permutations_are_refused():
    message = "permutations must be a positive integer. Received: permutations=0."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbour_two_sample(normal(30, 0), normal(30, 1), permutations=0)
