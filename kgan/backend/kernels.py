"""Faster arithmetic for what Keras computes slowly, while a step is traced and in that step alone.

Keras looks a layer's `call` up at every call, and so an attribute of the one object, there as long
as its model's step is traced, takes the method's place. Nothing of it is left afterwards: files,
exports and summaries are of the user's object, and another model's step is traced without it.
"""

import contextlib
import functools
import math
import os

import keras
import tensorflow as tf
from keras import ops

from kgan.backend import convolutions
from kgan.backend import private
from kgan.backend import replicas

_FLOATS = "float32", "float64"
# The least that cuDNN takes.
_LEAST_EPSILON = 1.001e-5
# Entries of a variable from which on several threads update it faster than Keras' operations do.
_SHARED_OUT = 2**14


def check(model: keras.Model, fast_kernels: bool | str, *, run_eagerly: bool, jit_compile) -> None:
    """Raise if fast kernels are demanded where they are not to be had.

    Args:
        model: what is compiled.
        fast_kernels: bool or "auto".
        run_eagerly: bool.
        jit_compile: bool or "auto".

    Raises:
        ValueError: with what contradicts them.
    """
    others = {
        "run_eagerly=True, which is for looking at Keras' own operations": run_eagerly,
        "jit_compile=True, with which XLA makes the kernels": jit_compile is True,
        "a strategy of replicas, which update variables together": _has_replicas(model),
    }
    received = [other for other, is_so in others.items() if is_so]
    if fast_kernels is True and received:
        raise ValueError(
            "fast_kernels=True needs a step that TensorFlow compiles for one device. Received, "
            f"beside it: {' and '.join(received)}. Leave fast_kernels out, for them where they "
            "can be had."
        )


def fast(model: keras.Model, step, *, optimizers: list):
    """A step of a model, traced with fast kernels where they can be had.

    Args:
        model: compiled keras model.
        step: its `train_step` or `test_step`.
        optimizers: those that the step applies.

    Returns:
        Function of a batch.
    """
    if model.run_eagerly or model.jit_compile or _has_replicas(model):
        return step

    def run(batch):
        inner = [getattr(optimizer, "inner_optimizer", optimizer) for optimizer in optimizers]
        with _swapped([*private.walk_layers(model), *inner]):
            return step(batch)

    return run


def _has_replicas(model: keras.Model) -> bool:
    return replicas.merges_replicas(model) or replicas.num_replicas_of(model) > 1


@contextlib.contextmanager
def _swapped(owners: list):
    """In this block, faster methods of the layers and optimizers that are Keras' own."""
    with contextlib.ExitStack() as afterwards:
        for owner in owners:
            # A subclass may compute something else; and a layer may be there twice.
            name, method = _FASTER.get(type(owner), (None, None))
            if name is not None and name not in vars(owner):
                # Past Keras' bookkeeping of attributes.
                vars(owner)[name] = functools.partial(method, owner)
                afterwards.callback(vars(owner).pop, name)
        yield


def _convolution(layer, inputs, kernel):
    """`keras.layers.Conv2D.convolution_op`."""
    if not _is_plain(layer, inputs):
        return type(layer).convolution_op(layer, inputs, kernel)
    kernel = tf.convert_to_tensor(kernel)
    return convolutions.convolution(inputs, kernel, layer.strides, layer.padding.upper())


def _transposed(layer, inputs):
    """`keras.layers.Conv2DTranspose.call`."""
    if not _is_plain(layer, inputs):
        return type(layer).call(layer, inputs)
    kernel, padding = tf.convert_to_tensor(layer.kernel), layer.padding.upper()
    sides = layer.compute_output_shape(inputs.shape)[1:3]
    outputs = convolutions.transposed(inputs, kernel, sides, layer.strides, padding)
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias))
    return outputs if layer.activation is None else layer.activation(outputs)


def _is_plain(layer, inputs) -> bool:
    """Whether a convolution is one of those that `convolutions` knows."""
    return (
        layer.data_format == "channels_last"
        and layer.dilation_rate == (1, 1)
        and getattr(layer, "groups", 1) == 1
        and inputs.dtype.name == layer.compute_dtype in _FLOATS
        and None not in inputs.shape[1:]
        and all(device.device_type == "CPU" for device in tf.config.list_logical_devices())
    )


def _batch_norm(layer, inputs, training=None, mask=None):
    """`keras.layers.BatchNormalization.call`."""
    axis = layer.axis % len(inputs.shape)
    if (
        not (training and layer.trainable)
        or mask is not None
        # Older versions of Keras do not have it.
        or getattr(layer, "renorm", False)
        or layer.synchronized
        or axis != len(inputs.shape) - 1
        or layer.epsilon < _LEAST_EPSILON
        or inputs.dtype.name == "float64"
    ):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    channels = inputs.shape[-1]
    values = tf.cast(inputs, tf.float32)
    if len(inputs.shape) != 4:
        values = tf.reshape(values, [-1, 1, 1, channels])
    scale = tf.cast(layer.gamma, tf.float32) if layer.scale else tf.ones(channels)
    offset = tf.cast(layer.beta, tf.float32) if layer.center else tf.zeros(channels)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=values, scale=scale, offset=offset, mean=[], variance=[], epsilon=layer.epsilon
    )
    # It comes as an estimate from a sample, sum / (n - 1).
    rows = tf.cast(tf.size(values) // channels, tf.float32)
    variance *= tf.maximum(rows - 1, 1) / rows
    for moving, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        before = tf.cast(moving, tf.float32)
        moving.assign(before * layer.momentum + value * (1.0 - layer.momentum))
    if len(inputs.shape) != 4:
        outputs = tf.reshape(outputs, tf.shape(inputs))
    return tf.cast(outputs, layer.compute_dtype)


def _adam(optimizer, gradients, variables, learning_rate):
    """`keras.optimizers.Adam`'s update of all variables, one operation for each."""
    betas = optimizer.beta_1, optimizer.beta_2
    powers = {
        # Keras' cast rounds a number of Python's to float32 first.
        dtype: [ops.power(ops.cast(beta, dtype), ops.cast(step, dtype)) for beta in betas]
        for step in [optimizer.iterations + 1]
        for dtype in _FLOATS
    }
    # Its kernel shares out its work among threads however little it is.
    least = 0 if _threads() == 1 else _SHARED_OUT
    for gradient, variable in zip(gradients, variables, strict=True):
        is_small = math.prod(variable.shape) < least
        if is_small or optimizer.amsgrad or variable.dtype not in powers:
            optimizer.update_step(gradient, variable, learning_rate)
            continue
        momentum, velocity = private.moments(optimizer, variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=momentum.value.handle,
            v=velocity.value.handle,
            beta1_power=powers[variable.dtype][0],
            beta2_power=powers[variable.dtype][1],
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=betas[0],
            beta2=betas[1],
            epsilon=optimizer.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


def _threads() -> int:
    """How many threads an operation may take."""
    chosen = tf.config.threading.get_intra_op_parallelism_threads()
    return chosen or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or os.cpu_count())


# By the very class: the name of a method, and what takes its place.
_FASTER = {
    keras.layers.BatchNormalization: ("call", _batch_norm),
    keras.layers.Conv2D: ("convolution_op", _convolution),
    keras.layers.Conv2DTranspose: ("call", _transposed),
    keras.optimizers.Adam: (private.UPDATE_STEP, _adam),
    keras.optimizers.AdamW: (private.UPDATE_STEP, _adam),
}
