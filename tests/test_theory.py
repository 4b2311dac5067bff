"""The theory held to hand-worked numbers, closed forms, its theorems and a trained network."""

import itertools
import math
import re

import keras
import numpy as np
import pytest

from kgan import losses
from kgan import theory

STEP = 0.01
X = np.linspace(-20, 20, 4001)

A = (np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.25, 0.25, 0.25, 0.25]))
B = (np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5]))


def normals(parts):
    """The density of a mixture of normals on X; parts: (weight, mean, stddev) of each."""
    return sum(w * theory.normal_density(X, mean=mean, stddev=s) for w, mean, s in parts)


ONE, WIDE = [(1.0, 0.0, 1.0)], [(1.0, 1.0, 1.5)]
PEAKS, HUMP = [(0.5, -1.5, 0.5), (0.5, 1.5, 0.5)], [(1.0, 0.0, 1.5)]
# name: (p, q, dx)
PAIRS = {
    "A": (*A, 1.0),
    "B": (*B, 1.0),
    "normals": (normals(ONE), normals(WIDE), STEP),
    # So far apart that p / (p + q) rounds to 1 where q is positive.
    "far_normals": (normals([(1.0, -4.0, 1.0)]), normals([(1.0, 4.0, 1.0)]), STEP),
    "mixture": (normals(PEAKS), normals(HUMP), STEP),
}
every_pair = pytest.mark.parametrize(("p", "q", "dx"), PAIRS.values(), ids=PAIRS)

# name: (function, greatest value, symmetric)
DIVERGENCES = {
    "kl": (theory.kl, math.inf, False),
    "reverse_kl": (theory.reverse_kl, math.inf, False),
    "jensen_shannon": (theory.jensen_shannon, math.log(2), True),
    "total_variation": (theory.total_variation, 1.0, True),
    "pearson_chi_square": (theory.pearson_chi_square, math.inf, False),
    "squared_hellinger": (theory.squared_hellinger, 2.0, True),
    "triangular_discrimination": (theory.triangular_discrimination, 2.0, True),
}
every_divergence = pytest.mark.parametrize(
    ("divergence", "greatest", "symmetric"), DIVERGENCES.values(), ids=DIVERGENCES
)


def sigmoid(logits):
    """Never 0 or 1 by rounding, since the value function would be infinite there."""
    return np.clip(1 / (1 + np.exp(-logits)), 1e-300, 1 - 2.0**-53)


def random_pairs(count=20, size=12, concentration=0.5):
    """Pairs of random distributions, from nearly even to nearly all in one point."""
    rng = np.random.default_rng(0)
    return [rng.dirichlet(np.full(size, concentration), 2) for _ in range(count)]


def refuses(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        (*A, (0.106440, 0.121777, 0.027866, 0.2, 0.2, 0.056381, 0.109002, 0.6, -1.330563)),
        (*B, (0.634897, 0.675806, 0.151358, 0.5, 1.603333, 0.314557, 0.564444, 0.75, -1.083578)),
    ],
    ids=["A", "B"],
)
def test_two_pairs_have_the_divergences_worked_by_hand(p, q, expected):
    functions = [divergence for divergence, _, _ in DIVERGENCES.values()]
    values = [f(p, q) for f in (*functions, theory.best_accuracy, theory.generator_criterion)]
    # The hand-worked numbers have six digits after the point.
    np.testing.assert_allclose(values, expected, rtol=0, atol=5.1e-7)
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize(
    ("distance", "p_stddev", "q_stddev"), [(0.0, 1.0, 2.0), (1.0, 1.0, 1.0), (-2.5, 1.5, 0.75)]
)
def test_normals_have_the_closed_forms(distance, p_stddev, q_stddev):
    p = theory.normal_density(X, stddev=p_stddev)
    q = theory.normal_density(X, mean=distance, stddev=q_stddev)
    kl = math.log(q_stddev / p_stddev) - 0.5
    kl += (p_stddev**2 + distance**2) / (2 * q_stddev**2)
    # On a smooth integrand that has died out at both ends the sum is exact up to rounding.
    assert theory.kl(p, q, dx=STEP) == pytest.approx(kl, rel=1e-12)
    squares = p_stddev**2 + q_stddev**2
    overlap = math.sqrt(2 * p_stddev * q_stddev / squares) * math.exp(-(distance**2) / 4 / squares)
    assert theory.squared_hellinger(p, q, dx=STEP) == pytest.approx(2 - 2 * overlap, rel=1e-12)


