"""The data of a `fit`, pass by pass, and how to begin one of them in its middle."""

import dataclasses
import math

import numpy as np

from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a training stands.

    Attributes:
        epoch: int, the number of the epoch that is to be gone on with, from 0.
        batch: int, how many of its batches are done.
        first_epoch: int, the number of the epoch that the training began with.
        first_order: int, the number that the data gave to that one; None for data that do not count
            their epochs.
    """

    epoch: int
    batch: int = 0
    first_epoch: int = 0
    first_order: int | None = None

    def at(self, epoch: int, batch: int = 0) -> "Position":
        """Another position in the same training."""
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


def passes_of(x, y, batch_size: int | None, steps_per_epoch: int | None):
    """The passes over the data of a `fit`.

    Args:
        x: whatever `fit` takes.
        y: whatever `fit` takes.
        batch_size: as in `fit`.
        steps_per_epoch: as in `fit`.

    Returns:
        `DatasetPasses`, `Stream` or `ArrayPasses`; None for data of which nobody knows how to begin
        in their middle.
    """
    if hasattr(x, "skip") and hasattr(x, "cardinality"):
        # After so many steps as it has batches, Keras begins a dataset anew.
        is_whole = steps_per_epoch in (None, _length(x))
        return DatasetPasses(x) if is_whole else Stream(x, steps_per_epoch)
    if hasattr(x, "shape") and steps_per_epoch is None:
        return ArrayPasses(x, y, batch_size or 32)
    return None


class DatasetPasses:
    """A `tf.data.Dataset` of which every epoch is one pass.

    Where the data count their epochs, `fit` tells them which one begins. They cannot count for
    themselves: Keras begins more passes than epochs and throws some away, and a validation or a
    callback may begin others meanwhile.

    Attributes:
        length: int, batches of an epoch; infinity; None if it is not known.
        numbers: `kgan.data.epochs.Epochs`, or None.
    """

    def __init__(self, dataset):
        self._dataset = dataset
        self.length = _length(dataset)
        self.numbers = epochs_of(dataset)
        # More than one order where a dataset was repeated.
        self._orders, self._is_one_order = 1, False
        if self.numbers is not None and self.length not in (None, math.inf):
            self._orders = max(1, math.ceil(self.length / self.numbers.length))
            self._is_one_order = self._orders == 1

    def description(self) -> dict:
        """What tells these data apart from others."""
        length = None if self.length == math.inf else self.length
        return {"batches": length, **_description(self._dataset, self.numbers)}

    def parts(self, start: Position, epochs: int) -> list[Part]:
        """What to give to Keras, one after the other, to go on from a position."""
        if start.batch == 0 or start.epoch >= epochs:
            return [Part(self._dataset, None, start.epoch, epochs)]
        rest = self._dataset.skip(start.batch)
        parts = [Part(rest, None, start.epoch, start.epoch + 1, start.batch)]
        if start.epoch + 1 < epochs:
            parts.append(Part(self._dataset, None, start.epoch + 1, epochs))
        return parts

    def begin_part(self, start: Position, epoch: int) -> None:
        """Before a part of a training, with the epoch it begins with."""
        self._start = start
        if self.numbers is not None:
            self._following = self._order_of(epoch)
            self.numbers.held = self._is_one_order

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

    def _order_of(self, epoch: int) -> int:
        return self._start.first_order + (epoch - self._start.first_epoch) * self._orders


class Stream:
    """A `tf.data.Dataset` of which every epoch is the next `steps_per_epoch` batches.

    Attributes:
        length: int, batches of an epoch.
        numbers: `kgan.data.epochs.Epochs` of what is repeated, or None.
    """

    def __init__(self, dataset, steps_per_epoch: int):
        self._dataset = dataset
        self.length = steps_per_epoch
        self.numbers = epochs_of(dataset)

    def description(self) -> dict:
        """What tells these data apart from others."""
        return {"steps_per_epoch": self.length, **_description(self._dataset, self.numbers)}

    def parts(self, start: Position, epochs: int) -> list[Part]:
        """What to give to Keras, one after the other, to go on from a position."""
        if (start.epoch, start.batch) == (start.first_epoch, 0) or start.epoch >= epochs:
            return [Part(self._dataset, None, start.epoch, epochs, 0, self.length)]
        parts, epoch = [], start.epoch
        if start.batch:
            rest, steps = self._from(start), self.length - start.batch
            parts.append(Part(rest, None, epoch, epoch + 1, start.batch, steps))
            epoch += 1
        if epoch < epochs:
            rest = self._from(start.at(epoch))
            parts.append(Part(rest, None, epoch, epochs, 0, self.length))
        return parts

    def begin_part(self, start: Position, epoch: int) -> None:
        """Before a part of a training: each goes through the stream from its start."""
        del epoch
        if self.numbers is not None:
            self.numbers.next = start.first_order

    def begin_epoch(self, epoch: int) -> None:
        """Before an epoch."""

    def end(self) -> None:
        """After the last part."""

    def ends_within(self, steps: int) -> bool:
        """Whether the stream has fewer batches than this."""
        length = _length(self._dataset)
        return length is not None and length < steps

    def _from(self, position: Position):
        passed = (position.epoch - position.first_epoch) * self.length + position.batch
        return self._dataset.skip(passed)


class ArrayPasses:
    """Arrays of images, and of labels perhaps, in the order they have.

    Attributes:
        length: int, batches of an epoch.
        numbers: None.
    """

    numbers = None

    def __init__(self, x, y, batch_size: int):
        self._x, self._y, self._batch_size = x, y, batch_size
        self.length = math.ceil(len(x) / batch_size)

    def description(self) -> dict:
        """What tells these data apart from others."""
        return {
            "batches": self.length,
            "batch_size": self._batch_size,
            "shape": list(self._x.shape),
            "images": digest(np.asarray(self._x)),
            "labels": None if self._y is None else digest(np.asarray(self._y)),
        }

    def parts(self, start: Position, epochs: int) -> list[Part]:
        """What to give to Keras, one after the other, to go on from a position."""
        if start.batch == 0 or start.epoch >= epochs:
            return [Part(self._x, self._y, start.epoch, epochs)]
        row = start.batch * self._batch_size
        x, y = self._x[row:], None if self._y is None else self._y[row:]
        parts = [Part(x, y, start.epoch, start.epoch + 1, start.batch)]
        if start.epoch + 1 < epochs:
            parts.append(Part(self._x, self._y, start.epoch + 1, epochs))
        return parts

    def begin_part(self, start: Position, epoch: int) -> None:
        """Before a part of a training."""

    def begin_epoch(self, epoch: int) -> None:
        """Before an epoch."""

    def end(self) -> None:
        """After the last part."""


def _length(dataset) -> int | float | None:
    """Batches of a dataset: infinity for an endless one, None where TensorFlow cannot tell."""
    length = int(dataset.cardinality())
    return {-1: math.inf, -2: None}.get(length, length)


def _description(dataset, numbers) -> dict:
    counted = {} if numbers is None else numbers.description
    return {"batch": str(dataset.element_spec), **counted}
