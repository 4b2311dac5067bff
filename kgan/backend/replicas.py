"""TensorFlow's replicas: how several devices take the steps of one."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kgan._utils.tensors import Tensor
from kgan.backend import private

# Far more than the draws of any training, so that no two replicas' seeds meet.
_SEEDS_APART = 1_000_003


def num_replicas_of(model: keras.Model) -> int:
    """How many replicas will work on the global batch when `model` is trained."""
    return model.distribute_strategy.num_replicas_in_sync


def num_replicas() -> int:
    """How many replicas work on the global batch; 1 outside a strategy."""
    return _replica()[1]


def merges_replicas(model: keras.Model) -> bool:
    """Whether an update of `model` is one in which replicas meet, if only a single one."""
    mirrored = tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy
    return isinstance(model.distribute_strategy, mirrored)


def worker(model: keras.Model) -> tuple[int, int]:
    """Which process this is among those that train `model` together.

    Args:
        model: keras model, made under the strategy it is trained with.

    Returns:
        (index, count): 0 <= index < count. Worker 0 is the one that writes files. (0, 1) where
        there is one process.

    Example:
        >>> kgan.distribution.worker(gan)
        (0, 1)
    """
    strategy = model.distribute_strategy
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 0, 1
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict()
    # TensorFlow counts a chief, where there is one, before the workers.
    chiefs = len(cluster.get("chief", []))
    count = chiefs + len(cluster.get("worker", []))
    if count < 2:
        return 0, 1
    return (0 if resolver.task_type == "chief" else chiefs + resolver.task_id), count


def same_everywhere(model: keras.Model, integers) -> bool:
    """Whether all workers have the same integers. All of them must ask, at the same point.

    Args:
        model: keras model, made under the strategy it is trained with.
        integers: sequence of integers, equally many on every worker.

    Returns:
        bool, the same on every worker; True where there is one process.
    """
    if worker(model)[1] == 1:
        return True
    strategy = model.distribute_strategy
    own = [int(integer) for integer in integers]

    @tf.function
    def gathered():
        return strategy.gather(strategy.run(lambda: tf.constant([own], tf.int64)), axis=0)

    everyones = gathered().numpy()
    return bool((everyones == everyones[0]).all())


def global_rows(draw: Callable, rows: int | Tensor, *, parts_are_equal: bool = True) -> Tensor:
    """Draw something random for the global batch and keep the rows of this replica.

    Every replica holds the same seed and draws all the rows, then keeps its own. So no two replicas
    see the same numbers, and any number of replicas together see those of one device.

    Args:
        draw: function of a number of rows n that returns a tensor (n, ...).
        rows: int or integer tensor, the rows this replica needs.
        parts_are_equal: bool, whether all replicas need as many. Else they have to tell each other.

    Returns:
        Tensor (rows, ...).

    Example:
        >>> seeds = keras.random.SeedGenerator(0)
        >>> noise = kgan.distribution.global_rows(
        ...     lambda n: keras.random.normal((n, 3), seed=seeds), 8)
        >>> noise.shape
        TensorShape([8, 3])
    """
    replica, replicas = _replica()
    if replicas == 1:
        return draw(rows)
    if parts_are_equal:
        before, everyones = tf.cast(replica, tf.int32) * rows, replicas * rows
    else:
        own = tf.one_hot(replica, replicas, dtype=tf.int32) * rows
        counts = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
        before, everyones = tf.cumsum(counts, exclusive=True)[replica], tf.reduce_sum(counts)
    return draw(everyones)[before : before + rows]


def draw_own_numbers(model: keras.Model) -> None:
    """Let the random layers of a network, such as dropout, draw other numbers on every replica.

    Replicas hold equal copies of a seed generator's state, so that they would all drop the same
    units. A copy stays equal, and is saved as it is on one device; what a replica draws with is its
    seed moved by the replica's number. On one device nothing changes.

    Args:
        model: keras model.
    """
    for layer in private.walk_layers(model):
        for part in _parts(list(vars(layer).values())):
            # A second call of compile finds it done.
            if isinstance(part, keras.random.SeedGenerator) and "next" not in vars(part):
                part.next = _moved_by_replica(part.next)


def global_mean(values: Tensor, axis: int | None = None) -> Tensor:
    """The mean over the global batch, the same on every replica.

    Gradients pass through it, those of the other replicas too.

    Args:
        values: float tensor; replicas may have unequal parts of the batch, or none.
        axis: 0 for the mean over the rows; None, the default, for that of all entries.

    Returns:
        Tensor: of the shape of a row, or a scalar.

    Example:
        >>> float(kgan.distribution.global_mean(np.float32([1, 2, 6])))
        3.0
    """
    if num_replicas() == 1:
        return tf.reduce_mean(values, axis)
    count = tf.size(values) if axis is None else tf.shape(values)[axis]
    own = [tf.reduce_sum(values, axis), tf.cast(count, values.dtype)]
    total, count = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
    return total / count


def same_scalar(dtype: str, name: str) -> keras.Variable:
    """A number to keep, 0 at first, of which every replica computes the same value.

    Args:
        dtype: str.
        name: str.

    Returns:
        `keras.Variable` of shape (), not trained.
    """
    return keras.Variable(
        "zeros", (), dtype, trainable=False, aggregation="only_first_replica", name=name
    )


def apply_gradients(optimizer, gradients: list, variables: list) -> None:
    """Update variables with gradients, on one device or on all replicas.

    Keras sums gradients over the replicas within its update, after it has clipped them and has
    looked for infinities on the first replica alone. Clipping and loss scaling are about the
    gradient of the global batch, so here it is summed before.

    Args:
        optimizer: `keras.optimizers.Optimizer`, built.
        gradients: of this replica's share of the scaled loss, whose sum over the replicas is the
            scaled loss of the global batch.
        variables: Keras variables, one per gradient.
    """
    # An embedding's gradient is a list of rows, in which a row that was looked up n times stands n
    # times. Keras' optimizers would square each of them, in place of their sum.
    gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    replicas = num_replicas()
    if replicas > 1 and _needs_the_whole(optimizer):
        # Clipped in the optimizer's place, which will see a part of the sum, too short to clip.
        gradients = _clipped(optimizer, _summed(gradients))
        # The optimizer sums over the replicas once more.
        gradients = [None if g is None else g / replicas for g in gradients]
    optimizer.apply(gradients, variables)


def _needs_the_whole(optimizer) -> bool:
    """Whether an optimizer does more with a gradient than to follow it."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    options = (inner.clipnorm, inner.global_clipnorm, inner.clipvalue, inner.loss_scale_factor)
    return inner is not optimizer or any(options)


