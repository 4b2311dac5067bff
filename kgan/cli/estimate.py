"""How long a run will take, said once it is known."""

import time
from collections.abc import Callable

from kgan.callbacks.base import GANCallback
from kgan.cli.command import warn

# Calls of the training step: those before the first are slower, for what is traced and tuned.
_FIRST, _LAST = 10, 50
_LONG = 2 * 3600


class Estimate(GANCallback):
    """Say after 50 steps how long the rest will take, and what to do if that is hours.

    Args:
        images: int, real images that the run will have seen in the end.
        clock: function that returns seconds; `time.monotonic` by default.
    """

    def __init__(self, images: int, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._images, self._clock, self._calls = images, clock, 0

    def on_train_batch_end(self, batch, logs=None):
        self._calls += 1
        if self._calls == _FIRST:
            self._begun = self._clock(), self.images_seen
        elif self._calls == _LAST:
            (start, before), seen = self._begun, self.images_seen
            left = self._images - seen
            seconds = left * (self._clock() - start) / (seen - before)
            self._tell(f"About {in_words(seconds)} for {left:,} images.")
            if seconds >= _LONG:
                warn(
                    "That is long. A run may be short first and made longer later, by a larger "
                    "--images. A smaller --image_size or --width takes a fraction of it, a GPU "
                    "less still; docs/speed.md has more."
                )


def in_words(seconds: float) -> str:
    """A time, rounded to what an estimate can know."""
    if seconds < 100:
        return f"{seconds:.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"
