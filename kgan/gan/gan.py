"""The GAN: two networks, one `train_step`."""

import contextlib
import functools
import inspect
import os
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from kgan import losses
from kgan import models
from kgan import sampling
from kgan import schedules
from kgan._utils.checks import check_flag
from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import check_seed
from kgan._utils.tensors import Tensor
from kgan.augment.by_name import get_for as augment_for
from kgan.backend import autodiff
from kgan.backend import batches
from kgan.backend import kernels
from kgan.backend import private
from kgan.backend import replicas
from kgan.backend import scopes
from kgan.backend import training_loop
from kgan.data.epochs import uncounted
from kgan.export import export_generator
from kgan.gan import averaging
from kgan.gan import checks
from kgan.gan import inspection
from kgan.gan import logs
from kgan.gan import minibatches
from kgan.gan import networks
from kgan.gan import packing
from kgan.gan import processor
from kgan.gan import replication
from kgan.gan import saving
from kgan.gan.minibatches import Minibatch
from kgan.gan.optimizers import GANOptimizer
from kgan.gan.optimizers import paired
from kgan.gan.optimizers import trainable_variables
from kgan.gan.resuming import parts_of_fit
from kgan.penalties.by_name import get_all as get_penalties

_MADE_ONCE = (
    *("generator", "discriminator", "latent_dim", "num_classes", "condition_shape"),
    *("ema_halflife_images", "pack"),
)
# What a compiled step holds as it was.
_COMPILED = ("optimizer", "loss", "penalties", "discriminator_steps", "share_fakes", "augment")


