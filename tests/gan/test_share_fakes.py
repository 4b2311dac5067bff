"""One pass of the generator for both updates: what it learns, and what it cannot be combined with.

test_execution.py and test_replication.py execute it in every way.
"""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops

import kgan

pytestmark = pytest.mark.usefixtures("float64")

LATENT_DIM, ROWS, RATE = 3, 6, 0.5
IMAGES = np.random.default_rng(0).uniform(-1, 1, (ROWS, 2, 2, 1))
LABELS = np.arange(ROWS) % 2


@keras.saving.register_keras_serializable("tests")
class Counting(layers.Layer):
    """Counts how often a network is run."""

    count = 0

    def call(self, inputs):
        self.count += 1
        return inputs


def make_gan(kind=kgan.GAN, num_classes=None, policy=None, **options):
    """A generator with batch norm, or with classes."""
    keras.utils.set_random_seed(1)
    generator = keras.Sequential(
        [
            keras.Input((LATENT_DIM,)),
            Counting(),
            layers.Dense(5, use_bias=False, dtype=policy),
            layers.BatchNormalization(name="norm", dtype=policy),
            layers.Dense(4, activation="tanh"),
            layers.Reshape((2, 2, 1)),
        ]
    )
    images = keras.Input((2, 2, 1))
    features = layers.Dense(4, activation="tanh", dtype=policy)(layers.Flatten()(images))
    discriminator = keras.Model(images, layers.Dense(1)(features))
    if num_classes:
        generator, discriminator = kgan.models.mlp_generator, kgan.models.mlp_discriminator
        generator = generator((2, 2, 1), LATENT_DIM, width=4, num_classes=num_classes)
        discriminator = discriminator((2, 2, 1), width=4, num_classes=num_classes)
    gan = kind(generator, discriminator, LATENT_DIM, num_classes=num_classes, seed=4)
    rates = keras.optimizers.SGD(RATE), keras.optimizers.SGD(RATE)
    gan.compile(*rates, **{"share_fakes": True, "run_eagerly": True, **options})
    return gan


def copied(network):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def assert_trained_equally(network, other):
    pairs = zip(network.trainable_variables, other.trainable_variables, strict=True)
    for one, two in pairs:
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-15)


def descend(network, tape, loss):
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        variable.assign(variable - RATE * gradient)


@pytest.mark.smoke
@pytest.mark.parametrize("loss", ["rpgan", pytest.param("non_saturating", marks=pytest.mark.slow)])
def test_a_step_is_two_updates_on_the_same_fakes_written_out(loss):
    gan = make_gan(loss=loss)
    generator, discriminator = copied(gan.generator), copied(gan.discriminator)
    latents = keras.random.normal((ROWS, LATENT_DIM), seed=keras.random.SeedGenerator(4))
    with tf.GradientTape() as tape:
        logits = discriminator(IMAGES), discriminator(generator(latents, training=True))
        value = tf.reduce_mean(gan.loss.discriminator_loss(*logits))
    descend(discriminator, tape, value)
    with tf.GradientTape() as tape:
        logits = discriminator(IMAGES), discriminator(generator(latents, training=True))
        value = tf.reduce_mean(gan.loss.generator_loss(*logits))
    descend(generator, tape, value)

    logs = gan.train_step(IMAGES)

    assert_trained_equally(gan.discriminator, discriminator)
    assert_trained_equally(gan.generator, generator)
    np.testing.assert_allclose(logs["g_loss"], value, rtol=1e-6)


