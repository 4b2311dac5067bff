"""A look at the data before the first step."""

import dataclasses

import keras
import numpy as np

from kgan._utils.checks import check_integer
from kgan._utils.checks import check_number
from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import without_column
from kgan.backend import batches
from kgan.backend import replicas
from kgan.backend import scopes
from kgan.data.epochs import digest
from kgan.data.epochs import uncounted
from kgan.data.store import is_sound_for
from kgan.gan import checks
from kgan.gan.replication import check_groups

# As many as show whether samples are as varied as data, and no more than anyone's memory holds.
_REFERENCES = 64


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """The data of a `fit` that have been looked at.

    Attributes:
        x: whatever `fit` takes, to be used in place of what was given: a generator is continued.
        y: array of labels beside an array, or None.
        batch_size: int, or None.
        shuffle: bool, whether Keras is to shuffle them.
        validation_split: float in [0, 1).
        images: float32 array (n, ...), the first n <= 64 images; None if they cannot be looked at.
        labels: array (n, ...), their labels, or None.
    """

    x: object
    y: object
    batch_size: int | None
    shuffle: bool
    validation_split: float
    images: np.ndarray | None
    labels: np.ndarray | None


def check_call(gan: keras.Model, call: str, **weights) -> None:
    """Raise unless `fit` or `evaluate` can be called like this.

    Args:
        gan: `kgan.GAN`.
        call: str, the method's name.
        **weights: the weights given to it.

    Raises:
        ValueError: before compile, in the scope of other devices, with weights, or with optimizers
            that `compile` was not given.
    """
    # Keras takes a loaded model for compiled also where it could not compile it.
    if not gan.compiled or gan.discriminator_steps is None:
        raise ValueError(
            f"You must call `compile()` before calling `{call}()`. Expected: a compiled GAN, "
            "gan.compile(loss=...). Received: one that was never compiled."
        )
    scopes.check_scope_of_call(gan.images_seen, call)
    others = [
        name
        for name, value in vars(gan).items()
        if isinstance(value, keras.optimizers.Optimizer) and value is not gan.optimizer
    ]
    if others and gan.has_default_optimizers:
        raise ValueError(
            f"{type(gan).__name__} has optimizers that GAN.compile was not given: it would train "
            "with its default ones, and callbacks, backups and files would keep the state of those "
            "alone. Expected: super().compile(d_optimizer, g_optimizer, ...), which keeps the two "
            "as self.optimizer.d_optimizer and self.optimizer.g_optimizer. Received: "
            f"super().compile() without optimizers, and the attributes {', '.join(others)}."
        )
    for name, weight in weights.items():
        if weight is not None:
            raise ValueError(
                f"{name} has no meaning for a GAN, which minimises no loss per label. Expected: "
                f"{name}=None. Received: a {type(weight).__name__}. Leave it out; repeat or drop "
                "samples of the data to make some count more."
            )


def check_numbers(**numbers) -> list:
    """Raise unless the numbers that `fit` or `evaluate` was given are some that they can take.

    Args:
        **numbers: by the names that they have in Keras; most may be None.

    Returns:
        List of the numbers in this order, as Python's, which alone Keras takes everywhere.

    Raises:
        ValueError: for a number that is out of range or none.
    """
    found = []
    for name, value in numbers.items():
        if name == "validation_split":
            value = check_number(name, 0.0 if value is None else value, at_least=0, below=1)
        elif name in ("epochs", "initial_epoch"):
            value = check_integer(name, value, 0)
        elif name == "validation_freq" and isinstance(value, list | tuple | set | range):
            value = [check_positive_integer(name, epoch) for epoch in value]
        elif value is not None or name == "validation_freq":
            value = check_positive_integer(name, value)
        found.append(value)
    return found


