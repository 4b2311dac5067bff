"""Batch norm whose scale and offset are of the sample's class."""

from typing import Any

import keras
from keras import ops

from kgan._utils.checks import check_positive_integer


@keras.saving.register_keras_serializable("kgan")
class ConditionalBatchNorm(keras.layers.Layer):
    """Batch norm of [images, labels]: one mean and variance, a scale and an offset a class.

    y = scale[label] * (x - mean) / sqrt(variance + epsilon) + offset[label], per channel. What
    normalises is a `keras.layers.BatchNormalization` without scale and offset, with all that Keras
    and kgan do for one. Scales start as N(1, 0.02^2), offsets as 0.

    Args:
        num_classes: int > 0; labels are integers in [0, num_classes).
        momentum: as in `keras.layers.BatchNormalization`.
        epsilon: as in `keras.layers.BatchNormalization`.

    Example:
        >>> layer = kgan.layers.ConditionalBatchNorm(10)
        >>> layer([ops.zeros((8, 7, 7, 64)), ops.zeros((8,), "int32")]).shape
        TensorShape([8, 7, 7, 64])

    Reference:
        Dumoulin et al. 2017, arXiv 1610.07629; in generators: Miyato and Koyama 2018,
        arXiv 1802.05637.
    """

    def __init__(
        self, num_classes: int, *, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.num_classes = check_positive_integer("num_classes", num_classes)
        self.norm = keras.layers.BatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            center=False,
            scale=False,
            dtype=self.dtype_policy,
            name="norm",
        )

    def build(self, input_shape):
        images, labels = input_shape
        self.norm.build(images)
        initializers = {
            "scale": keras.initializers.RandomNormal(1.0, 0.02),
            "offset": keras.initializers.Zeros(),
        }
        self.scale, self.offset = (
            keras.layers.Embedding(
                self.num_classes,
                images[-1],
                embeddings_initializer=initializer,
                dtype=self.dtype_policy,
                name=name,
            )
            for name, initializer in initializers.items()
        )
        for embedding in (self.scale, self.offset):
            embedding.build(labels)

    def call(self, inputs, training=False):
        images, labels = inputs
        shape = (-1, *(1,) * (len(images.shape) - 2), images.shape[-1])
        scale, offset = (ops.reshape(part(labels), shape) for part in (self.scale, self.offset))
        return scale * self.norm(images, training=training) + offset

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "momentum": self.norm.momentum,
            "epsilon": self.norm.epsilon,
        }
