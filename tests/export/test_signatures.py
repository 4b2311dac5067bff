import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import sampling
from kgan._utils import images
from kgan.export.interface import read_interface
from kgan.export.signatures import checked_label
from kgan.export.signatures import checked_latents
from kgan.export.signatures import checked_seed
from kgan.export.signatures import checked_truncation
from kgan.export.signatures import latents_of_seeds
from kgan.export.signatures import signatures
from kgan.export.signatures import to_uint8
from kgan.export.signatures import truncated


def named(generator, num_classes=None):
    found = signatures(generator, read_interface(generator, num_classes))
    return {signature.name: signature for signature in found}


def specs(signature):
    return [(spec.name, spec.dtype.name, tuple(spec.shape)) for spec in signature.inputs]


def test_names_types_and_shapes_of_the_inputs(generator, conditional_generator):
    latents = ("latents", "float32", (None, 5))
    seed = ("seed", "int64", (None,))
    truncation = ("truncation", "float32", (None,))
    label = ("label", "int32", (None,))
    expected = {
        "serving_default": [latents],
        "generate": [seed],
        "generate_truncated": [seed, truncation],
        "generate_png": [seed],
    }
    plain, conditional = named(generator), named(conditional_generator, 3)
    assert {name: specs(found) for name, found in plain.items()} == expected
    with_label = {name: [*inputs, label] for name, inputs in expected.items()}
    with_label["classes"] = [label]
    assert {name: specs(found) for name, found in conditional.items()} == with_label


def generator_of(channels):
    latents = keras.Input((4,))
    pixels = keras.layers.Dense(2 * 3 * channels, activation="tanh")(latents)
    return keras.Model(latents, keras.layers.Reshape((2, 3, channels))(pixels))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_files_decode_to_the_images_of_generate(channels):
    found = named(generator_of(channels))
    seeds = tf.constant([5, 6], tf.int64)
    files = found["generate_png"].function(seeds)["png_bytes"]
    expected = found["generate"].function(seeds)["images"]
    assert len(np.unique(expected)) > 5
    np.testing.assert_array_equal([tf.io.decode_png(file) for file in files], expected)


def test_images_that_png_cannot_hold_get_no_png_function():
    assert list(named(generator_of(5))) == ["serving_default", "generate", "generate_truncated"]


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


@pytest.mark.parametrize("truncation", [100.0, np.inf])
def test_a_large_truncation_changes_no_bit(truncation):
    latents = tf.random.stateless_normal([1, 400_000], [1, 2])
    np.testing.assert_array_equal(truncated(latents, tf.constant([truncation])), latents)


def test_truncated_latents_are_quantiles_of_the_truncated_distribution():
    limits = [1e-3, 0.5, 1.0, 2.0, 4.0]
    latents = tf.random.stateless_normal([len(limits), 50], [3, 4])
    found = np.asarray(truncated(latents, tf.constant(limits)), "float64")
    for row, limit, before in zip(found, limits, np.asarray(latents), strict=True):
        # (Phi(x) - Phi(-t)) / (Phi(t) - Phi(-t)) = Phi(z), in erf: erf(x') = erf(z') erf(t').
        mass = math.erf(limit / math.sqrt(2))
        place = [math.erf(x / math.sqrt(2)) / mass for x in row]
        expected = [math.erf(float(z) / math.sqrt(2)) for z in before]
        np.testing.assert_allclose(place, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("truncation", [5.5, 7.0, 8.5])
def test_a_truncation_of_nothing_is_that_of_sampling(truncation):
    latents = tf.constant(np.linspace(-9, 9, 181, dtype="float32"))
    found = truncated(latents[tf.newaxis], tf.constant([truncation]))[0]
    np.testing.assert_array_equal(found, sampling.truncated(latents, truncation))
    np.testing.assert_array_equal(found, np.clip(latents, -truncation, truncation))


def test_truncated_latents_are_those_of_sampling():
    latents = tf.random.stateless_normal([2, 1000], [5, 6])
    found = truncated(latents, tf.constant([0.7, 1.5]))
    for row, limit in enumerate([0.7, 1.5]):
        expected = sampling.truncated(latents[row], limit)
        # sampling's own float32: of erf near 1 it keeps no more at 3 standard deviations.
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("truncation", [1e-30, 1e-3, 0.3, 1.0, 5.0, 8.5])
def test_truncated_latents_stay_inside(truncation):
    latents = tf.concat([tf.random.stateless_normal([1, 10_000], [7, 8]), [[-40.0, 40.0]]], 1)
    found = np.asarray(truncated(latents, tf.constant([truncation])))
    assert np.abs(found).max() <= np.float32(truncation)
    assert np.isfinite(found).all()


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


def test_good_latents_and_truncations_pass():
    latents = tf.random.normal((2, 5))
    np.testing.assert_array_equal(checked_latents(latents, 5), latents)
    truncation = checked_truncation(tf.constant([0.5, np.inf]), tf.constant(2))
    np.testing.assert_array_equal(truncation, [0.5, np.inf])


def check_refused(function, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        function()
    assert message in str(error.value)


def test_a_request_for_no_image_is_refused():
    message = "a request must ask for one image or more. Images:"
    check_refused(lambda: checked_latents(tf.zeros((0, 5)), 5), message)


@pytest.mark.parametrize("width", [4, 6])
def test_latents_of_another_width_are_refused(width):
    message = "latents must have 5 values per image. Received the shape:"
    check_refused(lambda: checked_latents(tf.zeros((2, width)), 5), message)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_latents_that_are_not_finite_are_refused(value):
    message = "latents must be finite. Received:"
    check_refused(lambda: checked_latents(tf.constant([[0.0, 1.0], [value, 0.0]]), 2), message)


@pytest.mark.parametrize("shape", [(), (5,), (1, 5, 1), (1, 1, 5)])
def test_latents_of_another_rank_are_refused(shape):
    message = "latents must have 5 values per image. Received the shape:"
    check_refused(lambda: checked_latents(tf.zeros(shape), 5), message)


@pytest.mark.parametrize("truncation", [0.0, -1.0, np.nan])
def test_a_truncation_that_is_no_length_is_refused(truncation):
    message = "truncation is the largest absolute value of a latent and must be above 0. Received:"
    given = tf.constant([1.0, truncation])
    check_refused(lambda: checked_truncation(given, tf.constant(2)), message)


# Of one image, of two, and of as many as there are numbers.
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (2, 1), (1, 2)])
def test_what_is_no_vector_of_a_number_for_each_image_is_refused(shape):
    rows = tf.constant(max(2 if shape == (1,) else 1, math.prod(shape)))
    checks = {
        "label": lambda: checked_label(tf.zeros(shape, tf.int32), 3, rows),
        "truncation": lambda: checked_truncation(tf.ones(shape), rows),
    }
    if shape != (1,):
        checks["seed"] = lambda: checked_seed(tf.zeros(shape, tf.int64))
    for name, check in checks.items():
        message = f"{name} must hold one number per image. Images, and the shape of {name}:"
        check_refused(check, message)
