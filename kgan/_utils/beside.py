"""Work that is done beside the training, and that nothing of the training waits for."""

import threading
from collections.abc import Callable


class Beside(threading.Thread):
    """One piece of work in a thread of its own, begun at once.

    The interpreter does not end before it is done.

    Args:
        work: function without arguments.
    """

    def __init__(self, work: Callable[[], None]):
        super().__init__(name="kgan-beside")
        self._work, self._error = work, None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error

    def wait(self) -> None:
        """Until it is done. Raises what the work has raised."""
        self.join()
        if self._error is not None:
            raise self._error
