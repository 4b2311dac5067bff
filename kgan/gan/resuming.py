"""A run that resumes within an epoch, and looks as if it had never been interrupted."""

import contextlib
import dataclasses
import math

import keras
import numpy as np

from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of
from kgan.data.epochs import keeps_order
from kgan.gan.inspection import TrainingData
from kgan.gan.inspection import flat


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a run stands.

    Attributes:
        epoch: int, the number of the epoch to resume in, from 0.
        batch: int, how many of its batches are done.
        first_epoch: int, the number of the epoch that the run began with.
        first_order: int, the number that the data gave to that one; None for data that do not count
            their epochs.
    """

    epoch: int
    batch: int = 0
    first_epoch: int = 0
    first_order: int | None = None

    def at(self, epoch: int, batch: int = 0) -> "Position":
        """Another position in the same run."""
        return dataclasses.replace(self, epoch=epoch, batch=batch)


class Plan:
    """What a `fit` is about to do, for a callback that may change where it begins.

    Every epoch is one pass over the data. Where they count their epochs, `fit` tells them which one
    begins. They cannot count for themselves: Keras begins more passes than epochs and throws some
    away, and a validation or a callback may begin others meanwhile.

    Args:
        data: `kgan.gan.inspection.TrainingData`.
        epochs: as in `keras.Model.fit`.
        initial_epoch: as in `keras.Model.fit`.
        steps_per_epoch: as in `keras.Model.fit`.

    Attributes:
        start: `Position`, the beginning of a new run.
        epochs: int, the number of the epoch after the last.
        steps_per_epoch: int or None, what Keras is to be given.
        batches: int, batches of an epoch; None if there is no end to them or it is not known.
        numbers: `kgan.data.epochs.Epochs`, None for data whose order does not follow from them.
        resumes_within: bool, whether it can resume within an epoch, in the same order of the data.
    """

    def __init__(
        self, data: TrainingData, epochs: int, initial_epoch: int, steps_per_epoch: int | None
    ):
        self.epochs = epochs
        self.steps_per_epoch = self.batches = steps_per_epoch
        self._x, self._y, self._batch_size = data.x, data.y, data.batch_size or 32
        self._dealt = {
            "batch_size": self._batch_size,
            "shuffle": bool(data.shuffle),
            "validation_split": data.validation_split,
            "steps_per_epoch": steps_per_epoch,
        }
        self.numbers, self._orders = None, 1
        self._is_array = isinstance(data.x, np.ndarray) or keras.ops.is_tensor(data.x)
        keeps_rows = self._is_array and steps_per_epoch is None
        if hasattr(data.x, "skip") and hasattr(data.x, "cardinality"):
            length = int(data.x.cardinality())
            # After so many steps as it has batches, Keras begins a dataset anew: told of them, once
            # for an epoch, else twice.
            if steps_per_epoch in (None, length):
                # TensorFlow has negative numbers for what it cannot tell and for endless data.
                self.steps_per_epoch = self.batches = length if length >= 0 else None
                self.numbers = epochs_of(data.x) if keeps_order(data.x) else None
        elif keeps_rows:
            self.batches = math.ceil(len(data.x) / self._batch_size)
            keeps_rows = not data.shuffle and not data.validation_split
        if self.numbers is not None and self.batches is not None:
            # More than one order where a dataset was repeated.
            self._orders = max(1, math.ceil(self.batches / self.numbers.length))
        is_ordered = keeps_rows or self.numbers is not None
        self.resumes_within = is_ordered and self.batches is not None
        self._following = None if self.numbers is None else self.numbers.next
        self.start = Position(initial_epoch, 0, initial_epoch, self._following)

    def description(self) -> dict:
        """What tells the data apart from others, for JSON."""
        description = {"batches": self.batches}
        if self.numbers is not None:
            description |= self.numbers.describe()
        elif self._is_array:
            labels = None if self._y is None else digest(np.asarray(self._y))
            images = digest(np.asarray(self._x))
            description |= {**self._dealt, "images": images, "y": labels}
        return description

    def data_after(self, batches: int) -> dict:
        """The rest of an epoch after so many batches, as arguments of `fit`."""
        if not self._is_array:
            return {"x": self._x.skip(batches), "y": None}
        row = batches * self._batch_size
        return {"x": self._x[row:], "y": None if self._y is None else self._y[row:]}

    def begin(self, start: Position) -> None:
        """Before Keras sees the data, with the position that the run resumes from."""
        self._start = start
        if self.numbers is not None:
            self._following = self._order_of(start.epoch)
            self.numbers.hold(self._orders == 1 and self.batches is not None)

    def begin_epoch(self, epoch: int) -> None:
        """Before the pass of an epoch."""
        if self.numbers is not None:
            self.numbers.next = self._order_of(epoch)
            self._following = self._order_of(epoch + 1)

    def end(self) -> None:
        """After the training, however it ended."""
        if self.numbers is not None:
            self.numbers.hold(False)
            self.numbers.next = self._following

    def _order_of(self, epoch: int) -> int:
        return self._start.first_order + (epoch - self._start.first_epoch) * self._orders


def parts_of_fit(model, data, *, epochs, initial_epoch, steps_per_epoch, callbacks, verbose):
    """What to give to Keras' `fit`, part by part, from the beginning or where a callback says.

    Keras' `fit` begins with a whole epoch. To resume within one, it is called twice, for the rest
    of that epoch and for all others; for the callbacks, the progress bar and the history it is one
    training.

    A callback that can resume, such as `kgan.callbacks.Backup`, has two methods.
    `restore_training(model, plan)` is called before anything else happens: it gives the model its
    state back, and returns the `Position` to resume from. `end_training()` is called after
    everything else, however the training ended, also if `restore_training` failed; other callbacks
    may have one, too. Among all callbacks the one that can resume is called last.

    Args:
        model: the GAN.
        data: `kgan.gan.inspection.TrainingData`.
        epochs: as in `keras.Model.fit`.
        initial_epoch: as in `keras.Model.fit`.
        steps_per_epoch: as in `keras.Model.fit`.
        callbacks: as in `keras.Model.fit`.
        verbose: as in `keras.Model.fit`.

    Yields:
        Dict of arguments of `fit`: the data, the epochs and the callbacks of a part. To be closed
        in the end.

    Raises:
        ValueError: if two callbacks could resume.
    """
    plan = Plan(data, epochs, initial_epoch, steps_per_epoch)
    listed, start = flat(callbacks), plan.start
    restoring = _restoring(listed)
    try:
        if restoring is not None:
            start = restoring.restore_training(model, plan)
        if restoring is not None or plan.numbers is not None:
            plan.begin(start)
            steps_per_epoch = plan.steps_per_epoch
            callbacks = OneTraining(
                listed, plan, model=model, verbose=verbose, epochs=epochs, steps=plan.batches
            )
        part = {
            "x": data.x,
            "y": data.y,
            "initial_epoch": start.epoch,
            "epochs": epochs,
            "steps_per_epoch": steps_per_epoch,
            "callbacks": callbacks,
        }
        if start.batch > 0 and start.epoch < epochs:
            following = start.epoch + 1
            callbacks.first_batch, callbacks.is_last_part = start.batch, following == epochs
            rest = None if steps_per_epoch is None else steps_per_epoch - start.batch
            first = {"epochs": following, "steps_per_epoch": rest}
            yield {**part, **plan.data_after(start.batch), **first}
            if callbacks.is_last_part or model.stop_training:
                return
            callbacks.first_batch, callbacks.is_first_part, callbacks.is_last_part = 0, False, True
            part["initial_epoch"] = following
        yield part
    finally:
        plan.end()
        with contextlib.ExitStack() as ends:
            # In reverse order, and all of them, also where one fails.
            for callback in sorted(listed, key=_can_restore, reverse=True):
                if hasattr(callback, "end_training"):
                    ends.callback(callback.end_training)


class OneTraining(keras.callbacks.CallbackList):
    """Callbacks for which several `fit` in a row are one training.

    Args:
        callbacks: the user's.
        plan: `Plan`, which is told of every epoch before everything else.
        verbose: as in `keras.Model.fit`.
        **params: `model`, and what callbacks find in their `params`: of the whole training.

    Attributes:
        first_batch: int, the number that the first batch of this `fit` has in its epoch.
        is_first_part: bool, whether no other `fit` came before this one.
        is_last_part: bool, whether no other follows.
    """

    def __init__(self, callbacks, plan: Plan, *, verbose, **params):
        super().__init__(
            callbacks, add_history=True, add_progbar=verbose != 0, verbose=verbose, **params
        )
        # What restores the others must see what they are after each step; History too.
        self.callbacks.sort(key=_can_restore)
        self.first_batch, self.is_first_part, self.is_last_part = 0, True, True
        self._plan = plan

    def on_train_begin(self, logs=None):
        if self.is_first_part:
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        if self.is_last_part or self.model.stop_training:
            super().on_train_end(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._plan.begin_epoch(epoch)
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self.first_batch + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self.first_batch + batch, logs)


def _can_restore(callback) -> bool:
    return hasattr(callback, "restore_training")


def _restoring(callbacks):
    """The one of the callbacks that can resume a run, or None."""
    able = [callback for callback in callbacks if _can_restore(callback)]
    of_keras = [each for each in callbacks if isinstance(each, keras.callbacks.BackupAndRestore)]
    if able and len(able + of_keras) > 1:
        names = ", ".join(type(callback).__name__ for callback in able + of_keras)
        raise ValueError(
            "Only one callback can say where a run resumes. Expected: at most one of them. "
            f"Received: {names}. Leave the others out; kgan.callbacks.Backup resumes exactly."
        )
    return able[0] if able else None
