import pickle

import numpy as np
import pytest

from kgan.metrics.states import Moments
from kgan.metrics.states import Rows


def rows_of(count, width, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def in_batches(state, rows, sizes):
    """Fill a state with rows cut into batches of the given sizes, again and again."""
    start = 0
    while start < len(rows):
        size = sizes[0]
        sizes = (*sizes[1:], size)
        state.update(rows[start : start + size])
        start += size
    return state


def test_moments_are_those_of_numpy():
    rows = rows_of(50, 4)
    moments = in_batches(Moments(), rows, (50,))
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance(), np.cov(rows, rowvar=False), rtol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 7, 300), (2048,), (2047, 2), (4999, 1)])
def test_moments_of_many_batches_are_those_of_one(sizes):
    rows = rows_of(5000, 3) + np.array([0.0, 10.0, -1000.0])
    moments = in_batches(Moments(), rows, sizes)
    assert (moments.count, moments.shape) == (5000, (3,))
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
    covariance = np.cov(rows, rowvar=False)
    np.testing.assert_allclose(moments.covariance(), covariance, rtol=1e-9, atol=1e-12)


def test_moments_that_are_read_in_between_stay_the_same():
    rows = rows_of(3000, 2)
    read, unread = Moments(), Moments()
    for start in range(0, 3000, 100):
        unread.update(rows[start : start + 100])
        read.update(rows[start : start + 100])
        _ = read.mean, read.covariance()
    np.testing.assert_allclose(read.mean, unread.mean, rtol=1e-11)
    np.testing.assert_allclose(read.covariance(), unread.covariance(), rtol=1e-11)


def test_a_large_mean_spoils_no_covariance():
    # Whole numbers stay exact beside 2^40, whose square would leave float64 no digit for them.
    rows = np.random.default_rng(0).integers(-5, 6, (5000, 2)).astype(float)
    moments = in_batches(Moments(), rows + 2.0**40, (300,))
    np.testing.assert_allclose(moments.covariance(), np.cov(rows, rowvar=False), rtol=1e-9)


def test_a_constant_entry_has_variance_0_without_rounding():
    # Sums of 0.1 round, and so would a mean of them.
    rows = rows_of(5000, 2)
    rows[:, 0] = 0.1
    moments = in_batches(Moments(), rows, (77, 3))
    np.testing.assert_array_equal(moments.covariance()[0], [0, 0])
    assert moments.mean[0] == 0.1


def test_moments_of_float32_rows_are_computed_in_float64():
    rows = rows_of(4000, 2).astype(np.float32) + np.float32(1000)
    moments = in_batches(Moments(), rows, (4000,))
    expected = np.cov(rows.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(moments.covariance(), expected, rtol=1e-9)


def test_moments_do_not_grow_with_the_rows():
    few = in_batches(Moments(), rows_of(2 * 2048, 3), (100,))
    many = in_batches(Moments(), rows_of(20 * 2048, 3), (100,))
    # What waits for a full block differs, and is less than a block.
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 2048 * 3 * 8


def test_rows_are_kept_in_order_and_type():
    rows = rows_of(20, 3).astype(np.float32)
    state = in_batches(Rows(), rows, (1, 4, 2))
    np.testing.assert_array_equal(state.all(), rows)
    assert state.all().dtype == np.float32
    assert (state.count, state.shape) == (20, (3,))


def test_rows_can_be_images():
    images = rows_of(6, 8).reshape(6, 2, 4, 1)
    state = in_batches(Rows(), images, (4,))
    np.testing.assert_array_equal(state.all(), images)
    assert state.shape == (2, 4, 1)


def test_rows_that_are_read_in_between_are_kept():
    state = Rows()
    state.update(np.zeros((2, 1)))
    state.all()
    state.update(np.ones((1, 1)))
    np.testing.assert_array_equal(state.all(), [[0], [0], [1]])


def test_no_rows_are_said_to_be_missing():
    with pytest.raises(
        ValueError, match=r"^There are no rows yet. Give some to update_state\(\).$"
    ):
        Rows().all()


@pytest.mark.parametrize("state", [Moments, Rows])
def test_an_array_that_is_filled_anew_changes_nothing(state):
    buffer = rows_of(4, 2)
    first = buffer.copy()
    filled = state()
    filled.update(buffer)
    buffer[:] = 7
    filled.update(buffer)
    expected = np.concatenate([first, buffer])
    if state is Rows:
        np.testing.assert_array_equal(filled.all(), expected)
    else:
        np.testing.assert_allclose(filled.mean, expected.mean(axis=0), rtol=1e-12)
