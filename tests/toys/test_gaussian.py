"""The Gaussian toy against closed forms: densities, the optimal discriminator, the value of it."""

import dataclasses
import json
import math
import re

import keras
import numpy as np
import pytest
from keras import layers

import kgan
from kgan import losses
from kgan import theory
from kgan import toys
from kgan.toys.gaussian import Gaussian
from kgan.toys.gaussian import density_of_generator

DATA = Gaussian()
GRID, STEP = np.linspace(-3, 7, 501), 0.02
LOSSES = [
    "non_saturating",
    "minimax",
    "least_squares",
    "least_squares_pearson",
    "wasserstein",
    "hinge",
    "relativistic_paired",
    "relativistic_average",
    *losses.FDivergence.divergences(),
]
# D = sigmoid(logit) for these.
WITH_PROBABILITIES = {"non_saturating", "minimax", "reverse_kl", "jensen_shannon", "gan"}
WITHOUT_OPTIMUM = {"wasserstein", "relativistic_average"}


def straight(slope, offset, inputs="inputs"):
    """The network slope * input + offset."""
    network = keras.Sequential([keras.Input((1,)), layers.Dense(1)], name=inputs)
    network.set_weights([np.array([[slope]]), np.array([offset])])
    return network


def make_gan(generator, discriminator=None, loss="non_saturating", **arguments):
    discriminator = discriminator or straight(0.0, 0.0, "discriminator")
    gan = kgan.GAN(generator, discriminator, latent_dim=1, **arguments)
    gan.compile("adam", "adam", loss=loss)
    return gan


def normal_cells(points, mean, stddev):
    """The mean density of a normal distribution in cells around points, tails included."""
    ends = (points[1:] + points[:-1]) / 2
    below = [0.5 * (1 + math.erf((end - mean) / stddev / math.sqrt(2))) for end in ends]
    return np.diff([0.0, *below, 1.0]) / (points[1] - points[0])


def refuses(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 2.0), (-0.5, 0.25), (3.0, -1.0)])
def test_a_straight_generator_has_a_normal_density(slope, offset):
    density = density_of_generator(make_gan(straight(slope, offset)), GRID)
    # Between latents 0.004 apart Phi bends by 0.004^2 / 8 max|phi'| at most, max|phi'| = 0.242, and
    # a float32 image below 32 is off by 2e-6 at most. A cell has two ends.
    off = 2 * (0.004**2 / 8 * 0.242 + 2e-6 * 0.4 / abs(slope)) / STEP
    expected = normal_cells(GRID, offset, abs(slope))
    np.testing.assert_allclose(density, expected, rtol=0, atol=off)
    assert density.sum() * STEP == pytest.approx(1, rel=1e-12)


def test_a_generator_that_folds_the_line_has_the_sum_of_both_sides():
    latents = keras.Input((1,))
    folded = keras.Model(latents, layers.Lambda(keras.ops.abs)(latents))
    points = np.linspace(-2.99, 2.99, 300)
    density = density_of_generator(make_gan(folded), points)
    halves = normal_cells(points, 0.0, 1.0)
    # The zero at which it folds is the end of a cell.
    expected = np.where(points > 0, halves + halves[::-1], 0.0)
    np.testing.assert_allclose(density, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("place", "cell"), [(1.004, 200), (100.0, 500), (-100.0, 0)])
def test_a_collapsed_generator_fills_one_cell_which_beyond_the_points_is_the_outermost(place, cell):
    density = density_of_generator(make_gan(straight(0.0, place)), GRID)
    np.testing.assert_allclose(density, np.eye(501)[cell] / STEP, rtol=1e-12)


def test_the_moving_average_is_what_is_measured():
    gan = make_gan(straight(0.0, 5.0), ema_halflife_images=1.0)
    gan.ema_generator.set_weights([np.zeros((1, 1)), np.ones(1)])
    assert density_of_generator(gan, GRID).argmax() == 200
    np.testing.assert_array_equal(DATA.report(gan, 0).images, 1.0)


def test_data_are_drawn_from_the_distribution():
    points = Gaussian(mean=-1.0, stddev=0.5).sample(100_000, seed=3)
    assert (points.shape, points.dtype) == ((100_000, 1), "float32")
    # Five standard errors.
    assert points.mean() == pytest.approx(-1, abs=5 * 0.5 / math.sqrt(1e5))
    assert points.std() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(2e5))
    np.testing.assert_array_equal(points[:3], Gaussian(-1.0, 0.5).sample(3, seed=3))


