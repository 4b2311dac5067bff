"""Grouped convolution that processors compute fast and every export format has."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kgan.backend import convolutions

# Channels that one dense kernel takes. More cost more arithmetic with zeros, fewer more operations.
_AT_ONCE = 128


@keras.saving.register_keras_serializable("kgan")
class GroupedConv2D(keras.layers.Conv2D):
    """Convolution in groups of channels: `keras.layers.Conv2D(groups=...)` in another form.

    Weights, config and results are those of Keras' layer. For processors TensorFlow has no kernel
    for groups, so Keras has every such layer compiled by XLA, which takes ten times as long and
    cannot be converted to ONNX. Here the groups' kernels are the blocks of dense ones, with zeros
    between them, each over at most 128 channels or one group. On a GPU, in training, TensorFlow's
    own kernel for groups computes; inference and exports have the dense form everywhere.

    Args:
        *args: as of `keras.layers.Conv2D`.
        **kwargs: as of `keras.layers.Conv2D`, of data in the format "channels_last".

    Raises:
        ValueError: for another data format, and as `keras.layers.Conv2D`.

    Example:
        >>> layer = kgan.layers.GroupedConv2D(64, 3, padding="same", groups=4)
        >>> layer(ops.zeros((8, 28, 28, 64))).shape
        TensorShape([8, 28, 28, 64])
        >>> layer.kernel.shape
        TensorShape([3, 3, 16, 64])
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.data_format != "channels_last":
            raise ValueError(
                "GroupedConv2D takes images with their channels last. Expected: "
                f"data_format='channels_last'. Received: data_format={self.data_format!r}."
            )

    def call(self, inputs, training=False):
        by_groups = training and convolutions.takes_groups(inputs)
        convolve = convolutions.grouped if by_groups else self._by_dense_kernels
        outputs = convolve(
            inputs,
            ops.convert_to_tensor(self.kernel),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
        )
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _by_dense_kernels(self, inputs, kernel, **options):
        *_, channels, filters = kernel.shape
        most = max(1, _AT_ONCE // channels)
        groups = max(n for n in range(1, most + 1) if self.groups % n == 0)
        mask = np.kron(np.eye(groups), np.ones((channels, filters // self.groups)))
        kernels = ops.tile(kernel, (1, 1, groups, 1))
        parts = self.groups // groups
        outputs = [
            ops.conv(part, own * ops.cast(mask, own.dtype), **options)
            for part, own in zip(
                ops.split(inputs, parts, axis=-1), ops.split(kernels, parts, axis=-1), strict=True
            )
        ]
        return ops.concatenate(outputs, axis=-1)
