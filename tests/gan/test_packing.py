"""Packs: m images, one logit, one loss, one penalty."""

import re

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan import packing

IMAGES = np.random.default_rng(0).uniform(-1, 1, (12, 2, 3, 1)).astype("float32")


def discriminator(channels):
    layers = keras.layers
    return keras.Sequential([keras.Input((2, 3, channels)), layers.Flatten(), layers.Dense(1)])


def make_gan(channels=2, **compile_arguments):
    keras.utils.set_random_seed(4)
    layers = keras.layers
    generator = keras.Sequential(
        [keras.Input((3,)), layers.Dense(6, "tanh"), layers.Reshape((2, 3, 1))]
    )
    gan = kgan.GAN(generator, discriminator(channels), latent_dim=3, seed=1)
    compile_arguments.setdefault("run_eagerly", True)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **compile_arguments)
    return gan


def test_a_pack_has_one_image_after_the_other_in_its_channels():
    images = np.arange(6 * 2 * 3 * 2, dtype="float32").reshape(6, 2, 3, 2)
    packs = ops.convert_to_numpy(packing.packed(ops.convert_to_tensor(images), 3))
    assert packs.shape == (2, 2, 3, 6)
    for pack in range(2):
        for member in range(3):
            np.testing.assert_array_equal(
                packs[pack, :, :, 2 * member : 2 * member + 2], images[3 * pack + member]
            )
    np.testing.assert_array_equal(packing.unpacked(ops.convert_to_tensor(packs), 3), images)


def test_a_short_pack_is_filled_up_with_the_first_images():
    images = ops.convert_to_tensor(IMAGES[:5])
    packs = packing.packed(images, 3)
    whole = packing.packed(ops.concatenate([images, images[:1]]), 3)
    np.testing.assert_array_equal(packs, whole)


def test_the_channels_say_how_many_images_are_a_pack():
    assert make_gan(2).pack == 2
    assert make_gan(1).pack == 1
    with pytest.raises(ValueError, match="cannot be replaced"):
        make_gan(2).pack = 1


def test_grey_images_before_a_discriminator_of_colours_are_warned_of():
    generator = kgan.models.dcgan_generator((8, 8, 1), 3, width=2)
    judge = kgan.models.dcgan_discriminator((8, 8, 3), width=2)
    with pytest.warns(UserWarning, match="it will judge packs of three images. If colour images"):
        kgan.GAN(generator, judge, latent_dim=3)


def test_a_pack_has_one_logit():
    gan = make_gan(2)
    kernel, bias = gan.discriminator.get_weights()
    logits = gan.discriminate(ops.convert_to_tensor(IMAGES))
    beside = np.stack([IMAGES[row : row + 2].transpose(1, 2, 0, 3) for row in range(0, 12, 2)])
    expected = beside.reshape(6, -1) @ kernel + bias
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


def test_a_penalty_takes_one_norm_of_a_pack():
    # D is linear: its slope by a pack is its kernel, whatever the pack.
    for penalty, of_norm in {
        "r1=2": lambda norm: norm**2,
        "r2=2": lambda norm: norm**2,
        "gradient_penalty(weight=3, target=0.5)": lambda norm: 3 * (norm - 0.5) ** 2,
        "dragan=3": lambda norm: 3 * (norm - 1) ** 2,
    }.items():
        gan = make_gan(2, penalties=penalty)
        norm = np.linalg.norm(gan.discriminator.get_weights()[0])
        logs = gan.train_on_batch(IMAGES, return_dict=True)
        np.testing.assert_allclose(logs[gan.penalties[0].name], of_norm(norm), rtol=1e-5)


class Noted(kgan.augment.Augmentation):
    """No change, but a note of what it was shown."""

    shown = ()

    def __call__(self, images, *, seed, images_seen):
        self.shown.append(tuple(images.shape))
        return images

    def update(self, real_logits, loss, *, pack=1):
        self.shown.append((tuple(real_logits.shape), pack))

    def check(self, image_shape, loss):
        pass


def test_images_are_augmented_one_by_one_before_they_are_packed():
    gan = make_gan(2, augment=Noted(), penalties="gradient_penalty")
    gan.augment.shown = shown = []
    gan.train_on_batch(IMAGES)
    # Reals, fakes and what is between them, then the fakes of the generator's update.
    assert shown == [IMAGES.shape] * 3 + [((6, 1), 2), IMAGES.shape]


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_step_equals_that_of_a_generator_of_whole_packs(run_eagerly):
    """A GAN whose generator makes a pack of two from two latents is the same game."""
    gan = make_gan(2, loss="rpgan", penalties=["r1=0.5", "r2=0.5"], run_eagerly=run_eagerly)
    layers = keras.layers
    latents = keras.Input((6,))
    shared = keras.models.clone_model(gan.generator)
    members = [shared(latents[:, :3]), shared(latents[:, 3:])]
    whole = kgan.GAN(
        keras.Model(latents, layers.Concatenate()(members)),
        keras.models.clone_model(gan.discriminator),
        latent_dim=6,
        seed=1,
    )
    whole.generator.set_weights(gan.generator.get_weights())
    whole.discriminator.set_weights(gan.discriminator.get_weights())
    whole.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        loss="rpgan",
        penalties=["r1=0.5", "r2=0.5"],
        run_eagerly=run_eagerly,
    )
    packs = ops.convert_to_numpy(packing.packed(ops.convert_to_tensor(IMAGES), 2))
    for _ in range(2):
        logs = gan.train_on_batch(IMAGES, return_dict=True)
        others = whole.train_on_batch(packs, return_dict=True)
    # Twelve latents of width 3 are six of width 6, number by number.
    for one, other in zip(gan.generator.weights, whole.generator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(gan.discriminator.weights, whole.discriminator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for name in logs:
        np.testing.assert_allclose(logs[name], others[name], rtol=1e-4)


def test_packs_train_evaluate_save_and_generate(tmp_path):
    gan = make_gan(2, loss="hinge", discriminator_steps=3)
    gan.fit(IMAGES, batch_size=6, verbose=0)
    # Five images are two packs and a half.
    scores = gan.evaluate(IMAGES[:5], verbose=0, return_dict=True)
    assert np.isfinite(list(scores.values())).all()
    assert gan.generate(5, seed=0).shape == (5, 2, 3, 1)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert loaded.pack == 2
    assert loaded.evaluate(IMAGES[:5], verbose=0, return_dict=True) == scores


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (
            lambda: make_gan(2).fit(IMAGES, batch_size=3, verbose=0),
            "A batch of 3 images cannot be split into discriminator_steps=1 equal minibatches in "
            "packs of 2, as the discriminator takes them",
        ),
        (
            lambda: kgan.GAN(
                kgan.models.small_mlp_generator((2, 3, 1), 3, width=4, num_classes=2),
                kgan.models.small_mlp_discriminator((2, 3, 2), width=4, num_classes=2),
                latent_dim=3,
                num_classes=2,
            ),
            "takes 2 times the channels of the generator's images, so packs of several images, "
            "which have one logit but a label each. Expected: packs without classes and "
            "conditions, or a discriminator of images (2, 3, 1). Received: one of (2, 3, 2), and "
            "labels.",
        ),
    ],
)
def test_what_cannot_be_packed_is_refused(attempt, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        attempt()