def check_end(data, name: str, steps: int | None) -> None:
    """Raise if a pass over the data would never end.

    Args:
        data: whatever `fit` takes as data or as validation data.
        name: str, the argument that says how many batches a pass takes.
        steps: int, its value; None if it was not given.

    Raises:
        ValueError: if the data are known to have no end, and `steps` is None.
    """
    x = data[0] if isinstance(data, tuple | list) and data else data
    if steps is None and batches.is_endless(x):
        raise ValueError(
            f"A pass over these data would never end. Expected: data with an end, or {name}, the "
            f"number of batches to take. Received: {name}=None, and a {type(x).__name__} without "
            f"end. Pass {name}=, or leave out .repeat()."
        )


def look(gan, x, y, batch_size: int | None, shuffle, validation_split: float) -> TrainingData:
    """Check the data of a `fit`, on one device or on replicas, and keep some as references.

    Args:
        gan: compiled `kgan.GAN`.
        x: whatever `fit` takes.
        y: whatever `fit` takes beside arrays.
        batch_size: rows per batch of arrays; Keras' 32 if None.
        shuffle: as in `fit`.
        validation_split: as in `fit`.

    Returns:
        `TrainingData`.

    Raises:
        ValueError: if there are no data, or they are not what this GAN can learn from.
    """
    x, num_replicas = batches.as_array(x), replicas.num_replicas_of(gan)
    if num_replicas > 1 and (validation_split or not batches.are_all_full(x, batch_size)):
        raise ValueError(
            f"{num_replicas} replicas train on equal parts of a batch, and the last batch of these "
            "data may be too short for that. Batch a dataset with .batch(n, drop_remainder=True), "
            "as kgan.data does; make a generator or a PyDataset one with "
            "tf.data.Dataset.from_generator and an output_signature whose shapes begin with n; of "
            "arrays, batch_size must divide the number of rows, and validation_data take the place "
            "of a validation_split."
        )
    parts = gan.discriminator_steps, num_replicas, gan.pack
    batch, x, y, ordered = _look(gan, x, y, batch_size, parts)
    if num_replicas > 1:
        _check_shares(gan, batch, x, num_replicas)
    if replicas.worker(gan)[1] > 1:
        _check_same_data(gan, batch, ordered or not shuffle)
    images, labels = _references(batch, gan)
    # Keras' default, True, is for arrays; of other data it only warns that it cannot.
    shuffle = False if ordered else shuffle
    return TrainingData(x, y, batch_size, shuffle, validation_split, images, labels)


def look_at_held_out(gan, x, y, batch_size: int | None) -> tuple:
    """Check the data of an `evaluate`.

    Args:
        gan: compiled `kgan.GAN`.
        x: whatever `evaluate` takes.
        y: whatever `evaluate` takes beside arrays.
        batch_size: rows per batch of arrays; Keras' 32 if None.

    Returns:
        (x, y), or what is to be used in their place.

    Raises:
        ValueError: as `look`.
    """
    _, x, y, _ = _look(gan, x, y, batch_size)
    return x, y


def look_at_validation_data(gan, data, batch_size: int | None) -> tuple:
    """Check the validation data of a `fit`.

    Args:
        gan: compiled `kgan.GAN`.
        data: whatever `fit` takes as validation data.
        batch_size: rows per batch of arrays; Keras' 32 if None.

    Returns:
        (`data` or what is to be used in its place, some of its images, their labels), as of `look`.

    Raises:
        ValueError: as `look`, named as validation data.
    """
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    check_call(gan, "fit", **{"The sample weight of validation_data": weights})
    try:
        batch, x, y, _ = _look(gan, x, y, batch_size, name="validation_data")
    except ValueError as error:
        raise ValueError(f"validation_data: {error}") from error
    return x if y is None else (x, y), *_references(batch, gan)


def flat(callbacks) -> tuple:
    """Callbacks as `fit` takes them, one after the other.

    Args:
        callbacks: a callback, a list of them, a `keras.callbacks.CallbackList`, or None.

    Returns:
        Tuple of callbacks.
    """
    # A CallbackList holds them in an attribute.
    return tuple(keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or ()))


