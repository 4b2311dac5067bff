"""Networks that do not fit each other, the latents, the labels or the losses are refused."""

import re

import keras
import numpy as np
import pytest

import kgan
from kgan import models

SHAPE = (8, 8, 1)


def gan(latent_dim=3, generator=None, discriminator=None):
    return kgan.GAN(
        generator or models.small_mlp_generator(SHAPE, 3, width=4),
        discriminator or models.small_mlp_discriminator(SHAPE, width=4),
        latent_dim=latent_dim,
    )


def refuses(message):
    return pytest.raises(ValueError, match="(?s)" + re.escape(message))


def test_a_generator_of_another_latent_dim_is_refused():
    with refuses(
        "The generator 'generator' does not fit. Expected: a model of latents of shape (None, 5). "
        "Received: a model of (None, 3). Make latent_dim, num_classes and the image shape the same"
    ):
        gan(latent_dim=5)


def test_a_discriminator_of_another_image_shape_is_refused():
    with refuses(
        "The discriminator 'discriminator' does not fit. Expected: a model of images of shape "
        "(None, 8, 8, 1). Received: a model of (None, 16, 16, 1)."
    ):
        gan(discriminator=models.small_mlp_discriminator((16, 16, 1), width=4))


@pytest.mark.parametrize(("networks", "gan_classes"), [(4, None), (None, 4)])
def test_networks_and_gan_must_agree_on_classes(networks, gan_classes):
    generator = models.small_mlp_generator(SHAPE, 3, width=4, num_classes=networks)
    discriminator = models.small_mlp_discriminator(SHAPE, width=4, num_classes=networks)
    with refuses("The generator 'generator' does not fit. Expected: a model of "):
        kgan.GAN(generator, discriminator, latent_dim=3, num_classes=gan_classes)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_discriminator_that_ends_in_a_sigmoid_is_refused(wrapped):
    last = keras.layers.Dense(1, "sigmoid", name="out")
    last = kgan.layers.SpectralNorm(last) if wrapped else last
    discriminator = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), last])
    with refuses("The discriminator's last layer, 'out', applies a sigmoid."):
        gan(discriminator=discriminator)


def test_a_subclassed_discriminator_with_an_inner_sigmoid_is_taken():
    class Gated(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.logits = keras.layers.Dense(1)
            self.gate = keras.layers.Dense(64, activation="sigmoid")

        def call(self, images, training=False):
            pixels = self.flatten(images)
            return self.logits(pixels * self.gate(pixels))

    assert gan(discriminator=Gated()).image_shape == SHAPE


def test_an_embedding_under_spectral_norm_is_counted_too():
    images, labels = keras.Input(SHAPE), keras.Input((), dtype="int32")
    embedding = keras.layers.Embedding(3, 64, name="classes")
    x = kgan.layers.SpectralNorm(embedding)(labels) * keras.layers.Flatten()(images)
    critic = keras.Model([images, labels], keras.layers.Dense(1)(x), name="critic")
    generator = models.small_mlp_generator(SHAPE, 3, width=4, num_classes=5)
    with refuses("The discriminator 'critic' embeds 3 classes (in the layer 'classes')."):
        kgan.GAN(generator, critic, latent_dim=3, num_classes=5)


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_networks_that_embed_fewer_classes_are_refused(role):
    networks = {
        "generator": models.small_mlp_generator(SHAPE, 3, width=4, num_classes=5),
        "discriminator": models.small_mlp_discriminator(SHAPE, width=4, num_classes=5),
    }
    few = {
        "generator": models.small_mlp_generator(SHAPE, 3, width=4, num_classes=3),
        "discriminator": models.small_mlp_discriminator(SHAPE, width=4, num_classes=3),
    }
    networks[role] = few[role]
    with refuses(
        f"The {role} {role!r} embeds 3 classes (in the layer 'label_embedding'). Expected: at "
        "least num_classes=5."
    ):
        kgan.GAN(**networks, latent_dim=3, num_classes=5)


def test_networks_with_losses_of_their_own_are_refused():
    regularizer = keras.regularizers.L2(0.1)
    discriminator = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_regularizer=regularizer),
        ]
    )
    with refuses("The discriminator 'critic' has 1 losses of its own"):
        discriminator.name = "critic"
        gan(discriminator=discriminator)


def test_what_is_no_model_is_refused():
    with refuses("The generator must be a keras.Model of latents of shape (None, 3). Received: "):
        gan(generator=keras.layers.Dense(3))


def test_a_generator_of_two_outputs_is_refused():
    latents = keras.Input((3,))
    image = keras.layers.Reshape(SHAPE)(keras.layers.Dense(64)(latents))
    with refuses("The generator 'two' must return one tensor. Received: a list."):
        gan(generator=keras.Model(latents, [image, image], name="two"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be a positive integer. Received: latent_dim=0."),
        ({"latent_dim": 3.0}, "latent_dim must be a positive integer. Received: latent_dim=3.0."),
        ({"num_classes": -1}, "num_classes must be a positive integer. Received: num_classes=-1."),
        ({"ema_halflife_images": 0}, "ema_halflife_images must be positive and finite, or None"),
        ({"ema_halflife_images": np.inf}, "must be positive and finite, or None"),
    ],
)
def test_constructor_arguments_are_checked(arguments, message):
    generator = models.small_mlp_generator(SHAPE, 3, width=4)
    discriminator = models.small_mlp_discriminator(SHAPE, width=4)
    with refuses(message):
        kgan.GAN(generator, discriminator, **{"latent_dim": 3, **arguments})