@pytest.mark.parametrize(("distance", "stddev"), [(0.5, 1.0), (2.0, 1.0), (3.0, 2.0)])
def test_normals_of_one_width_have_the_closed_forms(distance, stddev):
    p = theory.normal_density(X, stddev=stddev)
    q = theory.normal_density(X, mean=distance, stddev=stddev)
    chi_square = math.expm1((distance / stddev) ** 2)
    assert theory.pearson_chi_square(p, q, dx=STEP) == pytest.approx(chi_square, rel=1e-12)
    # 2 Phi(d / 2s) - 1 = erf(d / (2 sqrt(2) s)). |p - q| has a kink where p = q: the sum errs by at
    # most slope step^2 / 12 there, the slope of p - q being d / s^2 p(d / 2).
    tolerance = distance / stddev**2 / (stddev * math.sqrt(2 * math.pi)) * STEP**2 / 12
    assert theory.total_variation(p, q, dx=STEP) == pytest.approx(
        math.erf(distance / (2 * math.sqrt(2) * stddev)), rel=0, abs=tolerance
    )


@pytest.mark.parametrize("place", [1, 2, 9])
def test_at_any_distance_disjoint_masses_have_the_greatest_divergence(place):
    p, q = np.eye(10)[0], np.eye(10)[place]
    for name, (divergence, greatest, _) in DIVERGENCES.items():
        assert divergence(p, q) == pytest.approx(greatest, rel=1e-15), name
    assert theory.generator_criterion(p, q) == pytest.approx(0, abs=1e-15)
    assert theory.value_function(theory.optimal_discriminator(p, q), p, q) == 0
    assert theory.best_accuracy(p, q) == 1


@every_divergence
def test_a_divergence_is_zero_at_equality_and_positive_elsewhere(divergence, greatest, symmetric):
    for p, q in random_pairs():
        assert divergence(p, p) == 0
        assert 0 < divergence(p, q) <= greatest


def test_no_rounding_makes_a_jensen_shannon_divergence_negative():
    for p, q in random_pairs():
        for share in (1e-8, 1e-10, 1e-12):
            assert theory.jensen_shannon(p, p + share * (q - p)) >= 0


@every_divergence
def test_only_the_symmetric_divergences_are(divergence, greatest, symmetric):
    for p, q in random_pairs(5):
        assert (divergence(p, q) == pytest.approx(divergence(q, p), rel=1e-12)) == symmetric


@every_divergence
def test_merging_cells_never_increases_a_divergence(divergence, greatest, symmetric):
    for p, q in random_pairs():
        merged = p.reshape(4, 3).sum(axis=1), q.reshape(4, 3).sum(axis=1)
        assert divergence(*merged) <= divergence(p, q)


@every_divergence
def test_a_divergence_is_convex_in_both_densities(divergence, greatest, symmetric):
    for one, other in itertools.pairwise(random_pairs()):
        for start in (one, one[[0, 0]]):
            mean = 0.3 * divergence(*start) + 0.7 * divergence(*other)
            # Equal but for rounding where total variation is linear.
            assert divergence(*(0.3 * start + 0.7 * other)) <= mean + 1e-12


@every_divergence
def test_even_and_uneven_grids_of_any_shape_agree(divergence, greatest, symmetric):
    p, q = A
    split = np.array([1.0, 2.0, 3.0, 10.0])
    expected = pytest.approx(divergence(p, q), rel=1e-12)
    # Each probability as a density on a cell of another width, and on two halves of a square.
    assert divergence(p / split, q / split, dx=split) == expected
    assert divergence(np.stack([p, p]), np.stack([q, q]), dx=0.5) == expected


