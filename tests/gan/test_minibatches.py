"""Which rows each discriminator step gets."""

import keras
import numpy as np
import pytest
import tensorflow as tf

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
