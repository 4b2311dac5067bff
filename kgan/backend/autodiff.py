"""Gradient tapes and compiled functions."""

import keras
import tensorflow as tf


class NotTwiceDifferentiableError(ValueError):
    """TensorFlow has no derivative of a gradient, which a penalty on gradients needs."""


def input_gradients(function, inputs):
    """The gradient of a function by its input, itself differentiable by the function's variables.

    Args:
        function: function of a tensor that returns a tensor; row i of the one must depend on row i
            of the other alone.
        inputs: float tensor (rows, ...).

    Returns:
        Tensor like `inputs`: row i is the gradient of the sum of row i of the outputs.
    """
    return outputs_and_input_gradients(function, inputs)[1]


def outputs_and_input_gradients(function, inputs) -> tuple:
    """What a function returns, and `input_gradients`, of one pass of it.

    Args:
        function: as for `input_gradients`.
        inputs: as for `input_gradients`.

    Returns:
        (tensor, tensor like `inputs`).
    """
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return outputs, tape.gradient(outputs, inputs)


def value_and_pullback(function, variables: list):
    """What is made of variables, and the way back from a gradient by it to those by them.

    Args:
        function: function without arguments that returns a sequence of float tensors.
        variables: Keras variables.

    Returns:
        (what `function` returned, pullback): a function, to be called once, of the gradients of a
        scalar by the tensors that returns those by the variables. A gradient of zero may be None.
    """
    with tf.GradientTape() as tape:
        made = function()

    def pullback(gradients):
        # TensorFlow would take None for a gradient of one.
        pairs = [pair for pair in zip(made, gradients, strict=True) if pair[1] is not None]
        targets, gradients = zip(*pairs, strict=True) if pairs else ((), ())
        sources = [variable.value for variable in variables]
        return tape.gradient(targets, sources, output_gradients=gradients)

    return made, pullback


def value_and_gradients(objective, variables: list, through: tuple | None = None):
    """A scalar and its gradients.

    Args:
        objective: function without arguments that returns (scalar to differentiate, anything else).
        variables: Keras variables.
        through: what `value_and_pullback` returned for the same variables, if the objective
            depends on them through tensors that were made before. None, the default, if not.

    Returns:
        (what `objective` returned beside the scalar, list of gradients, one per variable). Whoever
        waits for one of the gradients has waited for all of it.

    Raises:
        NotTwiceDifferentiableError: where an operation has no derivative.
    """
    made, pullback = ((), None) if through is None else through
    with tf.GradientTape() as tape:
        tape.watch(made)
        value, others = objective()
    try:
        gradients, by_made = tape.gradient(value, ([part.value for part in variables], made))
    except LookupError as error:
        # "gradient registry has no entry for: ResizeNearestNeighborGrad"
        kind = str(error).rpartition(": ")[2]
        graph = () if tf.executing_eagerly() else value.graph.get_operations()
        paths = [part.name.removeprefix("gradient_tape/") for part in graph if part.type == kind]
        where = f", from the layers {', '.join(paths)}" if paths else ""
        raise NotTwiceDifferentiableError(
            "The discriminator cannot be differentiated twice, as a penalty on its gradient needs. "
            "Expected: layers whose gradients TensorFlow can differentiate. Received: "
            f"{kind}{where}. Use another layer there, such as kgan.layers.NearestUpSampling2D, "
            "interpolation='bilinear' or average pooling, or kgan.penalties.LeCam, which looks at "
            "logits only."
        ) from error
    if pullback is not None:
        gradients = list(map(_sum, gradients, pullback(by_made)))
    return others, _together(gradients, tf.nest.flatten((value, others, gradients)))


def _sum(one, other):
    """The sum of two gradients, None being zero."""
    if one is None or other is None:
        return other if one is None else one
    # That of an embedding is a list of rows.
    return tf.convert_to_tensor(one) + tf.convert_to_tensor(other)


def _together(gradients: list, computed: list) -> list:
    """The gradients themselves, none of which is there before everything computed is.

    An update must not change a variable that is still to be read. TensorFlow writes that order into
    the graph, takes it out again where a gradient depends on the reading anyhow, and then replaces
    a gradient that is zero, as a penalty's by a bias is, by a constant that depends on nothing:
    the penalty saw the bias of before the update or after it, as it happened.
    """
    with tf.control_dependencies([part for part in computed if tf.is_tensor(part)]):
        return [None if gradient is None else tf.identity(gradient) for gradient in gradients]


def trace(function, inputs: list) -> None:
    """Build the graph of a function, and neither run it nor change a variable.

    Args:
        function: function of tensors.
        inputs: list of `keras.KerasTensor`, what the tensors are like.
    """

    def stateless(*tensors):
        with keras.StatelessScope():
            function(*tensors)

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    tf.function(stateless, autograph=False).get_concrete_function(*specs)


def compiled(function):
    """Compile a function, so that a call of it waits for Python no longer than for one operation.

    Args:
        function: function of tensors that returns tensors. All its variables exist.

    Returns:
        Function of the same tensors. It is compiled anew for every new shape.
    """
    # AutoGraph would read source files and write them anew. What Keras calls has no need of it.
    return tf.function(function, autograph=False)


def repeated(step):
    """Compile a step and a loop around it.

    Args:
        step: function without arguments, called for what it does to variables, all of which exist.

    Returns:
        Function of an int that runs the step so many times in one call.
    """

    @tf.function(jit_compile=True, autograph=False)
    def run(times):
        def body(done):
            step()
            return done + 1

        tf.while_loop(lambda done: done < times, body, [tf.constant(0)])

    return lambda times: run(tf.constant(times))
