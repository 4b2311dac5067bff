"""Which rows each discriminator step gets, and what the discriminator says to them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.gan import Minibatch
from kgan.gan import minibatches

ROWS = np.arange(12, dtype="int32")


def dealt(rows, k):
    tensor = tf.range(rows)
    return [part.numpy().tolist() for part, absent in minibatches.deal((tensor, None), k)]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_row_j_goes_to_step_j_modulo_k(k):
    assert dealt(12, k) == [[j for j in range(12) if j % k == step] for step in range(k)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(4, [[0, 3], [1, 0], [2, 1]]), (5, [[0, 3], [1, 4], [2, 0]]), (1, [[0], [0], [0]])],
)
def test_a_short_batch_is_filled_up_with_its_own_first_rows(rows, expected):
    assert dealt(rows, 3) == expected


@pytest.mark.parametrize("rows", [12, 4, 1])
def test_batches_of_unknown_size_are_dealt_alike(rows):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32)])
    def deal(tensor):
        return [part for (part,) in minibatches.deal((tensor,), 3)]

    assert [part.numpy().tolist() for part in deal(tf.range(rows))] == dealt(rows, 3)


def test_several_tensors_keep_their_rows_together():
    images = tf.reshape(tf.range(24), (12, 2))
    for some_images, some_labels in minibatches.deal((images, tf.constant(ROWS)), 3):
        np.testing.assert_array_equal(some_images[:, 0], 2 * some_labels)


@pytest.mark.parametrize("replicas", [2, 4])
def test_every_step_has_the_same_rows_on_any_number_of_replicas(replicas):
    # A strategy gives each replica one contiguous part of the batch.
    parts = [keras.ops.convert_to_tensor(part) for part in np.split(np.arange(24), replicas)]
    for step, (whole,) in enumerate(minibatches.deal((tf.range(24),), 3)):
        own = [list(minibatches.deal((part,), 3))[step][0].numpy() for part in parts]
        assert sorted(np.concatenate(own).tolist()) == sorted(whole.numpy().tolist())


def asked_of(discriminate, dtype="float32", **options):
    real, fake = (tf.constant(rows, dtype) for rows in ([[1.0, 2.0]], [[3.0, -1.0]]))
    return Minibatch(real, fake, latents=None, labels="labels").judged(discriminate, **options)


def test_gradients_come_from_the_passes_that_give_the_logits():
    asked = []

    def discriminate(images, labels, *, training):
        asked.append((labels, training))
        # What it does to images belongs to it: the gradient of 3 (2 x)^2 is 24 x.
        return 3 * tf.reduce_sum((2 * images) ** 2, axis=1)

    both = asked_of(discriminate, needs=("real_gradients", "fake_gradients"))
    assert asked == [("labels", True)] * 2
    assert both.real_logits.numpy().tolist() == [60.0]
    assert both.real_gradients.numpy().tolist() == [[24.0, 48.0]]
    assert both.fake_logits.numpy().tolist() == [120.0]
    assert both.fake_gradients.numpy().tolist() == [[72.0, -24.0]]
    fakes = asked_of(discriminate, needs=["fake_gradients"], reals_too=False)
    assert fakes.real_logits is fakes.real_gradients is None
    assert fakes.fake_gradients.numpy().tolist() == [[72.0, -24.0]]
    neither = asked_of(discriminate)
    assert neither.real_gradients is neither.fake_gradients is None


def test_a_gradient_is_of_the_random_numbers_that_its_logit_saw():
    seeds = keras.random.SeedGenerator(0)

    def discriminate(images, labels, *, training):
        return tf.reduce_sum(images * keras.random.normal((1, 2), seed=seeds), axis=1)

    judged = asked_of(discriminate, needs=("real_gradients",))
    # A linear function is its slope times its argument.
    np.testing.assert_allclose(
        judged.real_logits, np.sum(judged.real_gradients * judged.real, axis=1), rtol=1e-6
    )


@pytest.mark.parametrize(("dtype", "expected"), [("float16", "float32"), ("float64", "float64")])
def test_a_gradient_has_32_bits_at_least(dtype, expected):
    judged = asked_of(
        lambda images, labels, training: images[:, 0], dtype, needs=["real_gradients"]
    )
    assert judged.real_gradients.dtype == expected
    assert judged.fake_logits.dtype == dtype
