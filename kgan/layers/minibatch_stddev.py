"""Minibatch standard deviation: lets a discriminator see how much its samples vary."""

from typing import Any

import keras
from keras import ops

from kgan._utils.checks import is_integer

# Under the square root, whose slope is infinite at 0, where all samples are one.
_EPSILON = 1e-8


@keras.saving.register_keras_serializable("kgan")
class MinibatchStdDev(keras.layers.Layer):
    """Append to every sample how much the samples of its group differ, so that collapse is seen.

    s = mean over features of sqrt(variance over the group + 1e-8), one number per group, as one
    more channel of constant value. A generator that repeats itself has a small s.

    Groups are rows that follow each other, so replicas whose share of the batch is a multiple of
    `group_size` see what one device sees. Rows left over at the end get the s of the last
    `group_size` rows; a smaller batch is one group. The paper takes the whole batch for a group;
    groups of 4 are its successor's.

    Samples of a batch depend on each other behind this layer, so a penalty on a gradient per sample
    has no meaning (`mixes_samples`).

    Args:
        group_size: int > 1, samples per group, default 4.

    Example:
        >>> kgan.layers.MinibatchStdDev()(ops.zeros((8, 4, 4, 512))).shape
        TensorShape([8, 4, 4, 513])

    Reference:
        Karras et al. 2018, Progressive Growing of GANs, arXiv 1710.10196, section 3; groups of 4:
        Karras et al. 2020, arXiv 1912.04958.
    """

    mixes_samples = True

    def __init__(self, group_size: int = 4, **kwargs: Any):
        super().__init__(**kwargs)
        if not is_integer(group_size) or group_size < 2:
            raise ValueError(
                "The group_size of MinibatchStdDev must be an integer above 1: one sample alone "
                f"does not vary. Received: group_size={group_size!r}."
            )
        self.group_size = int(group_size)
        self.input_spec = keras.InputSpec(min_ndim=2)

    def call(self, inputs):
        statistic = self._statistic_per_row(inputs)
        statistic = ops.reshape(statistic, (-1,) + (1,) * (len(inputs.shape) - 1))
        channel = ops.ones_like(inputs[..., :1]) * ops.cast(statistic, inputs.dtype)
        return ops.concatenate([inputs, channel], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}

    def _statistic_per_row(self, inputs):
        batch = ops.shape(inputs)[0]
        size = ops.minimum(batch, self.group_size)
        # Squares of 16-bit activations overflow.
        values = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        values = ops.reshape(values, (batch, -1))
        full = ops.reshape(values[: batch // size * size], (batch // size, size, -1))
        # One group more, of the last rows, for those left over.
        groups = ops.concatenate([full, values[None, -size:]])
        statistic = ops.mean(ops.sqrt(ops.var(groups, axis=1) + _EPSILON), axis=1)
        return ops.take(statistic, ops.arange(batch) // size)