def test_divergences_keep_the_known_order():
    for p, q in random_pairs():
        variation, hellinger = theory.total_variation(p, q), theory.squared_hellinger(p, q)
        kl, chi_square = theory.kl(p, q), theory.pearson_chi_square(p, q)
        assert 2 * variation**2 <= kl <= math.log1p(chi_square)
        assert hellinger / 2 <= variation <= math.sqrt(hellinger - hellinger**2 / 4)
        assert theory.jensen_shannon(p, q) <= math.log(2) * variation
        assert theory.reverse_kl(p, q) == theory.kl(q, p)


def test_points_without_mass_carry_no_weight_and_missed_mass_is_infinite():
    p, q = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.25, 0.25, 0.5, 0.0])
    assert theory.kl(p, q) == pytest.approx(math.log(2))
    assert theory.pearson_chi_square(p, q) == pytest.approx(2 * 0.25 + 0.5)
    assert theory.reverse_kl(p, q) == math.inf
    assert theory.pearson_chi_square(q, p) == math.inf


def test_densities_too_small_for_float64_do_no_harm():
    least = np.finfo("float64").smallest_subnormal
    p, q = np.array([1.0, least, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, least])
    assert theory.jensen_shannon(p, q) == pytest.approx(math.log(2))
    assert theory.triangular_discrimination(p, q) == pytest.approx(2.0)
    # (p - q)^2 is 0 there, (p - q)^2 / q is not.
    assert theory.pearson_chi_square([1.0, 1e-200], [1.0, 0.0]) == math.inf
    # The quotients are 0 and 1, the optimal discriminator is neither.
    p, q, dx = np.array([1.0, least]), np.array([least, 1e5]), np.array([1.0, 1e-5])
    optimum = theory.optimal_discriminator(p, q)
    assert theory.value_function(optimum, p, q, dx=dx) == pytest.approx(0)


def test_a_density_has_no_upper_bound_and_integrates_to_one():
    density = theory.normal_density(X, mean=1.0, stddev=0.1)
    assert density.max() == pytest.approx(10 / math.sqrt(2 * math.pi))
    assert np.sum(density) * STEP == pytest.approx(1, rel=1e-12)
    assert np.sum(density * (X - 1) ** 2) * STEP == pytest.approx(0.01, rel=1e-12)


def test_the_value_of_any_discriminator_is_the_sum_worked_by_hand():
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    value = 0.5 * math.log(0.8) + 0.5 * math.log(0.4) + 0.25 * math.log(0.2) + 0.75 * math.log(0.6)
    assert theory.value_function([0.8, 0.4], p, q) == pytest.approx(value, rel=1e-14)


def test_a_discriminator_that_is_certain_and_wrong_costs_infinity():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 1.0, 0.0])
    assert theory.value_function([1.0, 0.5, np.nan], p, q) == pytest.approx(1.5 * math.log(0.5))
    assert theory.value_function([0.0, 0.5, np.nan], p, q) == -math.inf
    assert theory.value_function([1.0, 1.0, np.nan], p, q) == -math.inf


def test_the_optimal_discriminator_is_undefined_only_where_there_is_nothing():
    p, q = [0.25, 0.75, 0.0, 0.0], [0.75, 0.0, 0.25, 0.0]
    optimum = theory.optimal_discriminator(p, q)
    np.testing.assert_array_equal(optimum, [0.25, 1.0, 0.0, np.nan])
    optimum = theory.least_squares_optimum(p, q, a=-1.0, b=3.0)
    np.testing.assert_array_equal(optimum, [0.0, 3.0, -1.0, np.nan])


@every_pair
def test_no_other_discriminator_exceeds_the_optimal_one(p, q, dx):
    rng = np.random.default_rng(0)
    optimum = theory.optimal_discriminator(p, q)
    best = theory.value_function(optimum, p, q, dx=dx)
    for scale in (1e-3, 0.01, 0.1, 1.0, 10.0):
        for _ in range(10):
            change = scale * rng.normal(size=p.shape)
            other = sigmoid(np.log(p) - np.log(q) + change)
            lost = best - theory.value_function(other, p, q, dx=dx)
            assert lost > 0
            if scale == 1e-3:
                # No first-order term; the second, by the logit, is (p + q) D* (1 - D*) / 2.
                second = np.sum(p * q / (p + q) * change**2 * dx) / 2
                assert lost == pytest.approx(second, rel=0.01)


