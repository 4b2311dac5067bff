"""Which classes a generator makes, and whether it makes those that it is asked for."""

import math
from typing import NamedTuple

import numpy as np


class Request(NamedTuple):
    """What came of one class that was asked for.

    Attributes:
        name: str, of the class.
        times: int, how often it was asked for.
        share: float, of these images those that were recognised as the class.
        error: float, the standard error of that share.
        other: str, the class that the rest was most often taken for; None if there is no rest.
        other_share: float, how often it was.
    """

    name: str
    times: int
    share: float
    error: float
    other: str | None
    other_share: float


class ClassShares(NamedTuple):
    """Classes of real and generated images, as one classifier sees them.

    Attributes:
        names: of the classes, a list of str.
        real: float array (classes,), shares of the real images.
        fake: float array (classes,), shares of the generated images.
        requested: int array (classes,), how often each class was asked for; None for a generator
            without classes.
        confusion: int array (classes, classes), how often images of a requested class (row) were
            taken for another (column); None for a generator without classes.
        num_images: int, how many images were generated.
    """

    names: list[str]
    real: np.ndarray
    fake: np.ndarray
    requested: np.ndarray | None
    confusion: np.ndarray | None
    num_images: int

    @property
    def found(self) -> int:
        """How many classes occur among the generated images."""
        return int((self.fake > 0).sum())

    @property
    def as_requested(self) -> float | None:
        """Share of the generated images whose predicted class is the requested one."""
        if self.confusion is None:
            return None
        return float(np.trace(self.confusion) / self.num_images)

    @property
    def chance(self) -> np.ndarray:
        """How far the share of each class moves by chance alone, where it is that of the reals."""
        return np.sqrt(self.real * (1 - self.real) / self.num_images)

    def requests(self) -> list[Request]:
        """What came of each class that was asked for at all, in the order of the classes."""
        found = []
        for row in np.flatnonzero(self.requested):
            times, others = int(self.requested[row]), self.confusion[row].copy()
            share, others[row] = float(others[row] / times), 0
            other = self.names[others.argmax()] if others.any() else None
            error = math.sqrt(share * (1 - share) / times)
            found.append(
                Request(self.names[row], times, share, error, other, float(others.max() / times))
            )
        return found

    def as_dict(self) -> dict:
        """Everything as plain numbers and lists, for JSON."""
        found = {
            "classes": self.names,
            "real_share": self.real.tolist(),
            "fake_share": self.fake.tolist(),
            "num_images": self.num_images,
        }
        if self.confusion is not None:
            found["requested"] = self.requested.tolist()
            found["predicted_as_requested"] = np.diagonal(self.confusion).tolist()
            found["as_requested_share"] = self.as_requested
        return found


def count_classes(
    real_probabilities: np.ndarray,
    fake_probabilities: np.ndarray,
    *,
    requested: np.ndarray | None = None,
    names: list[str] | None = None,
) -> ClassShares:
    """Count the classes that a classifier sees in real and in generated images.

    Both go through the same classifier, so that its own mistakes are on both sides.

    Args:
        real_probabilities: float array, (images, classes).
        fake_probabilities: float array, (images, classes).
        requested: int array, (fake images,), the classes that the generator was asked for; None for
            a generator without classes.
        names: of the classes; by default their numbers.

    Returns:
        The `ClassShares`.
    """
    classes = real_probabilities.shape[1]
    predicted = fake_probabilities.argmax(axis=1)
    confusion = None
    if requested is not None:
        places = np.asarray(requested) * classes + predicted
        confusion = np.bincount(places, minlength=classes**2).reshape(classes, classes)
    return ClassShares(
        names=list(names or map(str, range(classes))),
        real=_shares(real_probabilities.argmax(axis=1), classes),
        fake=_shares(predicted, classes),
        requested=None if confusion is None else confusion.sum(axis=1),
        confusion=confusion,
        num_images=len(predicted),
    )


def _shares(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=classes) / len(labels)
