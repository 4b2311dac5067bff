import re

import numpy as np
import pytest

from kgan.metrics.density_coverage import DensityCoverage
from kgan.metrics.density_coverage import density_coverage

X = np.array([(1, 0), (0, 1), (1, 1), (2, 0)], float)
Y = np.array([(0, 0), (1, 0), (2, 1), (3, 1)], float)


def sample(count, width=8, seed=0, *, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(count, width))


def test_worked_by_hand_with_ties():
    # All balls of X have radius 1 and are open: only (1, 0) is in one, its own.
    assert density_coverage(X, Y, k=1) == (0.25, 0.25)


def test_just_inside_the_edges():
    # Shrunk by the last digits about (1, 0), (0, 0) is in the ball of (1, 0), (2, 1) in that of
    # (1, 1); those on the other axis stay outside.
    inside = Y + np.array([(1e-9, 0), (0, 0), (-1e-9, 0), (0, 0)])
    assert density_coverage(X, inside, k=1) == (0.75, 0.5)


@pytest.mark.parametrize("width", [2, 300])
def test_reals_that_are_taken_for_fakes_have_density_1_exactly(width):
    # Each ball holds its centre and all but the last of k neighbours, whatever is rounded.
    real = sample(100, width) / 3 + 50
    assert density_coverage(real, real) == (1, 1)


def test_equal_distributions_have_the_expected_density_and_coverage():
    real, fake = sample(2000, 4), sample(2000, 4, seed=1)
    result = density_coverage(real, fake)
    # Of a real's 5 nearest reals and the fakes, all as likely nearest: no fake comes among the
    # first 5 with probability about 1 / 2^5. Density deviates as few balls share fakes.
    assert result.coverage == pytest.approx(1 - 1 / 2**5, abs=0.01)
    assert result.density == pytest.approx(1, abs=0.05)


def test_samples_far_apart_have_neither():
    assert density_coverage(sample(50), sample(50) + 100) == (0, 0)


def test_crowding_where_reals_are_dense_raises_density_above_1_and_lowers_coverage():
    real = sample(500)
    narrow = density_coverage(real, sample(500, seed=1, scale=0.5))
    same = density_coverage(real, sample(500, seed=1))
    noisy = density_coverage(real, sample(500, seed=1, scale=2))
    assert narrow.density > 1.2
    assert narrow.coverage < same.coverage - 0.1
    assert noisy.density < same.density - 0.2


def test_one_outlier_among_the_reals_hardly_adds_density():
    real, fake = sample(200, 4), sample(200, 4, seed=1) + 20
    outlier = np.concatenate([real, [[40.0] * 4]])
    assert density_coverage(real, fake).density == 0
    # Its ball holds all fakes, and counts once in k for each.
    assert density_coverage(outlier, fake).density == pytest.approx(1 / 5, abs=1e-12)


def test_a_collapse_covers_only_what_lies_around_it():
    real = sample(100)
    fake = np.repeat(real[:1], 50, axis=0)
    around = np.linalg.norm(real - real[0], axis=1)
    radii = np.sort(np.linalg.norm(real[:, None] - real, axis=2), axis=1)[:, 5]
    balls = np.count_nonzero(around < radii)
    assert density_coverage(real, fake) == pytest.approx((balls / 5, balls / 100))


def test_the_metric_measures_what_the_function_does():
    real, fake = sample(50), sample(60, seed=1, scale=0.8)
    metric = DensityCoverage(k=2)
    metric.update_state(real, fake)
    assert metric.result() == density_coverage(real, fake, k=2)._asdict()


def test_reals_with_many_copies_have_empty_balls():
    # Five copies besides itself: the fifth neighbour is at 0. Of the others, the sixth is nearest.
    real = np.repeat([[0.0], [1.0]], [6, 5], axis=0)
    assert density_coverage(real, real) == pytest.approx((5 * 5 / 5 / 11, 5 / 11))


def test_a_single_fake_is_enough():
    assert density_coverage(X, [(1, 0)], k=1) == (1, 0.25)


def test_too_few_reals_for_balls_are_refused():
    message = (
        "Too few real features for 5 neighbours of each. Expected: at least 5 to choose from. "
        "Received: 4. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        density_coverage(sample(5), sample(10))


def test_different_widths_are_refused():
    message = "Real and fake features must have as many values each. Received: 8 and 7."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        density_coverage(sample(10), sample(10, width=7))


def test_constant_reals_are_refused():
    message = (
        "All 10 real features are the same: there is no ball around any of them. "
        "Check the images, and that the extractor is trained."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        density_coverage(np.ones((10, 8)), sample(10))


def test_a_bad_k_is_refused_at_once():
    message = "k must be a positive integer. Received: k=2.5."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        DensityCoverage(k=2.5)
