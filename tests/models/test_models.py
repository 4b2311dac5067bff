"""One suite over every family of networks."""

import re

import keras
import numpy as np
import pytest

import kgan
from kgan import models
from kgan import penalties
from kgan.constraints import WeightClip

FAMILIES = ["dcgan", "mlp", "small_mlp", "resnet", "residual"]
# As few layers as the family has.
FEWEST = {"residual": {"blocks": 1}}
every_family = pytest.mark.parametrize("family", FAMILIES)
labelled_or_not = pytest.mark.parametrize("num_classes", [None, 5])
every_normalization = pytest.mark.parametrize("normalization", ["batch", "layer", "spectral", None])
every_other_normalization = pytest.mark.parametrize("normalization", ["layer", "spectral", None])


def build(family, shape=(8, 8, 1), latent_dim=3, width=4, num_classes=None, **discriminator):
    pair = models.get(family)
    both = {"width": width, "num_classes": num_classes, **FEWEST.get(family, {})}
    generator = pair.generator(shape, latent_dim, **both)
    return generator, pair.discriminator(shape, **both, **discriminator)


def inputs(samples, num_classes, rows):
    labels = keras.ops.convert_to_tensor(np.arange(rows) % (num_classes or 1), dtype="int32")
    samples = keras.ops.convert_to_tensor(samples)
    return samples if num_classes is None else [samples, labels]


def normalised(normalization, num_classes=None, **arguments):
    # 16 pixels, so that there is a convolution after the first.
    return models.dcgan_discriminator(
        (16, 16, 1), width=4, num_classes=num_classes, normalization=normalization, **arguments
    )


def random_images(rows=6):
    return np.random.default_rng(0).uniform(-1, 1, (rows, 16, 16, 1)).astype("float32")


