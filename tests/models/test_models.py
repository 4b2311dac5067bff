"""One suite over every family of networks."""

import keras
import numpy as np
import pytest

import kgan
from kgan import models
from kgan.constraints import WeightClip

FAMILIES = ["dcgan", "mlp", "small_mlp"]
every_family = pytest.mark.parametrize("family", FAMILIES)
labelled_or_not = pytest.mark.parametrize("num_classes", [None, 5])


def build(family, shape=(8, 8, 1), latent_dim=3, width=4, num_classes=None, **discriminator):
    pair = models.get(family)
    generator = pair.generator(shape, latent_dim, width=width, num_classes=num_classes)
    return generator, pair.discriminator(
        shape, width=width, num_classes=num_classes, **discriminator
    )


def inputs(samples, num_classes, rows):
    labels = keras.ops.convert_to_tensor(np.arange(rows) % (num_classes or 1), dtype="int32")
    samples = keras.ops.convert_to_tensor(samples)
    return samples if num_classes is None else [samples, labels]


@every_family
@labelled_or_not
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 3), (16, 32, 2)])
def test_images_fit_the_discriminator_and_lie_between_minus_one_and_one(family, num_classes, shape):
    generator, discriminator = build(family, shape, num_classes=num_classes)
    # Weights far larger than any training makes them: the range is the architecture's.
    for weight in generator.trainable_variables:
        weight.assign(100 * weight)
    latents = 5 * np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    images = generator(inputs(latents, num_classes, 6))
    assert images.shape == (6, *shape)
    assert np.abs(images).max() <= 1
    assert np.asarray(images).min() < 0 < np.asarray(images).max()
    assert discriminator(inputs(images, num_classes, 6)).shape == (6, 1)


@every_family
@labelled_or_not
def test_networks_are_functional_and_their_inputs_have_the_fields_names(family, num_classes):
    generator, discriminator = build(family, num_classes=num_classes)
    extra = [] if num_classes is None else ["labels"]
    assert [tensor.name for tensor in generator.inputs] == ["latents", *extra]
    assert [tensor.name for tensor in discriminator.inputs] == ["images", *extra]


@every_family
@labelled_or_not
def test_networks_survive_a_config_round_trip(family, num_classes):
    for network in build(family, num_classes=num_classes, weight_constraint=WeightClip(0.1)):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
        assert [w.shape for w in copy.weights] == [w.shape for w in network.weights]
        assert [layer.get_config() for layer in copy.layers] == [
            layer.get_config() for layer in network.layers
        ]


@every_family
def test_labels_change_images_and_logits(family):
    keras.utils.set_random_seed(0)
    generator, discriminator = build(family, width=16, num_classes=5)
    latents = keras.ops.ones((2, 3))
    labels = keras.ops.convert_to_tensor([0, 1], dtype="int32")
    images = np.asarray(generator([latents, labels]))
    assert np.abs(images[0] - images[1]).max() > 0
    same = keras.ops.convert_to_tensor(np.stack([images[0], images[0]]))
    logits = np.asarray(discriminator([same, labels]))
    assert logits[0] != logits[1]


@every_family
def test_the_label_enters_the_logit_as_a_projection(family):
    # The difference of two labels' logits is linear in their embeddings: <e_1 - e_0, phi(x)>.
    _, discriminator = build(family, num_classes=5)
    features = keras.Model(discriminator.inputs[0], discriminator.get_layer("logits").input)
    images = keras.ops.convert_to_tensor(
        np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
    )
    logits = [
        discriminator([images, keras.ops.full((4,), label, dtype="int32")]) for label in (0, 1)
    ]
    embedding = np.asarray(discriminator.get_layer("label_embedding").weights[0])
    expected = np.asarray(features(images)) @ (embedding[1] - embedding[0])
    np.testing.assert_allclose(
        np.asarray(logits[1] - logits[0])[:, 0], expected, rtol=1e-3, atol=1e-6
    )


@every_family
@labelled_or_not
def test_a_weight_constraint_reaches_every_trainable_weight_of_the_discriminator(
    family, num_classes
):
    clip = WeightClip(0.1)
    # 16 pixels, so that the DCGAN has a layer with batch norm.
    _, discriminator = build(family, (16, 16, 1), num_classes=num_classes, weight_constraint=clip)
    assert all(weight.constraint is not None for weight in discriminator.trainable_variables)
    generator, discriminator = build(family, num_classes=num_classes)
    assert all(w.constraint is None for w in generator.weights + discriminator.weights)


