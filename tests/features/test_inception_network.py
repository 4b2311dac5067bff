"""The architecture: by hand, against loops, and against Keras' own InceptionV3 where they agree."""

import re

import keras
import numpy as np
import pytest

from kgan._utils.images import to_uint8
from kgan.features.inception_network import inception_network
from kgan.features.legacy_resize import LegacyBilinearResize

# Height and width, and channels, after each part, as in Szegedy et al. 2015, table 1, and in the
# graph of 2015-12-05.
SHAPES = {
    "resize": (299, 3),
    "conv_relu": (149, 32),
    "conv_1_relu": (147, 32),
    "conv_2_relu": (147, 64),
    "pool": (73, 64),
    "conv_3_relu": (73, 80),
    "conv_4_relu": (71, 192),
    "pool_1": (35, 192),
    "mixed_join": (35, 256),
    "mixed_1_join": (35, 288),
    "mixed_2_join": (35, 288),
    "mixed_3_join": (17, 768),
    "mixed_4_join": (17, 768),
    "mixed_5_join": (17, 768),
    "mixed_6_join": (17, 768),
    "mixed_7_join": (17, 768),
    "mixed_8_join": (8, 1280),
    "mixed_9_join": (8, 2048),
    "mixed_10_join": (8, 2048),
}


@pytest.fixture(scope="module")
def network(inception_model) -> keras.Model:
    """The network with random weights that neither fade nor grow from layer to layer."""
    rng = np.random.default_rng(0)
    for weight in inception_model.weights:
        shape = tuple(weight.shape)
        if weight.name == "kernel":
            # He et al. 2015.
            values = rng.standard_normal(shape, "float32") * np.sqrt(2 / np.prod(shape[:-1]))
        elif weight.name == "moving_variance":
            values = rng.uniform(0.5, 1.5, shape)
        else:
            values = rng.normal(0, 0.1, shape)
        weight.assign(values)
    return inception_model


@pytest.fixture(scope="module")
def built_in_half_precision():
    """The network without classes, and random numbers that were drawn after it."""
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        keras.utils.set_random_seed(5)
        model = inception_network((20, 30, 3))
        return model, np.array(keras.random.normal((3,), dtype="float32"))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (1, 20, 30, 3)).astype("float32")


def prepared(network, images):
    """What the first convolution is given."""
    return keras.Model(network.input, network.get_layer("rescale").output)(images)


def part(network, last: str) -> keras.Model:
    """The layers from the first convolution on."""
    return keras.Model(network.get_layer("rescale").output, network.get_layer(last).output)


def pooled_by_loop(images: np.ndarray, reduce) -> np.ndarray:
    """3 x 3 windows with stride 1, cut off at the borders of the image."""
    result = np.empty_like(images)
    _, height, width, _ = images.shape
    for row in range(height):
        for column in range(width):
            rows = slice(max(row - 1, 0), row + 2)
            columns = slice(max(column - 1, 0), column + 2)
            result[:, row, column] = reduce(images[:, rows, columns], axis=(1, 2))
    return result


@pytest.mark.slow
def test_every_part_has_the_shape_of_the_graph(network):
    for name, (side, channels) in SHAPES.items():
        assert network.get_layer(name).output.shape == (None, side, side, channels), name
    assert [output.shape for output in network.outputs] == [(None, 2048), (None, 1008)]
    assert network.input_shape == (None, 20, 30, 3)


def test_it_has_94_convolutions_without_scale_or_bias_and_nothing_to_train(network):
    kinds = [type(layer) for layer in network.layers]
    assert kinds.count(keras.layers.Conv2D) == kinds.count(keras.layers.BatchNormalization) == 94
    # The values of the graph's tensors up to pool_3, and those of its classes.
    assert network.count_params() == 21_802_784 + 2048 * 1008
    assert network.trainable_weights == []
    norms = [layer for layer in network.layers if "batchnorm" in layer.name]
    assert {layer.epsilon for layer in norms} == {1e-3}
    assert all(layer.gamma is None for layer in norms)


