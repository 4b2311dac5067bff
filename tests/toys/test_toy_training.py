"""Many steps in one call are the same steps, and one compilation serves many seeds."""

import dataclasses
import re

import numpy as np
import pytest
from keras import ops

from kgan import toys

SETTINGS = dataclasses.replace(
    toys.PRESETS["ring"],
    loss="non_saturating",
    penalties=("lecam",),
    steps=20,
    width=8,
    g_depth=1,
    d_depth=1,
    batch_size=4,
    discriminator_steps=2,
)
POINTS = toys.ring().sample(50, seed=0)


def build(seed, **changes):
    return toys.build_gan(dataclasses.replace(SETTINGS, **changes), 2, seed)


def make_trainer(seed=0):
    return toys.ToyTrainer(build, POINTS, batch_size=4, seed=seed)


TRACES = []


@pytest.fixture(scope="module")
def compiled():
    """A trainer for tests that begin with `restart`, so that it is compiled for all of them once.

    That a restart is a new beginning, a test of its own says.
    """
    trainer = make_trainer()
    step = trainer.gan.train_step
    trainer.gan.train_step = lambda data: TRACES.append(1) or step(data)
    return trainer


def state(gan):
    variables = gan.variables + gan.optimizer.variables + [*gan.state_beside_weights().values()]
    return [np.array(variable) for variable in variables]


def assert_equal_states(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_steps_in_one_call_are_those_called_one_by_one(compiled):
    compiled.restart(0)
    compiled.advance(6)
    together = state(compiled.gan)
    compiled.restart(0)
    for _ in range(6):
        compiled.advance(1)
    assert_equal_states(state(compiled.gan), together)
    assert int(compiled.gan.optimizer.iterations) == 6
    assert int(compiled.gan.optimizer.d_optimizer.iterations) == 12
    assert int(compiled.gan.images_seen) == 6 * 8


def test_a_step_is_a_train_step_on_points_of_the_data():
    seen = []
    trainer = make_trainer()
    trainer.gan.train_step = seen.append
    trainer._step()
    (batch,) = seen
    assert batch.shape == (8, 2)
    assert {tuple(row) for row in batch.numpy()} <= {tuple(row) for row in POINTS}
    before = batch.numpy()
    trainer._step()
    assert not np.array_equal(seen[1].numpy(), before)


@pytest.mark.slow
def test_logs_are_means_over_the_last_call(compiled):
    compiled.restart(0)
    first = compiled.advance(5)
    assert set(first) == {"d_loss", "g_loss", "d_real", "d_fake", "d_auc", "lecam"}
    second = compiled.advance(5)
    compiled.restart(0)
    whole = compiled.advance(10)
    for name in first:
        np.testing.assert_allclose(whole[name], (first[name] + second[name]) / 2, rtol=1e-5)


@pytest.mark.slow
def test_a_restart_is_a_new_beginning(compiled):
    compiled.advance(5)
    compiled.restart(7)
    assert_equal_states(state(compiled.gan), state(build(7)))
    compiled.advance(5)
    other = make_trainer(seed=7)
    other.advance(5)
    assert_equal_states(state(compiled.gan), state(other.gan))
    compiled.restart(8)
    compiled.advance(5)
    weights = [np.array(gan.generator.weights[0]) for gan in (compiled.gan, other.gan)]
    assert not np.array_equal(*weights)


@pytest.mark.slow
def test_the_loop_is_compiled_once(compiled):
    compiled.advance(2)
    compiled.restart(3)
    compiled.advance(3)
    assert len(TRACES) == 1


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_settings_become_networks_and_optimizers(optimizer):
    settings = dataclasses.replace(
        SETTINGS,
        optimizer=optimizer,
        g_depth=2,
        d_depth=3,
        ema_halflife_images=None,
        penalties=("r1=0.5", "r2=0.25"),
    )
    gan = toys.build_gan(settings, 2, seed=1)
    units = [layer.units for layer in gan.generator.layers if hasattr(layer, "units")]
    assert units == [8, 8, 2]
    units = [layer.units for layer in gan.discriminator.layers if hasattr(layer, "units")]
    assert units == [8, 8, 8, 1]
    assert gan.ema_generator is None
    assert [r.get_config() for r in gan.penalties] == [{"gamma": 0.5}, {"gamma": 0.25}]
    assert type(gan.optimizer.d_optimizer).__name__.lower() == optimizer
    assert gan.discriminator_steps == 2


def test_the_weights_of_a_clipped_discriminator_stay_within_the_bound():
    gan = build(1, weight_clip=0.1, d_learning_rate=1.0)
    gan.train_step(ops.convert_to_tensor(POINTS[:8]))
    largest = max(np.abs(weight).max() for weight in gan.discriminator.get_weights())
    assert largest == np.float32(0.1)


def test_both_rates_fall_to_zero_at_the_last_step():
    gan = toys.build_gan(SETTINGS, 2, seed=0)
    d_rate = gan.optimizer.d_optimizer._learning_rate
    g_rate = gan.optimizer.g_optimizer._learning_rate
    np.testing.assert_allclose([float(d_rate(0)), float(g_rate(0))], [6e-4, 6e-3], rtol=1e-6)
    # Two discriminator updates per step.
    np.testing.assert_allclose([float(d_rate(40)), float(g_rate(20))], 0, atol=1e-9)
    np.testing.assert_allclose([float(d_rate(20)), float(g_rate(10))], [3e-4, 3e-3], rtol=1e-6)
    constant = toys.build_gan(dataclasses.replace(SETTINGS, decay=False), 2, seed=0)
    assert float(constant.optimizer.g_optimizer.learning_rate) == pytest.approx(6e-3)


def test_the_discriminator_begins_with_spread_units_and_can_be_normalised():
    critic = build(0, width=1000, d_depth=2).discriminator
    first, second = critic.get_layer("hidden_1"), critic.get_layer("hidden_2")
    # Deviations of 3 and 1 times He's, sqrt(2 / fan_in).
    np.testing.assert_allclose(np.std(first.kernel), 3.0, rtol=0.08)
    np.testing.assert_allclose(np.std(second.kernel), np.sqrt(2 / 1000), rtol=0.01)
    for layer in (first, second):
        bias = np.array(layer.bias)
        assert -1 <= bias.min() < -0.95
        assert 0.95 < bias.max() <= 1
    smooth = build(0, width=1000, d_spread=False).discriminator
    # Glorot's uniform, whose largest value is sqrt(6 / (fan_in + fan_out)), and no biases.
    largest = np.abs(np.array(smooth.get_layer("hidden_1").kernel)).max()
    np.testing.assert_allclose(largest, np.sqrt(6 / 1002), rtol=0.02)
    assert not np.any(smooth.get_layer("hidden_1").bias)
    normed = build(0, d_depth=2, spectral_norm=True).discriminator
    x = np.random.default_rng(1).normal(size=(200, 2)).astype("float32")
    steepest = np.abs(np.array(normed(x)) - normed(x + np.float32(1e-3))) / (1e-3 * np.sqrt(2))
    # silu is 1.1-Lipschitz, every normalised kernel 1-Lipschitz.
    assert steepest.max() <= 1.1**2 * 1.01


def test_the_generator_begins_spread_or_smooth():
    spread = build(0, width=1000).generator.get_layer("hidden_1")
    np.testing.assert_allclose(np.std(spread.kernel), 1.0, rtol=0.08)
    assert np.abs(np.array(spread.bias)).max() > 0.95
    smooth = build(0, width=1000, g_spread=False).generator.get_layer("hidden_1")
    np.testing.assert_allclose(np.abs(np.array(smooth.kernel)).max(), np.sqrt(6 / 1002), rtol=0.02)
    assert not np.any(smooth.bias)
    deep = build(0, g_depth=2, d_depth=2)
    for network in (deep.generator, deep.discriminator):
        first, second = (np.array(network.get_layer(f"hidden_{i}").bias) for i in (1, 2))
        assert not np.array_equal(first, second)


def test_odd_settings_are_refused():
    with pytest.raises(ValueError, match=r"Expected: adam, rmsprop or sgd\. Received: 'lion'"):
        toys.build_gan(dataclasses.replace(SETTINGS, optimizer="lion"), 2, seed=0)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("steps", (0, 2**31, 1.5), "an integer from 1 to 2147483647"),
        ("discriminator_steps", (0, True), "an integer from 1 to 2147483647"),
        ("batch_size", (0, None), "an integer from 1 to 2147483647"),
        ("latent_dim", (0, 65_537), "an integer from 1 to 65536"),
        ("width", (0, 2_000_000_000), "an integer from 1 to 65536"),
        ("g_depth", (-1, 1001), "an integer from 0 to 1000"),
        ("d_depth", (-1, 1001), "an integer from 0 to 1000"),
        ("g_learning_rate", (0.0, -1.0, np.nan, None), "a finite number > 0"),
        ("d_learning_rate", (0.0, np.inf), "a finite number > 0"),
        ("beta_1", (1.0, -0.1, np.nan), "a finite number >= 0 and < 1"),
        ("beta_2", (1.0,), "a finite number >= 0 and < 1"),
        ("ema_halflife_images", (0, np.nan), "a finite number > 0"),
        ("weight_clip", (0, -1), "a finite number > 0"),
    ],
)
def test_settings_outside_their_range_are_refused(name, values, expected):
    for value in values:
        message = f"{name} must be {expected}. Received: {name}={value!r}."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            toys.Settings(**{name: value})


