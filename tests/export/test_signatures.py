import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import images
from kgan.export.interface import read_interface
from kgan.export.signatures import checked_label
from kgan.export.signatures import latents_of_seeds
from kgan.export.signatures import signatures
from kgan.export.signatures import to_uint8


def named(generator, num_classes=None):
    found = signatures(generator, read_interface(generator, num_classes))
    return {signature.name: signature for signature in found}


def specs(signature):
    return [(spec.name, spec.dtype.name, tuple(spec.shape)) for spec in signature.inputs]


def test_names_types_and_shapes_of_the_inputs(generator, conditional_generator):
    label = ("label", "int32", (None,))
    plain = named(generator)
    conditional = named(conditional_generator, 3)
    assert list(plain) == list(conditional) == ["serving_default", "generate"]
    assert specs(plain["serving_default"]) == [("latents", "float32", (None, 5))]
    assert specs(plain["generate"]) == [("seed", "int64", (None,))]
    assert specs(conditional["serving_default"]) == [("latents", "float32", (None, 5)), label]
    assert specs(conditional["generate"]) == [("seed", "int64", (None,)), label]


# 2^31 - 3 and its neighbours are where Keras folds a seed into 32 bits.
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 3, 2**31 - 2, 2**31, 2**32 - 1, 2**40, -1])
@pytest.mark.parametrize("latent_dim", [1, 3, 64])
def test_latents_of_a_seed_are_those_of_keras_bit_for_bit(seed, latent_dim):
    # Not a literal seed: those are computed before the graph runs.
    draw = tf.function(latents_of_seeds)
    latents = draw(tf.constant([7, seed], tf.int64), latent_dim)
    expected = keras.random.normal((1, latent_dim), seed=seed)
    np.testing.assert_array_equal(latents[1:], expected)


def test_latents_of_a_seed_are_the_first_of_a_longer_draw():
    latents = latents_of_seeds(tf.constant([11], tf.int64), 5)
    np.testing.assert_array_equal(latents[0], keras.random.normal((4, 5), seed=11)[0])


def test_levels_are_those_of_kgan_images():
    # Halves between levels, values off the scale, and everything between.
    halves = (np.arange(255, dtype="float32") + 0.5) / 127.5 - 1.0
    values = np.concatenate([halves, np.linspace(-1.5, 1.5, 3001, dtype="float32")])
    np.testing.assert_array_equal(to_uint8(values), images.to_uint8(values))


def test_a_good_label_passes():
    label = checked_label(tf.constant([2, 0, 1]), 3, tf.constant(3))
    np.testing.assert_array_equal(label, [2, 0, 1])


@pytest.mark.parametrize("label", [3, -1])
def test_a_label_out_of_range_is_refused(label):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        checked_label(tf.constant([0, label]), 3, tf.constant(2))
    assert "label must be in [0, 3). Received:" in str(error.value)


def test_one_label_for_several_images_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        checked_label(tf.constant([0]), 3, tf.constant(2))
    assert "label must hold one class per image. Images, labels:" in str(error.value)
