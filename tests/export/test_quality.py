import re

import keras
import numpy as np
import pytest

from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import read_interface
from kgan.export.quality import FrechetGate
from kgan.export.quality import difference_from_keras


def decibels(generator, change):
    """The signal-to-noise ratio of Keras' images after a change."""

    def images_of(latents, labels):
        return change(keras_images(generator, latents, labels).astype("float64"))

    return difference_from_keras(images_of, generator, read_interface(generator)).decibels


def test_noise_of_a_fiftieth_of_the_range_is_ten_log_of_its_square(generator):
    # (2 / 0.04)^2 = 2,500, and ten times its decimal logarithm is 33.979.
    assert decibels(generator, lambda images: images + 0.04) == pytest.approx(33.9794, abs=1e-4)


def test_noise_counts_by_its_mean_square_over_all_images(generator):
    def change(images):
        # One value of four is off by 2, the whole range: the mean square is 1, a quarter of 2^2.
        images[:, ::2, ::2] += 2
        return images

    assert decibels(generator, change) == pytest.approx(6.0206)


def test_equal_images_have_no_noise_and_nan_is_never_good(generator):
    assert decibels(generator, lambda images: images) == np.inf
    assert np.isnan(decibels(generator, lambda images: images * np.nan))
    assert np.isnan(decibels(generator, lambda images: images + np.inf))


def images_of(generator):
    return lambda latents, labels: keras_images(generator, latents, labels)


def test_keras_differs_from_itself_by_rounding_between_batches_alone(conditional_generator):
    interface = read_interface(conditional_generator, 3)
    difference = difference_from_keras(
        images_of(conditional_generator), conditional_generator, interface
    )
    assert 0 <= difference.largest <= 1e-5
    assert difference.decibels > 100


def test_a_difference_in_one_batch_size_only_is_found(generator):
    def wrong_for_five(latents, labels):
        return keras_images(generator, latents, labels) + 0.25 * (len(latents) == 5)

    difference = difference_from_keras(wrong_for_five, generator, read_interface(generator))
    assert difference.largest == pytest.approx(0.25, abs=1e-5)


def test_every_class_is_compared():
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    summed = keras.layers.Add()([latents, keras.layers.Embedding(100, 4)(labels)])
    generator = keras.Model([latents, labels], keras.layers.Reshape((2, 2, 1))(summed))

    def wrong_for_class_7(latents, labels):
        images = keras_images(generator, latents, labels)
        return np.where((labels == 7)[:, None, None, None], np.nan, images)

    difference = difference_from_keras(wrong_for_class_7, generator, read_interface(generator, 100))
    assert np.isnan(difference.largest)
    assert np.isnan(difference.decibels)


def means_and_spreads(images):
    return np.stack([images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))], axis=1)


@pytest.fixture(name="gate")
def _gate():
    # Real images of plain grey, one like the other but for a little noise.
    real = np.random.default_rng(2).normal(0, 0.1, (50, 8, 8, 1))
    return FrechetGate(means_and_spreads, means_and_spreads(real), samples=300)


def test_keras_own_images_pass_with_the_distance_of_keras(gate, generator):
    reference = gate.reference(generator, read_interface(generator))
    assert reference.distance > 0
    distance = reference.check(images_of(generator), "the file", remedy="")
    assert distance == pytest.approx(reference.distance, rel=1e-6)


def test_the_distance_is_that_of_all_samples_at_once(gate, generator):
    # 300 samples are made in batches of 250 and 50.
    from kgan.metrics import frechet_distance

    interface = read_interface(generator)
    latents, labels = latents_and_labels(interface, rows=300)
    features = means_and_spreads(keras_images(generator, latents, labels))
    expected = frechet_distance(gate.real_features, features)
    assert gate.distance(images_of(generator), interface) == pytest.approx(expected, rel=1e-5)


def test_samples_too_far_from_real_ones_are_refused_with_a_remedy(gate, conditional_generator):
    reference = gate.reference(conditional_generator, read_interface(conditional_generator, 3))

    def brighter(latents, labels):
        return keras_images(conditional_generator, latents, labels) * 0.2 + 0.8

    message = (
        r"The Frechet distance of the int8 file's samples to real images is \d\.\d+, more than "
        rf"1\.15 times the {reference.distance:.4g} of Keras' samples of the same 300 latents\. "
        r"Choose float16\."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        reference.check(brighter, "the int8 file", remedy="Choose float16.")


def test_the_limit_says_how_far_is_too_far(generator):
    real = means_and_spreads(np.random.default_rng(2).normal(0, 0.1, (50, 8, 8, 1)))

    def paler(latents, labels):
        return keras_images(generator, latents, labels) * 1.02

    interface = read_interface(generator)
    strict = FrechetGate(means_and_spreads, real, samples=100, limit=1.0)
    generous = FrechetGate(means_and_spreads, real, samples=100, limit=2.0)
    with pytest.raises(ValueError, match="more than 1 times"):
        strict.reference(generator, interface).check(paler, "the file", remedy="")
    generous.reference(generator, interface).check(paler, "the file", remedy="")


def test_samples_that_are_not_numbers_are_refused(gate, generator):
    reference = gate.reference(generator, read_interface(generator))

    def broken(latents, labels):
        images = keras_images(generator, latents, labels).copy()
        images[-1, 0, 0, 0] = np.nan
        return images

    with pytest.raises(ValueError, match="samples to real images is nan, more than"):
        reference.check(broken, "the file", remedy="")


def test_a_generator_that_makes_no_numbers_is_refused(gate, build_generator):
    generator = build_generator()
    generator.set_weights([np.full_like(values, np.nan) for values in generator.get_weights()])
    message = (
        "The generator's samples hold NaN or infinity, so nothing can be compared with them. "
        "Export an earlier state of it."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        gate.reference(generator, read_interface(generator))


@pytest.mark.parametrize("limit", [0.9, float("nan")])
def test_a_limit_below_keras_own_distance_is_refused(limit):
    message = (
        f"limit must be at least 1, the distance of Keras' own samples. Received: limit={limit}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        FrechetGate(means_and_spreads, np.zeros((2, 2)), limit=limit)
