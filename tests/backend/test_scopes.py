"""What is made in different scopes is refused where it meets, and what is made in one is not."""

import contextlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan

REMEDY = (
    "Make networks, optimizers and GAN in one `with strategy.scope():`, or all of them outside of "
    "it; what the GAN is called for afterwards needs no scope."
)
MIRRORED = "in the scope of a MirroredStrategy with 1 replica"
IMAGES = np.linspace(-1, 1, 8 * 4, dtype="float32").reshape(8, 2, 2, 1)


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0"])


def networks():
    return (
        kgan.models.small_mlp_generator((2, 2, 1), 3, width=4),
        kgan.models.small_mlp_discriminator((2, 2, 1), width=4),
    )


def make_gan(generator=None, discriminator=None, **options):
    made = networks()
    return kgan.GAN(generator or made[0], discriminator or made[1], latent_dim=3, **options)


def adam():
    return keras.optimizers.Adam(1e-3)


@contextlib.contextmanager
def refused(message):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{message} {REMEDY}')}$"):
        yield


def of_a_part(name, gan, part):
    return (
        f"The {name} and the GAN are for different devices. Expected: both made in one scope. "
        f"Received: the GAN made {gan}, the {name} {part}."
    )


@pytest.mark.parametrize("options", [{}, {"ema_halflife_images": 10}])
def test_networks_of_another_scope_than_the_gan_are_refused(strategy, options):
    generator, discriminator = networks()
    with strategy.scope():
        with refused(of_a_part("generator", MIRRORED, "outside of any scope")):
            make_gan(generator, **options)
        with refused(of_a_part("discriminator", MIRRORED, "outside of any scope")):
            make_gan(discriminator=discriminator, **options)
        generator, discriminator = networks()
    with refused(of_a_part("generator", "outside of any scope", MIRRORED)):
        make_gan(generator, discriminator, **options)


def test_two_strategies_of_one_kind_are_told_apart(strategy):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        generator, _ = networks()
    with (
        strategy.scope(),
        refused(of_a_part("generator", MIRRORED, MIRRORED.replace("of a ", "of another "))),
    ):
        make_gan(generator)


def test_optimizers_of_another_scope_than_the_gan_are_refused(strategy):
    with strategy.scope():
        gan, inside = make_gan(), adam()
    with refused(of_a_part("d_optimizer", MIRRORED, "outside of any scope")):
        gan.compile(adam(), inside)
    scaled = keras.optimizers.LossScaleOptimizer(adam())
    with refused(of_a_part("g_optimizer", MIRRORED, "outside of any scope")):
        gan.compile(inside, scaled)
    with refused(of_a_part("g_optimizer", "outside of any scope", MIRRORED)):
        make_gan().compile(adam(), inside)


def test_a_gan_of_no_scope_is_not_called_in_one(strategy):
    gan = make_gan()
    told = (
        "{0} was called in the scope of other devices than the GAN was made for. Received: the GAN "
        f"made outside of any scope, {{0}} called {MIRRORED}."
    )
    with strategy.scope(), refused(told.format("compile")):
        gan.compile("adam", "adam")
    gan.compile("adam", "adam")
    for call in ("fit", "evaluate"):
        with strategy.scope(), refused(told.format(call)):
            getattr(gan, call)(IMAGES, verbose=0)


def test_a_gan_of_one_device_trains_in_the_scope_of_that_device():
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        gan = make_gan(ema_halflife_images=10)
        gan.compile(adam(), "adam")
        gan.fit(IMAGES, verbose=0)
    gan.evaluate(IMAGES, verbose=0)
    assert int(gan.images_seen.numpy()) == 8


@pytest.mark.slow
def test_what_is_made_in_one_scope_is_compiled_and_called_in_it_and_outside(strategy):
    with strategy.scope():
        gan, optimizers = make_gan(), (adam(), keras.optimizers.LossScaleOptimizer(adam()))
    gan.compile(*optimizers)
    gan.evaluate(IMAGES, verbose=0)
    with strategy.scope():
        gan.compile("adam", adam())
        gan.fit(IMAGES, verbose=0)
    assert int(gan.images_seen.numpy()) == 8
