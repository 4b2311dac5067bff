"""One suite over every loss: hand-worked numbers, gradients, extremes, optimum, config."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import losses

REAL = np.array([1.0, -0.5])
FAKE = np.array([0.5, -2.0])


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def softplus(logits):
    return np.log1p(np.exp(logits))


@dataclasses.dataclass
class Case:
    """A loss and what its paper says of it, worked out apart from the code under test.

    `discriminator` and `generator` are the losses of REAL and FAKE by the paper's formula, `means`
    the two means of protocols' check batch by hand, `equilibrium` the two losses where q = p and
    the discriminator is at its optimum.
    """

    loss: losses.Loss
    discriminator: np.ndarray
    generator: np.ndarray
    means: tuple
    equilibrium: tuple


CASES = {
    "non_saturating": Case(
        losses.NonSaturating(),
        -np.log(sigmoid(REAL)) - np.log(1 - sigmoid(FAKE)),
        -np.log(sigmoid(FAKE)),
        means=(1.194172, 1.300502),
        equilibrium=(np.log(4), np.log(2)),
    ),
    "non_saturating_smoothed": Case(
        losses.NonSaturating(label_smoothing=0.1),
        -0.9 * np.log(sigmoid(REAL)) - 0.1 * np.log(sigmoid(-REAL)) - np.log(sigmoid(-FAKE)),
        -np.log(sigmoid(FAKE)),
        means=(1.219172, 1.300502),
        # D = 0.45: -0.9 log 0.45 - 1.1 log 0.55
        equilibrium=(1.376278, -np.log(0.45)),
    ),
    "minimax": Case(
        losses.Minimax(),
        softplus(-REAL) + softplus(FAKE),
        np.log(sigmoid(-FAKE)),
        means=(1.194172, -0.550502),
        equilibrium=(np.log(4), -np.log(2)),
    ),
    "minimax_smoothed": Case(
        losses.Minimax(label_smoothing=0.25),
        0.75 * softplus(-REAL) + 0.25 * softplus(REAL) + softplus(FAKE),
        -softplus(FAKE),
        # 0.25 * mean(REAL) more than without smoothing
        means=(1.194172 + 0.0625, -0.550502),
        equilibrium=(-0.75 * np.log(0.375) - 1.25 * np.log(0.625), np.log(0.625)),
    ),
    "least_squares": Case(
        losses.LeastSquares(),
        np.array([0.0 + 0.125, 1.125 + 2.0]),
        np.array([0.125, 4.5]),
        means=(1.625, 2.3125),
        equilibrium=(0.25, 0.125),
    ),
    "least_squares_pearson": Case(
        losses.LeastSquares.pearson(),
        np.array([0.0 + 1.125, 1.125 + 0.5]),
        np.array([0.125, 2.0]),
        means=(1.375, 1.0625),
        equilibrium=(1.0, 0.0),
    ),
    "wasserstein": Case(
        losses.Wasserstein(),
        np.array([-0.5, -1.5]),
        np.array([-0.5, 2.0]),
        means=(-1.0, 0.75),
        equilibrium=(0.0, 0.0),
    ),
    "hinge": Case(
        losses.Hinge(),
        np.array([0.0 + 1.5, 1.5 + 0.0]),
        np.array([-0.5, 2.0]),
        means=(1.5, 0.75),
        equilibrium=(2.0, 0.0),
    ),
    "relativistic_paired": Case(
        losses.RelativisticPaired(),
        -np.log(sigmoid(np.array([0.5, 1.5]))),
        -np.log(sigmoid(np.array([-0.5, -1.5]))),
        means=(0.337745, 1.337745),
        equilibrium=(np.log(2), np.log(2)),
    ),
    "relativistic_average": Case(
        losses.RelativisticAverage(),
        # The means are 0.25 of the reals and -0.75 of the fakes.
        softplus(-np.array([1.75, 0.25])) + softplus(np.array([0.25, -2.25])),
        softplus(np.array([1.75, 0.25])) + softplus(-np.array([0.25, -2.25])),
        means=(0.831155, 2.831155),
        equilibrium=(np.log(4), np.log(4)),
    ),
    "kl": Case(
        losses.FDivergence("kl"),
        np.exp(FAKE - 1) - REAL,
        -np.exp(FAKE - 1),
        means=(0.078159, -0.328159),
        equilibrium=(0.0, -1.0),
    ),
    "reverse_kl": Case(
        losses.FDivergence("reverse_kl"),
        np.exp(-REAL) + FAKE - 1,
        1 - FAKE,
        means=(-0.741700, 1.75),
        equilibrium=(0.0, 1.0),
    ),
    "pearson_chi_square": Case(
        losses.FDivergence("pearson_chi_square"),
        np.array([-1 + 0.0625 + 0.5, 0.5 + 1 - 2]),
        np.array([-0.5625, 1.0]),
        means=(-0.46875, 0.21875),
        equilibrium=(0.0, 0.0),
    ),
    "squared_hellinger": Case(
        losses.FDivergence("squared_hellinger"),
        np.exp(-REAL) - 1 + np.exp(FAKE) - 1,
        1 - np.exp(FAKE),
        means=(-0.099671, 0.107972),
        equilibrium=(0.0, 0.0),
    ),
    "jensen_shannon": Case(
        losses.FDivergence("jensen_shannon"),
        softplus(-REAL) + softplus(FAKE) - 2 * np.log(2),
        np.log(2) - softplus(FAKE),
        # log 4 and log 2 away from the non-saturating and the minimax row
        means=(-0.192122, 0.142645),
        equilibrium=(0.0, 0.0),
    ),
    "gan": Case(
        losses.FDivergence("gan"),
        softplus(-REAL) + softplus(FAKE),
        -softplus(FAKE),
        means=(1.194172, -0.550502),
        equilibrium=(np.log(4), -np.log(2)),
    ),
    "total_variation": Case(
        losses.FDivergence("total_variation"),
        (np.tanh(FAKE) - np.tanh(REAL)) / 2,
        -np.tanh(FAKE) / 2,
        means=(-0.200347, 0.125478),
        equilibrium=(0.0, 0.0),
    ),
    "gan_non_saturating": Case(
        losses.FDivergence("gan", non_saturating=True),
        softplus(-REAL) + softplus(FAKE),
        softplus(-FAKE),
        means=(1.194172, 1.300502),
        equilibrium=(np.log(4), np.log(2)),
    ),
    "kl_non_saturating": Case(
        losses.FDivergence("kl", non_saturating=True),
        np.exp(FAKE - 1) - REAL,
        -FAKE,
        means=(0.078159, 0.75),
        equilibrium=(0.0, -1.0),
    ),
}
every_loss = pytest.mark.parametrize("name", CASES)
# Wasserstein has no optimum, the relativistic losses none for a sample alone.
WITH_OPTIMUM = [
    name
    for name, case in CASES.items()
    if case.loss.optimal_logits(1.0) is not None and not case.loss.compares_with_reals
]


def tensor(values, dtype="float64"):
    return tf.constant(values, dtype=dtype)


def generator_loss(loss, real, fake):
    return loss.generator_loss(real if loss.compares_with_reals else None, fake)


@every_loss
def test_losses_equal_the_papers_formulas_per_sample(name):
    case = CASES[name]
    np.testing.assert_allclose(
        case.loss.discriminator_loss(tensor(REAL), tensor(FAKE)), case.discriminator, rtol=1e-12
    )
    np.testing.assert_allclose(
        generator_loss(case.loss, tensor(REAL), tensor(FAKE)),
        case.generator,
        rtol=1e-12,
        atol=1e-15,
    )


@every_loss
def test_means_over_the_check_batch_are_those_worked_by_hand(name):
    case = CASES[name]
    discriminator = np.mean(case.loss.discriminator_loss(tensor(REAL), tensor(FAKE)))
    generator = np.mean(generator_loss(case.loss, tensor(REAL), tensor(FAKE)))
    np.testing.assert_allclose((discriminator, generator), case.means, atol=1e-6)


@every_loss
def test_losses_keep_the_shape_of_patch_logits(name):
    loss = CASES[name].loss
    logits = tf.zeros((3, 4, 4, 1))
    assert loss.discriminator_loss(logits, logits).shape == (3, 4, 4, 1)
    assert generator_loss(loss, logits, logits).shape == (3, 4, 4, 1)
    assert loss.scores(logits).shape == (3, 4, 4, 1)


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_losses_and_gradients_are_finite_at_extreme_logits(name, dtype):
    loss = CASES[name].loss
    logits = tensor([-1e4, -1.0, 0.0, 1.0, 1e4], dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        values = (
            loss.discriminator_loss(logits, -logits),
            loss.discriminator_loss(-logits, logits),
            generator_loss(loss, -logits, logits),
            generator_loss(loss, logits, -logits),
        )
    for value in values:
        assert value.dtype == logits.dtype
        assert np.isfinite(np.asarray(value, "float64")).all()
        assert np.isfinite(np.asarray(tape.gradient(value, logits), "float64")).all()


@every_loss
def test_the_discriminator_pushes_reals_up_and_fakes_down_between_the_codes(name):
    loss = CASES[name].loss
    # Between the codes of every least-squares loss, and where no cross-entropy is at its target.
    real, fake = tensor([0.0, 0.5]), tensor([0.1, 0.6])
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = loss.discriminator_loss(real, fake)
    by_real, by_fake = tape.gradient(value, [real, fake])
    assert (by_real.numpy() < 0).all()
    assert (by_fake.numpy() > 0).all()


@every_loss
def test_the_generator_pushes_rejected_fakes_up(name):
    loss = CASES[name].loss
    # Above -2, where the parabola of Pearson's conjugate has its lowest point.
    real, fake = tensor([1.0, 0.0]), tensor([-1.9, -0.5])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = generator_loss(loss, real, fake)
    assert (tape.gradient(value, fake).numpy() < 0).all()


@every_loss
def test_gradients_equal_finite_differences(name):
    loss = CASES[name].loss
    logits, step = np.array([[-2.0, -0.3, 0.4, 1.7], [-0.6, 0.1, 0.5, 0.7]]), 1e-6

    def discriminator(both):
        return tf.reduce_sum(loss.discriminator_loss(both[0], both[1]))

    def generator(both):
        return tf.reduce_sum(generator_loss(loss, both[0], both[1]))

    for player in (discriminator, generator):
        both = tensor(logits)
        with tf.GradientTape() as tape:
            tape.watch(both)
            value = player(both)
        numeric = np.zeros_like(logits)
        for place in np.ndindex(logits.shape):
            shift = np.zeros_like(logits)
            shift[place] = step
            numeric[place] = (player(both + shift) - player(both - shift)) / (2 * step)
        # A central difference of step 1e-6 loses about ten of the sixteen digits of float64.
        np.testing.assert_allclose(tape.gradient(value, both), numeric, atol=1e-8)


@pytest.mark.parametrize("name", WITH_OPTIMUM)
@pytest.mark.parametrize("ratio", [0.2, 0.9, 1.0, 1.6, 5.0])
def test_no_other_logit_is_better_than_the_optimum(name, ratio):
    loss = CASES[name].loss
    best = loss.optimal_logits(np.array([ratio]))

    def total(logits):
        # p times the part of the reals and q times that of the fakes, at p = ratio and q = 1.
        zeros = tf.zeros_like(logits)
        return ratio * loss.discriminator_loss(logits, zeros) + loss.discriminator_loss(
            zeros, logits
        )

    others = best + np.array([-2.0, -0.5, -1e-2, 1e-2, 0.5, 2.0])
    assert float(total(tensor(best))[0]) <= np.min(total(tensor(others))) + 1e-12


@every_loss
def test_losses_at_equilibrium_are_those_of_the_paper(name):
    case = CASES[name]
    best = case.loss.optimal_logits(1.0)
    logits = tensor([0.0 if best is None else float(best)])
    np.testing.assert_allclose(
        (
            case.loss.discriminator_loss(logits, logits)[0],
            generator_loss(case.loss, logits, logits)[0],
        ),
        case.equilibrium,
        atol=1e-6,
    )


@every_loss
def test_config_round_trip_gives_the_same_loss(name):
    loss = CASES[name].loss
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    np.testing.assert_array_equal(
        copy.discriminator_loss(tensor(REAL), tensor(FAKE)),
        loss.discriminator_loss(tensor(REAL), tensor(FAKE)),
    )
    np.testing.assert_array_equal(
        generator_loss(copy, tensor(REAL), tensor(FAKE)),
        generator_loss(loss, tensor(REAL), tensor(FAKE)),
    )


@every_loss
@pytest.mark.parametrize(
    ("real", "fake"), [((4, 1), (4,)), ((4, 1), (3, 1)), ((2, 4, 4, 1), (2, 4, 2, 1))]
)
def test_logits_of_different_shapes_are_refused(name, real, fake):
    message = (
        "Real and fake logits must have the same shape, as one discriminator gives them for as "
        f"many reals as fakes. Received: real {real}, fake {fake}. "
        "Reshape the logits, or draw as many fakes as there are reals."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        CASES[name].loss.discriminator_loss(tf.zeros(real), tf.zeros(fake))
    if CASES[name].loss.compares_with_reals:
        with pytest.raises(ValueError, match=re.escape(message)):
            CASES[name].loss.generator_loss(tf.zeros(real), tf.zeros(fake))


def test_an_unknown_batch_size_is_no_difference():
    loss = losses.Wasserstein()

    @tf.function(input_signature=[tf.TensorSpec((None, 1)), tf.TensorSpec((4, 1))])
    def discriminator_loss(real, fake):
        return loss.discriminator_loss(real, fake)

    assert discriminator_loss(tf.zeros((4, 1)), tf.ones((4, 1))).numpy().tolist() == [[1.0]] * 4


def test_minimax_saturates_where_the_non_saturating_generator_has_full_gradient():
    fake = tensor([-10.0])
    gradients = []
    for loss in (losses.Minimax(), losses.NonSaturating()):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = loss.generator_loss(None, fake)
        gradients.append(float(tape.gradient(value, fake)[0]))
    np.testing.assert_allclose(gradients, [-sigmoid(-10.0), sigmoid(-10.0) - 1], rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_smoothing_is_one_sided_and_moves_the_optimum_to_its_target(smoothing):
    # At q = p the best constant D is (1 - s) / 2: a two-sided smoothing would leave it at 1/2.
    loss = losses.NonSaturating(label_smoothing=smoothing)
    probabilities = np.linspace(0.2, 0.6, 4001)
    logits = tensor(np.log(probabilities / (1 - probabilities)))
    best = probabilities[np.argmin(loss.discriminator_loss(logits, logits))]
    np.testing.assert_allclose(best, (1 - smoothing) / 2, atol=1e-4)


def test_the_optimum_of_the_paired_loss_is_the_log_ratio_up_to_a_constant():
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5])
    loss = losses.RelativisticPaired()
    rng = np.random.default_rng(0)

    def expected(logits):
        # Over all pairs of a real (row) and a fake (column).
        real, fake = np.meshgrid(logits, logits, indexing="ij")
        return np.sum(np.outer(p, q) * loss.discriminator_loss(tensor(real), tensor(fake)))

    best = loss.optimal_logits(p / q)
    np.testing.assert_allclose(expected(best + 3.0), expected(best), rtol=1e-12)
    for scale in (0.01, 0.3, 3.0):
        for _ in range(20):
            assert expected(best + scale * rng.normal(size=3)) > expected(best)


@pytest.mark.parametrize("loss", [losses.RelativisticPaired(), losses.RelativisticAverage()])
def test_relativistic_losses_see_only_differences_of_logits(loss):
    real, fake = tensor(REAL), tensor(FAKE)
    np.testing.assert_allclose(
        loss.discriminator_loss(real + 7.0, fake + 7.0), loss.discriminator_loss(real, fake)
    )


@pytest.mark.parametrize("loss", [losses.RelativisticPaired(), losses.RelativisticAverage()])
def test_relativistic_generators_ask_for_reals(loss):
    message = (
        f"{type(loss).__name__} compares fakes with reals in the generator's loss too. "
        "Expected: the logits of as many reals. Received: real_logits=None."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        loss.generator_loss(None, tensor(FAKE))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("non_saturating", 0.5),
        ("minimax", 0.5),
        ("gan", 0.5),
        ("jensen_shannon", 0.5),
        ("reverse_kl", 0.5),
        ("wasserstein", 0.0),
        ("hinge", 0.0),
        ("rpgan", 0.0),
        ("kl", 0.0),
    ],
)
def test_scores_are_probabilities_only_where_the_loss_has_them(name, expected):
    assert float(losses.get(name).scores(tensor(0.0))) == expected
    assert (float(losses.get(name).scores(tensor(3.0))) <= 1.0) == (expected == 0.5)


@pytest.mark.parametrize("kind", [losses.NonSaturating, losses.Minimax])
@pytest.mark.parametrize("smoothing", [-0.1, 0.5, float("nan")])
def test_smoothing_outside_its_range_is_refused(kind, smoothing):
    with pytest.raises(ValueError, match=r">= 0 and < 0\.5, .* Received: label_smoothing="):
        kind(label_smoothing=smoothing)


@pytest.mark.parametrize("codes", [{"a": 1.0}, {"a": float("inf")}, {"c": float("nan")}])
def test_codes_that_teach_nothing_are_refused(codes):
    with pytest.raises(ValueError, match=r"must differ, else|must be a finite number"):
        losses.LeastSquares(**codes)


def test_only_three_losses_have_no_optimum_of_single_samples():
    others = {"wasserstein", "relativistic_paired", "relativistic_average"}
    assert set(CASES) - set(WITH_OPTIMUM) == others


def test_a_loss_without_players_says_so():
    with pytest.raises(NotImplementedError, match="Loss does not define discriminator_loss"):
        losses.Loss().discriminator_loss(tensor(0.0), tensor(0.0))
    with pytest.raises(NotImplementedError, match="Loss does not define generator_loss"):
        losses.Loss().generator_loss(None, tensor(0.0))
    assert losses.Loss().optimal_logits(1.0) is None
