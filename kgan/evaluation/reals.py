"""Which real images samples are measured against, and which show what real images score."""

from typing import NamedTuple

import numpy as np

from kgan.data.store import Images

# As many as the published protocols of small data sets take.
_MOST = 10_000


class Reals(NamedTuple):
    """The real images of one evaluation.

    Attributes:
        training: `kgan.data.Images`, all that the generator was trained on.
        measured: int array, the rows of the training images that samples are measured against.
        others: `kgan.data.Images`, as many more that are measured in place of samples; None if
            there are not as many.
        other_rows: int array, the others' rows among the training images; None if held out.
        held_out: `kgan.data.Images`, all that the generator was not trained on; None without.
    """

    training: Images
    measured: np.ndarray
    others: Images | None
    other_rows: np.ndarray | None
    held_out: Images | None = None

    @property
    def measured_images(self) -> Images:
        """The images that samples are measured against."""
        return _part(self.training, self.measured)

    def words(self) -> str:
        """What the others are, empty if there are none."""
        if self.others is None:
            return ""
        count, name = len(self.others.images), self.others.name
        if self.other_rows is None:
            return f"{count:,} images of {name!r}, held out"
        return f"{count:,} other training images of {name!r}"


def divide(
    training: Images, held_out: Images | None = None, num_images: int | None = None
) -> Reals:
    """Choose the real images of an evaluation.

    What real images score in place of samples is measured on as many others: held-out ones if there
    are enough, else training images that the samples are not measured against. The choice is
    random, the same every time.

    Args:
        training: a `kgan.data.Images`, all images that the generator was trained on.
        held_out: a `kgan.data.Images`, others of the same kind; None, the default, if there are
            none.
        num_images: int, how many to measure against. None, the default: 10,000, but at most half of
            the training images, or as many as there are of both kinds if that is more.

    Returns:
        The `Reals`.

    Raises:
        ValueError: if there are not so many, or the held-out ones have another shape; for a single
            training image, which has no neighbour.

    Example:
        >>> reals = kgan.evaluation.divide(kgan.data.digits(), num_images=100)
        >>> reals.words()
        "100 other training images of 'digits'"
    """
    total = len(training.images)
    if total < 2:
        raise ValueError(
            f"{training.name!r} has one image. Expected: two or more, since samples are compared "
            "with what lies between real images. Measure with all that the generator was trained "
            "on."
        )
    if held_out is not None and held_out.images.shape[1:] != training.images.shape[1:]:
        raise ValueError(
            "Held-out images must have the shape of the training images. Expected: "
            f"{training.images.shape[1:]}. Received: {held_out.images.shape[1:]}."
        )
    if num_images is None:
        # A few held-out images are enough to compare with, not to measure by.
        most = 0 if held_out is None else min(total, len(held_out.images))
        num_images = min(_MOST, max(1, total // 2, most))
    if num_images > total:
        raise ValueError(
            f"{training.name!r} has {total:,} images. Received: num_images={num_images:,}. Measure "
            "with as many as there are, or fewer."
        )
    order = np.random.default_rng(0).permutation(total)
    measured = np.sort(order[:num_images])
    if held_out is not None and len(held_out.images) >= num_images:
        rows = np.sort(np.random.default_rng(0).permutation(len(held_out.images))[:num_images])
        return Reals(training, measured, _part(held_out, rows), None, held_out)
    rows = np.sort(order[num_images : 2 * num_images])
    if len(rows) < num_images:
        return Reals(training, measured, None, None, held_out)
    return Reals(training, measured, _part(training, rows), rows, held_out)


def _part(images: Images, rows: np.ndarray) -> Images:
    labels = None if images.labels is None else images.labels[rows]
    return Images(images.images[rows], labels, num_classes=images.num_classes, name=images.name)
