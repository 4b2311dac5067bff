"""Stop a training whose numbers are no numbers any more."""

import keras
from keras import ops

from kgan._utils.messages import tell
from kgan.callbacks.base import batches_done
from kgan.callbacks.base import non_finite


class StopOnNonFinite(keras.callbacks.Callback):
    """Stop training at the first NaN or infinity among the logged values, and say where it was.

    `keras.callbacks.TerminateOnNaN` looks at `logs["loss"]` alone. A GAN has no such entry, it has
    `d_loss` and `g_loss`, so that callback lets it train on NaN to the end.

    Values of a validation, and what other callbacks add to the logs, do not stop the training.

    Attributes:
        step: int, updates of the generator up to and with the one whose logs were not finite;
            None in a healthy run.
        keys: tuple of the logs' names that were not finite, empty in a healthy run.
        message: the line that is printed when training ends; None in a healthy run.

    Example:
        >>> watch = kgan.callbacks.StopOnNonFinite()
        >>> gan.fit(dataset, epochs=20, callbacks=[watch])
        >>> watch.step, watch.keys
        (None, ())
    """

    def __init__(self):
        super().__init__()
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        self.step, self.keys, self.message = None, (), None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        values = non_finite(logs)
        # Logs are running means: once not finite they stay so, and only the first time tells when.
        if not values or self.step is not None:
            return
        self.model.stop_training = True
        self.step = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        self.keys = tuple(sorted(values))
        steps, epoch = self.model.steps_per_execution, self._epoch + 1
        first, last = batch + 2 - steps, batches_done(self, batch)
        where = f"step {self.step} (epoch {epoch}, batch {last})"
        if steps > 1:
            where = (
                f"one of the steps {self.step - (last - first)} to {self.step} (epoch {epoch}, "
                f"batches {first} to {last}; steps_per_execution={steps})"
            )
        what = ", ".join(f"{key} is {values[key]}" for key in self.keys)
        self.message = (
            f"Training stopped at {where}: {what}. The weights are probably spoilt. Go back to an "
            "earlier checkpoint; lower learning rates or another loss may keep it from happening."
        )

    def on_train_end(self, logs=None):
        # Only now is the progress bar's line complete.
        if self.message is not None:
            tell(self.message)