def _summed(gradients: list) -> list:
    given = [gradient for gradient in gradients if gradient is not None]
    context = tf.distribute.get_replica_context()
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given))
    return [None if gradient is None else next(summed) for gradient in gradients]


def _clipped(optimizer, gradients: list) -> list:
    """What `optimizer` would make of the gradients of its scaled loss."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    # Not in 16 bits, in which a scale soon is infinite.
    dtype = keras.backend.result_type(keras.config.floatx(), "float32")
    scale = optimizer.scale_loss(tf.ones((), dtype))

    def each(clip, limit):
        limit = limit * scale
        return [None if g is None else clip(g, tf.cast(limit, g.dtype)) for g in gradients]

    if inner.clipnorm:
        return each(tf.clip_by_norm, inner.clipnorm)
    if inner.global_clipnorm:
        return tf.clip_by_global_norm(gradients, inner.global_clipnorm * scale)[0]
    if inner.clipvalue:
        return each(_clipped_by_value, inner.clipvalue)
    return gradients


def _clipped_by_value(gradient, limit):
    # An infinity must reach the loss scale, which answers it with a smaller one.
    finite = tf.math.is_finite(gradient)
    return tf.where(finite, tf.clip_by_value(gradient, -limit, limit), gradient)


def _moved_by_replica(draw):
    def draw_here(ordered=True):
        seed = draw(ordered)
        replica, replicas = _replica()
        if replicas == 1:
            return seed
        move = tf.cast(replica, tf.int64) * _SEEDS_APART
        return seed + tf.cast(tf.stack([move, tf.zeros_like(move)]), seed.dtype)

    return draw_here


def _parts(value):
    """What lists, tuples and dicts hold, however deep."""
    if not isinstance(value, list | tuple | dict):
        yield value
        return
    # Keras' own tracked lists and dicts are of these classes too.
    for part in value.values() if isinstance(value, dict) else value:
        yield from _parts(part)


def _replica():
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync
