"""Networks that do not fit each other, the latents, the labels or the losses are refused."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops

import kgan
from kgan import models
from kgan.gan import networks
from kgan.layers import SpectralNorm

SHAPE = (8, 8, 1)


def gan(generator=None, discriminator=None, latent_dim=3):
    return kgan.GAN(
        generator or models.small_mlp_generator(SHAPE, 3, width=4),
        discriminator or models.small_mlp_discriminator(SHAPE, width=4),
        latent_dim=latent_dim,
    )


def refuses(message):
    return pytest.raises(ValueError, match="(?s)" + re.escape(message))


def test_a_generator_of_another_latent_dim_is_refused():
    with refuses(
        "The generator 'generator' does not fit. Expected: a model of latents of shape (None, 5). "
        "Received: a model of (None, 3). Make latent_dim, num_classes and the image shape the same"
    ):
        gan(latent_dim=5)


def test_a_discriminator_of_another_image_shape_is_refused():
    with refuses(
        "The discriminator 'discriminator' does not fit. Expected: a model of images of shape "
        "(None, 8, 8, 1). Received: a model of (None, 16, 16, 1)."
    ):
        gan(discriminator=models.small_mlp_discriminator((16, 16, 1), width=4))


def test_grey_and_colour_do_not_fit():
    with refuses(
        "The discriminator 'discriminator' does not fit. Expected: a model of images of shape "
        "(None, 8, 8, 3). Received: a model of (None, 8, 8, 1)."
    ):
        gan(
            models.dcgan_generator((8, 8, 3), 3, width=2),
            models.dcgan_discriminator((8, 8, 1), width=2),
        )


def test_a_last_axis_of_one_may_be_left_out_as_keras_does():
    critic = keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(1)])
    assert gan(discriminator=critic).image_shape == SHAPE


def test_a_subclass_may_show_its_discriminator_other_images():
    class Halved(kgan.GAN):
        def discriminate(self, images, labels=None, *, training=False):
            return super().discriminate(images[:, ::2, ::2], labels, training=training)

    generator = models.small_mlp_generator(SHAPE, 3, width=4)
    critic = models.small_mlp_discriminator((4, 4, 1), width=4)
    assert Halved(generator, critic, latent_dim=3).image_shape == SHAPE
    with refuses("The discriminator 'discriminator' does not fit."):
        Halved(generator, models.small_mlp_discriminator(SHAPE, width=4), latent_dim=3)


def conditional(shape, out, labels, name, end=None):
    """A network of [samples, labels] that adds up what it is given."""
    inputs = [keras.Input(shape), keras.Input(labels)]
    x = layers.Concatenate()([layers.Flatten()(part) for part in inputs])
    x = layers.Dense(int(np.prod(out)), end, kernel_initializer="ones")(x)
    return keras.Model(inputs, layers.Reshape(out)(x), name=name)


@pytest.mark.parametrize(("labels", "added"), [((1,), [0, 1, 2]), ((3,), [1, 1, 1])])
def test_labels_may_be_wanted_one_hot_or_in_a_column(labels, added, tmp_path):
    model = kgan.GAN(
        conditional((3,), SHAPE, labels, "made"),
        conditional(SHAPE, (1,), labels, "judged"),
        latent_dim=3,
        num_classes=3,
    )
    for network in (model.generator, model.discriminator):
        assert network.inputs[1].shape == (None,)
    assert (model.generator.name, model.discriminator.name) == ("made", "judged")
    ones = np.ones((3, 3), "float32")
    numbers = np.arange(3, dtype="int32")
    made = ops.convert_to_numpy(model.generator([ones, numbers]))
    np.testing.assert_array_equal(made[:, 0, 0, 0], 3 + np.array(added))
    model.compile("sgd", "sgd", run_eagerly=True)
    model.fit(np.clip(made / 5 - 0.9, -1, 1), numbers, batch_size=3, verbose=0)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(4, seed=0), model.generate(4, seed=0))


def test_a_subclass_that_makes_labels_one_hot_itself_keeps_its_discriminator():
    class OneHot(kgan.GAN):
        def discriminate(self, images, labels=None, *, training=False):
            return super().discriminate(images, ops.one_hot(labels, 3), training=training)

    made, judged = conditional((3,), SHAPE, (3,), "made"), conditional(SHAPE, (1,), (3,), "judged")
    assert OneHot(made, judged, latent_dim=3, num_classes=3).discriminator is judged


def test_one_hot_labels_of_another_width_are_refused():
    with refuses("The generator 'made' does not fit. Expected: a model of [latents (None, 3), la"):
        kgan.GAN(
            conditional((3,), SHAPE, (5,), "made"),
            conditional(SHAPE, (1,), (5,), "judged"),
            latent_dim=3,
            num_classes=3,
        )


def halved(interpolation):
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Resizing(4, 4, interpolation=interpolation, name="halved"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


def test_a_penalty_through_a_layer_without_second_derivative_is_refused_by_compile():
    model = gan(discriminator=halved("nearest"))
    with pytest.raises(ValueError, match=r"differentiated twice, .*Grad, from the layers .*halved"):
        model.compile("sgd", "sgd", penalties="r1=0.1")
    assert not model.compiled
    # Without a graph TensorFlow does not say where.
    model.compile("sgd", "sgd", penalties="r1=0.1", run_eagerly=True)
    before = [ops.convert_to_numpy(weight) for weight in model.weights]
    with pytest.raises(ValueError, match=r"Received: ResizeNearestNeighborGrad\. Use another"):
        model.fit(np.linspace(-1, 1, 128, dtype="float32").reshape(2, *SHAPE), verbose=0)
    for value, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(value, weight)


def test_penalties_that_can_be_computed_are_taken_and_trying_changes_nothing():
    gan(discriminator=halved("nearest")).compile("sgd", "sgd", penalties="lecam")
    critic = halved("bilinear")
    critic.add(layers.Dropout(0.5))
    model = gan(discriminator=critic)
    before = [ops.convert_to_numpy(variable) for variable in model.variables]
    model.compile("sgd", "sgd", penalties="gradient_penalty")
    for value, variable in zip(before, model.variables, strict=False):
        np.testing.assert_array_equal(value, variable)


@pytest.mark.parametrize(("networks", "gan_classes"), [(4, None), (None, 4)])
def test_networks_and_gan_must_agree_on_classes(networks, gan_classes):
    generator = models.small_mlp_generator(SHAPE, 3, width=4, num_classes=networks)
    discriminator = models.small_mlp_discriminator(SHAPE, width=4, num_classes=networks)
    with refuses("The generator 'generator' does not fit. Expected: a model of "):
        kgan.GAN(generator, discriminator, latent_dim=3, num_classes=gan_classes)


def discriminator(*ends):
    return keras.Sequential([keras.Input(SHAPE), *ends])


def of_operations(end):
    images = keras.Input(SHAPE)
    return keras.Model(images, end(layers.Dense(1)(layers.Flatten()(images))))


def two_heads():
    images = keras.Input(SHAPE)
    x = layers.Flatten()(images)
    heads = [layers.Dense(1, "sigmoid")(x) for _ in range(2)]
    return keras.Model(images, layers.Average()(heads))


class Subclassed(keras.Model):
    """A discriminator that does not tell which layer is its last."""

    def __init__(self, end, features="relu", **kwargs):
        super().__init__(**kwargs)
        self.end = end
        self.flatten = layers.Flatten()
        self.logits = layers.Dense(1)
        # Made last, used before.
        self.gate = layers.Dense(64, activation=features)

    def call(self, images, training=False):
        pixels = self.flatten(images)
        return self.end(self.logits(pixels * self.gate(pixels)))


class Head(layers.Layer):
    def build(self, shape):
        self.dense = layers.Dense(1)
        self.dense.build(shape)

    def call(self, features):
        return ops.sigmoid(self.dense(features))


@pytest.mark.parametrize(
    "make",
    [
        lambda: discriminator(layers.Flatten(), layers.Dense(1, "sigmoid")),
        lambda: discriminator(layers.Flatten(), layers.Dense(1), layers.Activation("sigmoid")),
        lambda: discriminator(layers.Flatten(), SpectralNorm(layers.Dense(1, "sigmoid"))),
        lambda: discriminator(
            layers.Flatten(),
            layers.Dense(1, "sigmoid"),
            layers.Activation("linear", dtype="float16"),
        ),
        lambda: discriminator(layers.Flatten(), layers.Dense(1, tf.nn.sigmoid, use_bias=False)),
        lambda: discriminator(layers.Flatten(), layers.Dense(1, "hard_sigmoid")),
        lambda: discriminator(layers.Flatten(), layers.Dense(2, "softmax")),
        lambda: discriminator(layers.Conv2D(1, 8, activation="sigmoid"), layers.Flatten()),
        lambda: discriminator(
            layers.Conv2D(1, 3, activation="sigmoid"), layers.GlobalAveragePooling2D()
        ),
        lambda: discriminator(
            layers.Flatten(), keras.Sequential([keras.Input((64,)), layers.Dense(1, "sigmoid")])
        ),
        lambda: discriminator(layers.Flatten(), Head()),
        lambda: of_operations(ops.sigmoid),
        lambda: of_operations(lambda logits: 1 / (1 + ops.exp(-logits))),
        lambda: of_operations(layers.Lambda(tf.sigmoid)),
        two_heads,
        lambda: Subclassed(ops.sigmoid),
    ],
)
def test_a_discriminator_that_ends_in_a_sigmoid_is_refused_in_every_form(make):
    with refuses(
        "stay in [0, 1], whatever it learns: it ends in a sigmoid or the like. Expected: "
    ):
        gan(discriminator=make())


class Wide(keras.Model):
    """Which end of its last layer is seen depends on the weights of the first."""

    def __init__(self, width, end, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Flatten(), layers.Dense(width, "relu"), layers.Dense(1, end)]
        if end == "tanh":
            self.parts[-1].use_bias = False

    def call(self, images):
        for part in self.parts:
            images = part(images)
        return images


@pytest.mark.parametrize("width", [4, 128])
def test_the_end_of_a_subclassed_discriminator_is_found_whatever_its_weights(width):
    images = keras.KerasTensor((None, *SHAPE))

    def reached(seed, end):
        keras.utils.set_random_seed(seed)
        critic = Wide(width, end)
        critic(images)
        return networks.reach(critic, [images])

    for seed in range(4):
        assert reached(seed, "sigmoid") == pytest.approx((0, 1), abs=1e-3)
        assert reached(seed, "tanh") == pytest.approx((-1, 1), abs=1e-3)
    low, high = reached(0, None)
    assert low < -1
    assert high > 1


def test_a_network_of_one_input_is_told_to_take_two():
    generator = keras.Sequential([keras.Input((7,)), layers.Dense(64), layers.Reshape(SHAPE)])
    with refuses("It takes one input: give it two, [latents, labels], by keras.Input twice, and"):
        kgan.GAN(generator, models.small_mlp_discriminator(SHAPE), 3, num_classes=4)


def test_a_discriminator_that_ends_in_tanh_is_refused():
    with refuses("The logits of the discriminator 'discriminator' stay in [-1, 1], whatever it"):
        gan(discriminator=Subclassed(ops.tanh, name="discriminator"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: discriminator(layers.Flatten(), layers.Dense(1)),
        lambda: discriminator(layers.Flatten(), layers.Dense(1, kernel_initializer="zeros")),
        lambda: discriminator(
            layers.Flatten(), layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        ),
        lambda: discriminator(layers.Flatten(), layers.Dense(9, "tanh"), layers.Dense(1)),
        lambda: discriminator(
            layers.Flatten(),
            layers.Dense(9, "sigmoid"),
            SpectralNorm(layers.Dense(1, use_bias=False)),
        ),
        lambda: discriminator(layers.Flatten(), layers.Dense(1, "softplus")),
        lambda: discriminator(layers.Conv2D(1, 3), layers.GlobalAveragePooling2D()),
        lambda: of_operations(lambda logits: 30 * ops.tanh(logits / 30)),
        lambda: Subclassed(ops.negative, features="sigmoid"),
        lambda: models.dcgan_discriminator(SHAPE, width=2, normalization="spectral"),
    ],
)
def test_logits_without_bounds_are_taken_and_trying_changes_nothing(make):
    critic = make()
    critic(np.zeros((1, *SHAPE), "float32"))
    before = [ops.convert_to_numpy(variable) for variable in critic.variables]
    assert gan(discriminator=critic).image_shape == SHAPE
    for value, variable in zip(before, critic.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_a_network_that_cannot_be_tried_is_taken():
    class Choosy(Subclassed):
        def call(self, images, training=False):
            if tf.executing_eagerly():
                raise RuntimeError("not here")
            return super().call(images)

    assert gan(discriminator=Choosy(ops.sigmoid)).image_shape == SHAPE


@pytest.mark.parametrize(
    ("end", "data", "told"),
    [
        ("sigmoid", (-1, 1), "makes lie in [0, 1], whatever it learns, and the data in [-1, 1]"),
        ("relu", (-1, 1), "makes lie in [0, inf], whatever it learns, and the data in [-1, 1]"),
        ("tanh", (-2, 1), "makes lie in [-1, 1], whatever it learns, and the data in [-2, 1]"),
        ("tanh", (0, 1), "makes lie in [-1, 1], and the data in [0, 1], all on one side of 0"),
        ("tanh", (-1, 0), "makes lie in [-1, 1], and the data in [-1, 0], all on one side of 0"),
        ("tanh", (-1, 1), None),
        ("sigmoid", (0, 1), None),
        ("linear", (0, 1), None),
        ("linear", (5, 900), None),
        ("softplus", (0, 7), None),
    ],
)
def test_data_that_the_generator_cannot_make_are_warned_of(end, data, told, recwarn):
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Activation(end)])
    critic = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    networks.warn_of_range(gan(generator, critic), np.linspace(*data, 8).reshape(2, 4))
    assert [told in str(warning.message) for warning in recwarn] == [True] * (told is not None)


def test_fit_warns_of_what_the_generator_cannot_make():
    generator = keras.Sequential(
        [keras.Input((3,)), layers.Dense(64, "sigmoid"), layers.Reshape(SHAPE)]
    )
    model = gan(generator)
    model.compile("sgd", "sgd", run_eagerly=True)
    with pytest.warns(UserWarning, match="it can never make the rest") as caught:
        model.fit(np.linspace(-1, 1, 128, dtype="float32").reshape(2, *SHAPE), verbose=0)
    # The warning points at the call of fit.
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]


def test_classes_inside_a_layer_are_counted_too():
    with refuses("The generator 'resnet_generator' embeds 2 classes (in the layer "):
        kgan.GAN(
            models.resnet_generator(SHAPE, 3, width=2, num_classes=2),
            models.small_mlp_discriminator(SHAPE, width=4, num_classes=3),
            latent_dim=3,
            num_classes=3,
        )


def test_an_embedding_under_spectral_norm_is_counted_too():
    images, labels = keras.Input(SHAPE), keras.Input((), dtype="int32")
    embedding = layers.Embedding(3, 64, name="classes")
    x = kgan.layers.SpectralNorm(embedding)(labels) * layers.Flatten()(images)
    critic = keras.Model([images, labels], layers.Dense(1)(x), name="critic")
    generator = models.small_mlp_generator(SHAPE, 3, width=4, num_classes=5)
    with refuses("The discriminator 'critic' embeds 3 classes (in the layer 'classes')."):
        kgan.GAN(generator, critic, latent_dim=3, num_classes=5)


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_networks_that_embed_fewer_classes_are_refused(role):
    networks = {
        "generator": models.small_mlp_generator(SHAPE, 3, width=4, num_classes=5),
        "discriminator": models.small_mlp_discriminator(SHAPE, width=4, num_classes=5),
    }
    few = {
        "generator": models.small_mlp_generator(SHAPE, 3, width=4, num_classes=3),
        "discriminator": models.small_mlp_discriminator(SHAPE, width=4, num_classes=3),
    }
    networks[role] = few[role]
    with refuses(
        f"The {role} {role!r} embeds 3 classes (in the layer 'label_embedding'). Expected: at "
        "least num_classes=5."
    ):
        kgan.GAN(**networks, latent_dim=3, num_classes=5)


def test_networks_with_losses_of_their_own_are_refused():
    regularizer = keras.regularizers.L2(0.1)
    discriminator = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(1, kernel_regularizer=regularizer),
        ]
    )
    with refuses("The discriminator 'critic' has losses of its own: 1 (layers"):
        discriminator.name = "critic"
        gan(discriminator=discriminator)


def test_what_is_no_model_is_refused():
    with refuses("The generator must be a keras.Model of latents of shape (None, 3). Received: "):
        gan(generator=layers.Dense(3))


def test_a_generator_of_two_outputs_is_refused():
    latents = keras.Input((3,))
    image = layers.Reshape(SHAPE)(layers.Dense(64)(latents))
    with refuses("The generator 'two' must return one tensor. Received: a list."):
        gan(generator=keras.Model(latents, [image, image], name="two"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be a positive integer. Received: latent_dim=0."),
        ({"latent_dim": 3.0}, "latent_dim must be a positive integer. Received: latent_dim=3.0."),
        ({"num_classes": -1}, "num_classes must be a positive integer. Received: num_classes=-1."),
        ({"num_classes": True}, "num_classes must be a positive integer. Received: num_classes=Tr"),
        *(
            (
                {"ema_halflife_images": value},
                "ema_halflife_images must be a finite number > 0, or None for no moving average. "
                f"Received: ema_halflife_images={value!r}.",
            )
            for value in (0, np.inf, np.nan, "1000", True)
        ),
        ({"seed": True}, "seed must be an integer from 0 to 4294967295. Received: seed=True."),
        ({"seed": -1}, "seed must be an integer from 0 to 4294967295. Received: seed=-1."),
        ({"condition_shape": (2, True)}, "every side of condition_shape must be a positive int"),
    ],
)
def test_constructor_arguments_are_checked(arguments, message):
    generator = models.small_mlp_generator(SHAPE, 3, width=4)
    discriminator = models.small_mlp_discriminator(SHAPE, width=4)
    with refuses(message):
        kgan.GAN(generator, discriminator, **{"latent_dim": 3, **arguments})


@pytest.mark.parametrize(
    ("activation", "side"),
    [("relu", "above"), ("softplus", "above"), ("log_sigmoid", "below"), ("elu", None)],
)
def test_logits_on_one_side_of_0_are_warned_of(activation, side, recwarn):
    inputs = keras.Input(SHAPE)
    logits = layers.Dense(1, activation=activation)(layers.Flatten()(inputs))
    gan(discriminator=keras.Model(inputs, logits))
    said = [str(each.message) for each in recwarn if "The logits of" in str(each.message)]
    assert len(said) == (side is not None)
    assert side is None or f"stay at or {side} 0, whatever it learns" in said[0]