def test_the_grid_is_even_and_reaches_five_standard_deviations_to_either_side():
    np.testing.assert_allclose(Gaussian().grid(), GRID, atol=1e-12)
    np.testing.assert_allclose(Gaussian(mean=0.0, stddev=0.1).grid()[[0, 250, -1]], [-0.5, 0, 0.5])


@pytest.mark.parametrize("mean", [1.0, 3.0])
def test_the_analytic_optimum_reaches_the_criterion_of_the_generator(mean):
    # p = N(2, 1), q = N(mean, 1): log(p / q) = (2 - mean) x - (4 - mean^2) / 2
    optimum = straight(2 - mean, -(4 - mean**2) / 2)
    report = DATA.report(make_gan(straight(1.0, mean), optimum), step=7)
    numbers = report.numbers
    # The mean of q over a cell is q (1 + STEP^2 / 24 (u^2 - 1)), |u| < 6, and dD <= dlogit / 4;
    # the outermost cells hold the tails as well.
    inner = slice(1, -1)
    np.testing.assert_allclose(
        report.discriminator[inner], report.optimal_discriminator[inner], rtol=0, atol=1.5e-4
    )
    p = theory.normal_density(GRID, mean=2.0)
    q = report.generator_density
    np.testing.assert_allclose(report.data_density, p, rtol=1e-9)
    np.testing.assert_array_equal(report.x, DATA.grid())
    best = theory.value_function(theory.optimal_discriminator(p, q), p, q, dx=STEP)
    # No D is better than the best; this one is off only beyond the grid, with 3e-5 of the fakes.
    assert 0 <= best - numbers.value < 1e-4
    criterion = theory.generator_criterion(p, q, dx=STEP)
    assert numbers.value == pytest.approx(criterion, rel=0, abs=1e-4)
    assert numbers.jensen_shannon == pytest.approx(theory.jensen_shannon(p, q, dx=STEP), abs=1e-9)
    assert numbers.lower_bound == pytest.approx((numbers.value + math.log(4)) / 2, abs=1e-12)
    sigmoid = 1 / (1 + np.exp(-((2 - mean) * GRID - (4 - mean**2) / 2)))
    assert numbers.mean_real == pytest.approx(np.sum(p * sigmoid) * STEP, abs=1e-6)
    assert numbers.mean_fake == pytest.approx(np.sum(q * sigmoid) * STEP, abs=1e-6)
    # Largest at one end of the central 99 %, 2 -+ 2.5758, to within a cell.
    logit = abs((2 - mean) * (2.0 + math.copysign(2.5758, 2 - mean)) - (4 - mean**2) / 2)
    assert numbers.largest_gap == pytest.approx(1 / (1 + math.exp(-logit)) - 0.5, abs=STEP / 4)
    assert (numbers.step, numbers.equilibrium) == (7, 0.5)


def test_at_the_equilibrium_the_value_is_minus_log_4():
    numbers = DATA.report(make_gan(straight(1.0, 2.0)), step=0).numbers
    # One in two million lies beyond the grid.
    assert numbers.value == pytest.approx(-math.log(4), abs=1e-6)
    assert numbers.lower_bound == pytest.approx(0, abs=1e-6)
    assert numbers.jensen_shannon == pytest.approx(0, abs=1e-6)
    assert (numbers.mean_real, numbers.mean_fake) == pytest.approx((0.5, 0.5), abs=1e-6)
    assert numbers.largest_gap == 0


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_report(name):
    report = DATA.report(make_gan(straight(1.0, 2.0), straight(0.5, -1.0), loss=name), step=0)
    numbers = report.numbers
    assert (numbers.value is not None) == (name in WITH_PROBABILITIES)
    assert (numbers.lower_bound is None) == (numbers.value is None)
    known = name not in WITHOUT_OPTIMUM
    assert (report.optimal_discriminator is not None) == known
    assert (numbers.equilibrium is not None) == (numbers.largest_gap is not None) == known
    if known and name not in ("hinge", "total_variation"):
        # q = p but for the mean over cells and rounding; those two ask for the sign of p - q.
        central = np.abs(GRID - 2) < 2.5
        optimum = report.optimal_discriminator[central]
        np.testing.assert_allclose(optimum, numbers.equilibrium, rtol=0, atol=5e-3)
    json.dumps(dataclasses.asdict(numbers), allow_nan=False)


