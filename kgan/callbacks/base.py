"""What every callback that looks at a GAN shares."""

import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
from keras import ops

from kgan._utils.messages import tell


class GANCallback(keras.callbacks.Callback):
    """A Keras callback that refuses a model that is no `kgan.GAN`, before training begins."""

    _cannot_write = False
    _writing = None

    def set_model(self, model):
        """Keras calls this before `fit` begins.

        Args:
            model: the model that is to be trained.

        Raises:
            TypeError: if it is not a `kgan.GAN`.
        """
        if not (hasattr(model, "generate") and hasattr(model, "images_seen")):
            raise TypeError(
                f"{type(self).__name__} watches a kgan.GAN. "
                f"Received: {model.name!r}, a {type(model).__name__}. "
                "Pass this callback to the fit() of a kgan.GAN."
            )
        super().set_model(model)

    @property
    def images_seen(self) -> int:
        """Real images the model was trained on so far, over all its fits."""
        return int(ops.convert_to_numpy(self.model.images_seen))

    @property
    def _has_bar(self) -> bool:
        # 2 is one line per epoch, for logs.
        return self.params.get("verbose") in (1, "auto")

    @contextlib.contextmanager
    def _without_ending_the_training(self):
        """A picture that cannot be written is told of, once until one can."""
        try:
            yield
            self._cannot_write = False
        except OSError as error:
            if not self._cannot_write:
                why = str((error.filename is None and error.strerror) or error).rstrip(".")
                self._tell(f"{type(self).__name__}: {why}. The training goes on without it.")
            self._cannot_write = True

    def _write_in_background(self, write: Callable[[], None]) -> None:
        """Write something while the training goes on: what takes time, from what was read before.

        No more than one piece of a callback is written at a time, in the order of the calls.
        """
        self._wait_until_written()
        # One for each piece: a process that was forked does not have the thread of an earlier one.
        executor = ThreadPoolExecutor(max_workers=1)
        self._writing = executor.submit(write)
        executor.shutdown(wait=False)

    def _wait_until_written(self) -> None:
        """To be called before what is written is used, or what is read of it changes."""
        writing, self._writing = self._writing, None
        if writing is not None:
            with self._without_ending_the_training():
                writing.result()

    def on_train_end(self, logs=None):
        self._wait_until_written()

    def end_training(self) -> None:
        """`fit` calls this in the end, however the training ended: all is on the disk then."""
        self._wait_until_written()

    def _tell(self, message: str) -> None:
        """Print a line below the progress bar, which leaves its own line open."""
        tell(f"\n{message}" if self._has_bar else message)


def batches_done(callback: keras.callbacks.Callback, batch: int) -> int:
    """How many batches of the epoch are done.

    Args:
        callback: the callback that is asking.
        batch: the number that its `on_train_batch_end` was given. Keras counts every call of
            `steps_per_execution` steps as whole, though the last of an epoch may have fewer.

    Returns:
        int.
    """
    steps = (callback.params or {}).get("steps")
    return batch + 1 if steps is None else min(batch + 1, steps)


def non_finite(logs: dict | None) -> dict:
    """The entries of logs that are NaN or infinite."""
    return {
        name: value
        for name, value in (logs or {}).items()
        if isinstance(value, float) and not math.isfinite(value)
    }
