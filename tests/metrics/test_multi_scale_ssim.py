import importlib
import re

import numpy as np
import pytest
import tensorflow as tf

from kgan.metrics.multi_scale_ssim import MultiScaleSSIM
from kgan.metrics.multi_scale_ssim import multi_scale_ssim
from kgan.metrics.multi_scale_ssim import multi_scale_ssim_diversity

# Its name is also that of the function.
module = importlib.import_module("kgan.metrics.multi_scale_ssim")
REASON = "an extra of the tests: pip install -e .[reference]"
WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
GAUSSIAN = np.exp(-np.add.outer(np.arange(-5, 6) ** 2, np.arange(-5, 6) ** 2) / (2 * 1.5**2))
GAUSSIAN /= GAUSSIAN.sum()


def images(count, shape=(28, 28, 1), seed=0):
    """Smooth images with some noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]] / 10
    phases = random.uniform(0, 6, (4, count, 1, 1, shape[2]))
    waves = np.sin(rows[..., None] * phases[0] + phases[1]) * np.cos(
        columns[..., None] * phases[2] + phases[3]
    )
    return 0.8 * waves + random.uniform(-0.2, 0.2, waves.shape)


def noisy(clean, amount, seed=5):
    noise = np.random.default_rng(seed).uniform(-amount, amount, clean.shape)
    return np.clip(clean + noise, -1, 1)


def grey(*levels, size=28):
    """Images of one level each."""
    return np.ones((len(levels), size, size, 1)) * np.reshape(levels, (-1, 1, 1, 1))


def luminance(first, second):
    """Of two levels in [-1, 1], read as [0, 1]."""
    first, second = (first + 1) / 2, (second + 1) / 2
    return (2 * first * second + 1e-4) / (first**2 + second**2 + 1e-4)


def window_by_window(first, second, scales):
    """The definition for two images (height, width, channels) in [-1, 1]."""
    first, second = (first + 1) / 2, (second + 1) / 2
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    result = 1
    for scale in range(scales):
        values = []
        for channel in range(first.shape[2]):
            for row in range(first.shape[0] - 10):
                for column in range(first.shape[1] - 10):
                    place = slice(row, row + 11), slice(column, column + 11), channel
                    x, y = first[place], second[place]
                    mean_x, mean_y = (GAUSSIAN * x).sum(), (GAUSSIAN * y).sum()
                    variances = (GAUSSIAN * ((x - mean_x) ** 2 + (y - mean_y) ** 2)).sum()
                    covariance = (GAUSSIAN * (x - mean_x) * (y - mean_y)).sum()
                    value = (2 * covariance + 9e-4) / (variances + 9e-4)
                    if scale == scales - 1:
                        value *= (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
                    values.append(value)
        result *= np.mean(values) ** weights[scale]
        first, second = (
            np.array(
                [
                    [x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(axis=(0, 1)) for j in range(w)]
                    for i in range(h)
                ]
            )
            for x in (first, second)
            for h, w in [(x.shape[0] // 2, x.shape[1] // 2)]
        )
    return result


@pytest.mark.parametrize(
    ("shape", "scales"), [((11, 13, 2), 1), ((21, 50, 1), 1), ((23, 26, 2), 2), ((44, 45, 1), 3)]
)
def test_it_is_the_definition_window_by_window(shape, scales):
    first = images(2, shape)
    second = noisy(first, 0.5)
    expected = [window_by_window(x, y, scales) for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(multi_scale_ssim(first, second), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("size", "scales"), [(11, 1), (22, 2), (28, 2), (43, 2), (44, 3), (88, 4), (176, 5)]
)
def test_of_constant_images_the_luminance_of_the_coarsest_scale_is_left(size, scales):
    result = multi_scale_ssim(grey(0.6, size=size), grey(-0.4, size=size))
    weight = WEIGHTS[scales - 1] / sum(WEIGHTS[:scales])
    np.testing.assert_allclose(result, luminance(0.6, -0.4) ** weight, rtol=1e-10)


def test_equal_images_have_1():
    np.testing.assert_allclose(multi_scale_ssim(images(3), images(3)), 1, rtol=1e-12)


def test_it_is_symmetric():
    first, second = images(3), images(3, seed=1)
    np.testing.assert_allclose(
        multi_scale_ssim(first, second), multi_scale_ssim(second, first), rtol=1e-12
    )


def test_negatives_of_each_other_have_0():
    waves = images(3)
    np.testing.assert_array_equal(multi_scale_ssim(waves, -waves), 0)


def test_noise_lowers_it():
    clean = images(1)
    values = [multi_scale_ssim(clean, noisy(clean, amount))[0] for amount in (0, 0.1, 0.3, 0.9)]
    assert values == sorted(values, reverse=True)


def test_blocks_change_nothing(monkeypatch):
    first, second = images(7), images(7, seed=1)
    at_once = multi_scale_ssim(first, second)
    monkeypatch.setattr(module, "_BLOCK", 2 * 28 * 28)
    np.testing.assert_allclose(multi_scale_ssim(first, second), at_once, rtol=1e-12)


@pytest.mark.parametrize(("size", "scales"), [(28, 2), (64, 3), (176, 5)])
def test_tensorflow_agrees(size, scales):
    # On one channel: TensorFlow takes the product over scales of each channel, then the mean.
    first = images(2, (size, size, 1)).astype(np.float32)
    second = noisy(first, 0.5).astype(np.float32)
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    expected = tf.image.ssim_multiscale(
        (first + 1) / 2, (second + 1) / 2, max_val=1.0, power_factors=weights
    )
    # TensorFlow computes it in float32, where variances are differences of larger numbers.
    np.testing.assert_allclose(multi_scale_ssim(first, second), expected, rtol=1e-4)


@pytest.mark.parametrize(("size", "scales"), [(28, 2), (65, 3), (176, 5)])
def test_the_reference_torchmetrics_agrees_but_for_the_borders(size, scales):
    torch = pytest.importorskip("torch", reason=REASON)
    try:
        ssim = importlib.import_module("torchmetrics.functional.image")
    except (ImportError, RuntimeError):
        # It imports torchvision, which fails beside a torch of another build.
        pytest.skip(REASON)
    compute = ssim.structural_similarity_index_measure
    first = images(1, (size, size, 3))
    second = noisy(first, 0.5)
    pair = [torch.tensor(np.moveaxis((x + 1) / 2, -1, 1)) for x in (second, first)]
    expected = 1
    for weight in np.array(WEIGHTS[: scales - 1]) / sum(WEIGHTS[:scales]):
        _, structure = compute(*pair, data_range=1.0, return_contrast_sensitivity=True)
        expected *= structure.item() ** weight
        pair = [torch.nn.functional.avg_pool2d(x, 2) for x in pair]
    # Its multi-scale measure averages the coarsest scale over mirrored borders, where no window of
    # the paper's lies: they are cut off here.
    _, full = compute(*pair, data_range=1.0, return_full_image=True)
    inner = full[..., 5:-5, 5:-5].mean().item()
    expected *= inner ** (WEIGHTS[scales - 1] / sum(WEIGHTS[:scales]))
    np.testing.assert_allclose(multi_scale_ssim(first, second), expected, rtol=1e-9)


def test_the_diversity_of_one_image_only_is_1():
    result = multi_scale_ssim_diversity(np.repeat(images(1), 10, axis=0), num_pairs=20)
    assert result.mean == pytest.approx(1, rel=1e-12)
    assert result.standard_error == pytest.approx(0, abs=1e-12)
    assert result.num_pairs == 20


def test_the_diversity_is_mean_and_error_over_pairs():
    # Of two levels, a pair has 1 or their luminance, so that the mean tells how many are alike.
    levels = grey(*np.repeat([0.6, -0.4], 20))
    different = luminance(0.6, -0.4) ** (WEIGHTS[1] / sum(WEIGHTS[:2]))
    result = multi_scale_ssim_diversity(levels, num_pairs=16)
    share = (1 - result.mean) / (1 - different)
    assert 0 < share < 1
    assert 16 * share == pytest.approx(round(16 * share), abs=1e-9)
    deviation = (1 - different) * np.sqrt(share * (1 - share))
    assert result.standard_error == pytest.approx(deviation / 4, rel=1e-9)


def test_copies_among_the_fakes_show_beside_the_reals():
    metric = MultiScaleSSIM(num_pairs=6)
    metric.update_state(images(12), np.repeat(images(1, seed=1), 12, axis=0))
    values = metric.result()
    assert values["ms_ssim"] > 0.999 > values["ms_ssim_real"]


def test_pairs_are_of_two_images_and_share_none_before_all_are_taken():
    # Four pairs of nine images leave one over.
    for seed in range(20):
        first, second = module._pairs(9, 10, np.random.default_rng(seed))
        assert len({*first[:4], *second[:4]}) == 8
        assert len({*first[4:8], *second[4:8]}) == 8
        assert len(first) == 10


def test_all_pairs_are_as_likely():
    random = np.random.default_rng(0)
    drawn = [module._pairs(4, 1, random) for _ in range(3000)]
    pairs, counts = np.unique(np.sort(np.array(drawn)[..., 0]), axis=0, return_counts=True)
    assert len(pairs) == 6
    # 500 of each on average, within four deviations.
    assert (np.abs(counts - 500) < 4 * np.sqrt(3000 * 5 / 36)).all()


def test_equal_seeds_draw_equal_pairs():
    sample = images(30)
    first, again, other = (
        multi_scale_ssim_diversity(sample, num_pairs=5, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_metric_measures_what_the_function_does():
    real, fake = images(30), images(40, seed=1)
    metric = MultiScaleSSIM(num_pairs=20, seed=3)
    metric.update_state(fake=fake)
    expected = multi_scale_ssim_diversity(fake, num_pairs=20, seed=3)
    assert metric.result() == {
        "ms_ssim": expected.mean,
        "ms_ssim_standard_error": expected.standard_error,
    }
    metric.update_state(real)
    real_value = multi_scale_ssim_diversity(real, num_pairs=20, seed=3).mean
    assert metric.result()["ms_ssim_real"] == real_value


def test_the_metric_keeps_as_many_images_as_its_pairs_take_however_they_come():
    sample = images(60)
    once, often = MultiScaleSSIM(num_pairs=5), MultiScaleSSIM(num_pairs=5)
    once.update_state(fake=sample)
    for part in np.split(sample, [1, 4, 37, 38]):
        often.update_state(fake=part)
    assert once.fake.count == often.fake.count == 60
    assert len(once.fake.all()) == len(often.fake.all()) == 10
    assert once.result() == often.result()


def test_the_metric_keeps_every_image_as_likely():
    levels = grey(*np.linspace(-1, 1, 6), size=11)
    kept = np.zeros(6)
    for seed in range(600):
        metric = MultiScaleSSIM(num_pairs=1, seed=seed)
        metric.update_state(fake=levels[:4])
        metric.update_state(fake=levels[4:])
        kept += np.isin(levels[:, 0, 0, 0], metric.fake.all()[:, 0, 0, 0])
    # 200 of each on average, within four deviations.
    assert (np.abs(kept - 200) < 4 * np.sqrt(600 * 2 / 9)).all()


def test_images_smaller_than_the_window_are_refused():
    message = (
        "The window of a structural similarity has 11 x 11 pixels. Received: images of 10 x 28. "
        "Enlarge them first."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim_diversity(images(3, (10, 28, 1)))


def test_images_outside_the_range_are_refused():
    message = (
        "second images must lie in [-1, 1]. Received: values from 0 to 255. "
        "Scale them with images / 127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they "
        "lie in [0, 1]."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim(grey(0, 0), grey(0, 255))


def test_arrays_of_different_shapes_are_refused():
    message = (
        "Both arrays must hold images of one shape, and as many. "
        "Received: (3, 28, 28, 1) and (2, 28, 28, 1)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim(images(3), images(2))


def test_one_image_has_no_pair():
    message = "A pair takes two different images. Received: 1 image."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        multi_scale_ssim_diversity(images(1))


@pytest.mark.parametrize("num_pairs", [0, 2.5, True])
def test_the_number_of_pairs_is_a_positive_integer(num_pairs):
    message = f"num_pairs must be a positive integer. Received: num_pairs={num_pairs!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MultiScaleSSIM(num_pairs=num_pairs)
