"""Training that goes on within an epoch, and looks as if it had never been interrupted."""

import contextlib
import dataclasses

import keras

from kgan.data.epochs import frozen_or_shuffled
from kgan.data.passes import ArrayPasses
from kgan.data.passes import Part
from kgan.data.passes import Position
from kgan.data.passes import Stream
from kgan.data.passes import passes_of


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a `fit` is about to do, for a callback that may change where it begins.

    Attributes:
        start: `Position`, the beginning of a new training.
        epochs: int, the number of the epoch after the last.
        batches: batches of an epoch: int, infinity, or None if it is not known.
        is_foreign: bool, whether nothing is known of the order that the data have in an epoch.
        data: dict, for JSON, what tells the data apart from others.
    """

    start: Position
    epochs: int
    batches: int | float | None
    is_foreign: bool
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
        ValueError: if a callback is to resume and the data have no order in which to.
    """
    passes = passes_of(data.x, data.y, data.batch_size, steps_per_epoch)
    restoring = _restoring(callbacks)
    if restoring is None and (passes is None or passes.numbers is None):
        whole = Part(data.x, data.y, initial_epoch, epochs, steps_per_epoch=steps_per_epoch)
        yield [dataclasses.replace(whole, callbacks=callbacks)]
        return
    start = Position(initial_epoch, 0, initial_epoch)
    if passes is not None and passes.numbers is not None:
        start = dataclasses.replace(start, first_order=passes.numbers.next)
    if restoring is not None:
        _check_order(restoring, data, passes, epochs - initial_epoch)
        is_foreign = passes.numbers is None and not isinstance(passes, ArrayPasses)
        plan = Plan(start, epochs, passes.length, is_foreign, passes.description())
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
    """The one of the callbacks that can restore a training, or None."""
    callbacks = keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or ())
    able = [callback for callback in callbacks if _can_restore(callback)]
    if len(able) > 1:
        names = ", ".join(type(callback).__name__ for callback in able)
        raise ValueError(
            "Only one callback can say where a training goes on. Expected: at most one of them. "
            f"Received: {names}. Leave the others out."
        )
    return able[0] if able else None


def _check_order(restoring, data, passes, epochs: int) -> None:
    """Raise unless training can resume within the data of a `fit`.

    Args:
        restoring: the callback.
        data: `kgan.gan.inspection.TrainingData`.
        passes: the passes over them, or None.
        epochs: int, how many.
    """
    name, x = type(restoring).__name__, data.x
    if passes is None:
        raise ValueError(
            f"{name} goes on in the middle of the data, and only a tf.data.Dataset, or arrays "
            f"without steps_per_epoch, can be begun there. Received: {type(x).__name__}. Pass for "
            "example kgan.data.from_arrays(...).batches(...), or tf.data.Dataset.from_generator."
        )
    if isinstance(passes, ArrayPasses):
        if data.shuffle:
            raise ValueError(
                f"Keras shuffles arrays in an order that cannot be had again, and {name} needs it "
                "to go on. Pass kgan.data.from_arrays(...).batches(...) in place of the arrays, or "
                "shuffle=False."
            )
        if data.validation_split:
            raise ValueError(
                f"With validation_split Keras would split what {name} goes on with once more. "
                "Split the arrays before, and pass validation_data."
            )
    if isinstance(passes, Stream) and passes.ends_within(epochs * passes.length):
        raise ValueError(
            f"The dataset ends before {epochs} epochs of steps_per_epoch={passes.length} batches "
            f"do, and {name} could not tell where in it an epoch begins. Leave steps_per_epoch "
            "out, so that an epoch is the whole dataset, or pass dataset.repeat()."
        )
    method = frozen_or_shuffled(x)
    if method is not None:
        raise ValueError(
            f"After {method}() the order of an epoch no longer follows from its number, and {name} "
            f"needs that to go on. Received: a dataset whose epochs are counted before {method}(), "
            f"or beside it. Leave {method}() out, or do it to the data that the function of "
            "kgan.data.by_epoch begins with."
        )
