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


def test_fakes_that_collapsed_are_each_others_neighbours():
    result = nearest_neighbour_two_sample(normal(60, 0), 1e-3 * normal(60, 1), permutations=99)
    assert result.fake_accuracy == 1
    assert result.p_value == pytest.approx(1 / 100, rel=1e-12)


def test_it_rejects_equal_distributions_in_five_of_a_hundred():
    values = [
        nearest_neighbour_two_sample(normal(40, 2 * i), normal(40, 2 * i + 1), permutations=99)
        for i in range(200)
    ]
    rejected = np.mean([value.p_value <= 0.05 for value in values])
    # 200 tosses of 0.05 have a standard deviation of 0.015.
    assert rejected <= 0.05 + 3 * 0.0155


def test_a_larger_sample_is_drawn_from():
    result = nearest_neighbour_two_sample(normal(30, 0), normal(50, 1), permutations=9)
    assert result.n == 60


def test_no_permutations_are_refused():
    message = "permutations must be a positive integer. Received: permutations=0."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbour_two_sample(normal(30, 0), normal(30, 1), permutations=0)
