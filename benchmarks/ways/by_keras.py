"""The ways of peers.py that train with Keras: kgan, the class of the Keras guide, bare kernels."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras import ops
from ways.cases import Case
from ways.cases import Clocks
from ways.cases import passes

import kgan
from kgan.backend import kernels


def guide(case: Case) -> tuple[keras.Model, keras.Model]:
    """The networks of the Keras guide on conditional GANs, without their labels."""
    side = case.image_shape[0] // 4
    by_two = {"strides": 2, "padding": "same"}
    generator = keras.Sequential(
        [
            keras.Input((case.latent_dim,)),
            layers.Dense(side * side * 128),
            layers.LeakyReLU(0.2),
            layers.Reshape((side, side, 128)),
            layers.Conv2DTranspose(128, 4, **by_two),
            layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(128, 4, **by_two),
            layers.LeakyReLU(0.2),
            layers.Conv2D(1, 7, padding="same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input(case.image_shape),
            layers.Conv2D(64, 3, **by_two),
            layers.LeakyReLU(0.2),
            layers.Conv2D(128, 3, **by_two),
            layers.LeakyReLU(0.2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator


def dcgan(case: Case) -> tuple[keras.Model, keras.Model]:
    """kgan.models.dcgan, without batch norm in the discriminator of penalties."""
    return (
        kgan.models.dcgan_generator(case.image_shape, case.latent_dim, width=case.width),
        kgan.models.dcgan_discriminator(
            case.image_shape,
            width=case.width,
            normalization=None if case.penalties else "batch",
        ),
    )


def mlp(case: Case) -> tuple[keras.Model, keras.Model]:
    """The 2014 paper's pair."""
    return (
        kgan.models.mlp_generator(case.image_shape, case.latent_dim),
        kgan.models.mlp_discriminator(case.image_shape),
    )


def small_mlp(case: Case) -> tuple[keras.Model, keras.Model]:
    """One hidden layer each."""
    return (
        kgan.models.small_mlp_generator(case.image_shape, case.latent_dim, width=case.width),
        kgan.models.small_mlp_discriminator(case.image_shape, width=case.width),
    )


NETWORKS = {"guide": guide, "dcgan": dcgan, "mlp": mlp, "small_mlp": small_mlp}


class HandWritten(keras.Model):
    """The GAN that the Keras guide "DCGAN to generate face images" writes by hand.

    It has the guide's two running means and its one pass of the discriminator over fakes and reals
    together, without its noise on the labels, which no other way here draws.
    """

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


class AllButTheFirst(keras.callbacks.Callback):
    """What an epoch takes from its second call on; the first one also gets the data going."""

    def on_epoch_begin(self, epoch, logs=None):
        self.calls = 0

    def on_train_batch_begin(self, batch, logs=None):
        if self.calls == 1:
            self.clocks = Clocks()
        self.calls += 1

    def on_epoch_end(self, epoch, logs=None):
        self.taken = self.clocks.read()


class Trainer:
    """A compiled GAN of either class, and its data."""

    def __init__(self, case: Case, way: type, **options):
        keras.utils.set_random_seed(0)
        networks = NETWORKS[case.networks](case)
        self.parameters = [_count(network.trainable_weights) for network in networks]
        self.gan = way(*networks, latent_dim=case.latent_dim)
        optimizers = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in networks)
        self.steps_of_call = case.steps_per_execution
        self.gan.compile(*optimizers, steps_per_execution=self.steps_of_call, **options)
        rows = np.random.default_rng(0).uniform(-1, 1, (case.batch_size, *case.image_shape))
        self.batch = tf.constant(rows, tf.float32)

    def run(self, steps: int) -> tuple[dict, list[float]]:
        """What so many steps of `fit` took after a first call, and the mean losses."""
        batches = tf.data.Dataset.from_tensors(self.batch).repeat(self.steps_of_call + steps)
        timed = AllButTheFirst()
        self.gan.fit(batches, shuffle=False, verbose=0, callbacks=[timed])
        logs = self.gan.history.history
        return timed.taken, [logs["d_loss"][0], logs["g_loss"][0]]


