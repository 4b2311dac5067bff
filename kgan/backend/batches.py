"""A look at the data that a `fit` or an `evaluate` would see."""

import types

import keras
import numpy as np
import tensorflow as tf


def first_batch(x, y=None, batch_size: int | None = None) -> tuple:
    """Look at the first batch that `fit` or `evaluate` would see.

    Args:
        x: whatever `fit` takes.
        y: whatever `fit` takes beside arrays.
        batch_size: rows per batch of arrays; Keras' 32 if None.

    Returns:
        (batch, x, shuffled). The batch is a NumPy array or a nested structure of them, or None for
        a distributed dataset, which cannot be looked into. `x` is to be used in place of the one
        given: a generator is continued from its first batch. `shuffled` tells whether `x` comes in
        an order of its own, which Keras cannot change.

    Raises:
        ValueError: if there are no data, or none in them, or if they are a list or a tuple.
    """
    if x is None:
        raise ValueError(
            "There are no data. Expected: a tf.data.Dataset or an array of images. Received: None."
        )
    if isinstance(x, list | tuple):
        # Keras would take its entries for several inputs of one model.
        raise ValueError(
            "The data must be one array of images, or a tf.data.Dataset. Received: a "
            f"{type(x).__name__} of {len(x)}. Pass images and labels one after the other, "
            "fit(images, labels), images without labels as fit(images), and many arrays of images "
            "as one, numpy.concatenate(arrays)."
        )
    shuffled = False
    if isinstance(x, tf.data.Dataset):
        batch, shuffled = next(iter(x.take(1).as_numpy_iterator()), None), True
    elif isinstance(x, types.GeneratorType):
        batch, shuffled = next(x, None), True
        x = _continued(batch, x)
    elif isinstance(x, keras.utils.PyDataset):
        batch = x[0] if len(x) else None
    elif isinstance(x, np.ndarray | tf.Tensor):
        rows = slice(batch_size or 32)
        batch = None if len(x) == 0 else (x[rows], *(() if y is None else (y[rows],)))
    else:
        return None, x, True
    if batch is None:
        raise ValueError(
            "The dataset is empty: it yields no batch at all. Check the folder or split it reads, "
            "and that one batch is not larger than all the images while drop_remainder=True."
        )
    return tf.nest.map_structure(np.asarray, batch), x, shuffled


def are_all_full(x, batch_size: int | None = None) -> bool:
    """Whether all batches that `fit` would see are known to have as many rows as the first.

    Args:
        x: whatever `fit` takes.
        batch_size: rows per batch of an array; Keras' 32 if None.

    Returns:
        bool; False where it is not known, True for data that cannot be looked into.
    """
    if isinstance(x, tf.data.Dataset | tf.distribute.DistributedDataset):
        return None not in _rows(x)
    if isinstance(x, np.ndarray | tf.Tensor):
        return len(x) % (batch_size or 32) == 0
    return not isinstance(x, types.GeneratorType | keras.utils.PyDataset)


def distributed_rows(x, replicas: int) -> int | None:
    """The rows of a batch of data that are distributed already, and cannot be looked into.

    Args:
        x: whatever `fit` takes.
        replicas: int, how many share a batch.

    Returns:
        int; None for other data, and where the rows are not known.
    """
    if not isinstance(x, tf.distribute.DistributedDataset):
        return None
    (rows,) = set(_rows(x)) if len(set(_rows(x))) == 1 else (None,)
    return None if rows is None else rows * replicas


def _rows(dataset) -> list:
    """How many rows the parts of a batch have: numbers, None where they may have any."""
    return [spec.shape[0] for spec in tf.nest.flatten(dataset.element_spec, expand_composites=True)]


def _continued(first, others):
    # A generator expression would be another type, which Keras does not take for a generator.
    yield first
    yield from others
