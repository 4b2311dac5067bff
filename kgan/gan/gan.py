"""The GAN: two networks, one `train_step`."""

import keras
import numpy as np
from keras import ops

from kgan import backend
from kgan import losses
from kgan import sampling
from kgan._utils import checks
from kgan._utils import validation
from kgan.gan import averaging
from kgan.gan import minibatches
from kgan.gan import replication
from kgan.gan.inspection import WithInspection
from kgan.gan.logs import Logs
from kgan.gan.optimizers import paired
from kgan.gan.resuming import WithResuming
from kgan.gan.saving import WithRandomState
from kgan.penalties.by_name import get_all as get_penalties


@keras.saving.register_keras_serializable("kgan")
class GAN(WithInspection, WithResuming, WithRandomState, backend.WithTrainingLoop, keras.Model):
    """A generator and a discriminator that `fit` trains against each other.

    One training step is one iteration of Algorithm 1: k = `discriminator_steps` updates of the
    discriminator, each on its own minibatch of real images and of fakes, then one update of the
    generator. `gan(latents)`, `predict`, `generate`, `evaluate` and export use the moving average
    of the generator where `ema_halflife_images` is set.

    The logs of `fit` and `evaluate` are `d_loss` and `g_loss` (means per sample), `d_real` and
    `d_fake` (mean D(x) and D(G(z)), as probabilities where the loss has them, else as scores), and
    `d_auc` (how often the discriminator ranks a real over a fake: 0.5 by chance, 1 if always).

    Args:
        generator: keras model of latents (batch, latent_dim), or of [latents, labels] with
            labels (batch,); returns images (batch, height, width, channels) in [-1, 1], or samples
            of any other shape.
        discriminator: keras model of images, or of [images, labels]; returns logits of any shape,
            high for real, without a sigmoid.
        latent_dim: int, width of the latents, which are N(0, I).
        num_classes: int, number of classes for labelled data and conditional networks; None, the
            default, without labels.
        ema_halflife_images: float > 0, after how many real images the weight of an old generator in
            the moving average is halved; batch-norm statistics are averaged too. None, the default:
            no average.
        seed: int of the random latents, None for another one every time. The state of all random
            generators, dropout's included, is saved with the model.

    Raises:
        ValueError: if the networks do not fit each other, the latents or the labels.

    Example:
        >>> gan = kgan.GAN(
        ...     generator=kgan.models.dcgan_generator((28, 28, 1), latent_dim=64),
        ...     discriminator=kgan.models.dcgan_discriminator((28, 28, 1)),
        ...     latent_dim=64)
        >>> gan.compile(d_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        ...             g_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
        >>> gan.fit(kgan.data.digits().batches(64, labels=False), epochs=20)
        >>> gan.generate(16, seed=0).shape
        (16, 28, 28, 1)

    Reference:
        Goodfellow et al. 2014, Generative Adversarial Networks, arXiv 1406.2661, Algorithm 1;
        labels: Mirza and Osindero 2014, arXiv 1411.1784; the average by its half-life in images:
        Karras et al. 2020, arXiv 2006.06676.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        *,
        num_classes: int | None = None,
        ema_halflife_images: float | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        latent_dim = checks.check_positive_integer("latent_dim", latent_dim)
        if num_classes is not None:
            num_classes = checks.check_positive_integer("num_classes", num_classes)
        if ema_halflife_images is not None and not 0 < ema_halflife_images < float("inf"):
            raise ValueError(
                "ema_halflife_images must be positive and finite, or None for no moving average. "
                f"Received: ema_halflife_images={ema_halflife_images}."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.ema_halflife_images = ema_halflife_images
        self.seed = seed
        self.image_shape = validation.check_networks(
            generator, discriminator, latent_dim, num_classes
        )
        self.ema_generator = (
            None if ema_halflife_images is None else averaging.untrained_copy(generator)
        )
        self.discriminator_steps = None
        self.penalties = []
        self.images_seen = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="images_seen",
        )
        backend.check_one_scope(self.images_seen, generator=generator, discriminator=discriminator)
        self.training_seeds = keras.random.SeedGenerator(seed)
        # Apart, so that evaluating leaves training as it is and repeats itself.
        self.evaluation_seeds = keras.random.SeedGenerator(seed)
        self.logs = Logs()
        # Every variable exists by now; Keras would otherwise refuse to save before the first call.
        self.built = True

    def compile(
        self,
        d_optimizer,
        g_optimizer,
        loss="non_saturating",
        discriminator_steps: int = 1,
        *,
        penalties=None,
        jit_compile="auto",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
    ):
        """Choose how the two players learn.

        Args:
            d_optimizer: the discriminator's `keras.optimizers.Optimizer`, or its name.
            g_optimizer: the generator's, another object.
            loss: a `kgan.losses.Loss` or its name, default "non_saturating".
            discriminator_steps: int, k of Algorithm 1, default 1. A batch given to `fit` holds
                k minibatches.
            penalties: a `kgan.penalties.Penalty` or a list of them, also by name
                ("r1=0.1"): penalties added to the discriminator's loss at every update, each
                logged under its name. None, the default, for none.
            jit_compile: as in `keras.Model.compile`.
            run_eagerly: as in `keras.Model.compile`.
            steps_per_execution: as in `keras.Model.compile`.

        Raises:
            ValueError: for an unknown loss, penalty or optimizer, one optimizer for both,
                k < 1, two penalties of one name, or one that means nothing for this discriminator.
        """
        backend.check_scope_of_call(self.images_seen, "compile")
        backend.check_one_scope(self.images_seen, d_optimizer=d_optimizer, g_optimizer=g_optimizer)
        validation.check_optimizer("d_optimizer", d_optimizer)
        validation.check_optimizer("g_optimizer", g_optimizer)
        discriminator_steps = checks.check_positive_integer(
            "discriminator_steps", discriminator_steps
        )
        steps_per_execution = checks.check_positive_integer(
            "steps_per_execution", steps_per_execution
        )
        loss = losses.get(loss)
        penalties = get_penalties(penalties, self.discriminator)
        # Kept as given: "auto" may mean another thing on the machine that loads the model.
        self._execution = {
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
        }
        with backend.scope(self):
            optimizer = paired(d_optimizer, g_optimizer, self.discriminator, self.generator)
            replication.prepare(self, optimizer, **self._execution)
            super().compile(optimizer=optimizer, auto_scale_loss=False, **self._execution)
            self.logs.add_penalties([penalty.name for penalty in penalties])
            for penalty in penalties:
                penalty.build()
        self.penalties = penalties
        self.loss = loss
        self.discriminator_steps = discriminator_steps
        # As it begins: callbacks change the learning rates.
        self._compiled_with = self.get_compile_config()

    def call(self, inputs, training=False):
        return self.sampling_generator()(inputs, training=training)

    def train_step(self, data):
        """One iteration of Algorithm 1: k discriminator updates, then the generator's.

        Args:
            data: images (k * m, ...), or (images, labels).

        Returns:
            Dict of the logs: running means since the epoch began.
        """
        images, labels = validation.images_and_labels(data, self.num_classes)
        fakes = self._fakes(labels, rows=ops.shape(images)[0], training=True)
        dealt = minibatches.deal((images, fakes, labels), self.discriminator_steps)
        for real, fake, classes in dealt:
            self._update_discriminator(real, fake, classes)
        # Any minibatch will do for the generator: its fakes are fresh, its labels from the data.
        self._update_generator(real, classes)
        self._update_average(rows=ops.shape(images)[0])
        return self.get_metrics_result()

    def test_step(self, data):
        """The losses and scores of one batch, without an update.

        Args:
            data: images, or (images, labels).

        Returns:
            Dict of the logs: running means since the evaluation began.
        """
        images, labels = validation.images_and_labels(data, self.num_classes)
        fakes = self._fakes(labels, rows=ops.shape(images)[0], training=False)
        real_logits = self._logits(images, labels, training=False)
        fake_logits = self._logits(fakes, labels, training=False)
        self.logs.update_discriminator(
            self.loss.discriminator_loss(real_logits, fake_logits),
            real_logits,
            fake_logits,
            self.loss.scores,
        )
        compared = real_logits if self.loss.compares_with_reals else None
        self.logs.update_generator(self.loss.generator_loss(compared, fake_logits))
        return self.logs.of_evaluation()

    def generate(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels=None,
        truncation: float | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Sample images. The state of training is not touched.

        Args:
            n: int, how many.
            seed: int in [0, 2^32), same seed same images; None for others every time.
            labels: with classes, n class numbers or one for all; drawn uniformly if None.
            truncation: float > 0, the absolute value at which the latents' distribution is
                truncated, which trades variety for typical images; None for not at all.
            batch_size: int, images made at a time.

        Returns:
            Float32 array (n, height, width, channels) in [-1, 1].

        Raises:
            ValueError: for n < 1, labels that are out of range or do not apply, truncation <= 0.
        """
        with self.unchanged_random_state():
            return sampling.generate(
                self.sampling_generator(),
                n,
                latent_dim=self.latent_dim,
                num_classes=self.num_classes,
                seed=seed,
                labels=labels,
                truncation=truncation,
                batch_size=batch_size,
            )

    def sampling_generator(self) -> keras.Model:
        """The generator that makes images for others: the moving average if there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def state_beside_weights(self) -> dict[str, keras.Variable]:
        """The state of the penalties by their names, which is saved with the GAN."""
        return {
            f"{penalty.name}_{index}": variable
            for penalty in self.penalties
            for index, variable in enumerate(penalty.variables)
        }

    @property
    def metrics(self):
        # Those of a subclass too, but not Keras' own tracker of a loss that does not exist.
        return [*self.logs.metrics, *(mean for mean in super().metrics if mean.name != "loss")]

    def get_config(self):
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "ema_halflife_images": self.ema_halflife_images,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for network in ("generator", "discriminator"):
            config[network] = keras.saving.deserialize_keras_object(
                config[network], custom_objects=custom_objects
            )
        return cls(**config)

    def get_compile_config(self):
        if not self.compiled:
            return None
        serialize = keras.saving.serialize_keras_object
        return {
            "d_optimizer": serialize(self.optimizer.d_optimizer),
            "g_optimizer": serialize(self.optimizer.g_optimizer),
            "loss": serialize(self.loss),
            "discriminator_steps": self.discriminator_steps,
            "penalties": [serialize(penalty) for penalty in self.penalties],
            **self._execution,
        }

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def _fakes(self, labels, rows, training: bool):
        seeds = self.training_seeds if training else self.evaluation_seeds
        generator = self.generator if training else self.sampling_generator()
        latents = backend.global_rows(
            lambda n: keras.random.normal((n, self.latent_dim), seed=seeds),
            rows,
            # `fit` refuses others; the last batch of an evaluation may have any number of rows.
            parts_are_equal=training,
        )
        return generator(sampling.network_inputs(latents, labels), training=training)

    def _logits(self, images, labels, training: bool):
        # In float32 where the networks compute in 16 bits: the losses take exponentials of them.
        logits = self.discriminator(sampling.network_inputs(images, labels), training=training)
        return ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))

    def _update_discriminator(self, real, fake, labels):
        def play():
            real_logits = self._logits(real, labels, training=True)
            fake_logits = self._logits(fake, labels, training=True)
            loss = self.loss.discriminator_loss(real_logits, fake_logits)
            penalties = self._penalties(real, fake, labels, real_logits, fake_logits)
            return [loss, *penalties], real_logits, fake_logits

        (loss, *penalties), real_logits, fake_logits = self._minimise(
            play, self.optimizer.d_optimizer, self.discriminator
        )
        self.logs.update_discriminator(loss, real_logits, fake_logits, self.loss.scores, penalties)

    def _penalties(self, real, fake, labels, real_logits, fake_logits) -> list:
        # Like the logits: 16 bits are too few for the square of a gradient.
        dtype = keras.backend.result_type(real.dtype, fake.dtype, "float32")
        return [
            penalty(
                lambda images: self._logits(images, labels, training=True),
                real_images=ops.cast(real, dtype),
                fake_images=ops.cast(fake, dtype),
                real_logits=real_logits,
                fake_logits=fake_logits,
                seed=self.training_seeds,
            )
            for penalty in self.penalties
        ]

    def _update_generator(self, real, labels):
        def play():
            fakes = self._fakes(labels, rows=ops.shape(real)[0], training=True)
            fake_logits = self._logits(fakes, labels, training=True)
            compares = self.loss.compares_with_reals
            real_logits = self._logits(real, labels, training=True) if compares else None
            return ([self.loss.generator_loss(real_logits, fake_logits)],)

        ((loss,),) = self._minimise(play, self.optimizer.g_optimizer, self.generator)
        self.logs.update_generator(loss)

    def _minimise(self, play, optimizer, network):
        """One update of `network` by `play`, which returns a list of per-sample terms first."""

        def objective():
            played = play()
            total = sum(ops.mean(per_sample) for per_sample in played[0])
            # Optimizers sum over replicas, so each contributes its share of the global mean.
            return optimizer.scale_loss(total / backend.num_replicas()), played

        variables = network.trainable_variables
        played, gradients = backend.value_and_gradients(objective, variables)
        backend.apply_gradients(optimizer, gradients, variables)
        return played

    def _update_average(self, rows):
        rows = ops.cast(rows, "int64") * backend.num_replicas()
        self.images_seen.assign(self.images_seen + rows)
        if self.ema_generator is not None:
            averaging.update(
                self.ema_generator,
                self.generator,
                images=rows,
                halflife_images=self.ema_halflife_images,
            )
