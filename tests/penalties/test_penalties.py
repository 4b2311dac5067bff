"""One suite over every penalty: closed forms for critics whose gradient is known."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import layers
from kgan import penalties

# Also on the oldest Keras and TensorFlow.
pytestmark = pytest.mark.smoke

ROWS = 6
SLOPE = np.array([3.0, 4.0], "float32")
REAL = np.random.default_rng(0).normal(size=(ROWS, 2)).astype("float32")
FAKE = np.random.default_rng(1).normal(size=(ROWS, 2)).astype("float32") + 2
# Symmetric, so that the gradient of x' A x / 2 is A x.
CURVATURE = np.array([[2.0, 0.5], [0.5, 1.0]], "float32")

EVERY = {
    "r1": penalties.R1(0.8),
    "r2": penalties.R2(0.8),
    "gradient_penalty": penalties.GradientPenalty(5.0, target=0.5, one_sided=True),
    "dragan": penalties.DRAGAN(3.0),
    "lecam": penalties.LeCam(0.5, decay=0.9, start=0),
}
every_penalty = pytest.mark.parametrize("name", EVERY)


def linear(slope):
    return lambda x: x @ tf.constant(slope, x.dtype)[:, None]


def quadratic(x):
    return tf.reduce_sum((x @ CURVATURE) * x, axis=1, keepdims=True) / 2


def penalty_of(penalty, critic, real=REAL, fake=FAKE, seed=3):
    penalty.build()
    real, fake = tf.constant(real), tf.constant(fake)
    return np.asarray(
        penalty(
            critic,
            real_images=real,
            fake_images=fake,
            real_logits=critic(real),
            fake_logits=critic(fake),
            seed=keras.random.SeedGenerator(seed),
        )
    )


def gradient_norms(points):
    return np.linalg.norm(points @ CURVATURE, axis=1)


@pytest.mark.parametrize(
    ("penalty", "steep", "flat"),
    [
        # A linear critic of slope 5 and one of slope 1/2, worked by hand.
        (penalties.R1(1.0), 12.5, 0.125),
        (penalties.R2(1.0), 12.5, 0.125),
        (penalties.GradientPenalty(10.0), 160.0, 2.5),
        (penalties.GradientPenalty(10.0, one_sided=True), 160.0, 0.0),
        (penalties.GradientPenalty(2.0, target=4.0), 2.0, 24.5),
        (penalties.DRAGAN(10.0), 160.0, 2.5),
    ],
)
def test_a_linear_critic_has_the_same_penalty_everywhere(penalty, steep, flat):
    np.testing.assert_allclose(penalty_of(penalty, linear(SLOPE)), np.full(ROWS, steep), rtol=1e-5)
    np.testing.assert_allclose(
        penalty_of(penalty, linear(SLOPE / 10)), np.full(ROWS, flat), rtol=1e-5, atol=1e-12
    )


def test_r1_and_r2_equal_the_closed_form_of_a_quadratic_critic():
    np.testing.assert_allclose(
        penalty_of(penalties.R1(0.8), quadratic), 0.4 * gradient_norms(REAL) ** 2, rtol=1e-5
    )
    np.testing.assert_allclose(
        penalty_of(penalties.R2(0.8), quadratic), 0.4 * gradient_norms(FAKE) ** 2, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "needed"), [(penalties.R1, "real_gradients"), (penalties.R2, "fake_gradients")]
)
def test_r1_and_r2_take_the_gradients_that_they_need_and_ask_for_no_others(kind, needed):
    assert kind.needs == (needed, "images_seen")
    given = {needed: tf.constant([[3.0, 4.0], [0.0, 2.0]])}
    found = kind(0.4)(None, real_images=tf.zeros((2, 2)), fake_images=tf.zeros((2, 2)), **given)
    np.testing.assert_allclose(found, [5.0, 0.8], rtol=1e-6)


def test_the_gradient_penalty_draws_one_weight_per_sample_from_0_to_1():
    # A critic whose gradient, 2 x, tells at which point it was taken.
    real, fake = np.zeros((2000, 2), "float32"), np.full((2000, 2), 1.0, "float32")
    penalty = penalties.GradientPenalty(1.0, target=0.0)
    drawn = penalty_of(penalty, lambda x: tf.reduce_sum(x**2, axis=1, keepdims=True), real, fake)
    # At x_hat = (1 - alpha) (1, 1) the norm is 2 sqrt(2) (1 - alpha), if one alpha serves both.
    fractions = np.sqrt(drawn) / (2 * np.sqrt(2))
    assert 0 <= fractions.min() < 0.005
    assert 0.995 < fractions.max() <= 1
    # Quarters of a uniform distribution hold 500 +- 19 of 2,000.
    counts = np.histogram(fractions, bins=4, range=(0, 1))[0]
    assert np.all(np.abs(counts - 500) < 5 * 19.4)


def test_the_gradient_penalty_uses_the_same_weight_in_every_entry():
    real = np.zeros((50, 3, 3, 1), "float32")
    fake = np.ones((50, 3, 3, 1), "float32")
    # With the gradient x itself, its norm is 3 (1 - alpha) only where all nine entries agree.
    seen = []

    def critic(x):
        seen.append(np.asarray(x))
        return tf.reduce_sum(x**2, axis=(1, 2, 3))[:, None] / 2

    penalty_of(penalties.GradientPenalty(), critic, real, fake)
    between = seen[-1].reshape(50, 9)
    np.testing.assert_array_equal(between, np.repeat(between[:, :1], 9, axis=1))
    assert np.unique(between[:, 0]).size == 50


def test_the_gradient_penalty_looks_between_the_real_and_the_fake():
    real, fake = np.full((500, 2), 3.0, "float32"), np.full((500, 2), 1.0, "float32")
    seen = []

    def critic(x):
        seen.append(np.asarray(x))
        return tf.reduce_sum(x, axis=1, keepdims=True)

    penalty_of(penalties.GradientPenalty(), critic, real, fake)
    # alpha 3 + (1 - alpha) 1
    assert 1 <= seen[-1].min() < 1.05
    assert 2.95 < seen[-1].max() <= 3


@pytest.mark.parametrize("kind", [penalties.R1, penalties.R2])
def test_norms_of_images_are_over_all_axes_but_the_batch(kind):
    images = np.zeros((3, 4, 5, 2), "float32")
    # Slope 0.5 in each of 40 entries: 1/2 of 40 / 4.
    penalties = penalty_of(kind(1.0), lambda x: 0.5 * tf.reduce_sum(x, (1, 2, 3)), images, images)
    np.testing.assert_allclose(penalties, [5.0, 5.0, 5.0])


def test_the_slope_of_several_logits_is_that_of_their_sum():
    images = np.zeros((2, 4, 4, 1), "float32")
    # 16 logits 2 x, each of another pixel: slope 2 in each of 16 entries.
    np.testing.assert_allclose(penalty_of(penalties.R1(1.0), lambda x: 2 * x, images, images), 32)


def test_frozen_batch_norm_mixes_nothing():
    batch_norm = keras.layers.BatchNormalization()
    critic = keras.Sequential([keras.Input((4,)), batch_norm, keras.layers.Dense(1)])
    batch_norm.trainable = False
    EVERY["r1"].check_discriminator(critic)


def test_numbers_of_numpy_are_numbers():
    assert penalties.R1(np.float32(0.5)).get_config() == {"gamma": 0.5}
    assert type(penalties.R1(np.float32(0.5)).gamma) is float
    assert penalties.LeCam(start=np.int64(3)).start == 3


def test_dragan_looks_between_the_data_and_half_a_standard_deviation_above():
    real = np.random.default_rng(2).normal(3.0, 2.0, size=(4000, 2)).astype("float32")
    seen = []

    def critic(x):
        seen.append(np.asarray(x))
        return tf.reduce_sum(x, axis=1, keepdims=True)

    penalty_of(penalties.DRAGAN(), critic, real, real)
    delta = (seen[-1] - real) / (real.std() / 2)
    assert -1e-5 < delta.min() < 1e-3
    assert 0.9 < delta.max() <= 1 + 1e-5
    # alpha and u are independent uniforms: the product has mean 1/4, variance 1/9 - 1/16.
    np.testing.assert_allclose(delta.mean(), 0.25, atol=5 * np.sqrt(7 / 144 / 4000))
    # One alpha per sample ties the two entries: their covariance is var(alpha) / 4 = 1 / 48.
    covariance = np.cov(delta.T)[0, 1]
    np.testing.assert_allclose(covariance, 1 / 48, atol=0.005)


def test_lecam_pulls_logits_to_the_averages_of_the_other_kind():
    lecam = penalties.LeCam(0.5, decay=0.9, start=0)
    lecam.build()
    real_average, fake_average, updates = 0.0, 0.0, 0
    for shift in (0.0, 1.0, -2.0):
        real = np.array([[1.0], [3.0]], "float32") + shift
        fake = np.array([[-1.0], [0.5]], "float32") - shift
        penalty = lecam(None, real_logits=tf.constant(real), fake_logits=tf.constant(fake))
        over = np.maximum(real - fake_average, 0)
        under = np.maximum(real_average - fake, 0)
        np.testing.assert_allclose(penalty, 0.5 * (over**2 + under**2), rtol=1e-6)
        real_average = 0.9 * real_average + 0.1 * real.mean()
        fake_average = 0.9 * fake_average + 0.1 * fake.mean()
        updates += 1
    state = [float(variable) for variable in lecam.variables]
    np.testing.assert_allclose(state, [real_average, fake_average, updates], rtol=1e-6)


def test_lecam_waits_and_then_starts_from_the_last_means():
    penalty = penalties.LeCam(1.0, decay=0.5, start=2)
    penalty.build()
    for real, fake in ((5.0, -5.0), (1.0, -1.0)):
        logits = {"real_logits": tf.fill((3, 1), real), "fake_logits": tf.fill((3, 1), fake)}
        assert np.all(penalty(None, **logits) == np.zeros((3, 1)))
    assert [float(average) for average in penalty.variables[:2]] == [1.0, -1.0]
    # r = 2 over the average of fakes, -1; f = 0 under that of reals, 1.
    logits = {"real_logits": tf.fill((3, 1), 2.0), "fake_logits": tf.fill((3, 1), 0.0)}
    np.testing.assert_allclose(penalty(None, **logits), np.full((3, 1), 9.0 + 1.0))
    assert [float(average) for average in penalty.variables[:2]] == [1.5, -0.5]


def test_lecam_teaches_logits_and_not_averages():
    lecam = penalties.LeCam(1.0, start=0)
    lecam.build()
    logits = tf.constant([[2.0], [4.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        penalty = lecam(None, real_logits=logits, fake_logits=-logits)
    # (r - 0)^2 + (0 - f)^2 with f = -r: the averages are constants, still 0.
    np.testing.assert_allclose(tape.gradient(penalty, logits), 4 * logits)


@every_penalty
def test_penalties_are_per_sample_and_judge_every_sample_alone(name):
    both = penalty_of(EVERY[name], quadratic)
    assert both.size == ROWS
    assert (both >= 0).all()
    if name in ("r1", "r2"):
        alone = [
            penalty_of(EVERY[name], quadratic, REAL[i : i + 1], FAKE[i : i + 1])
            for i in range(ROWS)
        ]
        np.testing.assert_allclose(both, np.concatenate(alone), rtol=1e-5)


@every_penalty
def test_a_weight_of_zero_is_no_penalty(name):
    config = EVERY[name].get_config()
    config[next(iter(config))] = 0.0
    assert (penalty_of(type(EVERY[name])(**config), quadratic) == 0).all()


@every_penalty
def test_the_penalty_is_proportional_to_its_weight(name):
    config = EVERY[name].get_config()
    config[next(iter(config))] *= 3
    np.testing.assert_allclose(
        penalty_of(type(EVERY[name])(**config), quadratic),
        3 * penalty_of(EVERY[name], quadratic),
        rtol=1e-6,
    )


@every_penalty
def test_config_round_trip_gives_the_same_penalty(name):
    penalty = EVERY[name]
    config = keras.saving.serialize_keras_object(penalty)
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(penalty)
    assert copy.get_config() == penalty.get_config()
    assert copy.name == name


@pytest.mark.parametrize("kind", [penalties.GradientPenalty, penalties.DRAGAN])
def test_norms_of_zero_have_a_gradient(kind):
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = kind()(
            lambda x: scale * tf.reduce_sum(x, axis=1, keepdims=True),
            real_images=tf.constant(REAL),
            fake_images=tf.constant(FAKE),
            seed=keras.random.SeedGenerator(0),
        )
    np.testing.assert_allclose(penalty, np.full(ROWS, 10.0), rtol=1e-4)
    assert float(tape.gradient(penalty, scale)) == 0.0


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_second_derivative_is_that_of_the_closed_form(jit_compile):
    # R1 of a critic w x^2 is gamma / 2 (2 w x)^2, whose derivative by w is 4 gamma w x^2.
    weight = tf.Variable(1.5)
    penalty = penalties.R1(0.3)

    @tf.function(jit_compile=jit_compile)
    def gradient(x):
        with tf.GradientTape() as tape:
            values = penalty(lambda images: weight * images**2, real_images=x)
        return tape.gradient(values, weight)

    x = tf.constant([[1.0], [2.0], [-0.5]])
    np.testing.assert_allclose(gradient(x), 4 * 0.3 * 1.5 * np.sum(x.numpy() ** 2), rtol=1e-6)


class MinibatchLayer(keras.layers.Layer):
    mixes_samples = True


@pytest.mark.parametrize("kind", ["r1", "r2", "gradient_penalty", "dragan"])
@pytest.mark.parametrize(
    "layer", [keras.layers.BatchNormalization(name="mixer"), MinibatchLayer(name="mixer")]
)
def test_gradients_of_discriminators_that_mix_samples_are_refused(kind, layer):
    inner = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(1)], name="inner")
    discriminator = keras.Sequential([keras.Input((4,)), inner], name="critic")
    message = (
        f"{type(EVERY[kind]).__name__} needs a discriminator that judges every sample alone. "
        f"Received: 'critic' with the layer 'mixer' ({type(layer).__name__}), which mixes the "
        "samples of a batch: the gradient of one logit by its image then depends on all other "
        "images, and a norm per sample means nothing. Use layer, group or no normalisation, or "
        "kgan.layers.SpectralNorm, and no minibatch layers; or kgan.penalties.LeCam, which "
        "looks at logits only."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        EVERY[kind].check_discriminator(discriminator)
    EVERY["lecam"].check_discriminator(discriminator)


def test_the_minibatch_layer_of_kgan_mixes_and_layer_norm_does_not():
    def critic(layer):
        return keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(1)])

    with pytest.raises(ValueError, match="which mixes the samples of a batch"):
        EVERY["r1"].check_discriminator(critic(layers.MinibatchStdDev()))
    EVERY["r1"].check_discriminator(critic(keras.layers.LayerNormalization()))


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        (penalties.R1, "gamma"),
        (penalties.R2, "gamma"),
        (penalties.GradientPenalty, "weight"),
        (penalties.DRAGAN, "weight"),
        (penalties.LeCam, "weight"),
    ],
)
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_weights_that_reward_or_are_no_numbers_are_refused(kind, argument, value):
    message = (
        f"{argument} of {kind.__name__} must be a finite number >= 0: a negative weight would "
        f"reward what the penalty is there to punish. Received: {argument}={value!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        kind(**{argument: value})


def test_a_target_is_a_number():
    message = "target of GradientPenalty must be a finite number >= 0. Received: target=-1."
    with pytest.raises(ValueError, match=re.escape(message)):
        penalties.GradientPenalty(target=-1)


def test_lecam_refuses_averages_that_never_move_and_odd_starts():
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\).*Received: decay=1.0"):
        penalties.LeCam(decay=1.0)
    with pytest.raises(ValueError, match=r"decay of LeCam must be a finite number"):
        penalties.LeCam(decay="0.9")
    with pytest.raises(ValueError, match="start must be an integer from 0 on"):
        penalties.LeCam(start=-1)


def test_a_penalty_without_a_penalty_says_so():
    with pytest.raises(NotImplementedError, match="Penalty does not define __call__"):
        penalty_of(penalties.Penalty(), quadratic)