@keras.saving.register_keras_serializable("kgan")
class GAN(keras.Model):
    """A generator and a discriminator that `fit` trains against each other.

    One training step is one iteration of Algorithm 1: k = `discriminator_steps` updates of the
    discriminator, each on its own minibatch of real images and of fakes, then one update of the
    generator. `gan(latents)`, `predict`, `generate`, `evaluate` and export use the moving average
    of the generator where `ema_halflife_images` is set.

    The logs of `fit` and `evaluate` are `d_loss` and `g_loss` (means per sample), `d_real` and
    `d_fake` (mean D(x) and D(G(z)), as probabilities where the loss has them, else as scores), and
    `d_auc` (how often the discriminator ranks a real over a fake: 0.5 by chance, 1 if always).

    To change one thing, subclass and override one method: `sample_latents` is the prior p(z),
    `discriminate` what the discriminator sees, `discriminator_objective` and `generator_objective`
    what the players minimise, `discriminator_networks` and `generator_networks` what they train.
    A term that an objective adds is logged in the metric of its name, which the subclass makes, a
    `keras.metrics.Mean`. Of a `train_step` of one's own the images are counted, the average is
    moved and logs of these names are made running means all the same. Networks, variables,
    metrics and seed generators that are attributes are saved, resumed and distributed like those of
    the GAN.

    Args:
        generator: keras model of latents (batch, latent_dim), or of [latents, labels]; returns
            images (batch, height, width, channels) in [-1, 1], or samples of any other shape.
        discriminator: keras model of images, or of [images, labels]; returns logits of any shape,
            high for real, without a sigmoid. Without labels it may take m times the generator's
            channels: then it judges packs of m images at once, by one logit, one loss and one
            penalty each (PacGAN), which shows it a generator that makes few different images.
        latent_dim: int, width of the latents, which are N(0, I).
        num_classes: int, number of classes for labelled data and conditional networks; labels are
            then integers (batch,). A network that takes them one-hot, (batch, num_classes), or as a
            column, (batch, 1), is put into one that takes integers. None, the default, without
            classes.
        condition_shape: tuple of int, for networks under a condition that is no class, such as the
            image to translate: labels are then floats (batch, *condition_shape). None, the
            default, without one.
        ema_halflife_images: float > 0, after how many real images the weight of an old generator in
            the moving average is halved; batch-norm statistics are averaged too. A
            `kgan.schedules.Schedule` lets it grow from 0, so that the untrained generator is soon
            forgotten. None, the default: no average. It begins as the generator is now: whoever
            sets the weights of the generator by hand sets those of `ema_generator` too.
        seed: int of the random latents, None for another one every time. The state of all random
            generators, dropout's included, is saved with the model.

    Attributes:
        image_shape: tuple, the shape of one image.
        pack: int, how many images the discriminator judges as one; 1 unless it takes several times
            the generator's channels.
        images_seen: int64 variable, how many real images the training has used.
        reference_images: float32 array (n, ...), the first n <= 64 images of the data of the last
            `fit`, for callbacks that compare samples with data. Not saved. None before a `fit`,
            and where the data could not be looked into.
        reference_labels: array (n, ...), their labels; None without.
        held_out_images: float32 array (n, ...), as many of the `validation_data` of the last `fit`,
            for callbacks that ask whether the discriminator knows its data by heart. None without.
        held_out_labels: array (n, ...), their labels; None without.
        callbacks_of_fit: tuple of the callbacks given to the last `fit`, in their order, for those
            that depend on each other: Keras tells none of the others.

    Raises:
        ValueError: if the networks do not fit each other, the latents or the labels, if they share
            a layer, or if an average cannot be made by the generator's config.

    Example:
        >>> gan = kgan.GAN(
        ...     generator=kgan.models.mlp_generator((8, 8, 1), latent_dim=4),
        ...     discriminator=kgan.models.mlp_discriminator((8, 8, 1)),
        ...     latent_dim=4)
        >>> gan.compile()
        >>> images = np.random.uniform(-1, 1, (64, 8, 8, 1)).astype("float32")
        >>> history = gan.fit(images, batch_size=16, epochs=2, verbose=0)
        >>> gan.generate(16, seed=0).shape
        (16, 8, 8, 1)

    Reference:
        Goodfellow et al. 2014, Generative Adversarial Networks, arXiv 1406.2661, Algorithm 1;
        labels: Mirza and Osindero 2014, arXiv 1411.1784; packs: Lin et al. 2018, arXiv 1712.04086;
        the average by its half-life in images: Karras et al. 2020, arXiv 2006.06676.
    """

    reference_images = None
    reference_labels = None
    held_out_images = None
    held_out_labels = None
    callbacks_of_fit = ()

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        *,
        num_classes: int | None = None,
        condition_shape: tuple | None = None,
        ema_halflife_images: float | schedules.Schedule | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        # Its networks have policies of their own: latents are theirs to round.
        super().__init__(autocast=False, **kwargs)
        latent_dim = check_positive_integer("latent_dim", latent_dim)
        if num_classes is not None:
            num_classes = check_positive_integer("num_classes", num_classes)
        if num_classes is not None and condition_shape is not None:
            raise ValueError(
                "A GAN has classes or another condition, not both. Received: "
                f"num_classes={num_classes}, condition_shape={condition_shape}."
            )
        if condition_shape is not None:
            sides = keras.tree.flatten(condition_shape)
            condition_shape = tuple(
                check_positive_integer("every side of condition_shape", side) for side in sides
            )
        if ema_halflife_images is not None:
            ema_halflife_images = averaging.check_halflife(ema_halflife_images)
        seed = None if seed is None else check_seed(seed)
        generator = networks.under_class_numbers(generator, num_classes)
        # A subclass may show its discriminator something else than images and class numbers.
        is_shown_all = type(self).discriminate is GAN.discriminate
        if is_shown_all:
            discriminator = networks.under_class_numbers(discriminator, num_classes)
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.condition_shape = condition_shape
        self.ema_halflife_images = ema_halflife_images
        self.seed = seed
        self.pack = 1
        self.image_shape = networks.check_networks(self, is_shown_all=is_shown_all)
        saving.check_apart(generator, discriminator)
        # The average of another GAN is trained as its file would be.
        averaging.release(generator)
        self.ema_generator = None
        if ema_halflife_images is not None:
            inputs = sampling.network_inputs(*saving.example_inputs(self))
            self.ema_generator = averaging.untrained_copy(generator, inputs)
        self.discriminator_steps = None
        self.share_fakes = False
        self.penalties = ()
        self.augment = None
        self.images_seen = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="images_seen",
        )
        scopes.check_one_scope(self.images_seen, generator=generator, discriminator=discriminator)
        self.training_seeds = keras.random.SeedGenerator(seed)
        # Apart, so that evaluating leaves training as it is and repeats itself.
        self.evaluation_seeds = keras.random.SeedGenerator(seed)
        self.logs = logs.Logs()
        self._steps_of_fit, self._steps_of_evaluation = training_loop.Steps(), training_loop.Steps()
        # Every variable exists by now; Keras would otherwise refuse to save before the first call.
        self.built = True

    def __setattr__(self, name, value):
        if name in _MADE_ONCE and self.__dict__.get("built") and getattr(self, name) != value:
            raise ValueError(
                f"{name} of a GAN cannot be replaced: the average, the optimizers and what was "
                f"checked and compiled are those of the first one. Received: {value!r}. Build a "
                "new kgan.GAN with it; networks keep their weights."
            )
        # A subclass may be compiled in another way.
        if name in _COMPILED and isinstance(self.__dict__.get("optimizer"), GANOptimizer):
            value = self._replacement(name, value)
        if name in _COMPILED:
            self.train_function = self.test_function = None
        super().__setattr__(name, value)

    def _replacement(self, name, value):
        """What a compiled GAN takes in place of a part; the rest is refused."""
        is_built = isinstance(value, GANOptimizer) and value.built
        if name in ("penalties", "augment") or (name == "optimizer" and not is_built):
            raise ValueError(
                f"{name} of a compiled GAN cannot be replaced: compile makes its state. "
                f"Received: {name}={value!r}. Call compile again with all that is to be used."
            )
        # Keras' own compile sets None.
        if name == "loss" and value is not None:
            value = losses.get(value)
            if self.augment is not None:
                self.augment.check(self.image_shape, value)
        elif name == "discriminator_steps":
            value = check_positive_integer(name, value)
            minibatches.check_sharing(self.share_fakes, value)
        elif name == "share_fakes":
            value = minibatches.check_sharing(value, self.discriminator_steps)
        if name in self.__dict__.get("_compiled_with", ()):
            self._compiled_with[name] = keras.saving.serialize_keras_object(value)
        return value

    # What a user calls.

    def compile(
        self,
        d_optimizer: keras.optimizers.Optimizer | str | None = None,
        g_optimizer: keras.optimizers.Optimizer | str | None = None,
        loss: losses.Loss | str | None = None,
        discriminator_steps: int | None = None,
        *,
        penalties: Any = None,
        schedules: dict | None = None,
        augment: Any = None,
        share_fakes: bool = False,
        fast_kernels: bool | str = "auto",
        jit_compile: bool | str = "auto",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
    ):
        """Choose how the two players learn.

        What is None is that of the networks' family, `kgan.models.defaults`; most have the
        non-saturating loss, Adam(2e-4, beta_1=0.5) for both, k = 1 and no penalties.

        Args:
            d_optimizer: the discriminator's `keras.optimizers.Optimizer`, its class or its name.
                Default None.
            g_optimizer: the generator's, another object. Default None.
            loss: what `kgan.losses.get` takes, default None.
            discriminator_steps: int, k of Algorithm 1, default None. A batch given to `fit` holds
                k minibatches.
            penalties: what `kgan.penalties.get` takes ("r1=0.1"), or a list of such: penalties
                added to the discriminator's loss at every update, each logged under its name; []
                for none. Default None.
            schedules: dict of `kgan.schedules.Schedule`, or what `kgan.schedules.get` takes, by the
                name of what follows the images seen in both optimizers: "learning_rate" (the
                generator's; the discriminator's keeps its ratio to it), "beta_1" or "beta_2"; {}
                for none. None, the default, for the family's if its optimizers are taken too.
            augment: what `kgan.augment.get` takes ("diffaugment"): what the discriminator is shown
                in place of images, reals and fakes, in the updates of both players; for training on
                little data. Its probability is logged as `augment_p` where it has one. None, the
                default, for the images as they are.
            share_fakes: bool, for `discriminator_steps=1`: whether the generator learns from the
                fakes that the discriminator has just learned from, in place of fresh ones. The
                generator is run once a step, as in common DCGAN code, which saves a forward pass.
                It is not Algorithm 1: no fresh latents are drawn, the generator is judged by a
                discriminator that was updated on these very fakes, and moving statistics of its
                batch norm move once a step, not twice. Default False.
            fast_kernels: bool, whether steps compute convolutions with few outputs, batch norm and
                Adam by faster kernels than Keras' layers and optimizers, with the same result up
                to rounding. The objects stay Keras', as do their files. "auto", the default, for
                yes where it can be: on one device, without `run_eagerly` and XLA.
            jit_compile: as in `keras.Model.compile`.
            run_eagerly: as in `keras.Model.compile`.
            steps_per_execution: as in `keras.Model.compile`.

        Raises:
            ValueError: for an unknown loss, penalty, augmentation or optimizer, one optimizer for
                both, that of another GAN, a learning rate that is none, k < 1, shared fakes with
                k > 1, two penalties of one name, or one that means nothing for this discriminator;
                for an augmentation that means nothing for these images or this loss, and for
                `fast_kernels=True` where they cannot be.
        """
        scopes.check_scope_of_call(self.images_seen, "compile")
        d_networks, g_networks = map(
            self._networks, ("discriminator_networks", "generator_networks")
        )
        scopes.check_one_scope(
            self.images_seen,
            **{network.name: network for network in (*d_networks, *g_networks)},
            d_optimizer=d_optimizer,
            g_optimizer=g_optimizer,
        )
        defaults = models.defaults(self.generator, self.discriminator, self.image_shape)
        if discriminator_steps is None:
            discriminator_steps = defaults.discriminator_steps
        discriminator_steps = check_positive_integer("discriminator_steps", discriminator_steps)
        share_fakes = minibatches.check_sharing(share_fakes, discriminator_steps)
        steps_per_execution = check_positive_integer("steps_per_execution", steps_per_execution)
        run_eagerly = check_flag("run_eagerly", run_eagerly)
        jit_compile = check_flag("jit_compile", jit_compile, "auto")
        fast_kernels = check_flag("fast_kernels", fast_kernels, "auto")
        kernels.check(self, fast_kernels, run_eagerly=run_eagerly, jit_compile=jit_compile)
        loss = losses.get(defaults.loss if loss is None else loss)
        if penalties is None:
            penalties = defaults.penalties
        if schedules is None and d_optimizer is None and g_optimizer is None:
            schedules = defaults.schedules
        penalties = get_penalties(penalties, self.discriminator)
        augment = augment_for(augment, self.image_shape, loss, self.num_classes)
        if not run_eagerly:
            networks.check_derivatives(self, penalties)
        # Kept as given: "auto" may mean another thing on the machine that loads the model.
        self._execution = {
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
        }
        with self.distribute_strategy.scope():
            optimizers = [
                defaults.optimizer() if given is None else given
                for given in (d_optimizer, g_optimizer)
            ]
            optimizer = paired(*optimizers, schedules, d_networks, g_networks)
            replication.prepare(self, optimizer, jit_compile=jit_compile, run_eagerly=run_eagerly)
            super().compile(optimizer=optimizer, auto_scale_loss=False, **self._execution)
            for part in (*penalties, *([] if augment is None else [augment])):
                part.build()
            changes = augment is not None and augment.probability(0) is not None
            self.logs.add_penalties([*(each.name for each in penalties), *["augment_p"] * changes])
        self._fast_kernels = fast_kernels
        super().__setattr__("penalties", tuple(penalties))
        super().__setattr__("augment", augment)
        super().__setattr__("share_fakes", share_fakes)
        self.loss = loss
        self.discriminator_steps = discriminator_steps
        self.has_default_optimizers = d_optimizer is None and g_optimizer is None
        # As it begins: callbacks change the learning rates.
        self._compiled_with = self.get_compile_config()
        self._fault_of_file = saving.fault(self)
        if self._fault_of_file:
            warnings.warn(f"save will refuse this GAN. {self._fault_of_file}", stacklevel=2)
        elif needs := saving.loading_needs(self):
            warnings.warn(needs, stacklevel=2)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Train: `keras.Model.fit`, after a look at the data, and from where a backup says.

        The look at the first batch is a pass of its own over a `tf.data.Dataset`: one that shuffles
        anew every time begins with the order of its second pass. Data that count their epochs,
        those of `kgan.data`, do not count it.

        Args:
            x: a `tf.data.Dataset`, generator or `keras.utils.PyDataset` of images or (images,
                labels), or an array of images, or what NumPy makes one of. A batch
                holds `discriminator_steps` minibatches: `.batch(k * m)`. Row j of it goes to
                discriminator step j modulo k.
            y: array of labels, beside an array of images.
            batch_size: int, rows per batch of an array.
            epochs: int, passes over the data.
            verbose: as in `keras.Model.fit`.
            callbacks: as in `keras.Model.fit`. `kgan.callbacks.Backup` resumes a run that ended
                before its last epoch.
            validation_split: as in `keras.Model.fit`.
            validation_data: as `x`, or (images, labels); looked at before the first step.
            shuffle: as in `keras.Model.fit`, for arrays.
            class_weight: must be None: a GAN weights no classes.
            sample_weight: must be None: a GAN weights no samples.
            initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: as in `keras.Model.fit`; data without end need it.
            validation_steps: as in `keras.Model.fit`; validation data without end need it.
            validation_batch_size: as in `keras.Model.fit`.
            validation_freq: as in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`, which includes the epochs before an interruption.

        Raises:
            ValueError: if there is no first batch, or it has a wrong shape, dtype, range or
                structure, holds NaN or cannot be split; the same for the validation data. Arrays
                are looked at as a whole, later batches of other data before the step that would
                take them; but not those that processes of a PyDataset's own make, or a dataset
                that was distributed already. Also for numbers out of range, for data without end,
                if other weights are to be trained than at `compile`, or if one of Keras' callbacks
                waits for a log that never comes.
        """
        inspection.check_call(self, "fit", class_weight=class_weight, sample_weight=sample_weight)
        batch_size, epochs, initial_epoch, steps_per_epoch = inspection.check_numbers(
            batch_size=batch_size,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
        )
        validation_split, validation_steps, validation_batch_size, validation_freq = (
            inspection.check_numbers(
                validation_split=validation_split,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )
        )
        inspection.check_end(x, "steps_per_epoch", steps_per_epoch)
        inspection.check_end(validation_data, "validation_steps", validation_steps)
        data = inspection.look(self, x, y, batch_size, shuffle, validation_split)
        self.held_out_images = self.held_out_labels = None
        if validation_data is not None:
            validation_data, self.held_out_images, self.held_out_labels = (
                inspection.look_at_validation_data(
                    self, validation_data, validation_batch_size or batch_size
                )
            )
        networks.warn_of_range(self, data.images)
        averaging.warn_of_start(self)
        processor.warn_of_slowness(self)
        self.reference_images, self.reference_labels = data.images, data.labels
        self.callbacks_of_fit = inspection.flat(callbacks)
        if isinstance(self.optimizer, GANOptimizer):
            self.optimizer.check_callbacks(self.callbacks_of_fit)
        if _is(self.train_step, GAN.train_step) and _is(self.test_step, GAN.test_step):
            validates = validation_data is not None or bool(validation_split)
            logs.check_waiting(self, self.callbacks_of_fit, validates=validates)
        parts = parts_of_fit(
            self,
            data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            verbose=verbose,
        )
        # However the training ends, it is told.
        with contextlib.closing(parts), batches.refused_in_plain_words():
            for part in parts:
                self._steps_of_fit.begin(part["steps_per_epoch"])
                super().fit(
                    **part,
                    batch_size=batch_size,
                    verbose=verbose,
                    validation_split=validation_split,
                    validation_data=validation_data,
                    shuffle=data.shuffle,
                    validation_steps=validation_steps,
                    validation_batch_size=validation_batch_size,
                    validation_freq=validation_freq,
                )
        return self.history

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """Losses and scores on held-out images: `keras.Model.evaluate`, after a look at the data.

        Two calls on the same data give the same numbers, and a later `fit` trains as if there had
        been none; in another thread than a `fit` both count in the same running means. A
        discriminator with batch norm scores in inference mode, with moving statistics over reals
        and fakes, and so differs from the logs of training.

        Args:
            x: as in `fit`; batches need not be divisible by `discriminator_steps`.
            y: as in `fit`.
            batch_size: as in `fit`.
            verbose: as in `keras.Model.evaluate`.
            sample_weight: must be None: a GAN weights no samples.
            steps: as in `keras.Model.evaluate`; data without end need it.
            callbacks: as in `keras.Model.evaluate`.
            return_dict: as in `keras.Model.evaluate`.
            **kwargs: what Keras itself passes on.

        Returns:
            List of the logs' values, or a dict with `return_dict=True`.

        Raises:
            ValueError: as `fit`.
        """
        inspection.check_call(self, "evaluate", sample_weight=sample_weight)
        batch_size, steps = inspection.check_numbers(batch_size=batch_size, steps=steps)
        # `fit` has looked at its validation data, and evaluates an iterator that it keeps.
        if not private.is_validation_of_fit(kwargs):
            inspection.check_end(x, "steps", steps)
            x, y = inspection.look_at_held_out(self, x, y, batch_size)
        self._steps_of_evaluation.begin(steps)
        with uncounted(x), batches.refused_in_plain_words():
            sampling.restart(self.evaluation_seeds)
            try:
                return super().evaluate(
                    x,
                    y,
                    batch_size=batch_size,
                    verbose=verbose,
                    steps=steps,
                    callbacks=callbacks,
                    return_dict=return_dict,
                    **kwargs,
                )
            finally:
                sampling.restart(self.evaluation_seeds)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step: `keras.Model.train_on_batch`, after a look at the batch.

        Args:
            x: images, `discriminator_steps` minibatches of them.
            y: their labels, or None.
            sample_weight: must be None.
            class_weight: must be None.
            return_dict: as in `keras.Model.train_on_batch`.

        Returns:
            List of the logs' values, or a dict with `return_dict=True`.

        Raises:
            ValueError: as `fit`.
        """
        weights = {"sample_weight": sample_weight, "class_weight": class_weight}
        x, y = inspection.look_at_one_batch(self, "train_on_batch", x, y, **weights)
        return super().train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Losses and scores of one batch: `keras.Model.test_on_batch`, after a look at it.

        Args:
            x: images.
            y: their labels, or None.
            sample_weight: must be None.
            return_dict: as in `keras.Model.test_on_batch`.

        Returns:
            List of the logs' values, or a dict with `return_dict=True`.

        Raises:
            ValueError: as `evaluate`.
        """
        weights = {"sample_weight": sample_weight}
        x, y = inspection.look_at_one_batch(self, "test_on_batch", x, y, **weights)
        return super().test_on_batch(x, y, return_dict=return_dict)

    def generate(
        self,
        n: int,
        *,
        seed: int | None = None,
        labels: np.ndarray | int | None = None,
        truncation: float | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Sample images. The state of training is not touched.

        Args:
            n: int, how many.
            seed: int in [0, 2^32), same seed same images; None for others every time.
            labels: with classes, n class numbers or one for all, drawn uniformly if None; with a
                condition, n conditions.
            truncation: float > 0, the absolute value at which the latents' distribution is
                truncated, which trades variety for typical images; None for not at all.
            batch_size: int, images made at a time.

        Returns:
            Float32 array (n, height, width, channels) in [-1, 1].

        Raises:
            ValueError: for n < 1, labels that are out of range or do not apply, truncation <= 0 or
                of latents that are not N(0, I).
        """
        if truncation is not None:
            self._check_normal_prior("truncation= is defined for N(0, I)")
        conditions = None
        if self.condition_shape is not None:
            conditions = checks.check_conditions(labels, n, self.condition_shape)
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
                sample_latents=self.sample_latents,
                conditions=conditions,
            )

    def sampling_generator(self) -> keras.Model:
        """The generator that makes images for others: the moving average if there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def export(self, filepath: str | os.PathLike, **options):
        """Export the generator as verified SavedModel, TFLite and ONNX files.

        The discriminator is not exported. `kgan.export.export_generator` documents the rest.

        Args:
            filepath: folder of the versions, such as "exported/digits".
            **options: as in `kgan.export.export_generator`: version, tflite, onnx, keep, frechet,
                card.

        Returns:
            `kgan.export.Export`.

        Raises:
            ValueError: if the generator cannot be exported, or an option is unusable.
        """
        self._check_normal_prior("The functions of an exported file draw their latents from it")
        if self.condition_shape is not None or len(self.image_shape) != 3:
            what = "of samples that are no images"
            what = what if self.condition_shape is None else "under a condition that is no class"
            raise ValueError(
                f"A generator {what} cannot be exported as kgan's SavedModel. Received: "
                f"condition_shape={self.condition_shape}, samples of shape {self.image_shape}. Use "
                "Keras' own export: gan.sampling_generator().export(path)."
            )
        return export_generator(
            self.sampling_generator(), filepath, num_classes=self.num_classes, **options
        )

    # Algorithm 1.

    def train_step(self, data):
        """One iteration of Algorithm 1: k discriminator updates, then the generator's.

        With `share_fakes` the generator's update is by the fakes of the discriminator's.

        Args:
            data: images (k * m, ...), or (images, labels).

        Returns:
            Dict of the logs: running means since the epoch began.
        """
        images, labels = checks.images_and_labels(data, self)
        whole, pullback = self._with_fakes(images, labels)
        for dealt in minibatches.deal(whole[:4], self.discriminator_steps):
            minibatch = Minibatch(*dealt)
            self._update_discriminator(minibatch)
        if not self.share_fakes:
            # Any minibatch will do for the generator: fakes are fresh, labels from the data.
            minibatch, pullback = self._with_fakes(minibatch.real, minibatch.labels)
        self._update_generator(minibatch, pullback)
        self._count(ops.shape(images)[0] * replicas.num_replicas())
        return self.get_metrics_result()

    def test_step(self, data):
        """The losses and scores of one batch, without an update.

        Args:
            data: images, or (images, labels).

        Returns:
            Dict of the logs: running means since the evaluation began.
        """
        images, labels = checks.images_and_labels(data, self)
        latents, fakes = self._draw_fakes(labels, ops.shape(images)[0], training=False)
        judged = Minibatch(images, fakes, latents, labels, training=False).judged(self.discriminate)
        compares = self.loss.compares_with_reals
        for_generator = judged if compares else judged._replace(real_logits=None)
        terms = self._terms("discriminator_objective", judged)
        terms |= self._terms("generator_objective", for_generator)
        terms |= logs.scores(judged, self.loss)
        logs.update(self.metrics, terms)
        # Without the penalties, which belong to an update.
        return {metric.name: metric.result() for metric in self.metrics if metric.name in terms}

    # What a subclass overrides.

    def sample_latents(self, n: int, seed: int | keras.random.SeedGenerator) -> Tensor:
        """Draw latents from the prior p(z), which is N(0, I).

        Args:
            n: int or integer tensor, how many.
            seed: int or `keras.random.SeedGenerator`, to be used for every draw. `fit` refuses a
                prior that it does not decide, as one that draws with NumPy.

        Returns:
            Float tensor (n, latent_dim).

        Example:
            >>> class UniformGAN(kgan.GAN):
            ...     def sample_latents(self, n, seed):
            ...         return keras.random.uniform((n, self.latent_dim), -1, 1, seed=seed)
        """
        return keras.random.normal((n, self.latent_dim), seed=seed)

    def discriminate(
        self, images: Tensor, labels: Tensor | None = None, *, training: bool = False
    ) -> Tensor:
        """What the discriminator says to images. All of kgan asks it through this method.

        Args:
            images: float tensor (batch, height, width, channels), real or generated.
            labels: tensor (batch, ...) of their labels, None without.
            training: bool, whether an update is computed from the answer: what the discriminator
                is to see in training alone belongs here, as `augment` does. A method that takes
                the place of this one calls it, or there is no augmentation.

        Returns:
            Logits, in float32 at least: losses take exponentials of them.
        """
        if training and self.augment is not None:
            # Networks cast what they are given to their own type.
            dtype = keras.backend.result_type(images.dtype, keras.config.floatx(), "float32")
            images = self.augment(
                ops.cast(images, dtype), seed=self.training_seeds, images_seen=self.images_seen
            )
        shown = sampling.network_inputs(packing.packed(images, self.pack), labels)
        logits = self.discriminator(shown, training=training)
        return ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))

    def discriminator_objective(self, minibatch: Minibatch) -> dict:
        """What the discriminator minimises on a minibatch, beside the penalties.

        Args:
            minibatch: `kgan.gan.Minibatch`, reals and fakes with both logits.

        Returns:
            Dict of tensors by the names of their logs: values per sample, or per logit, or scalars.
            The sum of their means is minimised.
        """
        loss = self.loss.discriminator_loss(minibatch.real_logits, minibatch.fake_logits)
        return {"d_loss": loss}

    def generator_objective(self, minibatch: Minibatch) -> dict:
        """What the generator minimises on a minibatch.

        Args:
            minibatch: `kgan.gan.Minibatch`, reals and fakes; `real_logits` are None unless the loss
                compares with reals.

        Returns:
            Dict as that of `discriminator_objective`.
        """
        return {"g_loss": self.loss.generator_loss(minibatch.real_logits, minibatch.fake_logits)}

    def discriminator_networks(self) -> list:
        """The keras models or layers that the discriminator's update trains."""
        return [self.discriminator]

    def generator_networks(self) -> list:
        """The keras models or layers that the generator's update trains."""
        return [self.generator]

    # The updates.

    def _draw_fakes(self, labels, rows, training: bool) -> tuple:
        """(latents, fakes) under these labels."""
        seeds = self.training_seeds if training else self.evaluation_seeds
        generator = self.generator if training else self.sampling_generator()
        # `fit` refuses unequal parts; the last batch of an evaluation may have any number of rows.
        latents = replicas.global_rows(
            lambda n: self.sample_latents(n, seeds), rows, parts_are_equal=training
        )
        return latents, generator(sampling.network_inputs(latents, labels), training=training)

    def _with_fakes(self, images, labels) -> tuple:
        """(`Minibatch`, the pullback of its latents and fakes to what the generator trains)."""
        (latents, fakes), pullback = autodiff.value_and_pullback(
            lambda: self._draw_fakes(labels, ops.shape(images)[0], training=True),
            trainable_variables(self.generator_networks()),
        )
        return Minibatch(images, fakes, latents, labels), pullback

    def _update_discriminator(self, minibatch: Minibatch):
        needs = {name for penalty in self.penalties for name in penalty.needs}

        def play():
            judged = minibatch.judged(self.discriminate, needs=needs)
            return self._terms("discriminator_objective", judged) | self._penalties(judged), judged

        judged = self._minimise(play, self.optimizer.d_optimizer, self.discriminator_networks())
        logs.update(self.metrics, logs.scores(judged, self.loss))
        if self.augment is not None:
            p = self.augment.probability(self.images_seen)
            logs.update(self.metrics, {} if p is None else {"augment_p": p})
            self.augment.update(judged.real_logits, self.loss, pack=self.pack)

    def _update_generator(self, minibatch: Minibatch, pullback):
        def play():
            judged = minibatch.judged(self.discriminate, reals_too=self.loss.compares_with_reals)
            return self._terms("generator_objective", judged), judged

        made = (minibatch.latents, minibatch.fake), pullback
        self._minimise(play, self.optimizer.g_optimizer, self.generator_networks(), through=made)

    def _count(self, images):
        """Note that the step has used so many images, of all replicas; 0 changes nothing."""
        self.images_seen.assign(self.images_seen + ops.cast(images, "int64"))
        if self.ema_generator is not None:
            halflife = schedules.value(self.ema_halflife_images, self.images_seen)
            averaging.update(self.ema_generator, self.generator, images, halflife)

    def _train_step_and_count(self, data):
        """A `train_step` of a subclass, which may not have called that of the GAN."""
        before = self.images_seen + 0
        logs = self.train_step(data)
        images = ops.cast(minibatches.rows(data), "int64") * replicas.num_replicas()
        self._count(images - (self.images_seen - before))
        return logs

    def _test_step_alone(self, data):
        with self._random_state_of_its_own(self.evaluation_seeds.state):
            return self.test_step(data)

    def _random_state_of_its_own(self, place):
        """A scope for batches, at other places other draws, that leaves training as it is."""
        own = self.evaluation_seeds.state
        states = [state for state in saving.random_states(self) if state is not own]
        return sampling.OwnRandomState(states, moved=ops.convert_to_tensor(place)[1])

    def _terms(self, objective: str, minibatch: Minibatch) -> dict:
        terms = getattr(self, objective)(minibatch)
        if not isinstance(terms, dict) or not terms or any(term is None for term in terms.values()):
            raise ValueError(
                f"{type(self).__name__}.{objective} must return a dict of at least one tensor by "
                f"the names of their logs, such as {{'{objective[0]}_loss': loss}}. "
                f"Received: {terms!r}."
            )
        return dict(terms)

    def _networks(self, of: str) -> list:
        networks = getattr(self, of)()
        is_list = isinstance(networks, (list, tuple))
        if not is_list or not all(isinstance(network, keras.Layer) for network in networks):
            raise ValueError(
                f"{type(self).__name__}.{of} must return a list of keras models or layers. "
                f"Received: {networks!r}."
            )
        return networks

    def _penalties(self, minibatch: Minibatch) -> dict:
        # Like the logits: 16 bits are too few for the square of a gradient.
        dtype = keras.backend.result_type(minibatch.real.dtype, minibatch.fake.dtype, "float32")

        def packed(images):
            return None if images is None else packing.packed(images, self.pack)

        def discriminator(packs):
            images = packing.unpacked(packs, self.pack)
            return self.discriminate(images, minibatch.labels, training=True)

        needed = {
            "real_gradients": packed(minibatch.real_gradients),
            "fake_gradients": packed(minibatch.fake_gradients),
            "images_seen": self.images_seen,
        }
        return {
            penalty.name: penalty(
                discriminator,
                real_images=packed(ops.cast(minibatch.real, dtype)),
                fake_images=packed(ops.cast(minibatch.fake, dtype)),
                real_logits=minibatch.real_logits,
                fake_logits=minibatch.fake_logits,
                seed=self.training_seeds,
                **{name: needed[name] for name in penalty.needs},
            )
            for penalty in self.penalties
        }

    def _minimise(self, play, optimizer, networks: list, through=None) -> Minibatch:
        """One update of `networks` by `play`, which returns terms to minimise and a minibatch."""

        def objective():
            terms, minibatch = play()
            # Networks, data and Keras' own float may each have another precision.
            total = functools.reduce(ops.add, map(ops.mean, terms.values()))
            # Optimizers sum over replicas, so each contributes its share of the global mean.
            return optimizer.scale_loss(total / replicas.num_replicas()), (terms, minibatch)

        variables = trainable_variables(networks)
        (terms, minibatch), gradients = autodiff.value_and_gradients(objective, variables, through)
        with self.optimizer.following(optimizer, self.images_seen):
            replicas.apply_gradients(optimizer, gradients, variables)
        logs.update(self.metrics, terms)
        return minibatch

    # What Keras calls.

    def call(self, inputs, training=False):
        # Statistics of an average are averages too.
        training = training and self.ema_generator is None
        return self.sampling_generator()(inputs, training=training)

    def predict_step(self, data):
        with self._random_state_of_its_own(self.evaluation_seeds.next()):
            return super().predict_step(data)

    def make_train_function(self, force=False):
        # A subclass may be compiled in another way.
        if isinstance(self.optimizer, GANOptimizer):
            self.optimizer.check_built_for(
                trainable_variables(self.discriminator_networks()),
                trainable_variables(self.generator_networks()),
            )
        if self.train_function is None or force:
            if not _is(self.sample_latents, GAN.sample_latents):
                networks.check_prior(self)
            step = self.train_step
            if not _is(step, GAN.train_step):
                step = logs.as_means(self, self._train_step_and_count)
            step = self._with_fast_kernels(step)
            self.train_function = training_loop.loop(self, step, self._steps_of_fit)
        return self.train_function

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            step = self._test_step_alone
            if not _is(self.test_step, GAN.test_step):
                step = logs.as_means(self, step)
            step = self._with_fast_kernels(step)
            self.test_function = training_loop.loop(self, step, self._steps_of_evaluation)
        return self.test_function

    def _with_fast_kernels(self, step):
        # A subclass may be compiled in another way.
        if not isinstance(self.optimizer, GANOptimizer) or not self._fast_kernels:
            return step
        optimizers = [self.optimizer.d_optimizer, self.optimizer.g_optimizer]
        return kernels.fast(self, step, optimizers=optimizers)

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Nothing: Keras would call the model on a batch, images in place of latents.

        The name is listed in kgan/backend/private.py.
        """

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
            "condition_shape": self.condition_shape,
            "ema_halflife_images": keras.saving.serialize_keras_object(self.ema_halflife_images),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**keras.saving.deserialize_keras_object(config, custom_objects=custom_objects))

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
            "schedules": self.optimizer.get_config()["schedules"],
            "augment": serialize(self.augment),
            "share_fakes": self.share_fakes,
            "fast_kernels": self._fast_kernels,
            **self._execution,
        }

    def compile_from_config(self, config):
        try:
            inspect.signature(self.compile).bind(**config)
        except TypeError:
            # The `compile` of a subclass that takes other arguments: Keras warns, and the user
            # calls it.
            super().compile_from_config(config)
            return
        self.compile(**keras.saving.deserialize_keras_object(config))

    # Saving.

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Save everything in one `.keras` file: `keras.Model.save`, but whole or not at all.

        Args:
            filepath: path that ends in `.keras`.
            overwrite: bool, whether an existing file may be replaced.
            zipped: as in `keras.Model.save`.
            **kwargs: as in `keras.Model.save`.

        Raises:
            ValueError: for another file format, which would not keep everything, and for a GAN
                whose config makes another one, of which `compile` has warned. All weights and
                states are then kept in a file that ends in .weights.h5.
        """
        fault = self._fault_of_file if self.compiled else saving.fault(self)
        with saving.destination(
            self, filepath, overwrite=overwrite, zipped=zipped, fault=fault
        ) as path:
            super().save(path, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        saving.save_state(self, store)

    def load_own_variables(self, store):
        super().load_own_variables(saving.load_state(self, store))

    def state_beside_weights(self) -> dict[str, keras.Variable]:
        """The state of the penalties and of the augmentation, which is saved with the GAN."""
        parts = [(penalty.name, penalty) for penalty in self.penalties]
        parts += [] if self.augment is None else [("augment", self.augment)]
        return {
            f"{name}_{index}": variable
            for name, part in parts
            for index, variable in enumerate(part.variables)
        }

    def unchanged_random_state(self) -> contextlib.AbstractContextManager:
        """What is drawn in the block leaves the random state as it was, also in other threads."""
        return sampling.OwnRandomState(saving.random_states(self))

    def _check_normal_prior(self, why: str) -> None:
        if type(self).sample_latents is not GAN.sample_latents:
            raise ValueError(
                f"{why}, and {type(self).__name__}.sample_latents draws from another prior. "
                "Expected: latents from N(0, I). Let the generator's first layer map them to the "
                "other prior in place of sample_latents, or leave this out."
            )


def _is(method, function) -> bool:
    return getattr(method, "__func__", None) is function
