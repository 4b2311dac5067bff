"""The first blocks of a discriminator are left as they are."""

import re

import keras
import numpy as np
import pytest

import kgan

SHAPE = (16, 16, 1)


@pytest.mark.parametrize(
    ("family", "n", "frozen"),
    [
        ("dcgan", 1, ["down_0"]),
        ("dcgan", 2, ["down_0", "down_1"]),
        ("mlp", 1, ["maxout_1"]),
        ("mlp", 2, ["maxout_1", "maxout_2"]),
    ],
)
def test_the_blocks_next_to_the_image_are_frozen(family, n, frozen):
    discriminator = kgan.models.get(family).discriminator(SHAPE, width=4, num_classes=3)
    assert kgan.models.freeze_blocks(discriminator, n) == frozen
    held = [layer.name for layer in discriminator.layers if not layer.trainable]
    assert held == frozen


def test_what_stands_before_the_first_block_goes_with_it_and_what_stands_behind_does_not():
    x = images = keras.Input(SHAPE)
    for name in ("pixels", "stage_2_in", "stage_2_out", "stage_1", "last"):
        x = keras.layers.Dense(1, name=name)(x)
    discriminator = keras.Model(images, x)
    assert kgan.models.freeze_blocks(discriminator, 1) == ["pixels", "stage_2_in", "stage_2_out"]
    assert kgan.models.freeze_blocks(discriminator, 2)[-1] == "stage_1"


def test_layers_under_spectral_norm_are_frozen_too():
    discriminator = kgan.models.dcgan_discriminator(SHAPE, width=2, normalization="spectral")
    before = len(discriminator.trainable_variables)
    kgan.models.freeze_blocks(discriminator, 1)
    # Kernel and bias.
    assert len(discriminator.trainable_variables) == before - 2


def test_training_leaves_them_alone_and_a_file_knows_it(tmp_path):
    gan = kgan.GAN(
        kgan.models.dcgan_generator(SHAPE, 3, width=2),
        kgan.models.dcgan_discriminator(SHAPE, width=2),
        latent_dim=3,
    )
    kgan.models.freeze_blocks(gan.discriminator, 2)
    gan.compile(run_eagerly=True)
    images = np.random.default_rng(0).uniform(-1, 1, (8, *SHAPE)).astype("float32")

    def changed():
        before = {weight.path: np.array(weight) for weight in gan.discriminator.weights}
        gan.train_on_batch(images)
        after = {weight.path: np.array(weight) for weight in gan.discriminator.weights}
        return {path.split("/")[0] for path in after if (before[path] != after[path]).any()}

    assert changed() == {"down_1_norm", "logits"}
    gan.save(tmp_path / "gan.keras")
    gan = keras.saving.load_model(tmp_path / "gan.keras")
    assert changed() == {"down_1_norm", "logits"}


def test_more_blocks_than_there_are_are_refused():
    message = (
        "There are 2 blocks in this discriminator: down_0, down_1. Expected: at most as many to "
        "freeze. Received: n=3. A block is all layers that begin with one word and number, as "
        "down_0 and down_0_norm."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kgan.models.freeze_blocks(kgan.models.dcgan_discriminator(SHAPE, width=2), 3)
