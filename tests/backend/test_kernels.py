"""Fast kernels give what Keras' layers and optimizers give, and leave those as they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kgan
from kgan.backend import kernels
from kgan.backend import private


@pytest.fixture(autouse=True)
def on_every_machine(monkeypatch):
    """Fast kernels also where this machine would do without."""
    monkeypatch.setattr(private, "onednn_is_on", lambda: True)
    monkeypatch.setattr(kernels, "_SHARED_OUT", 0)


def networks():
    """Small ones with every kind of layer that has a faster kernel."""
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3 * 3 * 16, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Reshape((3, 3, 16)),
            layers.Conv2DTranspose(9, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.ReLU(),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(8, 4, strides=2, padding="same", activation="leaky_relu"),
            # A bias before batch norm has no gradient but rounding, which Adam makes to steps.
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(center=False),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator


def trained(*, steps, optimizer, **options):
    """The state of a GAN after some steps."""
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(*networks(), latent_dim=3, seed=0, ema_halflife_images=16)
    gan.compile(optimizer(), optimizer(), **options)
    images = np.random.default_rng(0).uniform(-1, 1, (4 * steps, 6, 6, 1))
    history = gan.fit(images, batch_size=4, shuffle=False, verbose=0)
    # A user's objects stay theirs.
    owners = [*private.walk_layers(gan), gan.optimizer.d_optimizer, gan.optimizer.g_optimizer]
    assert not any(name in vars(owner) for owner in owners for name, _ in kernels._FASTER.values())
    variables = [*gan.variables, *gan.optimizer.variables]
    return [variable.numpy() for variable in variables], history.history


@pytest.mark.usefixtures("float64")
def test_fifty_steps_are_those_of_keras():
    options = {"steps": 50, "optimizer": lambda: keras.optimizers.Adam(1e-3, beta_1=0.5)}
    (fast, logs), (slow, expected) = (
        trained(**options, fast_kernels=fast_kernels) for fast_kernels in (True, False)
    )
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * max(1, np.abs(other).max()))
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-11)


def test_a_step_in_float32_is_that_of_keras_up_to_rounding():
    # Not with Adam: it divides by a gradient's size, rounding in place of a gradient included.
    options = {"steps": 1, "optimizer": lambda: keras.optimizers.SGD(0.1)}
    (fast, _), (slow, _) = (
        trained(**options, fast_kernels=fast_kernels) for fast_kernels in (True, False)
    )
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def swapped(layer, *args, **kwargs):
    """A call of a layer with fast kernels, in a graph."""

    @tf.function(autograph=False)
    def call():
        with kernels._swapped([layer]):
            return layer(*args, **kwargs)

    return call()


@pytest.mark.parametrize(
    ("shape", "policy"),
    [
        ((6, 5), "float32"),
        ((2, 4, 3), "float32"),
        ((2, 3, 2, 4), "float32"),
        ((1, 4), "float32"),
        ((2, 3, 2, 4), "mixed_float16"),
        ((6, 5), "mixed_bfloat16"),
    ],
)
def test_batch_norm_is_that_of_keras(shape, policy, monkeypatch):
    inputs = np.random.default_rng(0).normal(3, 2, shape).astype("float32")
    fast, slow = (layers.BatchNormalization(dtype=policy, momentum=0.7) for _ in range(2))
    fast.build(shape)
    fused = []
    raw = tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(
        tf.raw_ops, "FusedBatchNormV3", lambda **kwargs: fused.append(1) or raw(**kwargs)
    )
    tolerance = {"float32": 1e-5, "mixed_float16": 2e-3, "mixed_bfloat16": 2e-2}[policy]
    for training in (True, False):
        one = swapped(fast, inputs, training=training)
        other = slow(inputs, training=training)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        np.testing.assert_allclose(
            *(tf.cast(outputs, "float32") for outputs in (one, other)), atol=tolerance
        )
        for variable, expected in zip(fast.variables, slow.variables, strict=True):
            np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)
    assert len(fused) == 1


@pytest.mark.parametrize(
    "options", [{"axis": 1}, {"epsilon": 1e-6}, {"trainable": False}, {"dtype": "float64"}]
)
def test_batch_norm_that_has_no_fast_kernel_is_keras_own(options, monkeypatch):
    monkeypatch.delattr(tf.raw_ops, "FusedBatchNormV3")
    inputs = np.random.default_rng(0).normal(size=(3, 4, 4, 4))
    fast, slow = (layers.BatchNormalization(**options) for _ in range(2))
    fast.build(inputs.shape)
    np.testing.assert_allclose(
        swapped(fast, inputs, training=True), slow(inputs, training=True), atol=1e-6
    )


def after_steps(optimizer, gradients, *, is_fast):
    """What an optimizer makes of a variable and of its own."""
    variable = keras.Variable(np.arange(5.0), dtype="float64")
    optimizer.build([variable])

    @tf.function(autograph=False)
    def step(gradient):
        with kernels._swapped([optimizer] if is_fast else []):
            optimizer.apply([gradient], [variable])

    for gradient in gradients:
        step(tf.constant(gradient))
    return [variable.numpy(), *(each.numpy() for each in optimizer.variables)]


@pytest.mark.parametrize(
    "options",
    [
        {"beta_1": 0.0, "beta_2": 0.9},
        {"clipnorm": 0.1},
        {"weight_decay": 0.1},
        {"amsgrad": True},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)},
        {"gradient_accumulation_steps": 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_adam_is_that_of_keras(options):
    way = keras.optimizers.AdamW if "weight_decay" in options else keras.optimizers.Adam
    gradients = np.random.default_rng(0).normal(size=(4, 5)) * [1, 1e-3, 1e-9, 0, 1]
    results = [after_steps(way(**options), gradients, is_fast=is_fast) for is_fast in (True, False)]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-18)


def fused_updates(monkeypatch, *, threads) -> int:
    """How many of a small and a large variable TensorFlow's kernel updates."""
    monkeypatch.setattr(kernels, "_SHARED_OUT", 6)
    monkeypatch.setattr(kernels, "_threads", lambda: threads)
    updates = []
    kernel = tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(
        tf.raw_ops, "ResourceApplyAdam", lambda **given: updates.append(1) or kernel(**given)
    )
    variables = [keras.Variable(np.zeros(size, "float32")) for size in (5, 6)]
    optimizer = keras.optimizers.Adam()
    optimizer.build(variables)
    with kernels._swapped([optimizer]):
        optimizer.apply([tf.ones(5), tf.ones(6)], variables)
    for variable in variables:
        np.testing.assert_allclose(variable, -0.001, rtol=1e-3)
    return len(updates)


