"""What kgan's train_step costs over one written by hand for the same work, both through `fit`.

    python benchmarks/train_step_overhead.py

The other class is that of the Keras guide "DCGAN to generate face images", with its two Adam, its
two running means and its one pass of the discriminator over fakes and reals together; without its
noise on the labels, which kgan does not draw. kgan passes them one after the other, so that batch
norm sees each alone, and keeps five means.

Networks: the 28x28 DCGAN of recipes/digits.flags without labels, 64 images a batch; and a pair of
one hidden layer on 8x8 pixels, 32 a batch, where little but overhead is left. The ways take turns
in one process. Printed are the medians of the rounds and the medians of their ratios: 1.05 would be
five percent. The last lines are the small pair with steps_per_execution=10 over 1.
About three minutes on two cores.
"""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import kgan

LATENT_DIM = 64


class Pair(NamedTuple):
    """Networks to train, and for how long.

    Attributes:
        generator: function without arguments that builds the generator.
        discriminator: function without arguments that builds the discriminator.
        image_shape: (height, width, channels).
        batch_size: real images a step.
        steps: steps a round.
        rounds: how often every way is timed.
    """

    generator: Callable
    discriminator: Callable
    image_shape: tuple[int, int, int]
    batch_size: int
    steps: int
    rounds: int


DCGAN = Pair(
    lambda: kgan.models.dcgan_generator((28, 28, 1), LATENT_DIM, width=32),
    lambda: kgan.models.dcgan_discriminator((28, 28, 1), width=32),
    image_shape=(28, 28, 1),
    batch_size=64,
    steps=60,
    rounds=15,
)
SMALL = Pair(
    lambda: kgan.models.small_mlp_generator((8, 8, 1), LATENT_DIM, width=32),
    lambda: kgan.models.small_mlp_discriminator((8, 8, 1), width=32),
    image_shape=(8, 8, 1),
    batch_size=32,
    steps=2000,
    rounds=15,
)


class HandWritten(keras.Model):
    """The GAN that the Keras guide writes by hand."""

    def __init__(self, generator, discriminator, latent_dim):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.seed_generator = keras.random.SeedGenerator(0)
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, d_optimizer, g_optimizer, **options):
        super().compile(**options)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer

    @property
    def metrics(self):
        return [self.d_loss_metric, self.g_loss_metric]

    def train_step(self, real_images):
        batch_size = ops.shape(real_images)[0]
        latents = keras.random.normal((batch_size, self.latent_dim), seed=self.seed_generator)
        fake_images = self.generator(latents, training=True)
        images = ops.concatenate([fake_images, real_images], axis=0)
        labels = ops.concatenate([ops.zeros((batch_size, 1)), ops.ones((batch_size, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(images, training=True))
        weights = self.discriminator.trainable_weights
        gradients = tape.gradient(d_loss, [weight.value for weight in weights])
        self.d_optimizer.apply_gradients(zip(gradients, weights, strict=True))

        latents = keras.random.normal((batch_size, self.latent_dim), seed=self.seed_generator)
        misleading = ops.ones((batch_size, 1))
        with tf.GradientTape() as tape:
            fake_images = self.generator(latents, training=True)
            g_loss = self.loss_fn(misleading, self.discriminator(fake_images, training=True))
        weights = self.generator.trainable_weights
        gradients = tape.gradient(g_loss, [weight.value for weight in weights])
        self.g_optimizer.apply_gradients(zip(gradients, weights, strict=True))

        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


def build(way: type, pair: Pair, **options) -> keras.Model:
    """A compiled GAN of either class; `options` are for `compile`."""
    keras.utils.set_random_seed(0)
    gan = way(pair.generator(), pair.discriminator(), latent_dim=LATENT_DIM)
    d_optimizer, g_optimizer = (keras.optimizers.Adam(3e-4, beta_1=0.5) for _ in range(2))
    gan.compile(d_optimizer, g_optimizer, **options)
    return gan


def batches_of(pair: Pair) -> tf.data.Dataset:
    """As many batches as a round has steps, at next to no cost."""
    rows = np.random.default_rng(0).uniform(-1, 1, (pair.batch_size, *pair.image_shape))
    batch = tf.constant(rows, tf.float32)
    return tf.data.Dataset.from_tensors(batch).repeat(pair.steps)


def time_in_turns(gans: dict[str, keras.Model], pair: Pair) -> dict[str, list[float]]:
    """Seconds per step of every GAN in every round."""
    batches = batches_of(pair)
    seconds = {name: [] for name in gans}
    for gan in gans.values():
        gan.fit(batches, verbose=0)
    for _ in range(pair.rounds):
        for name, gan in gans.items():
            start = time.perf_counter()
            gan.fit(batches, verbose=0)
            seconds[name].append((time.perf_counter() - start) / pair.steps)
    return seconds


def show_ratio(title: str, one: list[float], other: list[float]) -> None:
    """Print the medians of two ways and of the ratio of their rounds."""
    ratios = [first / second for first, second in zip(one, other, strict=True)]
    print(
        f"{title}: {1e3 * statistics.median(one):.3f} / {1e3 * statistics.median(other):.3f} ms "
        f"per step = {statistics.median(ratios):.3f} (rounds {min(ratios):.3f} to "
        f"{max(ratios):.3f})",
        flush=True,
    )


def main():
    """Time all ways and print their ratios."""
    for title, pair in (("28x28 DCGAN", DCGAN), ("small MLP", SMALL)):
        gans = {"kgan": build(kgan.GAN, pair), "by hand": build(HandWritten, pair)}
        seconds = time_in_turns(gans, pair)
        show_ratio(f"{title}, kgan / by hand", seconds["kgan"], seconds["by hand"])
    for way in (kgan.GAN, HandWritten):
        gans = {str(steps): build(way, SMALL, steps_per_execution=steps) for steps in (1, 10)}
        seconds = time_in_turns(gans, SMALL)
        show_ratio(f"{way.__name__}, steps_per_execution 1 / 10", seconds["1"], seconds["10"])


if __name__ == "__main__":
    main()
