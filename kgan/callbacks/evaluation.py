"""Measuring the generator while it learns."""

import os

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import check_seed
from kgan.callbacks.base import GANCallback
from kgan.callbacks.monitors import check_monitors
from kgan.evaluation import Evaluator
from kgan.features.extractor import Extractor
from kgan.metrics import SampleMetric


class Evaluation(GANCallback):
    """Measure what the generator makes, and write the values into the logs of the epoch.

    They stand in the history of `fit`, in its progress bar and in the logs of Keras' callbacks:
    `ModelCheckpoint` keeps the best by them, `EarlyStopping` stops by them. Stand this callback
    before those, and give them a mode ("min" for distances), for they act in the order of the list
    and cannot know what is better; what would make one of them act in vain is an error before
    training begins. The names are those of `kgan.evaluation.Evaluator`.

    It measures before training, so that what cannot be measured is known by then; then at the end
    of the first epoch, of every n-th and of the last. In the epochs between, the logs repeat the
    newest values: without them `ModelCheckpoint` would save every such epoch as the best and
    `CSVLogger` would leave them out. So the patience of `EarlyStopping` and `ReduceLROnPlateau`
    counts epochs, as always, and must reach to the next value. A generator that makes NaN or
    infinity has the values NaN, which are never the best; values beyond [-1, 1] are clipped, as a
    picture would.

    The generator is the moving average where the GAN has one. It makes the same latents every time,
    as many images as there are reals, with labels as frequent as theirs where it has classes. The
    random state of training is not touched.

    Args:
        images: the reals, as `kgan.evaluation.Evaluator` takes them. Images that the GAN is not
            trained on also tell when it learns its own by heart.
        extractor: a `kgan.features.Extractor`, the name of one, or None if only pixels are
            measured. Default "digits".
        metrics: measures or their names, as `kgan.evaluation.Evaluator` takes them.
        every_n_epochs: int, epochs between evaluations, counted from the first epoch of all.
        every_n_images: int, in place of `every_n_epochs`: an evaluation at the end of the epoch in
            which a multiple of so many real images was passed.
        num_images: int, how many reals to take at most.
        seed: int in [0, 2^32), of the latents and labels.
        cache_dir: folder in which the features of the reals are kept; None, the default, for none.

    Attributes:
        evaluations: list of (images seen, dict of values): what was measured, the start included,
            without repetitions.
        values: dict of the newest values by their names.

    Raises:
        ValueError: for arguments out of range; when training begins, for images that do not fit the
            extractor or the GAN, too few of them for a measure, callbacks that monitor in vain, or
            a GAN with condition_shape.

    Example:
        >>> best = keras.callbacks.ModelCheckpoint(
        ...     "best.keras", monitor="frechet_distance_digits_100", mode="min",
        ...     save_best_only=True)
        >>> evaluation = kgan.callbacks.Evaluation(kgan.data.digits(), "digits", num_images=100)
        >>> gan.fit(dataset, epochs=20, callbacks=[evaluation, best])
    """

    logs_more = True

    def __init__(
        self,
        images: ArrayLike,
        extractor: Extractor | str | None = "digits",
        metrics: str | SampleMetric | list | tuple | None = None,
        *,
        every_n_epochs: int = 1,
        every_n_images: int | None = None,
        num_images: int = 2_000,
        seed: int = 0,
        cache_dir: str | os.PathLike | None = None,
    ):
        super().__init__()
        self.every_n_epochs = check_positive_integer("every_n_epochs", every_n_epochs)
        self.num_images = check_positive_integer("num_images", num_images)
        self.seed = check_seed(seed)
        if every_n_images is not None:
            every_n_images = check_positive_integer("every_n_images", every_n_images)
            if every_n_epochs != 1:
                raise ValueError(
                    "Evaluation measures every n epochs or every n images. Received: "
                    f"every_n_epochs={every_n_epochs} and every_n_images={every_n_images}. "
                    "Leave one of them out."
                )
        self.images = images
        self.extractor = extractor
        self.metrics = metrics
        self.every_n_images = every_n_images
        self.cache_dir = cache_dir
        self.evaluations = []
        self._evaluator = None

    @property
    def values(self) -> dict[str, float]:
        """The newest values, none before training."""
        return self.evaluations[-1][1] if self.evaluations else {}

    def on_train_begin(self, logs=None):
        if self.model.condition_shape is not None:
            raise ValueError(
                "Evaluation draws the labels of its samples itself, and cannot draw conditions. "
                f"Received: a GAN with condition_shape={self.model.condition_shape}. Measure what "
                "it makes of your own, in a callback: kgan.evaluation.Evaluator(images, extractor)"
                "(gan.generate(n, labels=conditions))."
            )
        self.evaluations = []
        # Kept for further fits: the reals stay the same.
        if self._evaluator is None:
            self._evaluator = Evaluator(
                self.images,
                self.extractor,
                self.metrics,
                num_images=self.num_images,
                cache_dir=self.cache_dir,
                verbose=self._has_bar,
            )
        self._evaluator.verbose = self._has_bar
        self._labels = self._evaluator.draw_labels(self.model.num_classes, self.seed)

    def on_epoch_begin(self, epoch, logs=None):
        # Not in on_train_begin, where BackupAndRestore may yet have to restore the model. Where
        # Backup has, the values of the past are there, too.
        if not self.evaluations:
            self._first_epoch = epoch
            self._measure()
            callbacks = self.model.callbacks_of_fit
            others = [callback for callback in callbacks if isinstance(callback, Evaluation)]
            # Only the last of several evaluations finds that all have names.
            known = {name for each in others for name in each.values} if others[-1] is self else ()
            epochs = None if self.every_n_images else self.every_n_epochs
            check_monitors(callbacks, self, self.values, every_n_epochs=epochs, known=known)
        # From now on a bar would write into that of the epoch.
        self._evaluator.verbose = 0

    def on_epoch_end(self, epoch, logs=None):
        if self._is_due(epoch):
            self._measure()
        logs.update(self.values)

    def get_state(self) -> dict | None:
        """What `Backup` keeps: all that was measured. None before the first time."""
        if not self.evaluations:
            return None
        return {"evaluations": self.evaluations, "first_epoch": self._first_epoch}

    def set_state(self, state: dict) -> None:
        """Go on where `get_state` was asked, without another evaluation of the beginning.

        Args:
            state: what `get_state` returned.
        """
        self.evaluations, self._first_epoch = state["evaluations"], state["first_epoch"]

    def _measure(self) -> None:
        samples = self.model.generate(
            self._evaluator.num_images, seed=self.seed, labels=self._labels
        )
        # In the beginning what is not finite is refused by name.
        if self.evaluations and not np.isfinite(samples).all():
            values = dict.fromkeys(self.values, float("nan"))
        else:
            values = self._evaluator(np.clip(samples, -1, 1))
        self.evaluations.append((self.images_seen, values))

    def _is_due(self, epoch: int) -> bool:
        if epoch in (self._first_epoch, self.params.get("epochs", 0) - 1):
            return True
        if self.every_n_images is None:
            return (epoch + 1) % self.every_n_epochs == 0
        last_seen = self.evaluations[-1][0]
        return self.images_seen // self.every_n_images > last_seen // self.every_n_images
