"""R3GAN's networks: their sizes, how they start, and that they train and export."""

import itertools
import re

import keras
import numpy as np
import pytest

from kgan import models
from kgan.layers import GroupedConv2D


def small(image_shape=(8, 8, 1), width=16, num_classes=None, blocks=1, latent_dim=3):
    """The smallest pair."""
    options = {"width": width, "num_classes": num_classes, "blocks": blocks}
    return (
        models.residual_generator(image_shape, latent_dim, **options),
        models.residual_discriminator(image_shape, **options),
    )


def counts(image_shape, widths, *, latents, classes=None, blocks=2, group_width=16):
    """How many weights the two networks of the paper have, by its description."""
    *sides, colours = image_shape
    first, last = widths[0], widths[-1]
    place = np.prod(sides) // 4 ** (len(widths) - 1)
    # To twice the channels, in groups, and back, with a bias before each of the two activations.
    of_block = [2 * c * c + 2 * c + 9 * group_width * 2 * c + 2 * c + 2 * c * c for c in widths]
    between = [one * other for one, other in itertools.pairwise(widths) if one != other]
    both = blocks * sum(of_block) + sum(between) + place * first + colours * last
    if classes is None:
        return both + latents * first, both + first
    return (
        both + 2 * latents * first + classes * latents,
        both + first * first + classes * first,
    )


@pytest.mark.parametrize(
    ("side", "widths", "classes", "group_width", "generator", "discriminator"),
    [
        # FFHQ-256, to the digit; the others in millions.
        (256, [768] * 4 + [384, 192, 96], None, 16, "23,058 k", "23,010 k"),
        (32, [768] * 4, 10, 16, "20.8 M", "21.3 M"),
        (32, [768] * 4, None, 16, "20.7 M", "20.7 M"),
        (64, [768] * 4 + [384], None, 16, "22.4 M", "22.4 M"),
        (32, [1536] * 4, 1000, 32, "82.9 M", "86.5 M"),
        (64, [1536] * 5, 1000, 32, "103.6 M", "107.2 M"),
    ],
)
def test_the_published_networks_have_the_published_numbers_of_weights(
    side, widths, classes, group_width, generator, discriminator
):
    found = counts((side, side, 3), widths, latents=64, classes=classes, group_width=group_width)
    written = [
        f"{number / 1e3:,.0f} k" if "k" in expected else f"{number / 1e6:.1f} M"
        for number, expected in zip(found, (generator, discriminator), strict=True)
    ]
    assert written == [generator, discriminator]


@pytest.mark.parametrize(
    ("image_shape", "width", "widths", "options"),
    [
        ((8, 8, 1), 16, [16, 16], {"blocks": 1}),
        ((28, 28, 3), 8, [8, 8, 8], {"num_classes": 5}),
        ((64, 128, 3), 32, [32, 32, 32, 32, 16], {"blocks": 1, "group_width": 8}),
        ((16, 16, 3), (24, 16, 8), [24, 16, 8], {"num_classes": 2, "blocks": 1}),
    ],
)
def test_networks_have_as_many_weights_as_that_rule_says(image_shape, width, widths, options):
    found = (
        models.residual_generator(image_shape, 3, width=width, **options).count_params(),
        models.residual_discriminator(image_shape, width=width, **options).count_params(),
    )
    classes = options.pop("num_classes", None)
    assert found == counts(image_shape, widths, latents=3, classes=classes, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("side", "expected"), [(256, (23_057_952, 23_009_568))])
def test_the_published_networks_are_built(side, expected):
    found = (
        models.residual_generator((side, side, 3), width=768).count_params(),
        models.residual_discriminator((side, side, 3), width=768).count_params(),
    )
    assert found == expected


