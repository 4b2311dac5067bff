"""TensorFlow's loop over the batches, which Keras' own gets wrong on several replicas."""

import keras
import tensorflow as tf


class WithTrainingLoop:
    """Mixin for `keras.Model`: `fit` and `evaluate` under every `tf.distribute` strategy.

    Under a strategy Keras' loop fails with steps_per_execution > 1 and with several workers, and
    its logs are the mean of every replica's means, which is another number where replicas have
    unequal parts of a batch. On one device it is right, but its detour through optional values
    takes a quarter of the time of a small step. Stand this class before `keras.Model` in the list
    of bases.
    """

    def make_train_function(self, force: bool = False):
        """Keras calls this when `fit` begins."""
        if self.run_eagerly:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = _loop(self, self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False):
        """Keras calls this when `evaluate` begins."""
        if self.run_eagerly:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = _loop(self, self.test_step)
        return self.test_function

    def _maybe_symbolic_build(self, *args, **kwargs):
        # Keras would call the model on a batch to build it, images in place of latents.
        del args, kwargs


def _loop(model: keras.Model, step):
    """A function of an iterator that takes `steps_per_execution` steps.

    Args:
        model: the model whose logs are returned.
        step: `train_step` or `test_step` of the model.

    Returns:
        Function that takes fewer steps where the data end before, raises StopIteration or
        `tf.errors.OutOfRangeError` where there are none, and returns the logs over all replicas.
    """
    step = _on_what_is_there(tf.autograph.experimental.do_not_convert(step))
    if model.jit_compile:
        step = tf.function(step, jit_compile=True, reduce_retracing=True)
    one, several, given = _one_step(step), _several_steps(model, step), _given_step(model, step)

    def function(iterator):
        is_plain = isinstance(iterator, tf.data.Iterator)
        if is_plain and model.steps_per_execution == 1:
            return one(iterator)
        if is_plain or isinstance(iterator, tf.distribute.DistributedIterator):
            return several(iterator)
        # train_on_batch comes with a generator of its one batch.
        return given(next(iterator))

    return function


def _on_what_is_there(step):
    """A step on a batch in which Keras may have put an empty optional value in place of None."""

    def on_batch(batch):
        return step(
            keras.tree.map_structure(
                lambda part: None if isinstance(part, tf.experimental.Optional) else part, batch
            )
        )

    return on_batch


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


def _several_steps(model: keras.Model, step):
    """`steps_per_execution` steps, on all replicas there are."""
    strategy, steps = model.distribute_strategy, model.steps_per_execution
    logged = set()

    def one_step(taken, batch, iterator):
        logged.update(strategy.run(step, args=(batch.get_value(),)))
        taken += 1
        # No batch is taken from the iterator that no step will be taken with.
        batch = tf.cond(
            taken < steps,
            iterator.get_next_as_optional,
            lambda: tf.experimental.Optional.empty(batch.element_spec),
        )
        return taken, batch

    # The question whether there is a batch stands in the loop's condition. Keras asks it around
    # the step, where no operation can be that merges replicas; and a step that is begun without a
    # batch would be taken by half.
    @tf.function(reduce_retracing=True, autograph=False)
    def run(iterator):
        taken, _ = tf.while_loop(
            lambda taken, batch: tf.logical_and(taken < steps, batch.has_value()),
            lambda taken, batch: one_step(taken, batch, iterator),
            [0, iterator.get_next_as_optional()],
        )
        return taken, _logs(model, logged)

    def function(iterator):
        taken, logs = run(iterator)
        if not taken:
            raise StopIteration
        return logs

    return function


def _logs(model: keras.Model, logged) -> dict:
    """The running means of these names over all replicas."""
    # Read outside the replicas, the sums behind a mean are those of all of them.
    return {mean.name: mean.result() for mean in model.metrics if mean.name in logged}
