"""A look at the data before the first step, for `fit` and `evaluate`."""

import numpy as np

from kgan import backend
from kgan import validation


def inspected(
    x, y, batch_size: int | None, image_shape: tuple, num_classes: int | None, k: int
) -> tuple:
    """Check the first batch of the data, and all labels that stand beside an array.

    Args:
        x: whatever `fit` takes.
        y: whatever `fit` takes beside arrays.
        batch_size: rows per batch of arrays; Keras' 32 if None.
        image_shape: the shape of one generated image.
        num_classes: int, or None without labels.
        k: int, the number of minibatches a batch is to be split into.

    Returns:
        (x, shuffled): the data to use in place of `x`, and whether they come in an order of their
        own, as `backend.first_batch` says.

    Raises:
        ValueError: if there are no data, or they are not what this GAN can learn from.
    """
    batch, x, shuffled = backend.first_batch(x, y, batch_size)
    if batch is not None:
        validation.check_batch(batch, image_shape, num_classes, k)
    if y is not None and num_classes is not None:
        validation.check_labels(np.asarray(y), len(x), num_classes)
    return x, shuffled
