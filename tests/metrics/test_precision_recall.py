import re

import numpy as np
import pytest

from kgan.metrics.precision_recall import PrecisionRecall
from kgan.metrics.precision_recall import precision_recall

# Worked by hand: with ties, so that < in place of <= gives a quarter for each.
REAL = np.array([[1.0, 0], [0, 1], [1, 1], [2, 0]])
FAKE = np.array([[0.0, 0], [1, 0], [2, 1], [3, 1]])


def normal(count, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, 4)) + shift


def test_closed_balls_worked_by_hand():
    assert precision_recall(REAL, FAKE, k=1) == (0.75, 1.0)


def test_swapping_the_samples_swaps_the_shares():
    real, fake = normal(60, 0), normal(40, 1, 0.5)
    assert precision_recall(real, fake) == precision_recall(fake, real)[::-1]


def test_copies_of_the_data_have_both():
    assert precision_recall(normal(50, 0), normal(50, 0)) == (1, 1)


def test_samples_far_away_have_neither():
    assert precision_recall(normal(50, 0), normal(50, 1, 100)) == (0, 0)


def test_a_collapsed_generator_is_precise_and_recalls_next_to_nothing():
    real = normal(200, 0)
    fake = real[:1] + 1e-3 * normal(200, 1)
    precision, recall = precision_recall(real, fake)
    assert precision == 1
    assert recall <= 1 / 200


def test_a_larger_k_takes_in_more():
    real, fake = normal(80, 0), normal(80, 1, 1.0)
    shares = np.array([precision_recall(real, fake, k=k) for k in (1, 3, 9)])
    assert (np.diff(shares, axis=0) > 0).all()


def test_k_rows_are_too_few_for_k_neighbours():
    message = (
        "Too few fake features for 3 neighbours of each. Expected: at least 3 to choose from. "
        "Received: 2. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(normal(9, 0), normal(3, 1))


def test_constant_reals_are_refused():
    message = (
        "All 9 real features are the same: there is no ball around any of them. "
        "Check the images, and that the extractor is trained."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(np.ones((9, 4)), normal(9, 1))


def test_different_widths_are_refused():
    message = "Real and fake features must have as many values each. Received: 4 and 2."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        precision_recall(normal(9, 0), FAKE)


def test_the_metric_passes_its_k_on():
    metric = PrecisionRecall(k=1)
    metric.update_state(REAL, FAKE)
    assert metric.result() == {"precision": 0.75, "recall": 1.0}
