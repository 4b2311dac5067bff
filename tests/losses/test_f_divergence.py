"""The f-GAN table: every column against the definition of an f-divergence."""

import re

import numpy as np
import pytest
import tensorflow as tf

from kgan import losses

# The generator function f of each row: the one thing from which all others follow.
FUNCTIONS = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson_chi_square": lambda u: (u - 1) ** 2,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    "gan": lambda u: u * np.log(u) - (u + 1) * np.log(u + 1),
    "total_variation": lambda u: np.abs(u - 1) / 2,
}
# Two pairs of distributions and their divergences, computed by hand from their definitions.
A = (np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.25, 0.25, 0.25, 0.25]))
B = (np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5]))
DIVERGENCES = {
    "kl": (0.106440, 0.634897),
    "reverse_kl": (0.121777, 0.675806),
    "pearson_chi_square": (0.2, 1.603333),
    "squared_hellinger": (0.056381, 0.314557),
    "jensen_shannon": (0.055731, 0.302716),
    "gan": (-1.330563, -1.083578),
    "total_variation": (0.2, 0.5),
}
every_row = pytest.mark.parametrize("name", FUNCTIONS)


def tensor(values):
    return tf.constant(values, "float64")


def test_the_table_has_the_rows_of_the_paper():
    assert losses.FDivergence.divergences() == list(FUNCTIONS)


@every_row
def test_the_conjugate_is_the_supremum_over_ratios(name):
    loss = losses.FDivergence(name)
    # Logits whose supremum lies inside the ratios that are tried.
    values = loss.activation(tensor([-1.5, -0.4, 0.0, 0.3, 0.8]))
    ratios = np.linspace(1e-6, 60.0, 2_000_001)
    function = FUNCTIONS[name](ratios)
    supremum = [np.max(ratios * value - function) for value in values.numpy()]
    # The spacing of 3e-5 of the ratios costs its square, 1e-9, times f''; at u = 0, itself.
    np.testing.assert_allclose(loss.conjugate(values), supremum, atol=4e-5)


@every_row
def test_the_short_form_equals_conjugate_of_activation(name):
    loss = losses.FDivergence(name)
    logits = tensor(np.linspace(-4.0, 4.0, 41))
    np.testing.assert_allclose(
        loss.generator_loss(None, logits),
        -loss.conjugate(loss.activation(logits)).numpy(),
        atol=1e-12,
    )


@every_row
def test_activations_rise_with_the_logit(name):
    values = losses.FDivergence(name).activation(tensor(np.linspace(-10.0, 10.0, 201)))
    assert (np.diff(values) > 0).all()


@every_row
@pytest.mark.parametrize("ratio", [0.3, 0.8, 1.5, 4.0])
def test_the_optimum_is_where_the_activation_is_the_slope_of_f(name, ratio):
    loss, step = losses.FDivergence(name), 1e-6
    slope = (FUNCTIONS[name](ratio + step) - FUNCTIONS[name](ratio - step)) / (2 * step)
    activation = loss.activation(tensor(loss.optimal_logits(ratio)))
    np.testing.assert_allclose(activation, slope, atol=1e-8)


@every_row
@pytest.mark.parametrize("pair", [0, 1])
def test_the_bound_is_the_divergence_at_the_optimum_and_below_it_elsewhere(name, pair):
    loss = losses.FDivergence(name)
    p, q = (A, B)[pair]

    def bound(logits):
        values = loss.activation(tensor(logits)).numpy()
        return p @ values - q @ loss.conjugate(tensor(values)).numpy()

    best = loss.optimal_logits(p / q)
    divergence = q @ FUNCTIONS[name](p / q)
    np.testing.assert_allclose(divergence, DIVERGENCES[name][pair], atol=1e-6)
    np.testing.assert_allclose(bound(best), divergence, atol=1e-9)
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert bound(np.clip(best, -9, 9) + rng.normal(size=p.size)) <= divergence + 1e-12


@every_row
def test_the_threshold_is_the_optimum_where_the_densities_are_equal(name):
    loss = losses.FDivergence(name)
    assert loss.threshold == loss.optimal_logits(1.0)
    assert loss.threshold == (1.0 if name == "kl" else 0.0)


def test_gan_is_the_value_function_of_2014():
    real, fake = tensor([1.0, -0.5]), tensor([0.5, -2.0])
    gan, goodfellow = losses.FDivergence("gan"), losses.NonSaturating()
    np.testing.assert_allclose(
        gan.discriminator_loss(real, fake), goodfellow.discriminator_loss(real, fake)
    )
    np.testing.assert_allclose(
        gan.generator_loss(None, fake), losses.Minimax().generator_loss(None, fake)
    )
    np.testing.assert_allclose(
        losses.FDivergence("gan", non_saturating=True).generator_loss(None, fake),
        goodfellow.generator_loss(None, fake),
    )


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "squared_hellinger"])
def test_where_exp_is_cut_it_goes_on_as_its_tangent(name):
    loss = losses.FDivergence(name)
    sign = -1.0 if name == "reverse_kl" else 1.0
    logits = tensor([sign * 30.0, sign * 31.0, sign * 32.0])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        real, fake = (logits, logits * 0) if name == "reverse_kl" else (logits * 0, logits)
        value = loss.discriminator_loss(real, fake)
    gradient = tape.gradient(value, logits).numpy()
    # The slope of exp at 20, with the sign of the exponent's.
    np.testing.assert_allclose(gradient, sign * np.exp(20.0), rtol=1e-12)


def test_an_unknown_divergence_is_refused():
    message = (
        "Unknown f-divergence. Expected one of ['kl', 'reverse_kl', 'pearson_chi_square', "
        "'squared_hellinger', 'jensen_shannon', 'gan', 'total_variation']. Received: 'kll'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        losses.FDivergence("kll")
    with pytest.raises(ValueError, match=re.escape("Received: ['kl'].")):
        losses.FDivergence(["kl"])
