import importlib
import re

import numpy as np
import pytest

from kgan.metrics.multi_scale_ssim import MultiScaleSSIM
from kgan.metrics.multi_scale_ssim import multi_scale_ssim
from kgan.metrics.multi_scale_ssim import multi_scale_ssim_diversity

# Its name is also that of the function.
module = importlib.import_module("kgan.metrics.multi_scale_ssim")

REASON = "an extra of the tests: pip install -e .[reference]"


def images_of(count, seed, shape=(24, 24, 1)):
    return np.tanh(np.random.default_rng(seed).normal(size=(count, *shape)))


def ssim_slowly(first, second):
    """Luminance and structure of one window after the other, of two planes in [0, 1]."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    luminances, structures = [], []
    for top in range(first.shape[0] - 10):
        for left in range(first.shape[1] - 10):
            x = first[top : top + 11, left : left + 11]
            y = second[top : top + 11, left : left + 11]
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            var_x = (window * (x - mean_x) ** 2).sum()
            var_y = (window * (y - mean_y) ** 2).sum()
            covariance = (window * (x - mean_x) * (y - mean_y)).sum()
            luminances.append((2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4))
            structures.append((2 * covariance + 9e-4) / (var_x + var_y + 9e-4))
    return np.array(luminances), np.array(structures)


def test_two_scales_are_those_of_a_slow_loop():
    first, second = images_of(2, 0)
    second = 0.7 * first + 0.3 * second
    x, y = (first[..., 0] + 1) / 2, (second[..., 0] + 1) / 2
    _, fine = ssim_slowly(x, y)
    halves = [plane.reshape(12, 2, 12, 2).mean(axis=(1, 3)) for plane in (x, y)]
    luminance, coarse = ssim_slowly(*halves)
    weights = np.array([0.0448, 0.2856]) / (0.0448 + 0.2856)
    expected = fine.mean() ** weights[0] * (luminance * coarse).mean() ** weights[1]
    np.testing.assert_allclose(multi_scale_ssim(first[None], second[None]), [expected], rtol=1e-10)


def test_an_image_is_like_itself_and_like_no_other():
    images = images_of(6, 0)
    np.testing.assert_allclose(multi_scale_ssim(images, images), 1, rtol=1e-12)
    assert (multi_scale_ssim(images, images[::-1].copy()) < 0.9).all()


def test_it_is_symmetric():
    first, second = images_of(4, 0), 0.5 * images_of(4, 0) + 0.5 * images_of(4, 1)
    np.testing.assert_allclose(
        multi_scale_ssim(first, second), multi_scale_ssim(second, first), rtol=1e-12
    )


def test_more_noise_makes_images_less_alike():
    first, noise = images_of(4, 0), images_of(4, 1)
    means = [multi_scale_ssim(first, (1 - a) * first + a * noise).mean() for a in (0.1, 0.3, 0.6)]
    assert (np.diff(means) < 0).all()


def test_blocks_change_nothing(monkeypatch):
    first, second = images_of(7, 0, (16, 16, 3)), images_of(7, 1, (16, 16, 3))
    at_once = multi_scale_ssim(first, second)
    monkeypatch.setattr(module, "_BLOCK", 2 * 16 * 16 * 3)
    np.testing.assert_array_equal(multi_scale_ssim(first, second), at_once)


@pytest.mark.parametrize(("size", "scales"), [(11, 1), (22, 2), (43, 2), (44, 3), (176, 5)])
def test_there_are_as_many_scales_as_fit(size, scales):
    assert module._num_scales(size) == scales


def test_copies_have_no_diversity():
    images = np.repeat(images_of(1, 0), 20, axis=0)
    result = multi_scale_ssim_diversity(images, num_pairs=10)
    assert result.mean == pytest.approx(1, rel=1e-12)
    assert result.standard_error == pytest.approx(0, abs=1e-12)


def test_pairs_within_a_class_see_a_class_that_collapsed():
    labels = np.repeat([0, 1], 10)
    images = np.repeat(images_of(2, 0), 10, axis=0)
    assert multi_scale_ssim_diversity(images, num_pairs=10, labels=labels).mean > 0.999
    assert multi_scale_ssim_diversity(images, num_pairs=10).mean < 0.9


def test_equal_seeds_draw_equal_pairs():
    images = images_of(30, 0)
    first, again = (multi_scale_ssim_diversity(images, num_pairs=9, seed=4) for _ in range(2))
    assert first == again
    assert first != multi_scale_ssim_diversity(images, num_pairs=9, seed=5)


def test_the_metric_tells_reals_from_fakes():
    fakes = np.repeat(images_of(1, 0), 12, axis=0)
    metric = MultiScaleSSIM(num_pairs=6)
    metric.update_state(images_of(12, 1), fakes)
    values = metric.result()
    assert values["ms_ssim"] > 0.999 > values["ms_ssim_real"]


def test_memory_does_not_grow_with_the_samples():
    metric = MultiScaleSSIM(num_pairs=3)
    for seed in range(5):
        metric.update_state(fake=images_of(10, seed))
    assert metric.fake.count == 50
    assert len(metric.fake.all()) == 6


def test_images_smaller_than_the_window_are_refused():
    message = (
        "The window of a structural similarity has 11 x 11 pixels. Received: "
        "first images of 10 x 24. Enlarge them first."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim(images_of(2, 0, (10, 24, 1)), images_of(2, 1, (10, 24, 1)))


def test_unequal_arrays_are_refused():
    message = (
        "Both arrays must hold images of one shape, and as many. "
        "Received: (2, 24, 24, 1) and (3, 24, 24, 1)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim(images_of(2, 0), images_of(3, 0))


def test_classes_of_one_image_make_no_pair():
    message = (
        "A pair takes two different images, of one class where labels are given. "
        "Received: 3 images of 3 classes."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim_diversity(images_of(3, 0), num_pairs=2, labels=[0, 1, 2])


def test_five_scales_are_those_of_torchmetrics():
    torch = pytest.importorskip("torch", reason=REASON)
    functional = pytest.importorskip("torchmetrics.functional.image", reason=REASON)
    first = images_of(2, 0, (176, 176, 1))
    second = 0.6 * first + 0.4 * images_of(2, 1, (176, 176, 1))
    planes = [torch.tensor(np.moveaxis((x + 1) / 2, -1, 1)) for x in (first, second)]
    reference = functional.multiscale_structural_similarity_index_measure(
        *planes, data_range=1.0, reduction="none", kernel_size=11, sigma=1.5
    )
    np.testing.assert_allclose(multi_scale_ssim(first, second), reference.numpy(), rtol=1e-6)
