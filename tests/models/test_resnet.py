"""SN-ResNet: its sizes, how it starts, and what is normalised how."""

import itertools

import keras
import numpy as np
import pytest

from kgan import models
from kgan.layers import ConditionalBatchNorm
from kgan.layers import SpectralNorm


def trained(model):
    """How many numbers are trained: Keras counts moving averages and u too."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def convolution(size, channels, filters):
    return size * size * channels * filters + filters


def of_generator(widths, *, place=16, latents=128, colours=3, classes=None):
    """How many numbers the paper's generator trains, channels from the smallest picture on."""
    per_norm = 2 * (classes or 1)
    blocks = sum(
        per_norm * (one + other)
        + convolution(3, one, other)
        + convolution(3, other, other)
        + convolution(1, one, other)
        for one, other in itertools.pairwise(widths)
    )
    dense = (latents + 1) * place * widths[0]
    return dense + blocks + 2 * widths[-1] + convolution(3, widths[-1], colours)


def of_discriminator(widths, pools, *, colours=3, classes=0):
    """How many numbers the paper's discriminator trains, channels from the image on."""
    first = widths[0]
    total = convolution(3, colours, first) + convolution(3, first, first)
    total += convolution(1, colours, first)
    for number, (one, other) in enumerate(itertools.pairwise(widths), start=1):
        total += convolution(3, one, one) + convolution(3, one, other)
        if number < pools or one != other:
            total += convolution(1, one, other)
    return total + widths[-1] + 1 + classes * widths[-1]


LARGE = [64, 128, 256, 512, 1024]


def test_the_published_networks_have_the_published_numbers_of_weights():
    # 4.28 and 1.05, 12.2 and 10.1 million.
    assert of_generator([256] * 4) == 4_276_739
    assert of_discriminator([128] * 4, 2) == 1_053_825
    assert of_generator(LARGE[::-1]) == 12_220_675
    assert of_discriminator(LARGE, 5) == 10_141_441


def test_the_networks_for_32_pixels_are_built():
    shape = (32, 32, 3)
    generator = models.resnet_generator(shape, num_classes=10)
    assert trained(generator) == of_generator([256] * 4, classes=10)
    # A scale and an offset a class in the six norms of blocks, where there was one of each.
    assert of_generator([256] * 4, classes=10) == 4_276_739 + 9 * 2 * 256 * 6
    discriminator = models.resnet_discriminator(shape, num_classes=10)
    assert trained(discriminator) == 1_053_825 + 10 * 128
    assert discriminator.get_layer("last_relu").output.shape == (None, 8, 8, 128)


@pytest.mark.slow
def test_the_networks_for_64_pixels_are_built():
    assert trained(models.resnet_generator((64, 64, 3))) == 12_220_675
    assert trained(models.resnet_discriminator((64, 64, 3))) == 10_141_441


@pytest.mark.parametrize(
    ("side", "base", "in_generator", "in_discriminator", "pools"),
    [
        (8, 4, [4, 4], [4] * 4, 2),
        (28, 7, [4] * 3, [4] * 4, 2),
        (40, 5, [32, 16, 8, 4], [4, 8, 16, 32], 3),
        (48, 6, [32, 16, 8, 4], [4, 8, 16, 32], 4),
        (128, 4, [64, 64, 32, 16, 8, 4], [4, 8, 16, 32, 64, 64], 5),
    ],
)
def test_other_sides_follow_the_same_rule(side, base, in_generator, in_discriminator, pools):
    shape = (side, side, 1)
    generator = models.resnet_generator(shape, 3, width=4)
    expected = of_generator(in_generator, place=base * base, latents=3, colours=1)
    assert trained(generator) == expected
    discriminator = models.resnet_discriminator(shape, width=4)
    assert trained(discriminator) == of_discriminator(in_discriminator, pools, colours=1)
    smallest = discriminator.get_layer("last_relu").output.shape[1]
    assert smallest == side // 2**pools
    # The sum over the places, which begins as their mean.
    assert discriminator.get_layer("features").scale == smallest**2


def kernels(model):
    """Kernels by the names of their layers, and whether they are under spectral norm."""
    found = {}
    for layer in model.layers:
        inner = layer.layer if isinstance(layer, SpectralNorm) else layer
        for name in ("kernel", "embeddings"):
            if hasattr(inner, name):
                found[layer.name] = np.array(getattr(inner, name)), inner is not layer
    return found


def test_kernels_start_by_glorots_rule_with_a_gain_in_blocks():
    generator = models.resnet_generator((8, 8, 3), 32, width=16)
    discriminator = models.resnet_discriminator((8, 8, 3), width=16, num_classes=50)
    for values, _ in (kernels(generator) | kernels(discriminator)).values():
        places = np.prod(values.shape[:-2])
        limit = np.sqrt(6 / (places * sum(values.shape[-2:])))
        if places == 9 and values.shape[-1] != 3:
            limit *= np.sqrt(2)
        if values.size < 500:
            continue
        # The largest of n numbers misses the limit by limit / n on the average.
        np.testing.assert_allclose(np.abs(values).max(), limit, rtol=0.02)
        np.testing.assert_allclose(values.std(), limit / np.sqrt(3), rtol=0.05)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_spectral_norm_is_on_all_kernels_of_the_discriminator_and_if_wished_of_the_generator(
    spectral_norm,
):
    generator = models.resnet_generator((8, 8, 1), 3, width=4, spectral_norm=spectral_norm)
    assert {is_under for _, is_under in kernels(generator).values()} == {spectral_norm}
    discriminator = models.resnet_discriminator((8, 8, 1), width=4, num_classes=5)
    assert {is_under for _, is_under in kernels(discriminator).values()} == {True}


def test_with_classes_every_norm_of_a_block_is_conditional_and_the_last_is_not():
    generator = models.resnet_generator((16, 16, 1), 3, width=4, num_classes=5)
    norms = [layer for layer in generator.layers if layer.name.rpartition("up")[0] == ""]
    kinds = [type(layer) for layer in norms if "norm" in layer.name]
    assert kinds == 4 * [ConditionalBatchNorm] + [keras.layers.BatchNormalization]
    plain = models.resnet_generator((16, 16, 1), 3, width=4)
    assert sum(type(one) is keras.layers.BatchNormalization for one in plain.layers) == 5


def test_the_order_of_shortcuts_and_resampling_does_not_matter():
    # A 1x1 before nearest upsampling is one behind it, and one behind pooling one before it.
    images = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    shortcut = keras.layers.Conv2D(5, 1, bias_initializer="ones")
    up = keras.layers.UpSampling2D()
    np.testing.assert_allclose(up(shortcut(images)), shortcut(up(images)), rtol=1e-4, atol=1e-6)
    pool = keras.layers.AveragePooling2D(2)
    np.testing.assert_allclose(pool(shortcut(images)), shortcut(pool(images)), rtol=1e-4, atol=1e-6)


def test_spectral_norm_must_be_true_or_false():
    with pytest.raises(ValueError, match="spectral_norm must be"):
        models.resnet_generator((8, 8, 1), 3, width=4, spectral_norm="yes")