def test_dcgan_has_no_bias_before_batch_norm():
    for network in build("dcgan", (16, 16, 1)):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                before = layer.input._keras_history.operation
                while not before.weights:
                    before = before.input._keras_history.operation
                assert before.use_bias is False, before.name


@pytest.mark.parametrize(
    ("size", "base", "generator_channels", "discriminator_channels"),
    [
        (28, 7, [8, 4], [4, 8]),
        (32, 4, [16, 8, 4], [4, 8, 16]),
        (48, 6, [16, 8, 4], [4, 8, 16]),
        (64, 4, [32, 16, 8, 4], [4, 8, 16, 32]),
        (128, 4, [64, 32, 16, 8, 4], [4, 8, 16, 32, 64]),
    ],
)
def test_dcgan_doubles_from_a_base_of_four_to_eight_pixels(
    size, base, generator_channels, discriminator_channels
):
    generator, discriminator = build("dcgan", (size, size, 1))
    norms = [layer for layer in generator.layers if layer.name.endswith("norm")]
    shapes = [norm.output.shape[1:] for norm in norms]
    assert [shape[-1] for shape in shapes] == generator_channels
    assert [shape[0] for shape in shapes] == [base * 2**i for i in range(len(shapes))]
    convolutions = [
        layer for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D)
    ]
    assert [layer.filters for layer in convolutions] == discriminator_channels
    assert convolutions[-1].output.shape[1] == base


def test_the_2014_pair_has_the_papers_sizes():
    generator = models.mlp_generator((28, 28, 1))
    assert [w.shape for w in generator.weights[::2]] == [(100, 1200), (1200, 1200), (1200, 784)]
    discriminator = models.mlp_discriminator((28, 28, 1))
    assert [w.shape for w in discriminator.weights[::2]] == [(784, 1200), (240, 1200), (240, 1)]
    rates = [layer.rate for layer in discriminator.layers if hasattr(layer, "rate")]
    assert rates == [0.2, 0.5, 0.5]


@pytest.mark.parametrize("shape", [(30, 30, 1), (7, 7, 1), (100, 100, 3), (8, 64, 1)])
def test_dcgan_refuses_sides_it_cannot_halve(shape):
    if shape == (8, 64, 1):
        # The shorter side decides; a long picture is no error.
        assert models.dcgan_generator(shape, 3, width=4).output_shape == (None, *shape)
        return
    for function in (models.dcgan_generator, models.dcgan_discriminator):
        with pytest.raises(ValueError, match="both sides must be 4 to 8 times the same power"):
            function(shape)


@every_family
@pytest.mark.parametrize("shape", [(28, 28), 28, (28, 28, 1, 1)])
def test_shapes_that_are_no_images_are_refused(family, shape):
    for function in models.get(family):
        with pytest.raises(ValueError, match=r"image_shape must be \(height, width, channels\)"):
            function(shape)


@every_family
@pytest.mark.parametrize("shape", [(None, None, 1), (28.0, 28, 1), (28, 28, 0)])
def test_sizes_of_images_are_positive_integers(family, shape):
    for function in models.get(family):
        with pytest.raises(ValueError, match="of image_shape must be a positive integer"):
            function(shape)


@every_family
@pytest.mark.parametrize(
    "arguments", [{"width": 0}, {"latent_dim": -1}, {"width": 2.5}, {"num_classes": 0}]
)
def test_sizes_that_are_no_positive_integers_are_refused(family, arguments):
    with pytest.raises(ValueError, match=r"must be a positive integer. Received: "):
        build(family, **arguments)


def test_an_unknown_family_is_refused():
    message = "Unknown model. Expected one of .'dcgan', 'mlp', 'small_mlp'.. Received: 'stylegan'."
    with pytest.raises(ValueError, match=message):
        models.get("stylegan")


def test_every_model_function_belongs_to_a_family():
    functions = {name for name in models.__all__ if name.endswith(("generator", "discriminator"))}
    in_families = {function.__name__ for name in FAMILIES for function in kgan.models.get(name)}
    assert functions == in_families