@pytest.mark.slow
def test_without_classes_it_returns_the_features_alone(built_in_half_precision):
    model, _ = built_in_half_precision
    assert model.output_shape == (None, 2048)
    assert model.count_params() == 21_802_784


def test_building_it_draws_no_random_numbers(built_in_half_precision):
    _, drawn_after = built_in_half_precision
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(keras.random.normal((3,)), drawn_after)


def test_it_stays_in_full_precision_whatever_the_policy(built_in_half_precision, network, images):
    model, _ = built_in_half_precision
    # The input layer computes nothing.
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float32"}
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        np.testing.assert_array_equal(prepared(model, images), prepared(network, images))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def test_images_become_pixels_are_resized_and_end_between_minus_1_and_1(network, images):
    images[0, 0, 0] = [-1, 1, 1.01]
    pixels = to_uint8(images).astype("float32")
    result = np.array(prepared(network, images))
    expected = (np.array(LegacyBilinearResize(299, 299)(pixels)) - 128) / 128
    np.testing.assert_array_equal(result, expected)
    assert result[0, 0, 0].tolist() == [-1.0, 127 / 128, 127 / 128]


@pytest.mark.parametrize(
    "name", ["mixed", "mixed_1", "mixed_2", "mixed_4", "mixed_5", "mixed_6", "mixed_7", "mixed_9"]
)
def test_averages_leave_out_the_padding(network, name):
    images = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    pooled = network.get_layer(f"{name}_tower_2_pool")(images)
    np.testing.assert_allclose(pooled, pooled_by_loop(images, np.mean), atol=1e-6)


def test_the_last_block_pools_by_the_maximum(network):
    images = -np.random.default_rng(0).uniform(size=(2, 4, 5, 3)).astype("float32")
    pooled = network.get_layer("mixed_10_tower_2_pool")(images)
    # Below zero everywhere: padding with zeros would show.
    np.testing.assert_array_equal(pooled, pooled_by_loop(images, np.max))


def in_order(name: str) -> list[int]:
    """Block, tower, whether a tower splits, and number of a convolution: Keras' order."""
    pattern = r"(mixed)?(?:_(\d+))?(?:_(tower)(?:_(\d))?)?(?:_(mixed))?_?conv(?:_(\d))?"
    block, block_number, tower, tower_number, split, number = re.fullmatch(pattern, name).groups()
    return [
        1 + int(block_number or 0) if block else 0,
        1 + int(tower_number or 0) if tower else 0,
        1 if split else 0,
        int(number or 0),
    ]


def numbered(layers, kind) -> list:
    """Keras' layers of a kind in the order of the numbers in their names."""
    chosen = [layer for layer in layers if isinstance(layer, kind)]
    return sorted(chosen, key=lambda layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0]))


def test_equals_keras_inception_up_to_the_last_block(network, images):
    reference = keras.applications.InceptionV3(include_top=False, weights=None)
    convolutions = numbered(reference.layers, keras.layers.Conv2D)
    norms = numbered(reference.layers, keras.layers.BatchNormalization)
    ours = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    for name, convolution, norm in zip(
        sorted(ours, key=in_order), convolutions, norms, strict=True
    ):
        convolution.set_weights(network.get_layer(name).get_weights())
        norm.set_weights(network.get_layer(f"{name}_batchnorm").get_weights())
    x = prepared(network, images)
    expected = keras.Model(reference.input, reference.get_layer("mixed9").output)(x)
    result = part(network, "mixed_9_join")(x)
    # Some hundred roundings, and values of up to about 10.
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_features_are_means_and_probabilities_the_softmax_without_bias(network, images):
    features, probabilities = network(images)
    last = part(network, "mixed_10_join")(prepared(network, images))
    np.testing.assert_allclose(features, np.mean(last, axis=(1, 2)), rtol=1e-5, atol=1e-5)
    logits = np.array(features) @ np.array(network.get_layer("softmax").kernel)
    exponentials = np.exp(logits - logits.max())
    np.testing.assert_allclose(probabilities, exponentials / exponentials.sum(), rtol=1e-4)
