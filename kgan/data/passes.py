"""The data of a `fit`, epoch by epoch, and how to begin one of them in its middle."""

import dataclasses
import math

import numpy as np

from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of
from kgan.data.epochs import keeps_order


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


@dataclasses.dataclass(frozen=True)
class Part:
    """What one `fit` of Keras is given: a range of epochs, the first of them perhaps not whole.

    Attributes:
        x: data.
        y: labels beside an array, or None.
        epoch: int, the first epoch.
        epochs: int, the one after the last.
        first_batch: int, the number of the first batch of `x`, if it is not 0.
        steps_per_epoch: int or None, as in `keras.Model.fit`.
        callbacks: as in `keras.Model.fit`.
    """

    x: object
    y: object
    epoch: int
    epochs: int
    first_batch: int = 0
    steps_per_epoch: int | None = None
    callbacks: object = None


class Passes:
    """The data of a `fit`, of which every epoch is one pass.

    Where the data count their epochs, `fit` tells them which one begins. They cannot count for
    themselves: Keras begins more passes than epochs and throws some away, and a validation or a
    callback may begin others meanwhile.

    Args:
        x: whatever `fit` takes.
        y: whatever `fit` takes.
        batch_size: as in `fit`.
        steps_per_epoch: as in `fit`.
        in_order: bool, whether arrays are taken as they are, neither shuffled nor split.

    Attributes:
        length: int, batches of an epoch; infinity; None if it is not known.
        numbers: `kgan.data.epochs.Epochs`, None for data whose order does not follow from them.
        resumes_within: bool, whether an epoch can be begun in its middle, in the same order.
    """

    def __init__(self, x, y, batch_size: int | None, steps_per_epoch: int | None, in_order: bool):
        self._x, self._y, self._batch_size = x, y, batch_size or 32
        self._steps_per_epoch = self.length = steps_per_epoch
        self.numbers, self._is_array, self._orders = None, False, 1
        if hasattr(x, "skip") and hasattr(x, "cardinality"):
            length = _length(x)
            # After so many steps as it has batches, Keras begins a dataset anew.
            if steps_per_epoch in (None, length):
                self._steps_per_epoch, self.length = None, length
                self.numbers = epochs_of(x) if keeps_order(x) else None
        elif hasattr(x, "shape") and steps_per_epoch is None:
            self.length = math.ceil(len(x) / self._batch_size)
            self._is_array = in_order
        is_finite = isinstance(self.length, int)
        if self.numbers is not None and is_finite:
            # More than one order where a dataset was repeated.
            self._orders = max(1, math.ceil(self.length / self.numbers.length))
        self.resumes_within = is_finite and (self._is_array or self.numbers is not None)

    def description(self) -> dict:
        """What tells these data apart from others, for JSON."""
        length = None if self.length == math.inf else self.length
        if self.numbers is not None:
            return {"batches": length, **self.numbers.description}
        if not self._is_array:
            return {"batches": length}
        labels = None if self._y is None else digest(np.asarray(self._y))
        images = digest(np.asarray(self._x))
        return {"batches": length, "batch_size": self._batch_size, "images": images, "y": labels}

    def parts(self, start: Position, epochs: int) -> list[Part]:
        """What to give to Keras, one after the other, to resume from a position."""
        whole = Part(self._x, self._y, start.epoch, epochs, 0, self._steps_per_epoch)
        if start.batch == 0 or start.epoch >= epochs:
            return [whole]
        x, y = self._after(start.batch)
        parts = [Part(x, y, start.epoch, start.epoch + 1, start.batch)]
        if start.epoch + 1 < epochs:
            parts.append(dataclasses.replace(whole, epoch=start.epoch + 1))
        return parts

    def begin_part(self, start: Position, epoch: int) -> None:
        """Before a part of a run, with the epoch it begins with."""
        self._start = start
        if self.numbers is not None:
            self._following = self._order_of(epoch)
            self.numbers.held = self._orders == 1 and isinstance(self.length, int)

    def begin_epoch(self, epoch: int) -> None:
        """Before the pass of an epoch."""
        if self.numbers is not None:
            self.numbers.next = self._order_of(epoch)
            self._following = self._order_of(epoch + 1)

    def end(self) -> None:
        """After the last part, however it ended."""
        if self.numbers is not None:
            self.numbers.held = False
            self.numbers.next = self._following

    def _after(self, batches: int) -> tuple:
        """The rest of an epoch after so many batches."""
        if not self._is_array:
            return self._x.skip(batches), None
        row = batches * self._batch_size
        return self._x[row:], None if self._y is None else self._y[row:]

    def _order_of(self, epoch: int) -> int:
        return self._start.first_order + (epoch - self._start.first_epoch) * self._orders


def _length(dataset) -> int | float | None:
    """Batches of a dataset: infinity for an endless one, None where TensorFlow cannot tell."""
    length = int(dataset.cardinality())
    return {-1: math.inf, -2: None}.get(length, length)
