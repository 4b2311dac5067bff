"""What every measure of a sample shares: its streaming protocol."""

import abc
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.by_name import snake_name
from kgan._utils.checks import check_finite
from kgan._utils.checks import check_probabilities
from kgan._utils.checks import check_range
from kgan._utils.configured import Configured
from kgan.metrics.states import Rows


class SampleMetric(Configured, abc.ABC):
    """A measure of generated samples, fed batch by batch, of reals and of fakes.

    It speaks as `keras.metrics.Metric` does (`update_state`, `result`, `reset_state`, `name`) but
    is none: its two samples have sizes of their own, and its state is float64 on the host, for
    covariances and logarithms that float32 variables would spoil.

    A measure of its own sets what `new_state` needs before it calls `super().__init__`.

    Args:
        extractor: a `kgan.features.Extractor`, with which `update_state` takes images in [-1, 1];
            None, the default, to give what the measure reads.
        name: str, None for the measure's own.

    Attributes:
        reads: "features", "probabilities" or "images": what `update_state` takes without an
            extractor.
        real: the state of the reals; its `count` is the number of rows so far.
        fake: the state of the fakes.

    Example:
        >>> class Brightness(kgan.metrics.SampleMetric):
        ...     reads = "images"
        ...     def values(self):
        ...         return {"brightness": float(self.fake.all().mean() - self.real.all().mean())}
        >>> metric = Brightness()
        >>> metric.update_state(images, images)
        >>> metric.result()
        0.0
    """

    reads = "features"

    def __init__(self, extractor: Callable | None = None, *, name: str | None = None):
        check_extractor(extractor)
        self.extractor = extractor
        self.name = snake_name(type(self).__name__) if name is None else name
        self.reset_state()

    def update_state(self, real: ArrayLike | None = None, fake: ArrayLike | None = None) -> None:
        """Count more rows. The two samples need not come in equal numbers.

        Args:
            real: array of real rows: features (rows, dim), probabilities (rows, classes) or images
                (rows, height, width, channels) in [-1, 1], as `reads` says; images with an
                extractor. None for no more of them.
            fake: the same of generated rows.

        Raises:
            ValueError: for rows of another shape or width, that are not finite, or images outside
                [-1, 1]. Nothing is counted then.
        """
        given = {"real": real, "fake": fake}
        read = {side: self._read(rows, side) for side, rows in given.items() if rows is not None}
        expected = self.fake.shape or self.real.shape
        for side, rows in read.items():
            expected = expected or rows.shape[1:]
            if rows.shape[1:] != expected:
                raise ValueError(
                    f"{type(self).__name__} compares rows of one shape. Expected: {expected}, as "
                    f"those before. Received: {rows.shape[1:]} of {side} rows. Take all from one "
                    "source: one extractor, one image shape."
                )
        for side, rows in read.items():
            getattr(self, side).update(rows)

    def reset_state(self) -> None:
        """Forget all rows."""
        self.real = self.new_state()
        self.fake = self.new_state()

    def reset_fake(self) -> None:
        """Forget the fakes: the reals are the same at every evaluation."""
        self.fake = self.new_state()

    def result(self):
        """The measure of all rows so far.

        Returns:
            A float, or a dict of floats for a measure with several numbers.

        Raises:
            ValueError: if there are too few rows.
        """
        values = self.values()
        return next(iter(values.values())) if len(values) == 1 else values

    @abc.abstractmethod
    def values(self) -> dict[str, float]:
        """The numbers of `result` by their names, a single one too."""

    def new_state(self):
        """An empty state of one sample: an object with `update(rows)`, `count` and `shape`.

        Returns:
            All rows, unless a metric needs less of them.
        """
        return Rows()

    def _read(self, rows, side: str) -> np.ndarray:
        if self.extractor is not None and self.reads != "images":
            rows = getattr(self.extractor(rows), self.reads)
            if rows is None:
                raise ValueError(
                    f"{type(self).__name__} reads class probabilities, and the extractor "
                    f"{self.extractor.name!r} has no classes. Give it one that has, such as "
                    "kgan.features.digits()."
                )
        check = {"images": checked_images, "probabilities": checked_probabilities}
        return check.get(self.reads, checked)(rows, f"{side} {self.reads}")