class Kernels(keras.Model):
    """The convolutions and matrix products of a step with their gradients, and nothing else.

    They are those that kgan's step takes: by `fast_kernels`, without bias and activation.
    """

    def __init__(self, case: Case):
        super().__init__()
        self.compile(jit_compile=False)
        self.parameters = None
        self.floating_point_operations = 0
        self.bare = []
        works, tensors = [], []
        random = np.random.default_rng(0)
        networks = NETWORKS[case.networks](case)
        for network, network_passes in zip(networks, passes(case), strict=True):
            for number, layer in enumerate(_layers_with_kernels(network)):
                bare = _bare(layer)
                self.bare.append(bare)
                multiplications = _multiplications(layer, case.batch_size)
                for one_pass in network_passes:
                    through = one_pass.inputs if number else one_pass.first_inputs
                    # Tensors of its own for every pass: equal work would be done once.
                    tensors.append(
                        [
                            tf.constant(random.normal(size=(case.batch_size, *shape)), tf.float32)
                            for shape in _shapes(layer)
                        ]
                    )
                    works.append((bare, through, one_pass.weights))
                    products = 1 + through + one_pass.weights
                    self.floating_point_operations += 2 * products * multiplications

        def once(tensors):
            results = []
            for work, given in zip(works, tensors, strict=True):
                # One after the other, as in a step.
                with tf.control_dependencies(results[-1:]):
                    results.extend(_results(*work, *given))
            return results

        once = kernels.fast(self, once, optimizers=[])
        self.once, self.tensors = tf.function(once, autograph=False), tensors

    def run(self, steps: int) -> tuple[dict, list[float]]:
        """What so many repetitions took after a first one, and no losses."""
        self.once(self.tensors)
        clocks = Clocks()
        for _ in range(steps):
            self.once(self.tensors)
        return clocks.read(), []


def _bare(layer):
    """A layer with the same kernel's shape, without bias and activation."""
    config = {**layer.get_config(), "use_bias": False, "activation": None}
    bare = type(layer).from_config(config)
    bare.build((None, *_shapes(layer)[0]))
    return bare


def _results(layer, through, weights, inputs, slopes) -> list:
    """What a layer computes, and the gradients asked for under these slopes of its outputs."""
    inputs, kernel = tf.identity(inputs), layer.kernel.value
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    sources = [inputs] * through + [kernel] * weights
    return [outputs, *tape.gradient(outputs, sources, slopes)] if sources else [outputs]


def _layers_with_kernels(network) -> list:
    layers_of_network = (getattr(layer, "linear", layer) for layer in network.layers)
    return [layer for layer in layers_of_network if hasattr(layer, "kernel")]


def _shapes(layer) -> tuple[tuple, tuple]:
    """Of what a layer takes and gives, without the batch."""
    if isinstance(layer, layers.Dense):
        # One within a layer has no inputs of its own.
        return layer.kernel.shape[:1], layer.kernel.shape[1:]
    return layer.input.shape[1:], layer.output.shape[1:]


def _multiplications(layer, rows: int) -> int:
    """Products of a weight and a value in one pass of a batch."""
    # A kernel meets every place of the smaller picture.
    shape = _shapes(layer)[0 if isinstance(layer, layers.Conv2DTranspose) else 1]
    return rows * math.prod(layer.kernel.shape) * math.prod(shape[:-1])


def _count(weights) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def begin(threads: int) -> None:
    """Set up the library for so many threads."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def build(case: Case, options: dict[str, Any]) -> Trainer | Kernels:
    """The trainer of a way."""
    way, options = options["way"], {key: options[key] for key in options if key != "way"}
    if way == "kernels":
        return Kernels(case)
    if way == "guide":
        return Trainer(case, HandWritten)
    penalties = ["r1=0.1", "r2=0.1"] if case.penalties else None
    return Trainer(case, kgan.GAN, penalties=penalties, **options)


def matrix_product(side: int) -> Callable[[], Any]:
    """A function that multiplies two matrices."""
    one, other = (tf.random.uniform((side, side)) for _ in range(2))
    return lambda: tf.linalg.matmul(one, other)
