import re

import numpy as np
import pytest

from kgan.metrics.precision_recall import DensityCoverage
from kgan.metrics.precision_recall import PrecisionRecall
from kgan.metrics.precision_recall import density_coverage
from kgan.metrics.precision_recall import precision_recall

X = np.array([(1, 0), (0, 1), (1, 1), (2, 0)], float)
Y = np.array([(0, 0), (1, 0), (2, 1), (3, 1)], float)


def sample(count, width=8, seed=0, *, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(count, width))


def test_worked_by_hand_with_ties():
    # All radii of X are 1: (0, 0) and (2, 1) lie on the edge of a ball, (1, 0) is a centre, (3, 1)
    # is at sqrt(2). Y's radii are 1 as well.
    assert precision_recall(X, Y, k=1) == (0.75, 1)


@pytest.mark.parametrize("step", [1e-9, -1e-9])
def test_off_the_edge_is_inside_or_outside(step):
    # One way (0, 0) moves into the ball of (1, 0) and (2, 1) out of that of (1, 1), the other way
    # the reverse; (1, 0) stays inside.
    assert precision_recall(X, Y + step, k=1).precision == 0.5


def test_equal_samples_have_both():
    assert precision_recall(sample(50), sample(50)) == (1, 1)


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_samples_far_apart_have_neither(measure):
    assert measure(sample(50), sample(50) + 100) == (0, 0)


def test_precision_of_one_order_is_recall_of_the_other():
    real, fake = sample(50), sample(60, seed=1, scale=0.8)
    one, other = precision_recall(real, fake), precision_recall(fake, real)
    assert (one.precision, one.recall) == (other.recall, other.precision)


def test_noise_lowers_precision_and_a_narrow_sample_lowers_recall():
    real = sample(200)
    noisy = precision_recall(real, sample(200, seed=1, scale=2))
    narrow = precision_recall(real, sample(200, seed=1, scale=0.5))
    same = precision_recall(real, sample(200, seed=1))
    assert noisy.precision < same.precision - 0.2
    assert noisy.recall > same.recall
    assert narrow.precision > same.precision
    assert narrow.recall < same.recall - 0.2


def test_a_collapse_on_one_real_image_is_precise_and_recalls_that_image_only():
    real = sample(100)
    assert precision_recall(real, np.repeat(real[:1], 50, axis=0)) == (1, 0.01)


def test_a_larger_k_takes_in_more():
    real, fake = sample(80, 4), sample(80, 4, seed=1) + 1
    shares = np.array([precision_recall(real, fake, k=k) for k in (1, 3, 9)])
    assert (np.diff(shares, axis=0) > 0).all()


def test_balls_reach_to_the_third_neighbour():
    real = np.array([[0.0], [1.0], [3.0], [6.0]])
    # The balls of 0 and 6 reach to 6 and to 0, those of 1 and 3 to 6 and -4, and to 0 and 6.
    fake = np.array([[-6.5], [-5.5], [5.5], [11.5], [12.5]])
    assert precision_recall(real, fake).precision == 0.6


def test_density_and_coverage_worked_by_hand_with_ties():
    # All balls of X have radius 1 and are open: only (1, 0) is in one, its own.
    assert density_coverage(X, Y, k=1) == (0.25, 0.25)


def test_density_and_coverage_just_inside_the_edges():
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


def test_reals_with_many_copies_have_empty_balls():
    # Five copies besides itself: the fifth neighbour is at 0. Of the others, the sixth is nearest.
    real = np.repeat([[0.0], [1.0]], [6, 5], axis=0)
    assert density_coverage(real, real) == pytest.approx((5 * 5 / 5 / 11, 5 / 11))


def test_a_single_fake_is_enough_for_density_and_coverage():
    assert density_coverage(X, [(1, 0)], k=1) == (1, 0.25)


@pytest.mark.parametrize(
    ("metric", "measure"),
    [(PrecisionRecall(k=2), precision_recall), (DensityCoverage(k=2), density_coverage)],
)
def test_the_metric_measures_what_the_function_does(metric, measure):
    real, fake = sample(50), sample(60, seed=1, scale=0.8)
    metric.update_state(real, fake)
    assert metric.result() == measure(real, fake, k=2)._asdict()


@pytest.mark.parametrize(
    ("measure", "reals", "fakes", "side"),
    [
        (precision_recall, 3, 10, "real"),
        (precision_recall, 10, 3, "fake"),
        (density_coverage, 3, 2, "real"),
    ],
)
def test_too_few_rows_for_balls_are_refused(measure, reals, fakes, side):
    message = (
        f"Too few {side} features for 3 neighbours of each. Expected: at least 3 to choose from. "
        "Received: 2. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure(sample(reals), sample(fakes), k=3)


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_different_widths_are_refused(measure):
    message = "Real and fake features must have as many values each. Received: 8 and 7."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure(sample(10), sample(10, width=7))


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_constant_reals_are_refused(measure):
    message = (
        "All 10 real features are the same: there is no ball around any of them. "
        "Check the images, and that the extractor is trained."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure(np.ones((10, 8)), sample(10))


def test_constant_fakes_have_no_recall():
    assert precision_recall(sample(10), np.ones((10, 8))).recall == 0


@pytest.mark.parametrize("side", ["real", "fake"])
def test_features_that_are_not_finite_are_refused(side):
    rows = {"real": sample(10), "fake": sample(10)}
    rows[side][7, 2] = np.inf
    message = (
        f"{side} features hold NaN or infinity, first in row 7. A generator that makes such images "
        "has diverged: go back to an earlier checkpoint."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(**rows)


@pytest.mark.parametrize("k", [0, 2.5])
def test_a_bad_k_is_refused_at_once(k):
    message = f"k must be a positive integer. Received: k={k}."
    for refused in (
        lambda: PrecisionRecall(k=k),
        lambda: DensityCoverage(k=k),
        lambda: precision_recall(X, Y, k=k),
        lambda: density_coverage(X, Y, k=k),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            refused()
