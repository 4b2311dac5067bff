"""Saturation against closed forms: fakes at one place, a straight discriminator."""

import json
import re

import keras
import numpy as np
import pytest
from keras import layers

import kgan
from kgan import losses
from kgan.toys import saturation
from kgan.toys.gaussian import Gaussian
from kgan.toys.saturation import measure_saturation

# The discriminator SLOPE x + OFFSET sees reals and fakes at these places.
SLOPE, OFFSET, REAL, FAKE = 0.5, -0.5, 2.0, -2.0
RATE = 0.01


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def softplus(logits):
    return np.log1p(np.exp(logits))


def make_gan(**arguments):
    """Whatever the latents, fakes are at FAKE, and only the bias there has a gradient."""
    latents, points = keras.Input((1,)), keras.Input((1,))
    place = layers.Dense(1, name="place")
    generator = keras.Model(latents, place(layers.Rescaling(0.0)(latents)))
    judge = layers.Dense(1)
    discriminator = keras.Model(points, judge(points))
    place.set_weights([np.ones((1, 1)), np.array([FAKE])])
    judge.set_weights([np.array([[SLOPE]]), np.array([OFFSET])])
    return kgan.GAN(generator, discriminator, latent_dim=1, **arguments)


@pytest.fixture(scope="module")
def gan():
    gan = make_gan(seed=3)
    gan.compile("adam", "adam")
    return gan


@pytest.fixture(scope="module")
def before(gan):
    return [np.array(variable) for variable in gan.variables]


@pytest.fixture(scope="module")
def report(gan, before):
    points = np.full((2000, 1), REAL)
    return measure_saturation(gan, points, steps=2000, moments=6, learning_rate=RATE)


def at(report, moment):
    return {
        name: (curve.gradient_norm[moment], curve.fake_score[moment], curve.error[moment])
        for name, curve in report.curves.items()
    }


def expected(slope, offset, square_slope, square_offset):
    """Norms, scores and errors for a discriminator of cross-entropy and one of least squares."""
    fake, real = sigmoid(slope * FAKE + offset), sigmoid(slope * REAL + offset)
    error = (1 - real + fake) / 2
    fake_code = square_slope * FAKE + square_offset
    real_code = square_slope * REAL + square_offset
    return {
        # By the logit: d(-softplus(f)) = -sigmoid(f), d softplus(-f) = -(1 - sigmoid(f)), f - 1.
        "minimax": (abs(slope) * fake, fake, error),
        "non_saturating": (abs(slope) * (1 - fake), fake, error),
        "least_squares": (
            abs(square_slope) * abs(fake_code - 1),
            fake_code,
            (abs(1 - real_code) + abs(fake_code)) / 2,
        ),
    }


def assert_close(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)


def test_before_training_the_norms_are_those_of_the_given_discriminator(report):
    assert report.steps[0] == 0
    assert_close(at(report, 0), expected(SLOPE, OFFSET, SLOPE, OFFSET))


def test_the_discriminators_take_steps_of_adam_on_their_own_losses(report):
    assert report.steps[1] == 1
    # The first step of Adam goes by the learning rate against the sign of the gradient.
    real, fake = SLOPE * REAL + OFFSET, SLOPE * FAKE + OFFSET
    by_real, by_fake = sigmoid(real) - 1, sigmoid(fake)
    gradient = np.array([by_real * REAL + by_fake * FAKE, by_real + by_fake])
    squares = np.array([(real - 1) * REAL + fake * FAKE, real - 1 + fake])
    first = np.array([SLOPE, OFFSET]) - RATE * np.sign(gradient)
    second = np.array([SLOPE, OFFSET]) - RATE * np.sign(squares)
    assert first[0] != second[0]
    assert_close(at(report, 1), expected(*first, *second))


