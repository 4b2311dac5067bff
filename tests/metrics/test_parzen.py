import gzip
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

from kgan.metrics import parzen
from kgan.metrics.parzen import SIGMAS
from kgan.metrics.parzen import ParzenLogLikelihood
from kgan.metrics.parzen import parzen_log_likelihood


def images_of(count, seed, shape=(2, 3, 1)):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape))


def one_by_one(points, samples, sigma):
    """Log densities by the definition, image by image, of values in [0, 1]."""
    densities = []
    for point in points:
        kernels = []
        for sample in samples:
            difference = (point - sample).ravel() / 2
            normalizer = (sigma * math.sqrt(2 * math.pi)) ** difference.size
            kernels.append(math.exp(-(difference @ difference) / (2 * sigma**2)) / normalizer)
        densities.append(math.log(sum(kernels) / len(kernels)))
    return np.array(densities)


def test_it_equals_the_definition_image_by_image():
    samples, validation, test = images_of(7, 0), images_of(5, 1), images_of(6, 2)
    result = parzen_log_likelihood(samples, validation, test, sigmas=[0.2, 0.4, 0.8])
    means = [one_by_one(validation, samples, sigma).mean() for sigma in (0.2, 0.4, 0.8)]
    assert result.sigma == (0.2, 0.4, 0.8)[np.argmax(means)]
    assert result.validation_log_likelihood == pytest.approx(max(means), rel=1e-11)
    scores = one_by_one(test, samples, result.sigma)
    assert result.log_likelihood == pytest.approx(scores.mean(), rel=1e-11)
    assert result.standard_error == pytest.approx(scores.std() / math.sqrt(6), rel=1e-10)


def test_one_sample_has_a_closed_form():
    # The image differs from it by 1 in [-1, 1], .5 in [0, 1], in each of 784 values.
    sample, image = np.zeros((1, 28, 28, 1)), np.ones((1, 28, 28, 1))
    result = parzen_log_likelihood(sample, image, image, sigmas=[0.5])
    expected = -784 * (0.25 / (2 * 0.25) + math.log(0.5 * math.sqrt(2 * math.pi)))
    assert result == pytest.approx((expected, 0.0, 0.5, expected), rel=1e-12)


def test_the_paper_tries_ten_widths():
    expected = [0.1, 0.12915, 0.16681, 0.21544, 0.27826, 0.35938, 0.46416, 0.59948, 0.77426, 1]
    np.testing.assert_allclose(SIGMAS, expected, atol=5e-6)


def test_the_width_is_chosen_without_the_test_images():
    samples, validation = images_of(20, 0), images_of(20, 1)
    near = parzen_log_likelihood(samples, validation, samples)
    far = parzen_log_likelihood(samples, validation, np.sign(samples))
    assert near.sigma == far.sigma
    # The samples themselves would choose the narrowest.
    assert near.sigma > 0.1
    assert parzen_log_likelihood(samples, samples, samples).sigma == 0.1


def test_a_width_that_made_the_noise_is_found():
    # Around one sample the likeliest width is the deviation of the data.
    noise = np.random.default_rng(0).normal(size=(500, 50)) * 0.1
    result = parzen_log_likelihood(np.zeros((1, 50)), 2 * noise, noise, sigmas=[0.03, 0.1, 0.3])
    assert result.sigma == 0.1


def test_blocks_change_nothing(monkeypatch):
    arrays = images_of(7, 0), images_of(10, 1), images_of(11, 2)
    at_once = parzen_log_likelihood(*arrays)
    monkeypatch.setattr(parzen, "_BLOCK", 4)
    assert parzen_log_likelihood(*arrays) == pytest.approx(at_once, rel=1e-11)


def test_far_images_have_finite_densities():
    # exp(-1250) is 0 in float64, its logarithm is not.
    sample, image = np.full((3, 1), -1.0), np.full((2, 1), 1.0)
    result = parzen_log_likelihood(sample, image, image, sigmas=[0.02])
    expected = -1 / (2 * 0.02**2) - math.log(0.02 * math.sqrt(2 * math.pi))
    assert result.log_likelihood == pytest.approx(expected, rel=1e-12)


def test_samples_nearer_to_the_images_score_higher():
    test, validation, other = images_of(50, 0), images_of(50, 1), images_of(50, 2)
    scores = [
        parzen_log_likelihood(share * test + (1 - share) * other, validation, test).log_likelihood
        for share in (0, 0.3, 0.6, 0.9)
    ]
    assert scores == sorted(scores)


