"""A GAN that trains in milliseconds, and its images."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan

SIZE = 8


def _generator(channels: int, num_classes: int | None) -> keras.Model:
    latents = keras.Input((3,))
    inputs, features = latents, latents
    if num_classes is not None:
        labels = keras.Input((), dtype="int32")
        inputs = [latents, labels]
        embedded = keras.layers.Embedding(num_classes, 3)(labels)
        features = keras.layers.Multiply()([latents, embedded])
    pixels = keras.layers.Dense(SIZE * SIZE * channels, activation="tanh")(features)
    return keras.Model(inputs, keras.layers.Reshape((SIZE, SIZE, channels))(pixels))


def _discriminator(channels: int, num_classes: int | None) -> keras.Model:
    images = keras.Input((SIZE, SIZE, channels))
    inputs, features = images, keras.layers.Flatten()(images)
    if num_classes is not None:
        labels = keras.Input((), dtype="int32")
        inputs = [images, labels]
        embedded = keras.layers.Embedding(num_classes, 3)(labels)
        features = keras.layers.Concatenate()([features, embedded])
    return keras.Model(inputs, keras.layers.Dense(1)(features))


@keras.saving.register_keras_serializable("tests")
class QuickGAN(kgan.GAN):
    """Moves its weights a little and logs what follows from the images, without any gradient."""

    def train_step(self, data):
        images = data[0] if isinstance(data, tuple) else data
        value = keras.ops.mean(images) + keras.ops.mean(self.generator.weights[-1])
        # A white image makes the losses NaN. NaN in the data itself would be refused.
        is_white = keras.ops.max(keras.ops.min(images, axis=(1, 2, 3))) == 1
        value = keras.ops.where(is_white, np.nan, value)
        for weight in (*self.generator.weights, *self.discriminator.weights):
            # What is not finite spoils everything, as it would in a training.
            weight.assign(0.9 * weight + 0.01 + 0 * value)
        self.images_seen.assign(self.images_seen + keras.ops.shape(images)[0])
        self.optimizer.iterations.assign(self.optimizer.iterations + 1)
        logs = {}
        for number, mean in enumerate(self.metrics):
            # What Mean.update_state does, which takes as long as all the rest.
            mean.total.assign(mean.total + value + number)
            mean.count.assign(mean.count + 1)
            logs[mean.name] = mean.total / mean.count
        return logs


@pytest.fixture
def make_gan():
    """Make small compiled GANs, all equal.

    They run eagerly unless told otherwise: for a dozen steps, tracing would take longest.
    """

    def make(
        channels: int = 1,
        num_classes: int | None = None,
        *,
        quick: bool = False,
        run_eagerly: bool = True,
        steps_per_execution: int = 1,
        loss: str = "non_saturating",
    ) -> kgan.GAN:
        keras.utils.set_random_seed(1)
        gan = (QuickGAN if quick else kgan.GAN)(
            _generator(channels, num_classes),
            _discriminator(channels, num_classes),
            latent_dim=3,
            num_classes=num_classes,
            seed=2,
        )
        # So fast that every epoch changes the pictures.
        adam = keras.optimizers.Adam
        gan.compile(
            adam(0.1),
            adam(0.1),
            loss=loss,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
        )
        return gan

    return make


@pytest.fixture
def quick_gan(make_gan):
    """Make such GANs whose steps take a tenth of the time, for who only watches the training."""
    return functools.partial(make_gan, quick=True)


@pytest.fixture
def make_dataset():
    """Make a dataset of so many random images; a batch may make a `QuickGAN` NaN."""

    def make(rows: int, batch: int = 16, *, nan_in_batch: int | None = None) -> tf.data.Dataset:
        random = np.random.default_rng(3)
        images = random.uniform(-1, 1, (rows, SIZE, SIZE, 1)).astype("float32")
        if nan_in_batch is not None:
            images[nan_in_batch * batch] = 1
        return tf.data.Dataset.from_tensor_slices(images).batch(batch)

    return make