@pytest.mark.parametrize(("p", "q"), [A, B], ids=["A", "B"])
def test_the_gradient_of_the_value_vanishes_at_the_optimum_alone(p, q):
    def gradient(discriminator):
        steps = 1e-5 * np.eye(p.size)
        values = [
            [theory.value_function(discriminator + sign * step, p, q) for step in steps]
            for sign in (1, -1)
        ]
        return np.subtract(*values) / 2e-5

    # Central differences err by step^2 / 6 times a third derivative below 1000.
    optimum = theory.optimal_discriminator(p, q)
    np.testing.assert_allclose(gradient(optimum), np.zeros(p.size), atol=1e-7)
    other = np.full(p.size, 0.4)
    np.testing.assert_allclose(gradient(other), p / other - q / (1 - other), atol=1e-7)


def test_the_value_is_concave_in_the_discriminator_and_linear_in_the_generator():
    for (p, q), (one, other) in itertools.pairwise(random_pairs()):
        mixed = theory.value_function(0.3 * one + 0.7 * other, p, q)
        assert mixed > 0.3 * theory.value_function(one, p, q) + 0.7 * theory.value_function(
            other, p, q
        )
        mixed = theory.value_function(p, one, 0.3 * q + 0.7 * other)
        assert mixed == pytest.approx(
            0.3 * theory.value_function(p, one, q) + 0.7 * theory.value_function(p, one, other)
        )


@every_pair
def test_the_generators_criterion_is_the_value_at_the_optimal_discriminator(p, q, dx):
    value = theory.value_function(theory.optimal_discriminator(p, q), p, q, dx=dx)
    mean = (p + q) / 2
    equation_5 = -math.log(4) + theory.kl(p, mean, dx=dx) + theory.kl(q, mean, dx=dx)
    assert theory.generator_criterion(p, q, dx=dx) == pytest.approx(value, rel=0, abs=1e-12)
    assert theory.generator_criterion(p, q, dx=dx) == pytest.approx(equation_5, rel=0, abs=1e-12)


def test_the_criterion_is_least_exactly_where_the_generator_is_the_data():
    for p, q in random_pairs():
        criteria = [theory.generator_criterion(p, (1 - t) * p + t * q) for t in (0, 1e-3, 0.1, 1)]
        assert criteria[0] == -math.log(4)
        assert np.all(np.diff(criteria) > 0)
        np.testing.assert_array_equal(theory.optimal_discriminator(p, p), np.full(p.size, 0.5))


def test_every_discriminator_proves_a_lower_bound_of_the_jensen_shannon_divergence():
    rng = np.random.default_rng(1)
    for p, q in random_pairs():
        value = theory.value_function(rng.uniform(size=p.size), p, q)
        assert theory.jensen_shannon_lower_bound(value) < theory.jensen_shannon(p, q)
        value = theory.value_function(theory.optimal_discriminator(p, q), p, q)
        assert theory.jensen_shannon_lower_bound(value) == pytest.approx(
            theory.jensen_shannon(p, q), rel=1e-12
        )


def test_a_conditional_criterion_averages_the_divergences_of_the_classes():
    shares, (p, q), (p2, q2) = np.array([0.2, 0.8]), *random_pairs(2)
    joint = np.outer(shares, np.ones(12)) * [p, p2], np.outer(shares, np.ones(12)) * [q, q2]
    mean = 0.2 * theory.jensen_shannon(p, q) + 0.8 * theory.jensen_shannon(p2, q2)
    assert theory.generator_criterion(*joint) == pytest.approx(2 * mean - math.log(4))


def test_no_classifier_is_more_often_right_than_the_optimal_discriminator():
    rng = np.random.default_rng(1)
    for p, q in random_pairs():
        called_real = [theory.optimal_discriminator(p, q) > 0.5, *(rng.random((50, p.size)) > 0.5)]
        right = [(np.sum(p * real) + np.sum(q * ~real)) / 2 for real in called_real]
        assert theory.best_accuracy(p, q) == pytest.approx(right[0])
        assert max(right) == right[0]