def test_the_metric_measures_what_the_function_does():
    samples, validation, test = images_of(9, 0), images_of(8, 1), images_of(7, 2)
    metric = ParzenLogLikelihood(validation, sigmas=[0.2, 0.4])
    metric.update_state(test[:3], samples[:1])
    metric.update_state(test[3:], samples[1:])
    result = parzen_log_likelihood(samples, validation, test, sigmas=[0.2, 0.4])
    assert metric.result() == pytest.approx(
        {
            "parzen_log_likelihood": result.log_likelihood,
            "parzen_standard_error": result.standard_error,
            "parzen_sigma": result.sigma,
        },
        rel=1e-12,
    )


@pytest.mark.parametrize("sigmas", [[], [0.1, 0.0], [-1.0], [[0.1]], [np.nan], [np.inf], [1e-200]])
def test_widths_that_are_none_are_refused(sigmas):
    message = (
        "sigmas must be a list of positive numbers, from 1e-100 to 1e100, in units of [0, 1]. "
        f"Received: {np.asarray(sigmas, np.float64)!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ParzenLogLikelihood(images_of(2, 1), sigmas=sigmas)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parzen_log_likelihood(images_of(2, 0), images_of(2, 1), images_of(2, 2), sigmas=sigmas)


@pytest.mark.parametrize("what", ["validation", "test"])
def test_images_of_another_size_are_refused(what):
    arrays = {"validation": images_of(2, 1), "test": images_of(2, 2)}
    arrays[what] = images_of(2, 3, shape=(2, 2, 1))
    message = f"Samples and {what} must have as many values each. Received: 6 and 4."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parzen_log_likelihood(images_of(2, 0), **arrays)


@pytest.mark.parametrize("what", ["samples", "validation", "test"])
def test_images_that_are_pixels_are_refused(what):
    arrays = {name: images_of(4, 0) for name in ("samples", "validation", "test")}
    arrays[what] = (arrays[what] + 1) * 127.5
    low, high = arrays[what].min(), arrays[what].max()
    message = (
        f"{what} must lie in [-1, 1]. Received: values from {low:g} to {high:g}. "
        "Scale them with images / 127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they "
        "lie in [0, 1]."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parzen_log_likelihood(**arrays)


def test_samples_that_are_not_finite_are_refused():
    samples = images_of(3, 0)
    samples[1, 0, 0] = np.nan
    message = (
        "samples hold NaN or infinity, first in row 1. A generator that makes such images has "
        "diverged: go back to an earlier checkpoint."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parzen_log_likelihood(samples, images_of(3, 1), images_of(3, 2))


@pytest.fixture(scope="module")
def mnist():
    """MNIST's training and test images in [-1, 1], in the order of their files."""
    if "KGAN_DATA" not in os.environ:
        pytest.skip("The environment variable KGAN_DATA names no folder with mnist/ in it.")

    def images(prefix):
        path = Path(os.environ["KGAN_DATA"], "mnist", f"{prefix}-images-idx3-ubyte.gz")
        values = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)
        return values.reshape(-1, 784) / 127.5 - 1

    return images("train"), images("t10k")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "score", "tolerance"), [(0, 241.193, 5e-4), (40_000, 238.0, 0.05)]
)
def test_real_images_score_as_measured_before(mnist, first, score, tolerance):
    # By the same protocol, in another program, with training images in place of samples.
    train, test = mnist
    samples, validation = train[first : first + 10_000], train[50_000:51_000]
    result = parzen_log_likelihood(samples, validation, test)
    assert result.log_likelihood == pytest.approx(score, abs=tolerance)
    if first == 0:
        assert result.sigma == pytest.approx(0.16681, abs=5e-6)
        assert result.validation_log_likelihood == pytest.approx(238.123, abs=5e-4)
        assert result.standard_error == pytest.approx(2.130, abs=5e-4)


@pytest.mark.slow
def test_grey_and_the_mean_image_score_as_measured_before(mnist):
    train, test = mnist
    validation = train[50_000:51_000]
    # Any number of equal samples scores as one.
    grey = parzen_log_likelihood(np.zeros((1, 784)), validation, test)
    mean = parzen_log_likelihood(train[:50_000].mean(axis=0)[None], validation, test)
    assert grey.log_likelihood == pytest.approx(-539.8, abs=0.05)
    assert mean.log_likelihood == pytest.approx(-59.1, abs=0.05)
