"""A bar for work on many images that takes longer than a moment."""

import sys
import time

import keras


class Progress:
    """Count images that are done; on a terminal a bar shows them, if the work takes a while.

    Args:
        total: int, how many images there are to do.
        verbose: 0 for no bar in any case.
        moment: seconds without a bar. Work that ends sooner shows nothing.

    Example:
        >>> with Progress(len(images)) as progress:
        ...     for batch in batches:
        ...         work_on(batch)
        ...         progress.add(len(batch))
    """

    def __init__(self, total: int, *, verbose: int = 1, moment: float = 1.0):
        self._total = total
        self._watched = bool(verbose) and sys.stdout.isatty()
        self._next_time = time.monotonic() + moment
        self._done = 0
        self._bar = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        # Also after an error, which is to start on a line of its own.
        if self._bar is not None:
            self._bar.update(self._done, finalize=True)

    def add(self, count: int) -> None:
        """Count so many more images as done."""
        self._done += count
        if self._watched and time.monotonic() >= self._next_time:
            self._bar = self._bar or keras.utils.Progbar(self._total, unit_name="image")
            self._bar.update(self._done, finalize=False)
            self._next_time = time.monotonic() + 0.1
