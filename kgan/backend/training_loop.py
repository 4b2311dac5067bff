"""TensorFlow's loop over the batches, which Keras' own gets wrong on several replicas."""

import itertools

import keras
import tensorflow as tf


class Steps:
    """How many steps an epoch, or an evaluation, still has where it was told how many to take."""

    def __init__(self):
        self.begin(None)

    def begin(self, steps: int | None) -> None:
        """Before the first epoch.

        Args:
            steps: int, the steps of every epoch; None for as many as there are batches.
        """
        self._steps = steps
        self._taken = 0

    def at_most(self, steps: int) -> int:
        """So many steps, or fewer if the epoch has no more."""
        return steps if self._steps is None else min(steps, self._steps - self._taken)

    def count(self, taken: int) -> None:
        """Note that so many were taken. After the last one of an epoch the next epoch begins."""
        if self._steps is not None:
            self._taken = (self._taken + taken) % self._steps


def loop(model: keras.Model, step, steps: Steps):
    """A function of an iterator that takes `steps_per_execution` steps under any strategy.

    Under a strategy Keras' own loop fails with steps_per_execution > 1 and with several workers,
    and its logs are the mean of every replica's means, which is another number where replicas have
    unequal parts of a batch. On one device its detour through optional values takes a quarter of
    the time of a small step. And where `steps_per_execution` does not divide `steps_per_epoch`, an
    epoch of it takes more steps than it was told.

    Args:
        model: the model whose logs are returned.
        step: `train_step` or `test_step` of the model.
        steps: `Steps` to keep to.

    Returns:
        Function that takes fewer steps where the epoch or the data end before, raises StopIteration
        or `tf.errors.OutOfRangeError` where there are no data, and returns the logs over all
        replicas.
    """
    step = _on_what_is_there(tf.autograph.experimental.do_not_convert(step))
    if model.run_eagerly:
        one, several, given = None, _eager_steps(step), step
    else:
        if model.jit_compile:
            step = tf.function(step, jit_compile=True, reduce_retracing=True, autograph=False)
        one, several, given = _one_step(step), _several_steps(model, step), _given_step(model, step)

    def function(iterator):
        is_plain = isinstance(iterator, tf.data.Iterator)
        if not is_plain and not isinstance(iterator, tf.distribute.DistributedIterator):
            # train_on_batch comes with a generator of its one batch.
            return given(next(iterator))
        if is_plain and one is not None and model.steps_per_execution == 1:
            return one(iterator)
        taken, logs = several(iterator, steps.at_most(model.steps_per_execution))
        if not taken:
            raise StopIteration
        steps.count(int(taken))
        return logs

    return function


def _on_what_is_there(step):
    """A step on a batch in which Keras may have put an empty optional value in place of None."""

    def there(part):
        return None if isinstance(part, tf.experimental.Optional) else part

    return lambda batch: step(keras.tree.map_structure(there, batch))


def _one_step(step):
    """A step on the next batch of an iterator that is not distributed."""

    @tf.function(reduce_retracing=True, autograph=False)
    def run(iterator):
        batch = iterator.get_next()
        # At the end of the data nothing of a step may be done: all of it waits for the batch.
        with tf.control_dependencies(filter(tf.is_tensor, tf.nest.flatten(batch))):
            return step(batch)

    return run


def _given_step(model: keras.Model, step):
    """A step on a batch that comes from no dataset."""
    step = tf.function(step, reduce_retracing=True, autograph=False)

    def run(batch):
        replicas = model.distribute_strategy.num_replicas_in_sync
        if replicas > 1:
            raise ValueError(
                "train_on_batch and test_on_batch run on one device only: every replica would get "
                f"the whole batch. Received: a strategy with {replicas} replicas. Use fit and "
                "evaluate, which share it out."
            )
        return step(batch)

    return run


def _eager_steps(step):
    """Steps that Python takes, one operation after the other."""

    def run(iterator, steps):
        taken, logs = 0, None
        for batch in itertools.islice(iterator, steps):
            taken, logs = taken + 1, step(batch)
        return taken, logs

    return run


def _several_steps(model: keras.Model, step):
    """So many steps, on all replicas there are."""
    strategy = model.distribute_strategy
    logged = set()

    # The question whether there is a batch stands in the loop's condition. Keras asks it around
    # the step, where no operation can be that merges replicas; and a step that is begun without a
    # batch would be taken by half.
    @tf.function(reduce_retracing=True, autograph=False)
    def run(iterator, steps):
        def one_step(taken, batch):
            logged.update(strategy.run(step, args=(batch.get_value(),)))
            taken += 1
            # No batch is taken from the iterator that no step will be taken with.
            batch = tf.cond(
                taken < steps,
                iterator.get_next_as_optional,
                lambda: tf.experimental.Optional.empty(batch.element_spec),
            )
            return taken, batch

        taken, _ = tf.while_loop(
            lambda taken, batch: tf.logical_and(taken < steps, batch.has_value()),
            one_step,
            [0, iterator.get_next_as_optional()],
        )
        return taken, _logs(model, logged)

    return lambda iterator, steps: run(iterator, tf.constant(steps))


def _logs(model: keras.Model, logged: set) -> dict:
    """The running means of these names over all replicas."""
    means = [mean for mean in model.metrics if mean.name in logged]
    others = logged.difference(mean.name for mean in means)
    if others:
        raise ValueError(
            "With steps_per_execution > 1 or several replicas only the model's metrics can be "
            "logged: of several steps no single one counts. Received, of no metric: "
            f"{', '.join(sorted(others))}. Make each a keras.metrics.Mean, an attribute of the "
            "model, and return its result()."
        )
    # Read outside the replicas, the sums behind a mean are those of all of them.
    return {mean.name: mean.result() for mean in means}
