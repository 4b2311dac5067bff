import re
import warnings

import numpy as np
import pytest

from kgan.metrics import frechet
from kgan.metrics.frechet import FrechetDistance
from kgan.metrics.frechet import frechet_distance
from kgan.metrics.frechet import frechet_distance_of_moments


def rotation(width, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def sample(count, width, seed, *, shift=0.0):
    """Correlated rows."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(width, width)) / np.sqrt(width)
    return random.normal(size=(count, width)) @ mixing + shift


def of_covariances(first, second):
    """The distance of two covariances alone."""
    width = len(first)
    return frechet_distance_of_moments(np.zeros(width), first, np.zeros(width), second)


def test_worked_by_hand():
    real = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 0.0)]
    fake = [(0.0, 0.0), (1.0, 0.0), (2.0, 1.0), (3.0, 1.0)]
    # |(1, .5) - (1.5, .5)|^2 = .25. The covariances are [[2, -1], [-1, 1]] / 3 and
    # [[5, 2], [2, 1]] / 3, of traces 1 and 2; their product is [[8, 3], [-3, -1]] / 9, of trace 7/9
    # and determinant 1/81: the trace of its root is sqrt(7/9 + 2/9) = 1.
    assert frechet_distance(real, fake) == pytest.approx(0.25 + 1 + 2 - 2 * 1, rel=1e-12)


def test_round_normals_have_a_closed_form():
    # |m|^2 + width (s - 1)^2 = 25 + 2.
    distance = frechet_distance_of_moments([0, 0], np.eye(2), [3, 4], 4 * np.eye(2))
    assert distance == pytest.approx(27, rel=1e-12)


def test_in_one_dimension_it_is_of_means_and_deviations():
    real, fake = sample(50, 1, 0), sample(60, 1, 1, shift=2.0)
    expected = (real.mean() - fake.mean()) ** 2 + (real.std(ddof=1) - fake.std(ddof=1)) ** 2
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-10)


def test_commuting_covariances_have_a_closed_form():
    axes = rotation(5)
    first, second = np.array([4, 1, 1e-3, 9, 0.5]), np.array([1, 1, 1e-6, 4, 2])
    distance = of_covariances(axes * first @ axes.T, axes * second @ axes.T)
    expected = np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    # The last place of the largest eigenvalue of A B, 36, is lost from the smallest, 1e-9, whose
    # root so moves by half of that over 3.2e-5; it counts twice.
    rounding = np.spacing(36.0) / np.sqrt(1e-9)
    assert distance == pytest.approx(expected, abs=rounding)


@pytest.mark.parametrize("seed", range(5))
def test_two_by_two_covariances_have_a_closed_form(seed):
    # The trace of the root of a 2 x 2 matrix M is sqrt(tr M + 2 sqrt(det M)).
    first, second = (np.cov(sample(9, 2, seed + part), rowvar=False) for part in (0, 10))
    product = first @ second
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(first) + np.trace(second) - 2 * root
    assert of_covariances(first, second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_has_no_distance_from_itself(seed):
    real = sample(500, 20, seed, shift=3.0)
    # Rounding of the two traces, each of about 20, up or down.
    assert 0 <= frechet_distance(real, real) < 1e-11


def test_it_is_symmetric():
    real, fake = sample(300, 12, 0), sample(200, 12, 1, shift=1.0)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-11)


def test_rotation_and_shift_of_both_change_nothing_and_scale_comes_squared():
    real, fake = sample(300, 12, 0), sample(200, 12, 1, shift=1.0)
    distance = frechet_distance(real, fake)
    turned = frechet_distance(real @ rotation(12) + 5, fake @ rotation(12) + 5)
    assert turned == pytest.approx(distance, rel=1e-11)
    assert frechet_distance(3 * real, 3 * fake) == pytest.approx(9 * distance, rel=1e-11)


def test_it_grows_with_the_difference():
    real = sample(300, 12, 0)
    distances = [frechet_distance(real, 1.1**step * real + step) for step in range(4)]
    assert distances == sorted(distances)


def test_for_equal_distributions_it_falls_as_one_over_n():
    random = np.random.default_rng(0)
    few, many = (
        frechet_distance(random.normal(size=(n, 64)), random.normal(size=(n, 64)))
        for n in (1000, 10_000)
    )
    assert few / many == pytest.approx(10, rel=0.1)


def test_covariances_of_rank_one_have_a_closed_form():
    # The root of a a^T b b^T has the trace |a.b|.
    a, b = np.array([1.0, 2, 3]), np.array([2.0, -1, 1])
    expected = a @ a + b @ b - 2 * abs(a @ b)
    assert of_covariances(np.outer(a, a), np.outer(b, b)) == pytest.approx(expected, rel=1e-12)


def test_covariances_on_different_axes_share_nothing():
    axes = rotation(6)
    first, second = axes * [1, 2, 3, 0, 0, 0] @ axes.T, axes * [0, 0, 0, 4, 5, 6] @ axes.T
    assert of_covariances(first, second) == pytest.approx(6 + 15, rel=1e-12)


@pytest.mark.parametrize("fakes", [40, 100, 400])
def test_fewer_rows_than_features_lose_no_digits(fakes):
    # With centred rows C and D the root's trace is the sum of the singular values of C D^T over
    # sqrt((n - 1) (m - 1)): no covariance is needed, singular or not.
    real, fake = sample(60, 100, 0), sample(fakes, 100, 1, shift=0.1)
    first, second = real - real.mean(axis=0), fake - fake.mean(axis=0)
    root = np.linalg.svd(first @ second.T, compute_uv=False).sum() / np.sqrt(59 * (fakes - 1))
    expected = (
        np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
        + np.sum(first**2) / 59
        + np.sum(second**2) / (fakes - 1)
        - 2 * root
    )
    with pytest.warns(UserWarning, match="is too large"):
        assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-10)


def test_features_twice_count_twice():
    # The covariance is [[S, S], [S, S]], singular for all the rows there are.
    real, fake = sample(400, 30, 0), sample(400, 30, 1)
    twice = frechet_distance(np.hstack([real, real]), np.hstack([fake, fake]))
    assert twice == pytest.approx(2 * frechet_distance(real, fake), rel=1e-11)


@pytest.mark.parametrize("seed", range(4))
def test_planes_at_right_angles_have_a_closed_form(seed):
    # Each lacks one direction that the other has; the other 4 they share. Rounding may leave a
    # little in a direction that is lacking, whose root would be 1e8 times as large.
    first, second, *_ = rotation(6, seed).T
    planes = (np.eye(6) - np.outer(lacking, lacking) for lacking in (first, second))
    assert of_covariances(*planes) == pytest.approx(5 + 5 - 2 * 4, rel=1e-12)


def test_constant_features_count_by_their_means_alone():
    real, fake = sample(50, 3, 0), sample(50, 3, 1)
    distance = frechet_distance(real, fake)
    dead, alive = np.full((50, 1), 0.1), sample(50, 1, 2)
    both = frechet_distance(np.hstack([dead, real]), np.hstack([dead + 2, fake]))
    assert both == pytest.approx(distance + 4, rel=1e-12)
    one = frechet_distance(np.hstack([dead, real]), np.hstack([alive, fake]))
    apart = (alive.mean() - 0.1) ** 2 + alive.var(ddof=1)
    # The living feature is not independent of the others in the sample, but the dead one is: its
    # share of the root is 0.
    assert one == pytest.approx(distance + apart, rel=1e-12)


def test_constant_features_do_not_make_it_slow(monkeypatch):
    # Eigenvectors take several times as long as triangular factors.
    monkeypatch.delattr(frechet, "_factor_of_singular")
    dead = np.full((50, 2), 0.1)
    frechet_distance(np.hstack([dead, sample(50, 3, 0)]), np.hstack([dead, sample(50, 3, 1)]))


def test_nothing_but_constant_features_is_the_distance_of_means():
    real, fake = np.full((5, 3), 0.1), np.full((7, 3), 0.3)
    assert frechet_distance(real, fake) == pytest.approx(3 * 0.2**2, rel=1e-12)


def test_no_rank_gives_nan_or_less_than_0():
    for ranks in np.ndindex(6, 6):
        factors = [rotation(5, seed)[:, :rank] for seed, rank in enumerate(ranks)]
        distance = of_covariances(*(factor @ factor.T for factor in factors))
        assert 0 <= distance <= sum(ranks) + 1e-12


def test_small_variances_keep_their_digits():
    # The eigenvalues of the product span 22 orders of magnitude, more than float64 has digits.
    axes = rotation(60)
    first = np.geomspace(1, 1e-11, 60)
    second = first * np.linspace(1, 3, 60)
    expected = np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    distance = of_covariances(axes * first @ axes.T, axes * second @ axes.T)
    assert distance == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_variances_of_two_sizes_give_no_nan(seed):
    # Squared they are 16 orders of magnitude apart: some come out below 0.
    axes = rotation(20, seed)
    covariance = axes * np.repeat([1, 1e-8], 10) @ axes.T
    assert 0 <= of_covariances(covariance, covariance) < 1e-6


def test_float32_features_are_measured_in_float64():
    real, fake = (sample(3000, 4, seed).astype(np.float32) + np.float32(500) for seed in (0, 1))
    expected = frechet_distance(real.astype(np.float64), fake.astype(np.float64))
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-12)


def test_the_metric_streams_what_the_function_measures():
    real, fake = sample(300, 12, 0), sample(300, 12, 1, shift=1.0)
    metric = FrechetDistance()
    for start in range(0, 300, 70):
        metric.update_state(real[start : start + 70], fake[start : start + 70])
    assert metric.result() == pytest.approx(frechet_distance(real, fake), rel=1e-12)


@pytest.mark.parametrize("by_metric", [False, True])
def test_no_more_rows_than_features_are_warned_of(by_metric):
    real, fake = sample(13, 12, 0), sample(12, 12, 1)
    metric = FrechetDistance()
    metric.update_state(real, fake)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030 - the text is compared below
        metric.result() if by_metric else frechet_distance(real, fake)
    assert str(caught[0].message) == (
        "The Frechet distance of 13 real and 12 fake rows with 12 features each is too large: "
        "a covariance of no more rows than features is singular. Take more than 12 rows of each, "
        "or compare only distances of equally many."
    )


def test_more_rows_than_features_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(sample(13, 12, 0), sample(13, 12, 1))


def test_one_row_has_no_covariance():
    message = (
        "A Frechet distance takes at least 2 rows of each for their covariances, better more than "
        "there are features. Received: 5 real and 1 fake rows."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        frechet_distance(sample(5, 3, 0), sample(1, 3, 1))


def test_different_widths_are_refused():
    message = "Real and fake moments must have one width. Received: 3 and 4 features."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        frechet_distance(sample(5, 3, 0), sample(5, 4, 1))


def test_moments_that_do_not_belong_together_are_refused():
    message = (
        "The fake mean and covariance must have the shapes (width,) and (width, width). "
        "Received: (3,) and (2, 2)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        frechet_distance_of_moments(np.zeros(3), np.eye(3), np.zeros(3), np.eye(2))


def test_moments_that_are_not_finite_are_refused():
    message = "The real mean or covariance holds NaN or infinity."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        frechet_distance_of_moments([np.nan], [[1]], [0], [[1]])


@pytest.mark.parametrize(
    ("covariance", "received"),
    [
        ([[-1.0, 0.0], [0.0, -1.0]], "entries of the fake one that are off by 1"),
        ([[1.0, 0.5], [0.0, 1.0]], "entries of the fake one that are off by 0.5"),
        ([[0.0, 1.0], [1.0, 1.0]], "entries of the fake one that are off by 1"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, received):
    with pytest.raises(ValueError, match=re.escape(f"Received: {received}.")):
        frechet_distance_of_moments(np.zeros(2), np.eye(2), np.zeros(2), covariance)


def test_a_covariance_with_a_negative_eigenvalue_is_refused():
    # Every two features alone could have it: 1 - 2 * 0.9 is the eigenvalue of (1, 1, 1).
    covariance = np.where(np.eye(3), 1, -0.9)
    with pytest.raises(ValueError, match=re.escape("Received: one with the eigenvalue -0.8.")):
        of_covariances(np.eye(3), covariance)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rounded_covariances_pass(dtype):
    # Of rank 3, so that rounding takes some of its eigenvalues below 0.
    factor = rotation(40)[:, :3]
    covariance = (factor @ factor.T).astype(dtype)
    assert np.linalg.eigvalsh(covariance.astype(np.float64))[0] < 0
    assert of_covariances(covariance, covariance) < 0.05
