"""A bar for what takes longer than a moment, and only where somebody watches."""

import sys
import time
from collections.abc import Iterable
from collections.abc import Iterator

import keras


def with_progress(items: Iterable, total: int, *, moment: float = 1.0) -> Iterator:
    """The items, one by one; on a terminal a progress bar counts those that are done.

    Args:
        items: what to iterate over.
        total: how many items there are.
        moment: seconds without a bar. Work that ends sooner shows nothing.

    Yields:
        The items.
    """
    watched = sys.stdout.isatty()
    bar = None
    next_time = time.monotonic() + moment
    done = 0
    for item in items:
        yield item
        done += 1
        if watched and time.monotonic() >= next_time:
            bar = bar or keras.utils.Progbar(total, unit_name="image")
            bar.update(done, finalize=False)
            next_time = time.monotonic() + 0.1
    if bar:
        bar.update(done, finalize=True)
