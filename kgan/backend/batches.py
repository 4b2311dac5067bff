"""A look at the data that a `fit` or an `evaluate` would see."""

import contextlib
import itertools
import re
import types
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

# What is wrong with a batch, in the words of an error that TensorFlow or Keras has passed on.
_REFUSAL = re.compile(r"ValueError: (In batch \d.*?)\n *Traceback", re.DOTALL)

# The same of a dataset that is not as long as it says.
_LENGTH = re.compile(r"expected to contain (\d+) elements? but contained (only \d+|at least \d+)")


def as_array(x):
    """What is like an array, such as a table of pandas or a data set in an HDF5 file, as an array.

    Args:
        x: anything.

    Returns:
        NumPy array or tensor; `x` itself if it is nothing of the kind.
    """
    if isinstance(x, tf.Tensor | tf.RaggedTensor | keras.utils.PyDataset):
        return x
    # Keras, too, holds all of it in memory.
    if hasattr(x, "__array__"):
        return np.asarray(x)
    is_file = all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__"))
    return np.asarray(x[:]) if is_file else x


def first_batch(x, y=None, batch_size: int | None = None) -> tuple:
    """Look at the first batch that `fit` or `evaluate` would see.

    Args:
        x: whatever `fit` takes, after `as_array`.
        y: whatever `fit` takes beside arrays, after `as_array`.
        batch_size: rows per batch of arrays; Keras' 32 if None.

    Returns:
        (batch, x, shuffled). The batch is a NumPy array or a nested structure of them, or None for
        a distributed dataset, which cannot be looked into. `x` is to be used in place of the one
        given: a generator becomes a dataset that begins with its first batch. `shuffled` tells
        whether `x` comes in an order of its own, which Keras cannot change.

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
        batch = None if x.num_batches == 0 else x[0]
    elif isinstance(x, tf.RaggedTensor | tf.SparseTensor):
        raise ValueError(
            "The data must be one array of images of one size. Received: a "
            f"{type(x).__name__}. Pass x.to_tensor() or tf.sparse.to_dense(x) if that is one."
        )
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
    return tf.nest.map_structure(np.asarray, _without_none(batch)), x, shuffled


def checked(x, name: str, shapes: list, is_sound: Callable, check: Callable):
    """The same data, each batch of which is looked at on its way to the model.

    It happens where the batches are made, beside the steps: under XLA nothing in a step could
    refuse them, and on a GPU each step would wait for the answer. A batch that is refused ends the
    training before the step that would have taken it.

    Args:
        x: what `first_batch` returned; arrays and distributed datasets are returned as they are.
        name: str, what the data are, for the message.
        shapes: of the parts of a batch, each with None for the rows and for what may have any size.
        is_sound: function of a batch in a graph: a boolean tensor, False for what might be wrong.
        check: function of a batch of NumPy arrays that raises a ValueError for what is wrong.

    Returns:
        What is to be used in place of `x`.
    """

    def check_on_host(index, batch):
        try:
            check(batch)
        except ValueError as error:
            raise ValueError(f"In batch {index} of {name}, counted from 0: {error}") from None
        return True

    # What processes of its own make is beyond reach.
    if isinstance(x, keras.utils.PyDataset) and not x.use_multiprocessing:
        return _CheckedPyDataset(x, check_on_host)
    if not isinstance(x, tf.data.Dataset):
        return x

    @tf.autograph.experimental.do_not_convert
    def look(index, *batch):
        batch = _without_none(batch if len(batch) > 1 else batch[0])
        parts = tf.nest.flatten(batch)

        def of_arrays(index, *parts):
            return check_on_host(index, tf.nest.pack_sequence_as(batch, parts))

        fits = map(_has_shape, parts, shapes)
        rows = (tf.shape(part)[:1] == tf.shape(parts[0])[:1] for part in parts[1:])
        sound = tf.reduce_all([is_sound(batch), *fits, *map(tf.reduce_all, rows)])
        refusal = tf.cond(
            sound,
            lambda: True,
            lambda: tf.numpy_function(of_arrays, [index, *parts], tf.bool),
        )
        with tf.control_dependencies([refusal]):
            parts = [
                tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True)
            ]
        return index + 1, tf.nest.pack_sequence_as(batch, parts)

    # Counts the batches of a pass, in whichever process and however they are shared out then.
    return x.scan(np.int64(0), look).prefetch(1)


@contextlib.contextmanager
def refused_in_plain_words():
    """What `checked` has refused in the block is a ValueError, not an error of TensorFlow's."""
    try:
        yield
    except tf.errors.FailedPreconditionError as error:
        length = _LENGTH.search(str(error))
        if length is None:
            raise
        raise ValueError(
            f"The data have another length than they were said to have. Expected: {length[1]} "
            f"elements. Received: {length[2]}. Pass kgan.data.by_epoch the right length=."
        ) from None
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        refusal = _REFUSAL.search(str(error))
        if refusal is None:
            raise
        raise ValueError(refusal[1]) from None


class _CheckedPyDataset(keras.utils.PyDataset):
    """A PyDataset whose batches are checked where they are made."""

    def __init__(self, source: keras.utils.PyDataset, check: Callable):
        super().__init__(source.workers, max_queue_size=source.max_queue_size)
        self._source, self._check = source, check

    @property
    def num_batches(self):
        return self._source.num_batches

    def __getitem__(self, index):
        batch = self._source[index]
        self._check(index, tf.nest.map_structure(np.asarray, _without_none(batch)))
        return batch

    def on_epoch_begin(self):
        self._source.on_epoch_begin()

    def on_epoch_end(self):
        self._source.on_epoch_end()


def _has_shape(part, shape: tuple):
    """In a graph: whether a tensor has a shape; None stands for any size."""
    if part.shape.rank == len(shape) and all(
        size in (None, known) for size, known in zip(shape, part.shape, strict=True)
    ):
        return True
    sizes, wanted = tf.shape(part), np.int32([-1 if size is None else size for size in shape])
    return tf.cond(
        tf.rank(part) == len(shape),
        lambda: tf.reduce_all((sizes == wanted) | (wanted < 0)),
        lambda: False,
    )


def is_endless(x) -> bool:
    """Whether it is known that a pass over data never ends.

    Args:
        x: whatever `fit` takes.

    Returns:
        bool; False where it is not known.
    """
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches is None
    if not isinstance(x, tf.data.Dataset | tf.distribute.DistributedDataset):
        return False
    # A method of a dataset, a number of one that is distributed.
    cardinality = getattr(x, "cardinality", None)
    known = cardinality() if callable(cardinality) else cardinality
    return known is not None and int(known) == tf.data.INFINITE_CARDINALITY


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


def _continued(first, others) -> tf.data.Dataset | None:
    """A generator from its first batch on, as a dataset of batches of any shape.

    A second pass goes on where the first one ended, as the generator does.
    """
    all_batches = itertools.chain([first], others)

    def batches():
        for batch in all_batches:
            yield tf.nest.map_structure(np.asarray, _without_none(batch))

    def spec(part):
        return tf.TensorSpec(None, np.asarray(part).dtype)

    if first is None:
        return None
    signature = tf.nest.map_structure(spec, _without_none(first))
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def _without_none(batch):
    """A batch without the empty places that Keras' own generators have for absent parts."""
    if not isinstance(batch, tuple | list):
        return batch
    parts = tuple(part for part in batch if part is not None)
    return batch if isinstance(batch, tuple) and len(parts) == len(batch) else parts