def check_extractor(extractor) -> None:
    """Raise unless this is an extractor, or None.

    Args:
        extractor: anything.

    Raises:
        ValueError: if it is neither, such as a Keras model.
    """
    is_one = callable(extractor) and not isinstance(extractor, keras.Layer)
    if not (extractor is None or is_one):
        raise ValueError(
            "extractor must be a kgan.features.Extractor, such as kgan.features.digits(), or None. "
            f"Received: {type(extractor).__name__} {getattr(extractor, 'name', extractor)!r}. Wrap "
            "a Keras model: kgan.features.Extractor(model, 'its_name')."
        )


def checked(rows, what: str, *, dimensions: int = 2) -> np.ndarray:
    """An array of rows, all finite.

    Args:
        rows: array or tensor, (rows, ...).
        what: str, what the rows are, for the error.
        dimensions: int, how many the array must have, default 2.

    Returns:
        A float array of the same shape: float64 stays, everything else becomes float32.

    Raises:
        ValueError: if there are other dimensions, no rows, or NaN or infinity among them.
    """
    rows = np.asarray(rows)
    if rows.dtype != np.float64:
        rows = rows.astype(np.float32, copy=False)
    if rows.ndim != dimensions or not rows.size:
        shape = "(rows, width)" if dimensions == 2 else "(rows, height, width, channels)"
        raise ValueError(
            f"{what} must be an array {shape} with at least one row. "
            f"Received: an array of shape {rows.shape}."
        )
    check_finite(rows, what)
    return rows


def checked_images(images, what: str) -> np.ndarray:
    """An array of images, all finite and in [-1, 1].

    Args:
        images: array or tensor, (images, height, width, channels).
        what: str, what they are, for the error.

    Returns:
        A float array of the same shape, as `checked` makes it.

    Raises:
        ValueError: if there are other dimensions, no images, NaN or infinity among their values, or
            values outside [-1, 1].
    """
    images = checked(images, what, dimensions=4)
    check_range(images, what)
    return images


def checked_probabilities(rows, what: str) -> np.ndarray:
    """An array of class probabilities.

    Args:
        rows: array or tensor, (rows, classes).
        what: str, what they are, for the error.

    Returns:
        A float array of the same shape, as `checked` makes it.

    Raises:
        ValueError: if there are other dimensions, no rows, values that are not finite or below 0,
            or a row whose sum is not 1.
    """
    rows = checked(rows, what)
    check_probabilities(rows, what, "If they are logits, give their softmax.")
    return rows


def as_rows(rows, what: str) -> np.ndarray:
    """Rows of any shape as vectors, all finite.

    Args:
        rows: array or tensor, (rows, ...).
        what: str, what the rows are, for the error.

    Returns:
        A float array (rows, width), as `checked` makes it.

    Raises:
        ValueError: if there are no rows, or NaN or infinity among them.
    """
    rows = np.asarray(rows)
    return checked(rows.reshape(len(rows), -1) if rows.size and rows.ndim else rows, what)


def check_widths(first: np.ndarray, second: np.ndarray, what: str) -> None:
    """Raise unless two arrays have as many values in a row.

    Args:
        first: array (rows, width).
        second: array (rows, width).
        what: str, what the two are, for the error.

    Raises:
        ValueError: if they have not.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{what[0].upper()}{what[1:]} must have as many values each. "
            f"Received: {first.shape[1]} and {second.shape[1]}."
        )


def checked_features(real, fake) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of features by one extractor, all finite.

    Args:
        real: array or tensor (reals, width).
        fake: array or tensor (fakes, width).

    Returns:
        Two float arrays, as `checked` makes them.

    Raises:
        ValueError: for rows of different widths or that are not finite.
    """
    real, fake = checked(real, "real features"), checked(fake, "fake features")
    check_widths(real, fake, "real and fake features")
    return real, fake
