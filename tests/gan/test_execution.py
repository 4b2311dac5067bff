"""One training, however it is executed: the same numbers within what rounding leaves."""

import functools

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

import kgan

# Ten steps of SGD: their sums are added in another order, nothing more.
TOLERANCE = 2e-5
GRAPH, EAGER, XLA = {}, {"run_eagerly": True}, {"jit_compile": True}
# Three does not divide the ten steps.
THREE_AT_ONCE = {"steps_per_execution": 3}


@pytest.fixture(autouse=True)
def known_numbers(monkeypatch):
    """In place of random latents, since XLA would draw others: waves that differ at every draw."""

    def waves(shape, seed):
        draw = ops.cast(seed.next()[1], "float32")
        places = ops.reshape(ops.arange(shape[0] * shape[1], dtype="float32"), shape)
        return 1.4 * ops.sin(1.7 * places + draw)

    monkeypatch.setattr(keras.random, "normal", waves)


def make_gan(optimizer=None, k=2, dtype=None, **execution):
    keras.utils.set_random_seed(2)
    latents, images = keras.Input((4,)), keras.Input((2, 2, 1))
    x = layers.Dense(8, dtype=dtype)(latents)
    x = layers.ReLU(dtype=dtype)(layers.BatchNormalization(dtype=dtype)(x))
    x = layers.Dense(4, activation="tanh", dtype="float32")(x)
    generator = keras.Model(latents, layers.Reshape((2, 2, 1), dtype="float32")(x))
    y = layers.Dense(8, dtype=dtype)(layers.Flatten(dtype=dtype)(images))
    logits = layers.Dense(1, dtype="float32")(layers.LeakyReLU(dtype=dtype)(y))
    gan = kgan.GAN(
        generator,
        keras.Model(images, logits),
        latent_dim=4,
        ema_halflife_images=20,
        seed=3,
    )
    make = optimizer or (lambda: keras.optimizers.SGD(0.05, momentum=0.5))
    penalties = ["r1=1", kgan.penalties.LeCam(0.1, start=0)]
    gan.compile(make(), make(), discriminator_steps=k, penalties=penalties, **execution)
    return gan


def trained(**options):
    """All variables of a GAN after ten steps, and its logs."""
    gan = make_gan(**options)
    k = options.get("k", 2)
    images = np.random.default_rng(0).uniform(-1, 1, (40 * k, 2, 2, 1)).astype("float32")
    logs = gan.fit(images, batch_size=4 * k, shuffle=False, verbose=0).history
    variables = *gan.variables, *gan.optimizer.variables, *gan.state_beside_weights().values()
    state = [np.array(variable, "float64") for variable in variables]
    return [*state, *(np.array(values) for values in logs.values())]


def assert_equal(one, other, tolerance=TOLERANCE):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@functools.cache
def in_a_graph(k=2):
    """What the others are compared with."""
    return trained(k=k)


@pytest.mark.parametrize("k", [2, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 3, 4, 5))])
def test_graph_calls_of_several_steps_and_eager_execution_take_the_same_steps(k):
    assert_equal(in_a_graph(k), trained(k=k, **THREE_AT_ONCE))
    assert_equal(in_a_graph(k), trained(k=k, **EAGER))


def test_shared_fakes_take_the_same_steps_in_a_graph_and_eagerly():
    graph = trained(k=1, share_fakes=True, **THREE_AT_ONCE)
    assert_equal(graph, trained(k=1, share_fakes=True, **EAGER))


@pytest.mark.slow
@pytest.mark.parametrize("execution", [GRAPH, {**XLA, **THREE_AT_ONCE}])
def test_shared_fakes_take_the_same_steps_however_they_are_compiled(execution):
    options = {"k": 1, "share_fakes": True}
    assert_equal(trained(**options, **EAGER), trained(**options, **execution))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "execution"),
    [
        (2, {**XLA, **THREE_AT_ONCE}),
        (1, XLA),
        (3, {**XLA, **THREE_AT_ONCE}),
    ],
)
def test_xla_takes_the_same_steps(k, execution):
    assert_equal(in_a_graph(k), trained(k=k, **execution))


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-3, beta_1=0.5, epsilon=1e-3),
    "decay": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.1, epsilon=1e-3),
    "clipnorm": lambda: keras.optimizers.SGD(0.1, clipnorm=0.01),
    "global_clipnorm": lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.01),
    "clipvalue": lambda: keras.optimizers.SGD(0.1, clipvalue=0.001),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    "accumulation": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_option_of_an_optimizer_means_the_same_in_a_graph_and_eagerly(name):
    graph = trained(optimizer=OPTIMIZERS[name])
    assert_equal(graph, trained(optimizer=OPTIMIZERS[name], **EAGER))
    assert_equal(graph, trained(optimizer=OPTIMIZERS[name], **THREE_AT_ONCE))


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_option_of_an_optimizer_means_the_same_to_xla(name):
    graph = trained(optimizer=OPTIMIZERS[name])
    assert_equal(graph, trained(optimizer=OPTIMIZERS[name], **XLA))


# The unit in the last place of numbers near 1: 2^-11 and 2^-8, which grow over ten steps.
TOLERANCES = {"mixed_float16": 2**-8, "mixed_bfloat16": 2**-5}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "execution"),
    [
        (dtype, execution)
        for dtype in TOLERANCES
        for execution in (GRAPH, THREE_AT_ONCE, EAGER, XLA, {**XLA, **THREE_AT_ONCE})
    ],
)
def test_16_bits_train_as_32_bits_do_but_for_their_precision(dtype, execution):
    tolerance = TOLERANCES[dtype]
    gan = make_gan(dtype=dtype, **execution)
    images = np.random.default_rng(0).uniform(-1, 1, (80, 2, 2, 1)).astype("float32")
    gan.fit(images, batch_size=8, shuffle=False, verbose=0)
    for rounded, value in zip(gan.variables, in_a_graph(), strict=False):
        np.testing.assert_allclose(np.array(rounded), value, rtol=tolerance, atol=tolerance)


def test_each_optimizer_has_a_loss_scale_of_its_own():
    gan = make_gan(OPTIMIZERS["loss_scale"], k=1, **EAGER)
    # With such weights its gradients are larger than 2, and their scaled values infinite.
    before = [100 * weight for weight in gan.discriminator.get_weights()]
    gan.discriminator.set_weights(before)
    gan.optimizer.d_optimizer.dynamic_scale.assign(2.0**127)
    gan.fit(np.linspace(-1, 1, 16, dtype="float32").reshape(4, 2, 2, 1), batch_size=4, verbose=0)
    assert float(gan.optimizer.d_optimizer.dynamic_scale.numpy()) == 2.0**126
    assert float(gan.optimizer.g_optimizer.dynamic_scale.numpy()) == 2.0**15
    for weight, value in zip(gan.discriminator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize("steps", ["auto", 0, 1.5])
def test_a_number_of_steps_per_call_that_is_none_is_refused(steps):
    with pytest.raises(ValueError, match="steps_per_execution must be a positive integer"):
        make_gan(steps_per_execution=steps)