def test_channels_halve_beyond_32_pixels_and_groups_have_16():
    _, discriminator = small((96, 96, 3), width=64)
    convolutions = [layer for layer in discriminator.layers if isinstance(layer, GroupedConv2D)]
    assert [layer.output.shape[1:3] for layer in convolutions] == [
        (side, side) for side in (96, 48, 24, 12, 6)
    ]
    assert [layer.filters for layer in convolutions] == [32, 64, 128, 128, 128]
    assert [layer.kernel.shape[2] for layer in convolutions] == 5 * [16]
    # Where 16 divides none of them, what does.
    _, discriminator = small(width=12)
    shapes = [w.shape for w in discriminator.weights if w.shape[:2] == (3, 3)]
    assert shapes == 2 * [(3, 3, 8, 24)]


def test_every_block_starts_as_the_identity():
    for network in small(width=4, blocks=2):
        sums = [layer for layer in network.layers if isinstance(layer, keras.layers.Add)]
        assert len(sums) == 4
        for layer in sums:
            before, after = keras.Model(network.inputs, [layer.input[0], layer.output])(
                keras.random.normal((2, *network.input_shape[1:]), seed=0)
            )
            assert np.abs(np.array(before)).max() > 0
            np.testing.assert_array_equal(np.array(before), np.array(after))


def test_weights_start_as_normals_of_their_published_widths():
    latent_dim, width, classes, blocks = 32, 64, 40, 4
    generator, discriminator = small(width=width, num_classes=classes, blocks=2, latent_dim=32)
    # 1.38675^2 / fan_in / sqrt(blocks), from 64 channels and from 9 places of 16.
    gain = np.sqrt(2 / 1.04) * blocks**-0.25
    in_blocks = {"in": gain / 8, "middle": gain / 12, "out": 0}
    expected = {
        "label_embedding": classes**-0.5,
        "base": (2 * latent_dim) ** -0.5,
        "base_picture": 1,
    }
    of_discriminator = {
        "base_picture": 1 / 4,
        "features": width**-0.5,
        "label_embedding": (width * classes) ** -0.5,
    }
    for network, own in ((generator, expected), (discriminator, of_discriminator)):
        seen = set()
        for layer in network.layers:
            for weight in layer.weights:
                values = np.array(weight)
                std = in_blocks[layer.name.rpartition("_")[2]] if "block" in layer.name else None
                if weight.name == "bias":
                    std = 0
                # That of few numbers is known too little.
                elif layer.name == "pixels":
                    continue
                elif std is None:
                    std = own[layer.name]
                    seen.add(layer.name)
                np.testing.assert_allclose(values.std(), std, rtol=0.05, err_msg=weight.path)
                np.testing.assert_allclose(values.mean(), 0, atol=0.1 * std, err_msg=weight.path)
        assert seen == {*own}


def test_the_small_picture_is_trained_and_scaled_channel_by_channel():
    generator, _ = small((28, 56, 1), width=4)
    picture = keras.Model(generator.input, generator.get_layer("base_picture").output)
    latents = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    scales = latents @ np.array(generator.get_layer("base").kernel)
    kernel = np.array(generator.get_layer("base_picture").kernel)[..., 0]
    expected = scales[:, None, None] * kernel[::-1, ::-1]
    assert expected.shape == (5, 7, 14, 4)
    np.testing.assert_allclose(np.array(picture(latents)), expected, rtol=1e-4, atol=1e-6)


def test_it_ends_linear_in_training_and_in_the_range_of_images_in_inference():
    generator, _ = small()
    latents = 9 * np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    trained = np.array(generator(latents, training=True))
    assert np.abs(trained).max() > 1.5
    np.testing.assert_array_equal(np.array(generator(latents)), np.clip(trained, -1, 1))
    linear = np.array(generator(2 * latents, training=True))
    # Blocks start as the identity, and everything else is linear.
    np.testing.assert_allclose(linear, 2 * trained, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("width", [(16,), (16, 16, 16), [8, 0], (8, 8.0)])
def test_widths_of_other_stages_are_refused(width):
    if len(width) == 2:
        message = "every entry of width must be a positive integer"
    else:
        message = (
            "width must be an int, or one for each of the 2 stages from 4 x 4 to 8 x 8 pixels. "
            f"Received: width={width!r}."
        )
    for function in (models.residual_generator, models.residual_discriminator):
        with pytest.raises(ValueError, match=re.escape(message)):
            function((8, 8, 1), width=width)
