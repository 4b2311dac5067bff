"""From a seed to images."""

import re

import keras
import numpy as np
import pytest

from kgan import models
from kgan import sampling

keras.utils.set_random_seed(0)
GENERATOR = models.small_mlp_generator((8, 8, 1), 3, width=4)
CONDITIONAL = models.small_mlp_generator((8, 8, 1), 3, width=4, num_classes=4)


def generate(n, generator=GENERATOR, **arguments):
    return sampling.generate(generator, n, latent_dim=3, **arguments)


def conditional(n, **arguments):
    return generate(n, CONDITIONAL, num_classes=4, **arguments)


def test_images_are_those_of_keras_normal_latents():
    latents = keras.random.normal((5, 3), seed=9)
    np.testing.assert_allclose(generate(5, seed=9), GENERATOR(latents), rtol=1e-6)


def test_a_seed_repeats_and_no_seed_does_not():
    np.testing.assert_array_equal(generate(5, seed=9), generate(5, seed=9))
    assert np.abs(generate(5, seed=9) - generate(5, seed=8)).max() > 1e-3
    assert np.abs(generate(5) - generate(5)).max() > 1e-3


def test_a_numpy_seed_is_a_seed():
    np.testing.assert_array_equal(generate(2, seed=np.int64(9)), generate(2, seed=9))


def test_batches_do_not_change_the_images():
    np.testing.assert_allclose(
        generate(7, seed=1, batch_size=3), generate(7, seed=1, batch_size=7), atol=1e-6
    )


def test_labels_choose_the_class():
    latents = keras.random.normal((4, 3), seed=2)
    labels = keras.ops.convert_to_tensor([3, 0, 1, 3], dtype="int32")
    expected = CONDITIONAL([latents, labels])
    np.testing.assert_allclose(conditional(4, seed=2, labels=[3, 0, 1, 3]), expected, rtol=1e-6)
    same = CONDITIONAL([latents, keras.ops.full((4,), 2, dtype="int32")])
    np.testing.assert_allclose(conditional(4, seed=2, labels=2), same, rtol=1e-6)


def test_labels_are_drawn_from_all_classes_by_default():
    np.testing.assert_array_equal(conditional(6, seed=0), conditional(6, seed=0))
    drawn = sampling._labels(1000, 4, seed=0, labels=None)
    # 250 expected of each; 5 standard deviations of a binomial are 68.
    np.testing.assert_allclose(np.bincount(drawn, minlength=4), 250, atol=68)


@pytest.mark.parametrize("truncation", [0.5, 1.0, 2.0])
def test_truncation_gives_the_truncated_normal_distribution(truncation):
    quantiles = np.linspace(0.001, 0.999, 999)
    normal = keras.ops.erfinv(keras.ops.convert_to_tensor(2 * quantiles - 1)) * 2**0.5
    truncated = np.asarray(sampling.truncated(normal, truncation), "float64")
    assert np.abs(truncated).max() < truncation

    def distribution(x):
        return np.asarray(0.5 * (1 + keras.ops.erf(keras.ops.convert_to_tensor(x / 2**0.5))))

    low, high = distribution(np.array(-truncation)), distribution(np.array(truncation))
    np.testing.assert_allclose((distribution(truncated) - low) / (high - low), quantiles, atol=1e-5)


def test_a_wide_truncation_changes_nothing():
    latents = keras.random.normal((1000,), seed=0)
    assert sampling.truncated(latents, None) is latents
    np.testing.assert_array_equal(sampling.truncated(latents, 8.0), latents)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("truncation", [0.5, 3.0, 5.1, 6.0, 100.0])
def test_no_truncated_latent_is_infinite_or_outside(truncation, dtype):
    # From about 5.3 on, in float32, the mass inside is 1; erf of a latent as far out is 1 as well.
    latents = keras.ops.cast(np.linspace(-9, 9, 181), dtype)
    found = keras.ops.cast(sampling.truncated(latents, truncation), "float64")
    assert np.abs(found).max() <= float(keras.ops.cast(truncation, dtype))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be a positive integer. Received: n=0."),
        ({"n": 2, "batch_size": 0}, "batch_size must be a positive integer."),
        ({"n": 2, "seed": -1}, "seed must be an integer from 0 to 4294967295. Received: seed=-1."),
        (
            {"n": 2, "seed": 1.5},
            "seed must be an integer from 0 to 4294967295. Received: seed=1.5.",
        ),
        ({"n": 2, "truncation": 0.0}, "or None. Received: truncation=0.0."),
        ({"n": 2, "labels": [0, 1]}, "labels= applies to a GAN with classes."),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(**arguments)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 4], "Labels must lie in 0..3, since num_classes=4. Received: 4."),
        (-1, "Labels must lie in 0..3, since num_classes=4. Received: -1."),
        ([0, 1, 2], "Labels must have the shape (2,). Received: (3,)."),
        ([0.0, 1.0], "Labels must be integers. Received: dtype float64."),
    ],
)
def test_labels_are_checked(labels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        conditional(2, labels=labels)