def expected_losses(loss, logits, p, q):
    """Both players' losses, in expectation over reals from p and fakes from q."""
    grids = np.meshgrid(logits, logits, indexing="ij")
    real, fake = (keras.ops.convert_to_tensor(grid, "float64") for grid in grids)
    both = loss.discriminator_loss(real, fake), loss.generator_loss(real, fake)
    return tuple(np.sum(np.outer(p, q) * np.asarray(values)) for values in both)


@pytest.mark.parametrize(("p", "q"), [A, B], ids=["A", "B"])
@pytest.mark.parametrize("name", losses.FDivergence.divergences())
def test_the_f_gan_bound_is_the_divergence_at_its_optimum(name, p, q):
    # What that table calls Jensen-Shannon is twice the usual one.
    functions = {
        **{known: divergence for known, (divergence, _, _) in DIVERGENCES.items()},
        "jensen_shannon": lambda p, q: 2 * theory.jensen_shannon(p, q),
        "gan": theory.generator_criterion,
    }
    divergence = functions[name](p, q)
    loss = losses.FDivergence(name)
    best, _ = expected_losses(loss, loss.optimal_logits(p / q), p, q)
    assert -best == pytest.approx(divergence, rel=1e-12)
    for logits in np.random.default_rng(0).normal(size=(20, p.size)):
        assert -expected_losses(loss, logits, p, q)[0] < divergence


@pytest.mark.parametrize(
    ("p", "q", "generator"),
    [(*A, 0.788834), (*B, 1.221030), (A[0], A[0], math.log(2))],
    ids=["A", "B", "q = p"],
)
def test_kgans_cross_entropy_losses_are_the_value_function_at_the_optimum(p, q, generator):
    logits = np.log(p / q)
    value = theory.value_function(theory.optimal_discriminator(p, q), p, q)
    discriminator, non_saturating = expected_losses(losses.NonSaturating(), logits, p, q)
    assert discriminator == pytest.approx(-value, rel=1e-12)
    assert non_saturating == pytest.approx(generator, rel=0, abs=5.1e-7)


def test_the_non_saturating_step_follows_reverse_kl_less_twice_the_jensen_shannon_divergence():
    def followed(q):
        return theory.reverse_kl(p, q) - 2 * theory.jensen_shannon(p, q)

    p, q = A
    frozen = -np.log(theory.optimal_discriminator(p, q))
    for step in 1e-5 * np.array([[1.0, -1, 0, 0], [0, 1, -1, 0], [1, 1, -3, 1]]):
        slope = (followed(q + step) - followed(q - step)) / 2
        assert slope == pytest.approx(np.sum(frozen * step), rel=1e-6)


CODES = {"0, 1, 1": {"a": 0.0, "b": 1.0, "c": 1.0}, "-1, 1, 0": {"a": -1.0, "b": 1.0, "c": 0.0}}


@pytest.mark.parametrize(
    ("codes", "p", "q", "discriminator", "generator"),
    [
        ("0, 1, 1", *A, 0.236375, 0.146673),
        ("0, 1, 1", *B, 0.179444, 0.232549),
        ("0, 1, 1", A[0], A[0], 0.25, 0.125),
        ("-1, 1, 0", *A, 0.945499, 0.032192),
        ("-1, 1, 0", *B, 0.717778, 0.147975),
        ("-1, 1, 0", A[0], A[0], 1.0, 0.0),
    ],
)
def test_least_squares_losses_at_their_optimum(codes, p, q, discriminator, generator):
    codes = CODES[codes]
    optimum = theory.least_squares_optimum(p, q, a=codes["a"], b=codes["b"])
    found = expected_losses(losses.LeastSquares(**codes), optimum, p, q)
    np.testing.assert_allclose(found, (discriminator, generator), rtol=0, atol=5.1e-7)
    rng = np.random.default_rng(0)
    for change in rng.normal(size=(20, p.size)):
        assert expected_losses(losses.LeastSquares(**codes), optimum + change, p, q)[0] > found[0]