def test_the_losses_are_those_of_the_discriminators(report):
    real, fake = SLOPE * REAL + OFFSET, SLOPE * FAKE + OFFSET
    entropy = softplus(-real) + softplus(fake)
    wanted = {
        "minimax": entropy,
        "non_saturating": entropy,
        "least_squares": 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
    }
    for name, loss in wanted.items():
        assert report.curves[name].d_loss[0] == pytest.approx(loss, rel=1e-6)


def test_minimax_is_to_non_saturating_as_d_to_one_minus_d(report):
    minimax, other = report.curves["minimax"], report.curves["non_saturating"]
    for quantity in ("fake_score", "error", "d_loss"):
        np.testing.assert_array_equal(getattr(minimax, quantity), getattr(other, quantity))
    odds = minimax.fake_score / (1 - minimax.fake_score)
    np.testing.assert_allclose(minimax.gradient_norm / other.gradient_norm, odds, rtol=1e-5)


def test_moments_are_even_in_the_logarithm_from_the_beginning_to_the_end(report):
    # 2000^(i / 5) for i = 0...5, and the beginning.
    np.testing.assert_array_equal(report.steps, [0, 1, 5, 21, 96, 437, 2000])
    for curve in report.curves.values():
        assert {values.shape for values in vars(curve).values()} == {(7,)}
        assert {values.dtype for values in vars(curve).values()} == {np.dtype("float64")}


def test_the_numbers_are_json(report):
    numbers = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert numbers["steps"] == report.steps.tolist()
    minimax = numbers["curves"]["minimax"]
    assert minimax["gradient_norm"] == report.curves["minimax"].gradient_norm.tolist()
    assert list(minimax) == ["gradient_norm", "fake_score", "error", "d_loss"]


@pytest.mark.slow
def test_a_measurement_repeats_itself():
    points = Gaussian(mean=6.0).sample(500, seed=0)
    first, again = (measure_saturation(make_gan(), points, steps=30, seed=5) for _ in range(2))
    assert first.as_dict() == again.as_dict()


def test_minimax_saturates_where_the_discriminator_becomes_certain(report):
    minimax, other = report.curves["minimax"], report.curves["non_saturating"]
    assert minimax.error[-1] < 0.1 * minimax.error[0]
    assert minimax.gradient_norm[-1] < 0.1 * minimax.gradient_norm[0]
    assert other.gradient_norm[-1] > other.gradient_norm[0]


def test_the_gan_is_left_as_it_is(gan, before, report):
    for variable, value in zip(gan.variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)


def test_the_norm_is_over_all_weights_and_does_not_underflow():
    latents = keras.Input((1,))
    generator = keras.Model(latents, layers.Dense(1)(latents))
    generator.set_weights([np.zeros((1, 1)), np.array([-120.0])])
    drawn = np.array([[0.0], [1.5]], "float32")
    real = np.full((2, 1), REAL, "float32")
    reading = saturation._reading(
        generator, make_gan().discriminator, losses.Minimax(), real, drawn
    )
    # By kernel and bias: slope D (mean z, 1).
    by_bias = SLOPE * sigmoid(SLOPE * -120.0 + OFFSET)
    assert by_bias < 1e-25
    np.testing.assert_allclose(float(reading[0]), by_bias * np.hypot(0.75, 1), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be a positive integer. Received: steps=0."),
        ({"moments": 0.5}, "moments must be a positive integer. Received: moments=0.5."),
    ],
)
def test_numbers_that_are_no_counts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure_saturation(make_gan(), np.ones((4, 1)), **arguments)


def test_a_gan_with_labels_is_refused():
    gan = kgan.GAN(
        kgan.models.small_mlp_generator((2, 2, 1), 3, width=4, num_classes=2),
        kgan.models.small_mlp_discriminator((2, 2, 1), width=4, num_classes=2),
        latent_dim=3,
        num_classes=2,
    )
    message = (
        "Saturation is measured without labels. Expected: a GAN with num_classes=None. "
        "Received: num_classes=2."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure_saturation(gan, np.ones((4, 2, 2, 1)))
