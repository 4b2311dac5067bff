"""Schedules: their values, and a GAN whose quantities follow them."""

import math
import re

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan import penalties
from kgan import schedules
from kgan.gan.optimizers import GANOptimizer

EVERY = [schedules.Cosine(2.0, 0.5, until=300, since=100), schedules.Linear(0.0, 1.0, until=4)]
IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 2, 2, 1)).astype("float32")


def make_gan(ema=None, **compile_arguments):
    keras.utils.set_random_seed(2)
    layers = keras.layers
    gan = kgan.GAN(
        keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh"), layers.Reshape((2, 2, 1))]),
        keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(1)]),
        latent_dim=3,
        ema_halflife_images=ema,
        seed=1,
    )
    compile_arguments.setdefault("d_optimizer", keras.optimizers.SGD(0.2))
    compile_arguments.setdefault("g_optimizer", keras.optimizers.SGD(0.1))
    gan.compile(run_eagerly=True, **compile_arguments)
    return gan


def test_a_cosine_goes_half_a_period_and_stays():
    schedule = schedules.Cosine(2.0, 0.5, until=300, since=100)
    for images, value in [(0, 2.0), (100, 2.0), (200, 1.25), (300, 0.5), (10**12, 0.5)]:
        assert float(schedule(images)) == value
    # A sixth of the way: cos(pi / 6) = sqrt(3) / 2.
    schedule = schedules.Cosine(2.0, 0.5, until=600)
    expected = 0.5 + 1.5 * (1 + math.sqrt(3) / 2) / 2
    np.testing.assert_allclose(schedule(100), expected, rtol=1e-6)


def test_a_line_is_straight():
    schedule = schedules.Linear(1.0, 0.0, until=400, since=200)
    assert [float(schedule(n)) for n in (0, 200, 250, 300, 400, 500)] == [1, 1, 0.75, 0.5, 0, 0]


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_a_schedule_comes_back_from_its_config_and_its_repr(schedule):
    for again in (
        schedules.get(repr(schedule)),
        schedules.get(schedules.serialize(schedule)),
        schedules.deserialize({"class_name": type(schedule).__name__, "config": vars(schedule)}),
    ):
        assert type(again) is type(schedule)
        assert again.get_config() == schedule.get_config()
    assert schedules.get(schedule) is schedule


def test_a_text_may_name_images_in_powers_of_ten():
    assert repr(schedules.get("linear(1, 0, until=2e6)")) == (
        "Linear(start=1.0, end=0.0, until=2000000, since=0)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedules.Cosine(1.0, 0.0, until=100, since=100),
            "Cosine ends before it begins. Expected: until > since, both in images. Received: "
            "until=100, since=100.",
        ),
        (
            lambda: schedules.Linear(1.0, 0.0, until=1.5),
            "until of Linear must be a positive integer. Received: until of Linear=1.5.",
        ),
        (
            lambda: schedules.check("gamma", schedules.Linear(1.0, -1.0, until=9), at_least=0),
            "end of gamma=Linear(start=1.0, end=-1.0, until=9, since=0) must be",
        ),
        (lambda: penalties.R1("cosine(1, 0.1)"), "cosine needs until, which has no default."),
        (
            lambda: make_gan(schedules={"beta_1": "linear(0, 1, until=5)"}),
            "There is no beta_1 of both optimizers to follow a schedule. Expected: schedules by "
            "names out of ['learning_rate']. Received: 'beta_1' for SGD and SGD.",
        ),
        (
            lambda: make_gan(
                d_optimizer="adam", g_optimizer="adam", schedules={"beta_2": "linear(0, 1, 5)"}
            ),
            "end of beta_2=Linear(start=0.0, end=1.0, until=5, since=0) must be",
        ),
        (
            lambda: make_gan(
                g_optimizer=keras.optimizers.SGD(
                    keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
                ),
                schedules={"learning_rate": "linear(1, 0, 5)"},
            ),
            "The learning rate of g_optimizer is a schedule of Keras, and a second one sets it.",
        ),
        (
            lambda: make_gan(schedules={"learning_rate": "linear(1, 0, 5)"}).fit(
                IMAGES, verbose=0, callbacks=[keras.callbacks.ReduceLROnPlateau("d_loss")]
            ),
            "ReduceLROnPlateau sets the learning rate, and so does Linear(start=1.0,",
        ),
        (
            lambda: make_gan(ema=schedules.Linear(-1.0, 5.0, until=5)),
            "start of ema_halflife_images=Linear(start=-1.0, end=5.0, until=5, since=0) must be",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("penalty", "log"),
    [
        ("r1=linear(4, 0, until=32)", "r1"),
        ("r2=linear(4, 0, until=32)", "r2"),
        ("gradient_penalty=linear(4, 0, until=32)", "gradient_penalty"),
        ("dragan=linear(4, 0, until=32)", "dragan"),
        ("lecam(weight=linear(4, 0, until=32), start=0, decay=0)", "lecam"),
    ],
)
def test_a_penalty_follows_the_images_seen(penalty, log):
    gan = make_gan(penalties=penalty, d_optimizer=keras.optimizers.SGD(0.0))
    gan.optimizer.g_optimizer.learning_rate = 0.0
    state = np.array(gan.training_seeds.state)
    seen = []
    for _ in range(3):
        # The same latents and the same weights: only the weight of the penalty changes.
        gan.training_seeds.state.assign(state)
        for variable in gan.penalties[0].variables:
            variable.assign(ops.zeros_like(variable))
        gan.reset_metrics()
        seen.append(gan.train_on_batch(IMAGES, return_dict=True)[log])
    assert seen[0] > 0
    np.testing.assert_allclose(seen, [seen[0], 0.75 * seen[0], 0.5 * seen[0]], rtol=1e-5)