@every_pair
def test_the_criterion_is_a_pearson_chi_square_for_the_codes_that_say_so(p, q, dx):
    def twice_criterion(codes):
        return 2 * theory.least_squares_criterion(p, q, **codes, dx=dx)

    # Between p + q and 2 q: (2 q - 2 m)^2 / (2 m), m = (p + q) / 2.
    chi_square = 2 * theory.pearson_chi_square(q, (p + q) / 2, dx=dx)
    assert theory.triangular_discrimination(p, q, dx=dx) == pytest.approx(chi_square, rel=1e-12)
    for codes in (CODES["-1, 1, 0"], {"a": 0.5, "b": 2.5, "c": 1.5}):
        assert twice_criterion(codes) == pytest.approx(chi_square, rel=1e-9)
    assert twice_criterion(CODES["0, 1, 1"]) != pytest.approx(chi_square, rel=0.1)


@pytest.mark.parametrize(("p", "q", "expected"), [(*A, 0.054501), (*B, 0.282222), (B[0], B[0], 0)])
def test_the_criterion_of_the_pearson_codes_is_that_worked_by_hand(p, q, expected):
    criterion = theory.least_squares_criterion(p, q, **CODES["-1, 1, 0"])
    assert criterion == pytest.approx(expected, rel=0, abs=5.1e-7)


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize(("p", "q"), [A, B, (A[0], A[0])], ids=["A", "B", "q = p"])
def test_the_least_squares_criterion_is_both_squares_at_the_optimum(codes, p, q):
    a, b, c = CODES[codes].values()
    squares = (theory.least_squares_optimum(p, q, a=a, b=b) - c) ** 2
    assert theory.least_squares_criterion(p, q, a=a, b=b, c=c) == pytest.approx(
        np.sum((p + q) * squares) / 2, rel=1e-12, abs=1e-15
    )


def test_smoothed_targets_move_the_optimum_to_that_of_the_least_squares():
    p, q = A
    optimum = theory.least_squares_optimum(p, q, a=0.0, b=0.9)
    loss = losses.NonSaturating(label_smoothing=0.1)
    best, _ = expected_losses(loss, np.log(optimum / (1 - optimum)), p, q)
    for change in np.random.default_rng(0).normal(size=(20, p.size)):
        assert expected_losses(loss, np.log(optimum / (1 - optimum)) + change, p, q)[0] > best


def draw(parts, count, rng):
    weights, means, stddevs = np.array(parts).T
    kinds = rng.choice(len(parts), count, p=weights)
    return rng.normal(means[kinds], stddevs[kinds])


def trained_logits(real, fake, epochs):
    """Logits on X of a small network that has learnt to tell the two samples apart."""
    samples = np.concatenate([real, fake])[:, None].astype("float32")
    labels = np.repeat([1.0, 0.0], [len(real), len(fake)])[:, None]
    layers = [keras.layers.Dense(32, "silu"), keras.layers.Dense(32, "silu")]
    network = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])
    rate = keras.optimizers.schedules.CosineDecay(0.01, decay_steps=100 * epochs)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), cross_entropy, jit_compile=False)
    network.fit(samples, labels, batch_size=2000, epochs=epochs, verbose=0)
    return np.asarray(network(X[:, None].astype("float32")), "float64")[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("real", "fake", "epochs"),
    # The mixture is the harder one.
    [(ONE, WIDE, 5), (PEAKS, HUMP, 16)],
    ids=["normals", "mixture"],
)
def test_a_trained_discriminator_approaches_the_optimal_one(real, fake, epochs):
    p, q = normals(real), normals(fake)
    optimum = theory.optimal_discriminator(p, q)
    rng = np.random.default_rng(0)
    trained = sigmoid(trained_logits(draw(real, 100_000, rng), draw(fake, 100_000, rng), epochs))

    # The error is stated where 99 % of all samples lie; beyond, there are too few to learn from.
    # It was at most 0.029 for the normals (six seeds), 0.031 for the mixture (ten).
    mean = (p + q) / 2
    by_density = np.argsort(-mean)
    carrying = by_density[np.cumsum(mean[by_density]) * STEP < 0.99]
    assert np.max(np.abs(trained - optimum)[carrying]) < 0.05

    # V(D*) - V(D) is the mean Kullback-Leibler divergence of two coins, below their chi-square.
    lost = theory.generator_criterion(p, q, dx=STEP)
    lost -= theory.value_function(trained, p, q, dx=STEP)
    chi_square = np.square(trained - optimum) / (trained * (1 - trained))
    assert 0 < lost < np.nansum((p + q) * chi_square) * STEP
    assert lost < 0.002


