import re

import numpy as np
import pytest

from kgan.metrics.density_coverage import DensityCoverage
from kgan.metrics.density_coverage import density_coverage

# Worked by hand: with ties, so that <= in place of < gives 1.75 and 1.
REAL = np.array([[1.0, 0], [0, 1], [1, 1], [2, 0]])
FAKE = np.array([[0.0, 0], [1, 0], [2, 1], [3, 1]])


def normal(count, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, 4)) + shift


def test_open_balls_worked_by_hand():
    assert density_coverage(REAL, FAKE, k=1) == (0.25, 0.25)


def test_copies_of_the_data_have_density_one_and_cover_it():
    # An open ball to the k-th neighbour holds its centre and k - 1 others.
    density, coverage = density_coverage(normal(50, 0), normal(50, 0))
    assert density == pytest.approx(1, rel=1e-12)
    assert coverage == 1


def test_samples_of_one_distribution_cover_as_the_paper_says():
    # Lemma 2 of the paper: 1 - 1 / 2^k for many rows of both; the spread at 2,000 is below 0.01.
    density, coverage = density_coverage(normal(2000, 0), normal(2000, 1), k=2)
    assert coverage == pytest.approx(0.75, abs=0.03)
    assert density == pytest.approx(1, abs=0.08)


def test_one_outlier_among_the_reals_hardly_adds_density():
    real, fake = normal(200, 0), normal(200, 1, 20)
    outlier = np.concatenate([real, [[40.0] * 4]])
    assert density_coverage(real, fake).density == 0
    # Its ball holds all fakes, and counts once in k for each.
    assert density_coverage(outlier, fake).density == pytest.approx(1 / 5, abs=1e-12)


def test_a_collapsed_generator_covers_next_to_nothing():
    real = normal(200, 0)
    assert density_coverage(real, real[:1] + 1e-3 * normal(200, 1)).coverage < 0.1


def test_k_reals_are_too_few_for_k_neighbours():
    message = (
        "Too few real features for 5 neighbours of each. Expected: at least 5 to choose from. "
        "Received: 4. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        density_coverage(normal(5, 0), normal(9, 1))


def test_a_single_fake_is_enough():
    assert density_coverage(normal(9, 0), normal(9, 0)[:1]).density > 0


def test_the_metric_passes_its_k_on():
    metric = DensityCoverage(k=1)
    metric.update_state(REAL, FAKE)
    assert metric.result() == {"density": 0.25, "coverage": 0.25}
