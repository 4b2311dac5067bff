"""What a GAN begins with that takes the weights of a trained one."""

import re

import keras
import numpy as np
import pytest

import kgan
from kgan.gan import averaging


def dcgan(num_classes=None, *, size=8, latent_dim=3, width=2, seed=0, **options):
    """A small DCGAN whose every weight is drawn anew, by its seed."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.models.dcgan_generator(
            (size, size, 1), latent_dim, width=width, num_classes=num_classes
        ),
        kgan.models.dcgan_discriminator((size, size, 1), width=width, num_classes=num_classes),
        latent_dim=latent_dim,
        num_classes=num_classes,
        **options,
    )
    draws = np.random.default_rng(seed)
    for weight in gan.weights:
        if weight is not gan.images_seen:
            weight.assign(draws.uniform(1, 2, weight.shape))
    return gan


def weights(network):
    return {weight.path: np.array(weight) for weight in network.weights}


def assert_taken(network, source, but=()):
    """All weights of a network are those of the source, but some."""
    own, found = weights(network), weights(source)
    for path, value in own.items():
        is_taken = path in found and np.array_equal(value, found[path])
        assert is_taken is (path not in but), path


@pytest.mark.parametrize("num_classes", [None, 3])
def test_networks_of_the_same_shapes_take_everything(num_classes):
    source, gan = dcgan(num_classes), dcgan(num_classes, seed=1)
    seeds = np.array(gan.training_seeds.state)
    assert kgan.transfer_weights(source, gan) == []
    assert_taken(gan.generator, source.generator)
    assert_taken(gan.discriminator, source.discriminator)
    np.testing.assert_array_equal(gan.training_seeds.state, seeds)


def test_embeddings_of_another_number_of_classes_begin_anew_and_are_named():
    source, gan = dcgan(3), dcgan(5, seed=1)
    embedding = "label_embedding/embeddings"
    assert kgan.transfer_weights(source, gan) == [
        f"generator {embedding}",
        f"discriminator {embedding}",
    ]
    assert_taken(gan.generator, source.generator, but=[embedding])
    assert_taken(gan.discriminator, source.discriminator, but=[embedding])


def test_of_the_first_kernel_the_rows_of_the_latents_are_taken_with_and_without_classes():
    plain, labelled = dcgan(), dcgan(3, seed=1)
    before = np.array(labelled.generator.get_layer("base").kernel)
    for source, gan in ((plain, labelled), (labelled, dcgan(seed=2))):
        anew = kgan.transfer_weights(source, gan)
        assert [name for name in anew if "embedding" not in name] == []
        old, new = (np.array(one.generator.get_layer("base").kernel) for one in (source, gan))
        np.testing.assert_array_equal(new[:3], old[:3])
    # What meets the label is as it was.
    np.testing.assert_array_equal(labelled.generator.get_layer("base").kernel[3:], before[3:])


@pytest.mark.filterwarnings("error:No image has been seen")
@pytest.mark.parametrize("source_has_average", [True, False])
def test_the_average_begins_as_the_trained_average_or_generator(source_has_average):
    source = dcgan(ema_halflife_images=9 if source_has_average else None)
    gan = dcgan(seed=1, ema_halflife_images=9)
    kgan.transfer_weights(source, gan)
    assert_taken(gan.generator, source.generator)
    assert_taken(gan.ema_generator, source.sampling_generator())
    # It is another one on purpose, though no image has been seen.
    averaging.warn_of_start(gan)


def test_layers_that_keras_has_counted_on_are_found():
    def network():
        layers = keras.layers
        return kgan.GAN(
            keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(4)]),
            keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(1)]),
            latent_dim=3,
        )

    source, gan = network(), network()
    assert kgan.transfer_weights(source, gan) == []
    for one, other in zip(source.generator.weights, gan.generator.weights, strict=True):
        assert one.path != other.path
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"size": 16},
            "The trained GAN makes images (8, 8, 1), and the new one is for images (16, 16, 1): "
            "its layers have other shapes. Bring the data to the shape of the trained one "
            "(image_size=(8, 8), channels=1 in kgan.data), or train from the beginning.",
        ),
        (
            {"latent_dim": 4},
            "The trained generator takes latents of width 3. Expected: a GAN with latent_dim=3. "
            "Received: latent_dim=4.",
        ),
        (
            {"width": 3},
            "The generator has no kernel in common with the trained one. Expected: networks of the "
            "same family and width. Received: base/kernel (3, 48), images/kernel (4, 4, 1, 3), and "
            "in the trained one base/kernel (3, 32), images/kernel (4, 4, 1, 2). Build the "
            "networks as the trained ones were.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_can_be_done(options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kgan.transfer_weights(dcgan(), dcgan(seed=1, **options))
