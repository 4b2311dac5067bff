import math
import pickle
import re

import numpy as np
import pytest

from kgan.metrics.modes import ModeCount
from kgan.metrics.modes import mode_count
from kgan.metrics.modes import mode_count_of_counts


def predictions(*classes, of=4):
    """Unsure predictions of the given classes."""
    rows = np.full((len(classes), of), 0.5 / (of - 1))
    rows[np.arange(len(classes)), classes] = 0.5
    return rows


def test_modes_are_the_classes_predicted():
    assert mode_count(predictions(0, 2, 2, 0, 2)).modes == 2


def test_a_mode_takes_enough_samples():
    rows = predictions(0, 0, 0, 1, 1, 2)
    assert [mode_count(rows, min_samples=enough).modes for enough in (1, 2, 3, 4)] == [3, 2, 1, 0]


def test_divergences_worked_by_hand():
    # Shares (3/4, 1/4, 0, 0) of the fakes and (1/2, 1/4, 1/4, 0) of the reals.
    result = mode_count(predictions(0, 0, 0, 1), real=predictions(0, 0, 1, 2))
    assert result.kl_to_uniform == pytest.approx(0.75 * math.log(3), rel=1e-12)
    assert result.kl_to_real == pytest.approx(0.75 * math.log(1.5), rel=1e-12)
    assert result.kl_floor == 3 / 8


def test_even_classes_diverge_from_nothing():
    rows = predictions(3, 2, 1, 0)
    result = mode_count(rows, real=rows)
    assert result.modes == 4
    assert result.kl_to_uniform == pytest.approx(0, abs=1e-15)
    assert result.kl_to_real == 0


def test_a_single_class_diverges_by_the_logarithm_of_their_number():
    result = mode_count(predictions(2, 2, 2))
    assert result.modes == 1
    assert result.kl_to_uniform == pytest.approx(math.log(4), rel=1e-12)


def test_a_class_without_reals_diverges_infinitely():
    assert mode_count(predictions(0, 1), real=predictions(0, 0, 2)).kl_to_real == math.inf


def test_without_reals_there_is_no_divergence_from_them():
    assert mode_count(predictions(0, 1)).kl_to_real is None


def test_the_floor_is_the_mean_divergence_of_uniform_draws():
    # To first order in classes / draws; the means of 200 draws differ by less than 2 %.
    draws = np.random.default_rng(0).multinomial(26_000, np.full(1000, 1e-3), size=200)
    results = [mode_count_of_counts(draw) for draw in draws]
    mean = np.mean([result.kl_to_uniform for result in results])
    assert results[0].kl_floor == 999 / 52_000
    assert mean == pytest.approx(results[0].kl_floor, rel=0.02)


def test_counts_of_modes_are_counted_as_predictions_are():
    by_hand = mode_count_of_counts([3, 0, 1, 0], real=[1, 1, 1, 1], min_samples=2)
    by_class = mode_count(predictions(0, 2, 0, 0), real=predictions(0, 1, 2, 3), min_samples=2)
    assert by_hand == by_class


def test_the_metric_counts_what_the_function_does():
    metric = ModeCount(min_samples=2)
    metric.update_state(predictions(0, 1, 2), predictions(0, 0, 1))
    metric.update_state(predictions(3), predictions(1, 3))
    expected = mode_count(predictions(0, 0, 1, 1, 3), real=predictions(0, 1, 2, 3), min_samples=2)
    assert metric.result() == {
        "modes": 2.0,
        "kl_to_uniform": expected.kl_to_uniform,
        "kl_to_real": expected.kl_to_real,
    }


def test_the_metric_needs_no_reals():
    metric = ModeCount()
    metric.update_state(fake=predictions(0, 1))
    assert metric.result() == {"modes": 2.0, "kl_to_uniform": pytest.approx(math.log(2))}


def test_memory_does_not_grow_with_the_rows():
    few, many = ModeCount(), ModeCount()
    few.update_state(fake=predictions(*range(4)))
    many.update_state(fake=predictions(*([0] * 10_000)))
    # Room for a longer whole number.
    assert len(pickle.dumps(many.fake)) < len(pickle.dumps(few.fake)) + 10


def test_no_fakes_have_no_modes():
    metric = ModeCount()
    metric.update_state(real=predictions(0, 1))
    message = "There are no fake rows yet. Give some to update_state()."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        metric.result()


def test_different_numbers_of_classes_are_refused():
    message = "Real and fake counts must be of the same modes. Received: 3 and 4 modes."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mode_count(predictions(0, of=4), real=predictions(0, of=3))


@pytest.mark.parametrize("counts", [[0, 0], [1, -1], [[1, 2]], [1.0, np.nan], []])
def test_counts_that_count_nothing_are_refused(counts):
    message = (
        "The fake counts must be one number >= 0 for each mode, not all 0. "
        f"Received: {np.asarray(counts)!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mode_count_of_counts(counts)


def test_a_mode_without_a_sample_is_refused():
    message = "min_samples must be a positive integer. Received: min_samples=0."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ModeCount(min_samples=0)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mode_count(predictions(0), min_samples=0)