def test_the_generator_runs_once_a_step_and_the_discriminator_learns_the_same():
    shared, fresh = make_gan(), make_gan(share_fakes=False)
    latents = keras.random.normal((ROWS, LATENT_DIM), seed=keras.random.SeedGenerator(4))
    mean = np.mean(shared.generator.layers[1](latents), axis=0)
    runs = []
    for gan in (shared, fresh):
        before = gan.generator.layers[0].count
        gan.train_step(IMAGES)
        runs.append(gan.generator.layers[0].count - before)
    assert runs == [1, 2]
    for one, other in zip(shared.discriminator.weights, fresh.discriminator.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    # From a mean of zero, once a hundredth of the way to the batch's.
    moved = shared.generator.get_layer("norm").moving_mean
    np.testing.assert_allclose(moved, 0.01 * mean, rtol=1e-6)


@keras.saving.register_keras_serializable("tests")
class Reading(kgan.GAN):
    """As InfoGAN: an objective of the latents, the fakes and weights of its own."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.reader = layers.Dense(LATENT_DIM)
        self.reader.build((None, 4))
        self.scale = layers.EinsumDense("bi,i->bi", LATENT_DIM, bias_axes=None)
        self.scale.build((None, LATENT_DIM))
        self.g_code_mean = keras.metrics.Mean(name="g_code")

    def sample_latents(self, n, seed):
        # A prior that learns.
        return self.scale(super().sample_latents(n, seed))

    def generator_networks(self):
        return [self.generator, self.reader, self.scale]

    def generator_objective(self, minibatch):
        read = self.reader(ops.reshape(minibatch.fake, (-1, 4)))
        errors = ops.sum(ops.square(read - minibatch.latents), axis=-1)
        return super().generator_objective(minibatch) | {"g_code": errors}


def test_all_ways_from_an_objective_to_what_is_trained_count():
    shared, fresh = make_gan(Reading), make_gan(Reading, share_fakes=False)
    before = [np.array(variable) for variable in shared.trainable_variables]
    for gan in (shared, fresh):
        # So both generators are judged alike, and by the same latents.
        gan.optimizer.d_optimizer.learning_rate = 0.0
        gan.sample_latents = lambda n, seed, gan=gan: Reading.sample_latents(gan, n, 4)
        gan.train_step(IMAGES)
    pairs = zip(shared.trainable_variables, fresh.trainable_variables, strict=True)
    for (one, other), was in zip(pairs, before, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
        rests = any(one is rested for rested in shared.discriminator.trainable_variables)
        assert np.array_equal(one, was) == rests, one.path


def test_shared_fakes_have_the_labels_of_their_reals():
    shared, fresh = (make_gan(num_classes=2, share_fakes=share) for share in (True, False))
    for gan in (shared, fresh):
        gan.optimizer.d_optimizer.learning_rate = 0.0
        gan.sample_latents = lambda n, seed: keras.random.normal((n, LATENT_DIM), seed=4)
        # Dropout aside.
        gan.discriminate = lambda images, labels, training, gan=gan: kgan.GAN.discriminate(
            gan, images, labels
        )
        gan.train_step((tf.constant(IMAGES), tf.constant(LABELS)))
    assert_trained_equally(shared.generator, fresh.generator)


def test_shared_fakes_train_in_16_bits_as_in_64_but_for_their_precision():
    half, double = (make_gan(policy=policy) for policy in ("mixed_float16", "float64"))
    assert isinstance(half.optimizer.g_optimizer, keras.optimizers.LossScaleOptimizer)
    double.set_weights(half.get_weights())
    latents = np.random.default_rng(1).normal(size=(ROWS, LATENT_DIM))
    for gan in (half, double):
        gan.sample_latents = lambda n, seed: tf.constant(latents)
        gan.train_step(IMAGES)
    for one, other in zip(half.trainable_variables, double.trainable_variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=2**-8, atol=2**-8)


def refusal(received):
    return re.escape(
        "share_fakes=True lets the generator learn from the fakes of the one discriminator update "
        f"before it. Expected: discriminator_steps=1. Received: discriminator_steps={received}. "
        "Leave out share_fakes, or take one discriminator step."
    )


def test_fakes_of_several_updates_are_refused_whenever_they_are_asked_for():
    with pytest.raises(ValueError, match=refusal(2)):
        make_gan(discriminator_steps=2)
    gan = make_gan()
    with pytest.raises(ValueError, match=refusal(3)):
        gan.discriminator_steps = 3
    assert gan.discriminator_steps == 1
    gan.compile(discriminator_steps=2)
    assert gan.share_fakes is False
    with pytest.raises(ValueError, match=refusal(2)):
        gan.share_fakes = True
    assert gan.share_fakes is False
    with pytest.raises(ValueError, match=r"^share_fakes must be True or False\."):
        make_gan(share_fakes="no")
    gan.compile(share_fakes=True)
    assert gan.share_fakes is True


def test_whether_fakes_are_shared_is_kept_in_files_and_may_be_missing_there(tmp_path):
    gan = make_gan(num_classes=2, policy="float64")
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.share_fakes is True
    gan.share_fakes = False
    assert gan.get_compile_config()["share_fakes"] is False
    # What files of before did not have.
    config = {
        name: value for name, value in loaded.get_compile_config().items() if name != "share_fakes"
    }
    loaded.compile_from_config(config)
    assert loaded.share_fakes is False
