import pickle
import re

import numpy as np
import pytest

from kgan.metrics.inception_score import InceptionScore
from kgan.metrics.inception_score import inception_score


def predictions(count, classes=4, seed=0, scale=2.0):
    powers = np.exp(scale * np.random.default_rng(seed).normal(size=(count, classes)))
    return powers / powers.sum(axis=1, keepdims=True)


def row_by_row(rows):
    """The definition: exp of the mean divergence from the mean."""
    mean = np.mean(rows, axis=0)
    return np.exp(np.mean([sum(row * np.log(row / mean)) for row in rows]))


def test_two_rows_worked_by_hand():
    # Their mean is (.5, .5): exp(.9 log 1.8 + .1 log .2).
    result = inception_score([(0.9, 0.1), (0.1, 0.9)], splits=1)
    assert result.mean == pytest.approx(1.444935, rel=1e-6)
    assert result.mean == pytest.approx(1.8**0.9 * 0.2**0.1, rel=1e-6)
    assert result.std == 0


def test_every_split_is_scored_on_its_own():
    rows = predictions(11)
    result = inception_score(rows, splits=3)
    scores = [row_by_row(rows[split::3]) for split in range(3)]
    assert result.mean == pytest.approx(np.mean(scores), rel=1e-11)
    assert result.std == pytest.approx(np.std(scores), rel=1e-10)


def test_certain_predictions_of_all_classes_score_their_number():
    # With the probabilities 0 and 1, where 0 log 0 is 0.
    assert inception_score(np.tile(np.eye(7), (20, 1)), splits=10).mean == pytest.approx(7)


@pytest.mark.parametrize("row", [(0.2, 0.8), (1.0, 0.0), (0.5, 0.5)])
def test_equal_predictions_score_1(row):
    result = inception_score([row] * 20)
    assert result == pytest.approx((1, 0), abs=1e-12)


def test_more_certain_predictions_score_higher():
    scores = [inception_score(predictions(500, scale=scale)).mean for scale in (0.5, 1, 2, 4)]
    assert scores == sorted(scores)


def test_batches_of_any_size_keep_the_splits():
    rows = predictions(53)
    metric = InceptionScore(splits=5)
    for start, stop in [(0, 1), (1, 9), (9, 11), (11, 40), (40, 53)]:
        metric.update_state(fake=rows[start:stop])
    result = inception_score(rows, splits=5)
    assert metric.result() == pytest.approx(
        {"inception_score": result.mean, "inception_score_std": result.std}, rel=1e-11
    )


def test_memory_does_not_grow_with_the_rows():
    few, many = InceptionScore(), InceptionScore()
    few.update_state(fake=predictions(20))
    many.update_state(fake=predictions(20_000))
    # Room for a longer whole number.
    assert len(pickle.dumps(many.fake)) < len(pickle.dumps(few.fake)) + 10


def test_reals_change_nothing():
    metric = InceptionScore(splits=2)
    metric.update_state(predictions(5, seed=1), predictions(9))
    assert metric.result()["inception_score"] == inception_score(predictions(9), splits=2).mean


def test_float32_predictions_are_summed_in_float64():
    rows = predictions(20_000).astype(np.float32)
    expected = inception_score(rows.astype(np.float64))
    assert inception_score(rows) == pytest.approx(expected, rel=1e-12)


def test_fewer_rows_than_splits_are_refused():
    message = (
        "An Inception Score of 10 splits takes a row for each at least. Received: 9 rows. Give "
        "more, or fewer splits."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inception_score(predictions(9))


@pytest.mark.parametrize("splits", [0, -1, 2.5])
def test_splits_that_are_no_number_of_parts_are_refused(splits):
    message = f"splits must be a positive integer. Received: splits={splits}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        InceptionScore(splits=splits)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inception_score(predictions(9), splits=splits)


def test_logits_are_refused():
    message = (
        "probabilities must be >= 0 and sum to 1 in every row. Received: in row 1 values from -2 "
        "on, with the sum 3. If they are logits, give their softmax."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inception_score([(0.5, 0.5), (-2.0, 5.0)])