def test_smoothed_targets_lower_the_equilibrium():
    loss = losses.NonSaturating(label_smoothing=0.1)
    numbers = DATA.report(make_gan(straight(1.0, 2.0), loss=loss), step=0).numbers
    # D* = 0.9 p / (p + q) = 0.45, and this D is 1/2 everywhere.
    assert numbers.equilibrium == pytest.approx(0.45, rel=1e-12)
    assert numbers.largest_gap == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize("name", ["relativistic_paired", "relativistic_average"])
def test_a_constant_that_a_relativistic_loss_does_not_see_is_not_shown(name):
    generator = straight(1.0, 0.0)
    near, far = (
        DATA.report(make_gan(generator, straight(0.5, offset), loss=name), step=0)
        for offset in (0.0, 64.0)
    )
    # float32 logits near 64 have steps of 8e-6.
    np.testing.assert_allclose(near.discriminator, far.discriminator, rtol=0, atol=2e-5)
    assert near.numbers.mean_real == pytest.approx(-near.numbers.mean_fake, abs=1e-5)
    # Means 2 and 0, slope 1/2: the difference of the means is 1.
    assert near.numbers.mean_real == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("loss", "optimum"), [("non_saturating", 1.0), ("least_squares", 1.0)])
def test_where_there_are_no_fakes_the_best_discriminator_is_sure(loss, optimum):
    report = DATA.report(make_gan(straight(0.0, 0.0), loss=loss), step=0)
    elsewhere = report.generator_density == 0
    assert elsewhere.sum() == 500
    np.testing.assert_allclose(report.optimal_discriminator[elsewhere], optimum, rtol=1e-12)


def test_a_discriminator_that_is_sure_and_wrong_has_a_finite_value():
    # In float64 log(1 - D) of a rounded D is -53 log 2 at the least.
    numbers = DATA.report(make_gan(straight(1.0, 2.0), straight(0.0, 1e4)), step=0).numbers
    assert numbers.value == pytest.approx(-53 * math.log(2), rel=1e-3)


def test_arrows_begin_at_equal_shares_of_probability():
    report = DATA.report(make_gan(straight(-3.0, 1.0)), step=0)
    shares = [0.5 * (1 + math.erf(latent / math.sqrt(2))) for latent in report.latents]
    np.testing.assert_allclose(shares, (np.arange(15) + 0.5) / 15, rtol=1e-12)
    np.testing.assert_allclose(report.images, 1 - 3 * report.latents, rtol=1e-5)


def test_a_look_leaves_training_as_it_is():
    gan = make_gan(straight(1.0, 0.0), seed=0, ema_halflife_images=10.0)
    before = [np.array(variable) for variable in gan.variables + gan.optimizer.variables]
    DATA.report(gan, step=0)
    after = [np.array(variable) for variable in gan.variables + gan.optimizer.variables]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_gan_of_the_plane_is_refused():
    latents, points = keras.Input((2,)), keras.Input((2,))
    gan = kgan.GAN(
        keras.Model(latents, layers.Dense(2)(latents)),
        keras.Model(points, layers.Dense(1)(points)),
        latent_dim=2,
    )
    gan.compile("adam", "adam")
    message = (
        "The Gaussian toy is one-dimensional. Expected: latents (batch, 1), points (batch, 1) and "
        "no classes. Received: latent_dim=2, points of shape (2,) and num_classes=None."
    )
    with refuses(message):
        DATA.report(gan, step=0)


@pytest.mark.parametrize("broken", ["generator", "discriminator"])
def test_a_training_that_has_diverged_is_named(broken):
    networks = {"generator": straight(1.0, 0.0, "generator")}
    networks["discriminator"] = straight(1.0, 0.0, "discriminator")
    networks[broken].set_weights([np.array([[math.nan]]), np.zeros(1)])
    first = {"generator": "-6", "discriminator": "-3"}[broken]
    message = (
        f"The answers of '{broken}' must be finite. Received: NaN or infinity, first for the input "
        f"{first}. The training has diverged: lower the learning rates."
    )
    with refuses(message):
        DATA.report(make_gan(**networks), step=0)


@pytest.mark.slow
def test_the_preset_holds_its_target_for_several_seeds():
    settings = toys.PRESETS["gaussian"]
    trainer = toys.ToyTrainer(
        lambda seed: toys.build_gan(settings, 1, seed),
        DATA.sample(100_000, seed=0),
        batch_size=settings.batch_size,
    )
    for seed in range(3):
        trainer.restart(seed)
        trainer.advance(settings.steps)
        numbers = DATA.report(trainer.gan, settings.steps).numbers
        assert numbers.largest_gap < 0.05
        assert numbers.jensen_shannon < 0.01
        assert numbers.value == pytest.approx(-math.log(4), abs=0.01)