def randomise(model):
    """Give every weight a value that no initializer gives, as training would."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        # Positive, for the variances among them.
        weight.assign(random.uniform(0.1, 0.9, weight.shape))


@every_family
@labelled_or_not
@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 32, 2)])
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
    features = keras.Model(discriminator.inputs[0], discriminator.get_layer("projection").input[1])
    images = keras.ops.convert_to_tensor(
        np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32")
    )
    logits = [
        discriminator([images, keras.ops.full((4,), label, dtype="int32")]) for label in (0, 1)
    ]
    embed = discriminator.get_layer("label_embedding")
    embedding = np.asarray(embed(keras.ops.arange(5)))
    expected = np.asarray(features(images)) @ (embedding[1] - embedding[0])
    np.testing.assert_allclose(
        np.asarray(logits[1] - logits[0])[:, 0], expected, rtol=1e-3, atol=1e-6
    )


@every_family
@labelled_or_not
def test_a_weight_constraint_reaches_every_trainable_weight_of_the_discriminator(
    family, num_classes
):
    # 16 pixels, so that the DCGAN has a layer with batch norm.
    for clip, expected in ((WeightClip(0.1), -0.1), (None, -100)):
        _, discriminator = build(
            family, (16, 16, 1), num_classes=num_classes, weight_constraint=clip
        )
        weights = discriminator.trainable_variables
        optimizer = keras.optimizers.SGD(100.0)
        optimizer.apply([keras.ops.ones_like(weight) for weight in weights], weights)
        for weight in weights:
            # No weight starts far from zero.
            np.testing.assert_allclose(np.array(weight), expected, rtol=0.1, err_msg=weight.path)


def test_dcgan_has_no_bias_before_batch_norm():
    for network in build("dcgan", (16, 16, 1)):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                before = layer.input._keras_history.operation
                while not before.weights:
                    before = before.input._keras_history.operation
                assert before.use_bias is False, before.name


def test_dcgan_normalises_by_batch_unless_told_otherwise():
    discriminator = models.dcgan_discriminator((16, 16, 1), width=4)
    assert [layer.name for layer in discriminator.layers] == [
        *("images", "down_0", "down_0_relu", "down_1", "down_1_norm", "down_1_relu"),
        *("features", "logits"),
    ]
    # 4x4 kernels; the norm has scale, shift and two averages for each of 8 channels; 4 * 4 * 8
    # features and a bias.
    expected = (4 * 4 * 1 * 4 + 4) + 4 * 4 * 4 * 8 + 4 * 8 + (4 * 4 * 8 + 1)
    assert discriminator.count_params() == expected
    assert discriminator.get_config() == normalised("batch").get_config()


@every_normalization
def test_a_normalised_dcgan_gives_one_logit_per_image(normalization):
    num_classes = 5
    discriminator = normalised(normalization, num_classes)
    logits = discriminator(inputs(random_images(), num_classes, 6))
    assert logits.shape == (6, 1)
    assert np.isfinite(np.asarray(logits)).all()


def test_layer_norm_takes_the_place_of_batch_norm():
    by_batch, by_layer = normalised("batch"), normalised("layer")
    assert [layer.name for layer in by_layer.layers] == [layer.name for layer in by_batch.layers]
    assert isinstance(by_layer.get_layer("down_1_norm"), keras.layers.LayerNormalization)
    # Before the first step scale is 1 and shift 0: every sample has mean 0 over all its pixels and
    # channels, and variance 1 but for the epsilon. Large weights, to make that one small.
    for name in ("down_0", "down_1"):
        kernel = by_layer.get_layer(name).kernel
        kernel.assign(100 * kernel)
    picture = keras.Model(by_layer.input, by_layer.get_layer("down_1_norm").output)
    values = np.asarray(picture(random_images()))
    np.testing.assert_allclose(values.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=(1, 2, 3)), 1, atol=1e-4)
    # Of the whole picture, not of every pixel or channel.
    assert np.abs(values.mean(axis=3)).max() > 0.1
    assert np.abs(values.mean(axis=(1, 2))).max() > 0.1


@every_other_normalization
def test_convolutions_without_batch_norm_have_their_bias(normalization):
    # One bias a channel of the two convolutions, one for the logit.
    discriminator = normalised(normalization)
    biases = [w.shape for w in discriminator.trainable_variables if w.name == "bias"]
    assert biases == [(4,), (8,), (1,)]


def test_without_normalisation_nothing_but_kernels_and_biases_is_left():
    assert [w.name for w in normalised(None).weights] == 3 * ["kernel", "bias"]


@every_other_normalization
def test_without_batch_norm_every_sample_is_judged_alone(normalization):
    num_classes = 5
    discriminator = normalised(normalization, num_classes)
    images = random_images()
    together = np.asarray(discriminator(inputs(images, num_classes, 6), training=True))
    beside_others = np.concatenate([images[:1], -images[1:]])
    other = np.asarray(discriminator(inputs(beside_others, num_classes, 6), training=True))
    np.testing.assert_allclose(other[0], together[0], rtol=1e-5, atol=1e-7)
    assert np.abs(other[1:] - together[1:]).min() > 0


def test_penalties_on_gradients_accept_all_but_batch_norm():
    by_batch, *others = (normalised(name) for name in ("batch", "layer", "spectral", None))
    for penalty in (penalties.R1(0.1), penalties.GradientPenalty(), penalties.DRAGAN()):
        for other in others:
            penalty.check_discriminator(other)
        with pytest.raises(ValueError, match="a discriminator that judges every sample alone"):
            penalty.check_discriminator(by_batch)


@pytest.mark.parametrize("family", ["residual", "resnet"])
def test_residual_families_judge_every_sample_alone_and_take_penalties_on_gradients(family):
    _, discriminator = build(family, num_classes=5)
    random = np.random.default_rng(0)
    # Some kernels start at zero.
    for weight in discriminator.trainable_variables:
        weight.assign(random.normal(0, 0.5, weight.shape))
    images = random_images()[:, :8, :8]
    together = np.asarray(discriminator(inputs(images, 5, 6), training=True))
    beside_others = np.concatenate([images[:1], -images[1:]])
    other = np.asarray(discriminator(inputs(beside_others, 5, 6), training=True))
    np.testing.assert_allclose(other[0], together[0], rtol=1e-5)
    assert np.abs(other[1:] - together[1:]).min() > 0
    for penalty in (penalties.R1(0.1), penalties.GradientPenalty(), penalties.DRAGAN()):
        penalty.check_discriminator(discriminator)


@pytest.mark.slow
@pytest.mark.parametrize("normalization", ["layer", "spectral", None])
def test_a_gan_learns_under_a_penalty_on_gradients(normalization):
    gan = kgan.GAN(models.dcgan_generator((16, 16, 1), 3, width=4), normalised(normalization), 3)
    gan.compile("adam", "adam", penalties="r1=0.1")
    before = [np.array(weight) for weight in gan.discriminator.trainable_variables]
    history = gan.fit(random_images(8), batch_size=4, verbose=0).history
    assert 0 < history["r1"][-1] < np.inf
    for weight, old in zip(gan.discriminator.trainable_variables, before, strict=True):
        assert np.isfinite(np.array(weight)).all()
        assert np.abs(np.array(weight) - old).max() > 0, weight.path


@labelled_or_not
def test_spectral_norm_is_on_every_kernel(num_classes):
    # W / sigma(W) does not know the scale of W; without biases any other kernel's would show.
    discriminator = normalised("spectral", num_classes)
    images = inputs(random_images(), num_classes, 6)
    expected = np.asarray(discriminator(images))
    kernels = [w for w in discriminator.trainable_variables if w.name != "bias"]
    assert len(kernels) == (3 if num_classes is None else 4)
    for kernel in kernels:
        kernel.assign(7 * kernel)
        np.testing.assert_allclose(np.asarray(discriminator(images)), expected, rtol=1e-4)
    # Where there is no norm the same change is seen.
    plain = normalised(None, num_classes)
    before = np.asarray(plain(images))
    kernel = plain.get_layer("down_1").kernel
    kernel.assign(7 * kernel)
    assert np.abs(np.asarray(plain(images)) / before - 1).max() > 1


def test_spectral_norm_is_the_only_norm_and_keeps_the_names_of_the_layers():
    discriminator = normalised("spectral")
    assert [layer.name for layer in discriminator.layers] == [
        layer.name for layer in normalised(None).layers
    ]
    with_weights = [layer for layer in discriminator.layers if layer.weights]
    assert all(isinstance(layer, kgan.layers.SpectralNorm) for layer in with_weights)


@every_normalization
def test_an_update_leaves_no_weight_beyond_its_constraint(normalization):
    num_classes = 5
    discriminator = normalised(normalization, num_classes, weight_constraint=WeightClip(0.1))
    weights = discriminator.trainable_variables
    # No weight starts above 1, so a step of -3 takes each below the bound.
    keras.optimizers.SGD(3.0).apply([keras.ops.ones_like(weight) for weight in weights], weights)
    for weight in weights:
        np.testing.assert_array_equal(np.array(weight), np.float32(-0.1), err_msg=weight.path)


@every_normalization
def test_a_normalised_dcgan_is_the_same_after_saving_and_loading(normalization, tmp_path):
    num_classes = 5
    discriminator = normalised(normalization, num_classes)
    randomise(discriminator)
    discriminator.save(tmp_path / "discriminator.keras")
    loaded = keras.saving.load_model(tmp_path / "discriminator.keras")
    images = inputs(random_images(), num_classes, 6)
    np.testing.assert_array_equal(np.asarray(loaded(images)), np.asarray(discriminator(images)))
    # A fresh one answers otherwise: the weights were in the file.
    other = np.asarray(normalised(normalization, num_classes)(images))
    assert np.abs(other - np.asarray(loaded(images))).min() > 0


@pytest.mark.parametrize("normalization", ["group", "none", "", 1, ["batch"]])
def test_an_unknown_normalization_is_refused(normalization):
    message = (
        "Unknown normalization. Expected one of ['batch', 'layer', 'spectral'] or None. "
        f"Received: {normalization!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        normalised(normalization)


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
        message = "both sides must be 4 to 8 times the same power of two: .* image_size="
        with pytest.raises(ValueError, match=message) as error:
            function(shape)
        # Of the channels it knows no better than who has only a size.
        assert f"Received: {shape[0]} x {shape[1]} pixels." in str(error.value)
        size = int(re.findall(r"image_size=(\d+)", str(error.value))[0])
        function((size, size, shape[2]), width=1)


@every_family
@pytest.mark.parametrize("shape", [(28, 28), 28, (28, 28, 1, 1)])
def test_shapes_that_are_no_images_are_refused(family, shape):
    for function in models.get(family)[:2]:
        with pytest.raises(ValueError, match=r"image_shape must be \(height, width, channels\)"):
            function(shape)


@every_family
@pytest.mark.parametrize("shape", [(None, None, 1), (28.0, 28, 1), (28, 28, 0)])
def test_sizes_of_images_are_positive_integers(family, shape):
    for function in models.get(family)[:2]:
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
    message = (
        "Unknown model. Expected one of .'dcgan', 'mlp', 'residual', 'resnet', 'small_mlp'.. "
        "Received: 'stylegan'."
    )
    with pytest.raises(ValueError, match=message):
        models.get("stylegan")


def test_every_model_function_belongs_to_a_family():
    functions = {name for name in models.__all__ if name.endswith(("generator", "discriminator"))}
    in_families = {function.__name__ for name in FAMILIES for function in kgan.models.get(name)[:2]}
    assert functions == in_families
