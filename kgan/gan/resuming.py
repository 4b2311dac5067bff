"""A run that resumes within an epoch, and looks as if it had never been interrupted."""

import contextlib
import dataclasses

import keras

from kgan.data.passes import Part
from kgan.data.passes import Passes
from kgan.data.passes import Position


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a `fit` is about to do, for a callback that may change where it begins.

    Attributes:
        start: `Position`, the beginning of a new run.
        epochs: int, the number of the epoch after the last.
        batches: batches of an epoch: int, infinity, or None if it is not known.
        resumes_within: bool, whether it can resume within an epoch, in the same order of the data.
        data: dict, for JSON, what tells the data apart from others.
    """

    start: Position
    epochs: int
    batches: int | float | None
    resumes_within: bool
    data: dict


@contextlib.contextmanager
def parts_of_fit(
    model: keras.Model,
    data,
    *,
    epochs: int,
    initial_epoch: int,
    steps_per_epoch: int | None,
    callbacks,
    verbose,
):
    """What to give to Keras' `fit`, part by part, from the beginning or where a callback says.

    Keras' `fit` begins with a whole epoch. To resume within one, it is called twice, for the rest
    of that epoch and for all others; for the callbacks, the progress bar and the history it is one
    training.

    A callback that can resume, such as `kgan.callbacks.Backup`, has two methods.
    `restore_training(model, plan)` is called before anything else happens: it gives the model its
    state back, and returns the `Position` to resume from. `end_training()` is called after
    everything else, however the training ended, also if `restore_training` failed. Among all
    callbacks it is called last.

    Args:
        model: the GAN.
        data: `kgan.gan.inspection.TrainingData`.
        epochs: as in `keras.Model.fit`.
        initial_epoch: as in `keras.Model.fit`.
        steps_per_epoch: as in `keras.Model.fit`.
        callbacks: as in `keras.Model.fit`.
        verbose: as in `keras.Model.fit`.

    Yields:
        Iterable of `Part`, each with the callbacks to be given to `fit`.

    Raises:
        ValueError: if two callbacks could resume.
    """
    in_order = not data.shuffle and not data.validation_split
    passes = Passes(data.x, data.y, data.batch_size, steps_per_epoch, in_order)
    restoring = _restoring(callbacks)
    if restoring is None and passes.numbers is None:
        whole = Part(data.x, data.y, initial_epoch, epochs, 0, steps_per_epoch, callbacks)
        yield [whole]
        return
    order = None if passes.numbers is None else passes.numbers.next
    start = Position(initial_epoch, 0, initial_epoch, order)
    plan = Plan(start, epochs, passes.length, passes.resumes_within, passes.description())
    with contextlib.ExitStack() as ending:
        if restoring is not None:
            ending.callback(restoring.end_training)
            start = restoring.restore_training(model, plan)
        training = OneTraining(
            callbacks,
            before_epoch=passes.begin_epoch,
            model=model,
            verbose=verbose,
            epochs=epochs,
            steps=passes.length if isinstance(passes.length, int) else None,
        )
        ending.callback(passes.end)
        yield _parts(passes, start, epochs, training)


def _parts(passes, start: Position, epochs: int, training):
    parts = passes.parts(start, epochs)
    for part in parts:
        passes.begin_part(start, part.epoch)
        training.begin_part(part.first_batch, is_last=part is parts[-1])
        yield dataclasses.replace(part, callbacks=training)
        if training.model.stop_training:
            return


class OneTraining(keras.callbacks.CallbackList):
    """Callbacks for which several `fit` in a row are one training.

    Args:
        callbacks: the user's.
        before_epoch: function of an epoch's number, called before everything else of that epoch.
        verbose: as in `keras.Model.fit`.
        **params: `model`, and what callbacks find in their `params`: of the whole training.
    """

    def __init__(self, callbacks, *, before_epoch, verbose, **params):
        super().__init__(
            getattr(callbacks, "callbacks", callbacks),
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            **params,
        )
        # What restores the others must see what they are after each step; History too.
        self.callbacks.sort(key=_can_restore)
        self._before_epoch = before_epoch
        self._has_begun = False

    def begin_part(self, first_batch: int, *, is_last: bool) -> None:
        """Before a `fit`.

        Args:
            first_batch: the number that its first batch has in its epoch.
            is_last: whether no other `fit` follows.
        """
        self._first_batch = first_batch
        self._is_last = is_last

    def on_train_begin(self, logs=None):
        if not self._has_begun:
            super().on_train_begin(logs)
            self._has_begun = True

    def on_train_end(self, logs=None):
        if self._is_last or self.model.stop_training:
            super().on_train_end(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._before_epoch(epoch)
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self._first_batch + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self._first_batch + batch, logs)


def _can_restore(callback) -> bool:
    return hasattr(callback, "restore_training")


def _restoring(callbacks):
    """The one of the callbacks that can resume a run, or None."""
    callbacks = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or ())
    able = [callback for callback in callbacks if _can_restore(callback)]
    if len(able) > 1:
        names = ", ".join(type(callback).__name__ for callback in able)
        raise ValueError(
            "Only one callback can say where a run resumes. Expected: at most one of them. "
            f"Received: {names}. Leave the others out."
        )
    return able[0] if able else None
