"""Ring and grid: the data of PacGAN, and its count of modes."""

import re

import numpy as np
import pytest

from kgan import toys

MIXTURES = {"ring": toys.ring(), "grid": toys.grid()}
every_mixture = pytest.mark.parametrize("name", MIXTURES)


def scaled(mixture, points):
    return np.asarray(points) / mixture.scale


def test_the_modes_are_those_of_the_paper():
    ring, grid = MIXTURES["ring"], MIXTURES["grid"]
    assert ring.means.shape == (8, 2)
    np.testing.assert_allclose(np.linalg.norm(ring.means, axis=1), 1)
    np.testing.assert_allclose(ring.means[1], [np.sqrt(0.5), np.sqrt(0.5)])
    assert (ring.stddev, grid.stddev) == (0.01, 0.05)
    assert {tuple(mean) for mean in grid.means} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


@every_mixture
def test_samples_have_unit_variance_and_repeat_by_seed(name):
    mixture = MIXTURES[name]
    samples = mixture.sample(100_000, seed=1)
    assert samples.dtype == np.float32
    # The variance of a coordinate has a standard error below 1 / sqrt(100,000).
    np.testing.assert_allclose(samples.var(axis=0), 1, atol=5 / np.sqrt(100_000))
    np.testing.assert_array_equal(samples, mixture.sample(100_000, seed=1))
    assert not np.array_equal(samples, mixture.sample(100_000, seed=2))


def test_the_scale_counts_the_width_of_the_modes():
    corners = np.array([(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)])
    # The variance of an axis is 1 between the modes and 4 within them.
    np.testing.assert_allclose(toys.Mixture("wide", corners, 2.0).scale, np.sqrt(5))


@every_mixture
def test_the_data_themselves_reach_the_ceiling_of_the_protocol(name):
    mixture = MIXTURES[name]
    report = mixture.report(mixture.sample(100_000, seed=3))
    modes = len(mixture.means)
    assert report.modes == modes
    # Within three standard deviations of a Gaussian in the plane lie 1 - exp(-4.5).
    np.testing.assert_allclose(report.high_quality, 1 - np.exp(-4.5), atol=0.002)
    # The expected excess of an entropy estimated from n draws, (K - 1) / (2 n), and as much again.
    assert 0 <= report.reverse_kl < 4 * (modes - 1) / (2 * 100_000)
    # Of a Rayleigh variable cut at 3, E r^2 / 2 = 1 - 4.5 exp(-4.5) / (1 - exp(-4.5)).
    cut = 1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5))
    np.testing.assert_allclose(report.spread, np.sqrt(cut), atol=0.01)


def test_a_report_worked_by_hand():
    grid = MIXTURES["grid"]
    points = [
        (0.0, 0.0),  # on a mode
        (0.1, 0.1),  # 2.83 standard deviations away
        (2.0, 0.14),  # 2.8 away from the next mode
        (0.11, 0.11),  # 3.11 away: not good
        (1.0, 1.0),  # between four modes
    ]
    report = grid.report(scaled(grid, points))
    assert report.modes == 2
    assert report.high_quality == 3 / 5
    # Two thirds and one third of the good samples.
    entropy = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))
    np.testing.assert_allclose(report.reverse_kl, np.log(25) - entropy)
    np.testing.assert_allclose(report.spread, np.sqrt((0 + 2 * 4 + 2.8**2) / 3 / 2), rtol=1e-6)


def test_all_on_one_mode_is_collapse_and_nowhere_is_nothing():
    ring = MIXTURES["ring"]
    collapsed = ring.report(scaled(ring, np.repeat([[1.0, 0.0]], 50, axis=0)))
    assert (collapsed.modes, collapsed.high_quality) == (1, 1.0)
    np.testing.assert_allclose(collapsed.reverse_kl, np.log(8))
    assert collapsed.spread < 1e-6
    nothing = ring.report(np.zeros((50, 2)))
    assert (nothing.modes, nothing.high_quality, nothing.reverse_kl) == (0, 0.0, np.inf)
    assert np.isnan(nothing.spread)


@every_mixture
def test_equal_shares_have_no_reverse_kl(name):
    mixture = MIXTURES[name]
    report = mixture.report(np.repeat(scaled(mixture, mixture.means), 3, axis=0))
    assert report.reverse_kl == pytest.approx(0, abs=1e-12)
    assert report.reverse_kl >= 0


@pytest.mark.parametrize("stddev", [0, -1.0, np.nan])
def test_modes_without_width_are_refused(stddev):
    message = re.escape(f"stddev must be a finite number > 0. Received: stddev={stddev}.")
    with pytest.raises(ValueError, match=message):
        toys.Mixture("points", np.ones((3, 2)), stddev)
    with pytest.raises(ValueError, match=message):
        toys.Gaussian(stddev=stddev)


@pytest.mark.parametrize("means", [np.zeros((0, 2)), np.zeros((2, 3)), [[0.0, np.inf]]])
def test_means_outside_the_plane_are_refused(means):
    with pytest.raises(ValueError, match=r"means must be .* with modes > 0\. Received: means="):
        toys.Mixture("nowhere", means, 1.0)


@pytest.mark.parametrize("samples", [np.zeros((5, 3)), np.zeros(5), np.zeros((0, 2))])
def test_samples_of_another_shape_are_refused(samples):
    message = f"Samples of the ring must have the shape (n, 2). Received: {samples.shape}."
    with pytest.raises(ValueError, match=re.escape(message)):
        MIXTURES["ring"].report(samples)


def test_samples_that_are_not_finite_are_refused():
    samples = np.zeros((5, 2))
    samples[3, 1] = np.nan
    message = "must be finite. Received: NaN or infinity, first in row 3. The training has diverged"
    with pytest.raises(ValueError, match=re.escape(message)):
        MIXTURES["grid"].report(samples)