# ---- bad input ----

HALVES = [0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.kl(HALVES, [1.0]),
            "p and q must be given at the same points. Received: p of shape (2,) and q of shape "
            "(1,).",
        ),
        (
            lambda: theory.optimal_discriminator([1.5, -0.5], HALVES),
            "p must be a density or probability, finite and nowhere negative. Received: -0.5 (and "
            "0 more such values). Pass densities, not their logarithms, and leave out points where "
            "they are infinite.",
        ),
        (
            lambda: theory.jensen_shannon(HALVES, [np.nan, np.inf]),
            "q must be a density or probability, finite and nowhere negative. Received: nan (and 1 "
            "more such values). Pass densities, not their logarithms, and leave out points where "
            "they are infinite.",
        ),
        (
            lambda: theory.squared_hellinger(HALVES, HALVES, dx=[1.0, 1.0, 1.0]),
            "dx must be one number, or one for each point of p and q. Received: dx of shape (3,) "
            "for p and q of shape (2,). An even grid has the same cell everywhere, of volume step1 "
            "* step2 * ...; pass that.",
        ),
        (
            lambda: theory.total_variation(HALVES, HALVES, dx=[1.0, 0.0]),
            "dx, the volume of a cell, must be positive and finite. Received: 0.",
        ),
        (
            lambda: theory.generator_criterion(normals(ONE), normals(WIDE)),
            "p must integrate to 1 within 1 %. Received: p integrates to 100 over 4001 points. Set "
            "dx to the volume of a cell (the step of an even grid) if these are values of a "
            "density; divide by their sum if they are counts; widen the grid if it cuts off mass, "
            "refine it if a peak is narrower than a cell.",
        ),
        (
            lambda: theory.value_function([0.5], HALVES, HALVES),
            "The discriminator must be given at the same points as p and q. Received: shape (1,) "
            "for p and q of shape (2,).",
        ),
        (
            lambda: theory.value_function([0.5, -3.0], HALVES, HALVES),
            "The discriminator must be a probability, in [0, 1], wherever p or q is positive. "
            "Received: -3. Apply the sigmoid if these are logits.",
        ),
        (
            lambda: theory.jensen_shannon_lower_bound(1.386),
            "V(D, G) is a mean of logarithms of probabilities and cannot be positive. Received: "
            "value=1.386. If this is the discriminator's loss, pass its negative.",
        ),
        (
            lambda: theory.least_squares_optimum(HALVES, HALVES, a=1.0, b=1.0),
            "Codes must be finite, and those of fakes (a) and reals (b) must differ, else the "
            "optimal discriminator is the same everywhere. Received: a=1.0, b=1.0.",
        ),
        (
            lambda: theory.least_squares_criterion(HALVES, HALVES, a=0.0, b=1.0, c=math.nan),
            "Codes must be finite, and those of fakes (a) and reals (b) must differ, else the "
            "optimal discriminator is the same everywhere. Received: a=0.0, b=1.0, c=nan.",
        ),
        (
            lambda: theory.normal_density(X, stddev=0.0),
            "stddev must be positive. Received: stddev=0.0.",
        ),
    ],
    ids=lambda argument: argument[:30] if isinstance(argument, str) else "",
)
def test_bad_input_is_refused_with_what_is_wrong_and_the_remedy(call, message):
    with refuses(message):
        call()


@pytest.mark.parametrize(("share", "accepted"), [(0.992, True), (0.988, False), (1.012, False)])
def test_one_percent_of_missing_mass_is_forgiven(share, accepted):
    for p, q in [(share * A[0], A[1]), (A[1], share * A[0])]:
        if accepted:
            assert math.isfinite(theory.kl(p, q))
        else:
            with pytest.raises(ValueError, match="must integrate to 1 within 1 %"):
                theory.kl(p, q)