@pytest.mark.parametrize(("threads", "expected"), [(1, 2), (2, 1)])
def test_several_threads_are_not_shared_a_small_variable(threads, expected, monkeypatch):
    assert fused_updates(monkeypatch, threads=threads) == expected


def test_convolutions_are_kerass_beside_an_accelerator(monkeypatch):
    layer = layers.Conv2D(1, 3, padding="same")
    inputs = np.random.default_rng(0).normal(size=(1, 4, 4, 8)).astype("float32")
    expected = layer(inputs)
    monkeypatch.delattr(kernels.convolutions, "convolution")
    with pytest.raises(AttributeError, match="no attribute 'convolution'"):
        swapped(layer, inputs)
    device = tf.config.LogicalDevice("/device:GPU:0", "GPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda *_: [device])
    np.testing.assert_array_equal(swapped(layer, inputs), expected)


class Halved(layers.Conv2D):
    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel) / 2


def test_what_a_subclass_computes_is_kept_and_an_error_leaves_nothing_behind():
    layer, own = layers.Conv2D(1, 3), Halved(1, 3)

    def fail():
        with kernels._swapped([layer, own, layer]):
            assert "convolution_op" in vars(layer)
            assert "convolution_op" not in vars(own)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "convolution_op" not in vars(layer)


def is_swapped(gan) -> list:
    """Whether the fast kernels are there while each step is traced."""
    found = []
    discriminate = gan.discriminate

    def watched(*args, **kwargs):
        found.append("convolution_op" in vars(gan.discriminator.layers[0]))
        return discriminate(*args, **kwargs)

    gan.discriminate = watched
    gan.train_on_batch(np.random.default_rng(0).uniform(-1, 1, (4, 6, 6, 1)))
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, True), ({"fast_kernels": False}, False), ({"run_eagerly": True}, False)],
)
def test_auto_is_where_it_can_be(options, expected):
    gan = kgan.GAN(*networks(), latent_dim=3)
    gan.compile(**options)
    assert set(is_swapped(gan)) == {expected}


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": True}])
def test_what_contradicts_fast_kernels_is_named(options):
    gan = kgan.GAN(*networks(), latent_dim=3)
    with pytest.raises(ValueError, match=f"fast_kernels=True needs .* {next(iter(options))}=True"):
        gan.compile(fast_kernels=True, **options)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        gan = kgan.GAN(*networks(), latent_dim=3)
        with pytest.raises(ValueError, match="a strategy of replicas"):
            gan.compile(fast_kernels=True)
