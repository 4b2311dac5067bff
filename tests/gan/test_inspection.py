"""What `fit` keeps of the data it looks at."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import models
from kgan.backend import replicas
from kgan.data.epochs import epochs_of

SHAPE = (8, 8, 1)
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(-1, 1, (100, *SHAPE)).astype("float32")
LABELS = RANDOM.integers(3, size=100)


def make_gan(num_classes=None):
    gan = kgan.GAN(
        models.small_mlp_generator(SHAPE, 2, width=2, num_classes=num_classes),
        models.small_mlp_discriminator(SHAPE, width=2, num_classes=num_classes),
        latent_dim=2,
        num_classes=num_classes,
    )
    gan.compile("sgd", "sgd", run_eagerly=True)
    return gan


@pytest.mark.parametrize(("batch", "kept"), [(100, 64), (20, 20)])
def test_fit_keeps_the_first_images_of_its_data(batch, kept):
    gan = make_gan()
    assert gan.reference_images is None
    gan.fit(tf.data.Dataset.from_tensor_slices(IMAGES).batch(batch), verbose=0)
    np.testing.assert_array_equal(gan.reference_images, IMAGES[:kept])
    assert gan.reference_labels is None


def test_fit_keeps_their_labels():
    gan = make_gan(num_classes=3)
    gan.fit(IMAGES, LABELS, batch_size=50, verbose=0)
    np.testing.assert_array_equal(gan.reference_images, IMAGES[:50])
    np.testing.assert_array_equal(gan.reference_labels, LABELS[:50])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_kept_is_float32_and_a_copy(dtype):
    gan, images = make_gan(), IMAGES.astype(dtype)
    gan.fit(images, batch_size=100, verbose=0)
    assert gan.reference_images.dtype == np.float32
    first = gan.reference_images[0].copy()
    images[:] = 0
    np.testing.assert_array_equal(gan.reference_images[0], first)


def test_evaluate_keeps_nothing_and_the_next_fit_anew():
    gan = make_gan()
    gan.evaluate(IMAGES, verbose=0)
    assert gan.reference_images is None
    gan.fit(IMAGES[:8], batch_size=8, verbose=0)
    gan.fit(IMAGES[8:16], batch_size=8, verbose=0, validation_data=IMAGES[16:24])
    np.testing.assert_array_equal(gan.reference_images, IMAGES[8:16])


def test_neither_a_look_nor_an_evaluation_counts_as_an_epoch_of_the_data():
    gan = make_gan()
    batches = kgan.data.from_arrays(IMAGES).batches(50)
    first = gan.evaluate(batches, verbose=0)
    assert gan.evaluate(batches, verbose=0) == first
    assert epochs_of(batches).next == 0
    gan.fit(batches, verbose=0)
    assert epochs_of(batches).next == 1


def test_what_is_kept_is_not_saved(tmp_path):
    gan = make_gan()
    gan.fit(IMAGES, batch_size=50, verbose=0)
    gan.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").reference_images is None


def two_workers(monkeypatch, *, answer):
    """Let there seem to be another worker; returns what the two are asked to compare."""
    asked = []
    monkeypatch.setattr(replicas, "worker", lambda gan: (0, 2))
    monkeypatch.setattr(
        replicas, "same_everywhere", lambda gan, numbers: asked.append(numbers) or answer
    )
    return asked


def test_workers_compare_their_first_batches(monkeypatch):
    asked = two_workers(monkeypatch, answer=True)
    for images in (IMAGES, IMAGES, IMAGES[::-1].copy()):
        make_gan().fit(images, batch_size=50, shuffle=False, verbose=0)
    first, again, other = asked
    assert first == again != other
    assert all(-(2**63) <= number < 2**63 for number in first + other)


def test_workers_with_other_data_are_refused(monkeypatch):
    two_workers(monkeypatch, answer=False)
    gan, data = make_gan(), tf.data.Dataset.from_tensor_slices(IMAGES).batch(50)
    with pytest.raises(ValueError, match="their first batches differ"):
        gan.fit(data, verbose=0)
    assert int(gan.images_seen.numpy()) == 0


def test_arrays_that_every_worker_would_shuffle_are_refused(monkeypatch):
    two_workers(monkeypatch, answer=True)
    with pytest.raises(ValueError, match="Keras would shuffle arrays in another order on each"):
        make_gan().fit(IMAGES, batch_size=50, verbose=0)


def test_replicas_need_batches_that_are_all_full(monkeypatch):
    told = (
        "2 replicas train on equal parts of a batch, and the last batch of these data may be too "
        "short for that. Batch a dataset with .batch(n, drop_remainder=True), as kgan.data does; "
        "make a generator or a PyDataset one with tf.data.Dataset.from_generator and an "
        "output_signature whose shapes begin with n; of arrays, batch_size must divide the number "
        "of rows, and validation_data take the place of a validation_split."
    )
    gan = make_gan()
    # There seems to be another one.
    monkeypatch.setattr(replicas, "num_replicas_of", lambda gan: 2)
    for rows, split in ((100, 0.0), (96, 0.5)):
        with pytest.raises(ValueError, match=re.escape(told)):
            gan.fit(IMAGES[:rows], batch_size=8, validation_split=split, verbose=0)
    gan.fit(IMAGES[:96], batch_size=8, verbose=0)
