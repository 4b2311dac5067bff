"""Data whose order depends on the number of the epoch alone, so that a run resumes bit by bit."""

import contextlib
import hashlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kgan._utils.checks import check_positive_integer
from kgan.backend import private

# How a dataset carries its `Epochs`.
_CARRIED = "kgan_epochs"
# As many rows tell data apart, however many there are.
_DIGESTED = 1_000
# The keys of what is counted; what was never written is 0.
_NUMBER, _HELD = 0, 1


def by_epoch(dataset_of_epoch: Callable, length: int) -> tf.data.Dataset:
    """A dataset that is made anew for every epoch, from nothing but the epoch's number.

    To iterate over it once is one epoch; the first has the number 0. What `dataset_of_epoch` draws
    by stateless functions, with the number in their seed, is the same whenever the epoch with this
    number is begun: a run that was killed resumes in the same order, with
    `kgan.callbacks.Backup`. What it draws by others (`Dataset.shuffle`, `tf.random.uniform`) is
    not. Transformations of the dataset (`map`, `prefetch`, ...) keep all of this, but for those
    with a state of their own: a `cache` of it keeps the order of the first epoch for all others,
    and a `shuffle` of it has another order in every process. Cache what `dataset_of_epoch` begins
    with, and shuffle within it.

    Args:
        dataset_of_epoch: function of the number, a scalar int64 tensor, that returns a
            `tf.data.Dataset`. It is traced once.
        length: int, how many elements, batches as a rule, each of these datasets yields.

    Returns:
        `tf.data.Dataset` of this length.

    Raises:
        ValueError: if `length` is not a positive integer.

    Example:
        >>> def batches(epoch):
        ...     order = tf.random.experimental.stateless_shuffle(images, seed=[0, epoch])
        ...     return tf.data.Dataset.from_tensor_slices(order).batch(64)
        >>> gan.fit(kgan.data.by_epoch(batches, -(-len(images) // 64)), epochs=20)
    """
    length = check_positive_integer("length", length)
    epochs = Epochs(length, lambda: {"source": "by_epoch"})
    return epochs.carried_by(epochs.dataset(dataset_of_epoch, length))


class Epochs:
    """The numbers of a dataset's epochs: which one the next iteration will be.

    Args:
        length: int, the elements of one epoch.
        describe: function without arguments that returns a dict, for JSON, of what tells the data
            apart from others; called when it is asked for.

    Attributes:
        length: int.
        describe: as given.
    """

    def __init__(self, length: int, describe: Callable[[], dict]):
        self.length = length
        self.describe = describe
        # A table, where one would expect variables: those are mirrored in a strategy's scope.
        with tf.init_scope(), tf.device("CPU:0"):
            self._table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, 0)

    @property
    def next(self) -> int:
        """Number of the epoch that the next iteration is. It may be set."""
        return int(self._table.lookup(_NUMBER))

    @next.setter
    def next(self, number: int) -> None:
        self._table.insert(_NUMBER, number)

    def hold(self, held: bool) -> None:
        """Give every iteration the number `next` until that is set.

        Args:
            held: bool; False, as in the beginning, for iterations that each move `next` on by one.
        """
        self._table.insert(_HELD, int(held))

    def dataset(self, dataset_of_epoch: Callable, length: int) -> tf.data.Dataset:
        """A dataset of so many elements per epoch, as `dataset_of_epoch` makes them.

        Args:
            dataset_of_epoch: as in `by_epoch`.
            length: int, the elements of what it returns.

        Returns:
            `tf.data.Dataset`.
        """
        once = tf.data.Dataset.from_tensors(0)
        dataset = once.flat_map(lambda _: dataset_of_epoch(self._begin()))
        return dataset.apply(tf.data.experimental.assert_cardinality(length))

    def carried_by(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The same dataset, by which `epochs_of` finds these numbers."""
        setattr(dataset, _CARRIED, self)
        return dataset

    def _begin(self):
        """In the graph, when an iteration begins: the number of its epoch."""
        number = self._table.lookup(_NUMBER)
        following = number + 1 - self._table.lookup(_HELD)
        with tf.control_dependencies([self._table.insert(_NUMBER, following)]):
            # The table forgets that it was asked for one number.
            return tf.ensure_shape(number, ())


def epochs_of(dataset) -> Epochs | None:
    """The numbers of a dataset's epochs, also if it was derived from the one that counts them.

    Args:
        dataset: anything.

    Returns:
        `Epochs`; None for data that do not count their epochs, or of which several parts do, each
        for itself.
    """
    found = {getattr(each, _CARRIED, None) for each in _down_to_the_numbers(dataset)} - {None}
    return found.pop() if len(found) == 1 else None


def keeps_order(dataset) -> bool:
    """Whether the order of counted data still follows from the number of the epoch.

    Args:
        dataset: anything.

    Returns:
        bool. False for counted data after `cache` or `shuffle`, or beside data that are shuffled
        anew in every pass.
    """
    for each in _down_to_the_numbers(dataset):
        has_state = private.is_cache(each) or private.is_shuffle(each)
        if private.shuffles_anew(each) or (has_state and epochs_of(each)):
            return False
    return True


def _down_to_the_numbers(dataset):
    """What a dataset was derived from, itself included, as far as that which counts its epochs."""
    yield dataset
    if isinstance(dataset, tf.data.Dataset) and not hasattr(dataset, _CARRIED):
        for source in private.dataset_inputs(dataset):
            yield from _down_to_the_numbers(source)


@contextlib.contextmanager
def uncounted(dataset):
    """Iterations over a dataset that begin in the block count as none of its epochs.

    Args:
        dataset: anything.
    """
    epochs = epochs_of(dataset)
    with contextlib.ExitStack() as afterwards:
        if epochs is not None:
            afterwards.callback(setattr, epochs, "next", epochs.next)
        yield


def digest(array: np.ndarray) -> str:
    """What tells one array of images, samples or labels apart from another.

    Args:
        array: any array; of many rows about 1,000 at even distances are looked at, so that a file
            on the disk is hardly read.

    Returns:
        Str of 16 hexadecimal digits.
    """
    rows = array[:: max(1, len(array) // _DIGESTED)]
    return hashlib.blake2b(np.ascontiguousarray(rows).tobytes(), digest_size=8).hexdigest()
