import re

import numpy as np
import pytest

from kgan.metrics.precision_recall import PrecisionRecall
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


def test_samples_far_apart_have_neither():
    assert precision_recall(sample(50), sample(50) + 100) == (0, 0)


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


def test_the_metric_measures_what_the_function_does():
    real, fake = sample(50), sample(60, seed=1, scale=0.8)
    metric = PrecisionRecall(k=2)
    metric.update_state(real, fake)
    assert metric.result() == precision_recall(real, fake, k=2)._asdict()


@pytest.mark.parametrize(("reals", "fakes", "side"), [(3, 10, "real"), (10, 3, "fake")])
def test_too_few_rows_for_balls_are_refused(reals, fakes, side):
    message = (
        f"Too few {side} features for 3 neighbours of each. Expected: at least 3 to choose from. "
        "Received: 2. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(sample(reals), sample(fakes))


def test_different_widths_are_refused():
    message = "Real and fake features must have as many values each. Received: 8 and 7."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(sample(10), sample(10, width=7))


def test_constant_reals_are_refused():
    message = (
        "All 10 real features are the same: there is no ball around any of them. "
        "Check the images, and that the extractor is trained."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(np.ones((10, 8)), sample(10))


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


def test_a_bad_k_is_refused_at_once():
    message = "k must be a positive integer. Received: k=0."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PrecisionRecall(k=0)
