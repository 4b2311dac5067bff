"""Something that is to happen after every so many images, asked for at every step."""

import math
from collections.abc import Callable


class EveryNImages:
    """Tells at which steps a multiple of n images was passed.

    Reading a variable of the model takes longer than the rest of this, so it is read only when that
    many images can have been seen at the fastest pace so far, and whenever the steps since it was
    due have doubled: after small batches the pace may still be too low.

    Args:
        every_n_images: int, n; None if it is never to happen.
    """

    def __init__(self, every_n_images: int | None):
        self._every_n_images = every_n_images
        self._pace = 1
        self.count_from(0)

    def count_from(self, images: int) -> None:
        """What was due up to so many images has happened."""
        self._seen = images
        self._steps, self._next_look = 0, 1
        self._last_look, self._last_seen = 0, images

    def is_due(self, images_seen: Callable[[], int]) -> bool:
        """Whether a multiple was passed since `count_from`. To be asked once a step.

        Args:
            images_seen: function that returns how many images the model has seen.

        Returns:
            bool. It stays True, step by step, until `count_from` is called.
        """
        self._steps += 1
        if self._every_n_images is None or self._steps < self._next_look:
            return False
        seen = images_seen()
        due = (self._seen // self._every_n_images + 1) * self._every_n_images
        pace = math.ceil((seen - self._last_seen) / (self._steps - self._last_look))
        self._pace = max(self._pace, pace)
        self._last_look, self._last_seen = self._steps, seen
        self._next_look = self._steps + max(1, min(self._steps, (due - seen) // self._pace))
        return seen >= due
