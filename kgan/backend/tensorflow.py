"""TensorFlow: gradient tapes, compiled functions, tf.data."""

import types

import keras
import numpy as np
import tensorflow as tf


def version() -> str:
    """TensorFlow's version."""
    return tf.__version__


def input_gradients(function, inputs):
    """The gradient of a function by its input, itself differentiable by the function's variables.

    Args:
        function: function of a tensor that returns a tensor; row i of the one must depend on row i
            of the other alone.
        inputs: float tensor (rows, ...).

    Returns:
        Tensor like `inputs`: row i is the gradient of the sum of row i of the outputs.
    """
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return tape.gradient(outputs, inputs)


def value_and_gradients(objective, variables: list):
    """A scalar and its gradients.

    Args:
        objective: function without arguments that returns (scalar to differentiate, anything else).
        variables: Keras variables.

    Returns:
        (what `objective` returned beside the scalar, list of gradients, one per variable). Whoever
        waits for one of the gradients has waited for all of it.
    """
    with tf.GradientTape() as tape:
        value, others = objective()
    gradients = tape.gradient(value, [variable.value for variable in variables])
    return others, _together(gradients, tf.nest.flatten((value, others, gradients)))


def _together(gradients: list, computed: list) -> list:
    """The gradients themselves, none of which is there before everything computed is.

    An update must not change a variable that is still to be read. TensorFlow writes that order into
    the graph, takes it out again where a gradient depends on the reading anyhow, and then replaces
    a gradient that is zero, as a penalty's by a bias is, by a constant that depends on nothing:
    the penalty saw the bias of before the update or after it, as it happened.
    """
    with tf.control_dependencies([part for part in computed if tf.is_tensor(part)]):
        return [None if gradient is None else tf.identity(gradient) for gradient in gradients]


def compiled(function):
    """Compile a function, so that a call of it waits for Python no longer than for one operation.

    Args:
        function: function of tensors that returns tensors. All its variables exist.

    Returns:
        Function of the same tensors. It is compiled anew for every new shape.
    """
    return tf.function(function)


def repeated(step):
    """Compile a step and a loop around it.

    Args:
        step: function without arguments, called for what it does to variables, all of which exist.

    Returns:
        Function of an int that runs the step so many times in one call.
    """

    @tf.function(jit_compile=True)
    def run(times):
        def body(done):
            step()
            return done + 1

        tf.while_loop(lambda done: done < times, body, [tf.constant(0)])

    return lambda times: run(tf.constant(times))


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