def look_at_one_batch(gan, call: str, x, y, **weights) -> tuple:
    """Check the batch of a `train_on_batch` or `test_on_batch`.

    Args:
        gan: `kgan.GAN`.
        call: str, the method's name.
        x: a batch of images.
        y: their labels, or None.
        **weights: the weights given to it.

    Returns:
        (x, y), or what is to be used in their place.

    Raises:
        ValueError: as `check_call`, or for a batch that this GAN cannot learn from.
    """
    check_call(gan, call, **weights)
    x, y = batches.as_array(x), None if y is None else batches.as_array(y)
    y = y if gan.num_classes is None else without_column(y)
    checks.check_batch((x, y), gan)
    return x, y


def _look(gan, x, y, batch_size, parts=(1, 1, 1), name="the data") -> tuple:
    """Check arrays, or the first batch of other data, whose later batches are checked on their way.

    Returns:
        (batch, x, y, ordered): the first batch, or None if it could not be looked at, what is to be
        used in place of `x` and `y`, and whether `x` has an order of its own.
    """
    x, y = batches.as_array(x), None if y is None else np.asarray(y)
    y = y if gan.num_classes is None else without_column(y)
    with uncounted(x):
        batch, x, ordered = batches.first_batch(x, y, batch_size)
    if batch is None:
        return batch, x, y, ordered
    is_array = isinstance(x, np.ndarray) or keras.ops.is_tensor(x)
    whole = (x, y) if is_array else batch
    checks.check_batch(whole, gan, where="" if is_array else " of the first batch")
    images, _ = checks.images_and_labels(batch, gan)
    checks.check_rows(len(images), *parts)
    checks.warn_of_one_side(images, gan)
    if not is_sound_for(x, gan.num_classes):
        x = batches.checked(
            x,
            name,
            checks.shapes_of_batch(gan),
            lambda batch: checks.is_sound(batch, gan),
            lambda batch: checks.check_batch(batch, gan),
        )
    return batch, x, y, ordered


def _references(batch, gan) -> tuple:
    """The first images of a batch and their labels, copied: a view would keep the whole batch."""
    if batch is None:
        return None, None
    images, labels = checks.images_and_labels(batch, gan)
    labels = None if labels is None else np.array(labels[:_REFERENCES])
    return np.array(images[:_REFERENCES], "float32"), labels


def _check_shares(gan, batch, x, num_replicas: int) -> None:
    """Raise unless each replica has a share of every minibatch that one device would make."""
    if batch is None:
        rows = batches.distributed_rows(x, num_replicas)
        if rows is None:
            return
        checks.check_rows(rows, gan.discriminator_steps, num_replicas, gan.pack)
    else:
        rows = len(checks.images_and_labels(batch, gan)[0])
    check_groups(gan.discriminator, rows // (gan.discriminator_steps * num_replicas))


def _check_same_data(gan, batch, is_ordered: bool) -> None:
    """Raise unless all workers, each of which takes its part of every batch, see the same ones.

    Args:
        gan: `kgan.GAN`.
        batch: the first batch, or None if it could not be looked at.
        is_ordered: whether the order of the data is their own.

    Raises:
        ValueError: if they do not, or each might have another order.
    """
    if not is_ordered:
        raise ValueError(
            "Each worker takes its rows of every batch, and Keras would shuffle arrays in "
            "another order on each. Pass kgan.data.from_arrays(...).batches(...), whose order "
            "follows from its seed, or shuffle=False."
        )
    arrays = keras.tree.flatten(batch)
    # Half of it: the sign takes a bit.
    numbers = [int(digest(array), 16) >> 1 for array in arrays if array is not None]
    if not replicas.same_everywhere(gan, numbers):
        raise ValueError(
            "The workers' data are not the same: their first batches differ. Each worker takes "
            "its rows of every batch, so that rows would come twice and others never. Give all "
            "of them the same files in the same order, and a shuffle a seed: "
            "dataset.shuffle(n, seed=0), or keras.utils.set_random_seed(0)."
        )