def test_learning_rates_follow_the_images_seen_and_keep_their_ratio():
    gan = make_gan(schedules={"learning_rate": "linear(0.1, 0, until=32)"})
    for rate in (0.1, 0.075, 0.05, 0.025, 0.0):
        before = [np.array(weight) for weight in gan.generator.weights]
        gan.train_on_batch(IMAGES)
        np.testing.assert_allclose(gan.optimizer.g_optimizer.learning_rate, rate, rtol=1e-6)
        np.testing.assert_allclose(gan.optimizer.d_optimizer.learning_rate, 2 * rate, rtol=1e-6)
    for weight, old in zip(gan.generator.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_beta_2_follows_the_images_as_in_adam_by_hand():
    variable = keras.Variable([1.0])
    pair = GANOptimizer(
        keras.optimizers.Adam(0.1),
        keras.optimizers.Adam(0.1, beta_1=0.0, epsilon=0.0),
        {"beta_2": schedules.Linear(0.5, 0.9, until=4)},
    )
    pair.build_pair([keras.Variable([0.0])], [variable])
    value, mean_square = 1.0, 0.0
    for step, gradient in enumerate([1.0, 3.0, -2.0, 0.5, 1.5]):
        with pair.following(pair.g_optimizer, step):
            pair.g_optimizer.apply([ops.convert_to_tensor([gradient])], [variable])
        beta_2 = 0.5 + 0.4 * min(step / 4, 1)
        mean_square = beta_2 * mean_square + (1 - beta_2) * gradient**2
        value -= 0.1 * gradient / math.sqrt(mean_square / (1 - beta_2 ** (step + 1)))
        np.testing.assert_allclose(variable, [value], rtol=1e-5)
        assert pair.g_optimizer.beta_2 == 0.999


def test_an_average_of_half_life_0_is_the_generator_and_then_lags():
    gan = make_gan(ema=schedules.Linear(0.0, 8.0, until=16, since=8))
    first = gan.generator.get_weights()
    gan.train_on_batch(IMAGES)
    for mean, weight, old in zip(
        gan.ema_generator.get_weights(), gan.generator.get_weights(), first, strict=True
    ):
        np.testing.assert_array_equal(mean, weight)
        assert np.any(weight != old)
    before = gan.ema_generator.get_weights()
    gan.train_on_batch(IMAGES)
    for mean, weight, old in zip(
        gan.ema_generator.get_weights(), gan.generator.get_weights(), before, strict=True
    ):
        # 16 images: the half-life is 8, as many as the step had.
        np.testing.assert_allclose(mean, (weight + old) / 2, rtol=1e-5, atol=1e-7)


def test_a_gan_with_schedules_goes_on_from_its_file_bit_by_bit(tmp_path):
    arguments = {
        "d_optimizer": keras.optimizers.Adam(0.02),
        "g_optimizer": keras.optimizers.Adam(0.01),
        "penalties": ["r1=cosine(1, 0.1, until=40)"],
        "schedules": {
            "learning_rate": schedules.Cosine(0.01, 0.001, until=40),
            "beta_2": "cosine(0.9, 0.99, until=40)",
        },
    }
    gan = make_gan(ema=schedules.Cosine(0.0, 32.0, until=40), **arguments)
    gan.fit(IMAGES, batch_size=4, epochs=2, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.get_compile_config() == gan.get_compile_config()
    assert repr(loaded.ema_halflife_images) == repr(gan.ema_halflife_images)
    for one in (gan, loaded):
        one.fit(IMAGES, batch_size=4, epochs=2, verbose=0, shuffle=False)
    for one, other in zip(gan.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_scheduled_steps_are_the_same_in_a_graph_with_fast_kernels():
    results = []
    for execution in ({"run_eagerly": True}, {"steps_per_execution": 2}):
        keras.utils.set_random_seed(2)
        gan = make_gan()
        gan.compile(
            keras.optimizers.Adam(0.02),
            keras.optimizers.Adam(0.01),
            penalties=["r1=cosine(1, 0.1, until=40)"],
            schedules={
                "learning_rate": "linear(0.01, 0.001, until=40)",
                "beta_2": "linear(0.5, 0.9, until=40)",
            },
            **execution,
        )
        gan.fit(IMAGES, batch_size=4, epochs=3, verbose=0, shuffle=False)
        results.append([np.array(variable) for variable in gan.variables])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-6)