def test_settings_keep_numbers_of_numpy_as_those_of_python():
    settings = toys.Settings(width=np.int64(8), beta_1=np.float32(0.5), g_depth=0)
    assert [type(settings.width), type(settings.beta_1)] == [int, float]
    assert settings == toys.Settings(width=8, beta_1=0.5, g_depth=0)


@pytest.mark.parametrize(
    ("points", "received"),
    [
        (np.zeros((0, 2)), "an array of shape (0, 2), no points"),
        (1.0, "an array of shape (), no points"),
        ([[0.0], [np.nan]], "an array of shape (2, 1), NaN or infinity among them"),
    ],
)
def test_points_that_are_none_are_refused(points, received):
    message = re.escape(f"with n > 0. Received: {received}.")
    with pytest.raises(ValueError, match=message):
        toys.ToyTrainer(build, points, batch_size=4)
    gan = toys.build_gan(toys.PRESETS["gaussian"], 1, seed=0)
    with pytest.raises(ValueError, match=message):
        toys.measure_saturation(gan, points)


def test_no_batch_and_no_step_are_refused():
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        toys.ToyTrainer(build, POINTS, batch_size=0)
    trainer = make_trainer()
    for steps in (-1, 0):
        with pytest.raises(ValueError, match=f"steps must be .* Received: steps={steps}"):
            trainer.advance(steps)


@pytest.mark.slow
@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_the_recipe_finds_every_mode(toy):
    data, settings = getattr(toys, toy)(), toys.PRESETS[toy]
    trainer = toys.ToyTrainer(
        lambda seed: toys.build_gan(settings, 2, seed),
        data.sample(100_000, seed=0),
        batch_size=settings.batch_size,
    )
    trainer.restart(0)
    trainer.advance(settings.steps)
    report = data.report(trainer.gan.generate(2500, seed=0))
    assert report.modes == len(data.means)
    assert report.high_quality >= 0.95
    assert report.reverse_kl <= 0.05
