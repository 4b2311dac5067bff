"""One suite over every loss: hand-worked numbers, gradients, extremes, config."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import losses

REAL = np.array([1.0, -0.5])
FAKE = np.array([0.5, -2.0])


def softplus(logits):
    return np.log1p(np.exp(logits))


def log_sigmoid(logits):
    return np.log(1 / (1 + np.exp(-logits)))


# name: (loss, the discriminator's and the generator's loss on REAL and FAKE by the paper's formula)
CASES = {
    "non_saturating": (
        losses.NonSaturating(),
        -log_sigmoid(REAL) - np.log(1 - 1 / (1 + np.exp(-FAKE))),
        -log_sigmoid(FAKE),
    ),
    "non_saturating_smoothed": (
        losses.NonSaturating(label_smoothing=0.1),
        -0.9 * log_sigmoid(REAL) - 0.1 * log_sigmoid(-REAL) - log_sigmoid(-FAKE),
        -log_sigmoid(FAKE),
    ),
    "minimax": (losses.Minimax(), softplus(-REAL) + softplus(FAKE), log_sigmoid(-FAKE)),
    "minimax_smoothed": (
        losses.Minimax(label_smoothing=0.25),
        0.75 * softplus(-REAL) + 0.25 * softplus(REAL) + softplus(FAKE),
        -softplus(FAKE),
    ),
    "least_squares": (
        losses.LeastSquares(),
        np.array([0.0 + 0.125, 1.125 + 2.0]),
        np.array([0.125, 4.5]),
    ),
    "least_squares_pearson": (
        losses.LeastSquares.pearson(),
        np.array([0.0 + 1.125, 1.125 + 0.5]),
        np.array([0.125, 2.0]),
    ),
    "wasserstein": (losses.Wasserstein(), np.array([-0.5, -1.5]), np.array([-0.5, 2.0])),
}
# Means over the check batch, worked by hand: (discriminator, generator).
CHECK_BATCH = {
    "non_saturating": (1.194172, 1.300502),
    "non_saturating_smoothed": (1.219172, 1.300502),
    "minimax": (1.194172, -0.550502),
    "least_squares": (1.625, 2.3125),
    "least_squares_pearson": (1.375, 1.0625),
    "wasserstein": (-1.0, 0.75),
}
every_loss = pytest.mark.parametrize("name", CASES)


def tensor(values, dtype="float64"):
    return tf.constant(values, dtype=dtype)


@every_loss
def test_losses_equal_the_papers_formulas_per_sample(name):
    loss, discriminator, generator = CASES[name]
    np.testing.assert_allclose(
        loss.discriminator_loss(tensor(REAL), tensor(FAKE)), discriminator, rtol=1e-12
    )
    np.testing.assert_allclose(
        loss.generator_loss(None, tensor(FAKE)), generator, rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("name", CHECK_BATCH)
def test_means_over_the_check_batch_are_those_worked_by_hand(name):
    loss = CASES[name][0]
    discriminator = np.mean(loss.discriminator_loss(tensor(REAL), tensor(FAKE)))
    generator = np.mean(loss.generator_loss(None, tensor(FAKE)))
    np.testing.assert_allclose((discriminator, generator), CHECK_BATCH[name], atol=5e-7)


@every_loss
def test_losses_keep_the_shape_of_patch_logits(name):
    loss = CASES[name][0]
    logits = tf.zeros((3, 4, 4, 1))
    assert loss.discriminator_loss(logits, logits).shape == (3, 4, 4, 1)
    assert loss.generator_loss(None, logits).shape == (3, 4, 4, 1)
    assert loss.scores(logits).shape == (3, 4, 4, 1)


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_losses_and_gradients_are_finite_at_extreme_logits(name, dtype):
    loss = CASES[name][0]
    logits = tensor([-1e4, -1.0, 0.0, 1.0, 1e4], dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        values = (
            loss.discriminator_loss(logits, -logits),
            loss.discriminator_loss(-logits, logits),
            loss.generator_loss(None, logits),
        )
    for value in values:
        assert np.isfinite(np.asarray(value, "float64")).all()
        assert np.isfinite(np.asarray(tape.gradient(value, logits), "float64")).all()


@every_loss
def test_the_discriminator_pushes_reals_up_and_fakes_down_between_the_codes(name):
    loss = CASES[name][0]
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
    loss = CASES[name][0]
    fake = tensor([-3.0, -0.5])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = loss.generator_loss(None, fake)
    assert (tape.gradient(value, fake).numpy() < 0).all()


@every_loss
def test_gradients_equal_finite_differences(name):
    loss = CASES[name][0]
    logits, step = tensor([-2.0, -0.3, 0.4, 1.7]), 1e-6
    players = (
        lambda x: loss.discriminator_loss(x, 0.3 * x),
        lambda x: loss.generator_loss(None, x),
    )
    for player in players:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = player(logits)
        numeric = (player(logits + step) - player(logits - step)) / (2 * step)
        # A central difference of step 1e-6 loses about ten of the sixteen digits of float64.
        np.testing.assert_allclose(tape.gradient(value, logits), numeric, atol=1e-8)


@every_loss
def test_config_round_trip_gives_the_same_loss(name):
    loss = CASES[name][0]
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()


def test_minimax_saturates_where_the_non_saturating_generator_has_full_gradient():
    fake = tensor([-10.0])
    gradients = []
    for loss in (losses.Minimax(), losses.NonSaturating()):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = loss.generator_loss(None, fake)
        gradients.append(float(tape.gradient(value, fake)[0]))
    sigmoid = 1 / (1 + np.exp(10))
    np.testing.assert_allclose(gradients, [-sigmoid, sigmoid - 1], rtol=1e-12)


@pytest.mark.parametrize("loss", [losses.NonSaturating(), losses.Minimax()])
def test_discriminator_loss_is_log_4_when_it_cannot_tell(loss):
    np.testing.assert_allclose(loss.discriminator_loss(tensor(0.0), tensor(0.0)), np.log(4.0))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_smoothing_is_one_sided_and_moves_the_optimum_to_its_target(smoothing):
    # At q = p the best constant D is (1 - s) / 2: a two-sided smoothing would leave it at 1/2.
    loss = losses.NonSaturating(label_smoothing=smoothing)
    probabilities = np.linspace(0.2, 0.6, 4001)
    logits = tensor(np.log(probabilities / (1 - probabilities)))
    best = probabilities[np.argmin(loss.discriminator_loss(logits, logits))]
    np.testing.assert_allclose(best, (1 - smoothing) / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"), [("non_saturating", 0.5), ("minimax", 0.5), ("wasserstein", 0.0)]
)
def test_scores_are_probabilities_only_where_the_loss_has_them(name, expected):
    assert float(losses.get(name).scores(tensor(0.0))) == expected
    assert (float(losses.get(name).scores(tensor(3.0))) <= 1.0) == (expected == 0.5)


@pytest.mark.parametrize(
    ("name", "kind", "config"),
    [
        ("ns", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("vanilla", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("non_saturating", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("minimax", losses.Minimax, {"label_smoothing": 0.0}),
        ("lsgan", losses.LeastSquares, {"a": 0.0, "b": 1.0, "c": 1.0}),
        ("least_squares_pearson", losses.LeastSquares, {"a": -1.0, "b": 1.0, "c": 0.0}),
        ("wgan", losses.Wasserstein, {}),
    ],
)
def test_get_by_name_gives_the_papers_defaults(name, kind, config):
    loss = losses.get(name)
    assert type(loss) is kind
    assert loss.get_config() == config


def test_get_takes_losses_and_configs():
    loss = losses.LeastSquares.pearson()
    assert losses.get(loss) is loss
    config = keras.saving.serialize_keras_object(loss)
    assert losses.get(config).get_config() == loss.get_config()


@pytest.mark.parametrize("identifier", ["lsgna", None, 3, losses.Wasserstein])
def test_get_refuses_what_is_no_loss(identifier):
    message = (
        "Unknown GAN loss. Expected a kgan.losses.Loss or one of ['least_squares', "
        "'least_squares_pearson', 'lsgan', 'minimax', 'non_saturating', 'ns', 'vanilla', "
        f"'wasserstein', 'wgan']. Received: {identifier!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        losses.get(identifier)


@pytest.mark.parametrize("kind", [losses.NonSaturating, losses.Minimax])
@pytest.mark.parametrize("smoothing", [-0.1, 0.5, float("nan")])
def test_smoothing_outside_its_range_is_refused(kind, smoothing):
    with pytest.raises(ValueError, match=r"must lie in \[0, 0\.5\).*Received: label_smoothing="):
        kind(label_smoothing=smoothing)


@pytest.mark.parametrize("codes", [{"a": 1.0}, {"a": float("inf")}, {"c": float("nan")}])
def test_codes_that_teach_nothing_are_refused(codes):
    with pytest.raises(ValueError, match="must be finite, and those of fakes"):
        losses.LeastSquares(**codes)


def test_a_loss_without_players_says_so():
    with pytest.raises(NotImplementedError, match="Loss does not define generator_loss"):
        losses.Loss().generator_loss(None, tensor(0.0))
