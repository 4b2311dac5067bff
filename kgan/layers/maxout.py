"""Maxout: a dense layer whose activation is learned."""

from typing import Any

import keras
from keras import ops

from kgan._utils.checks import check_positive_integer


@keras.saving.register_keras_serializable("kgan")
class Maxout(keras.layers.Layer):
    """Dense layer on (batch, features) whose every unit is the largest of several linear pieces.

    y_u = max over j of (x W_uj + b_uj): a learned convex activation.

    Args:
        units: int > 0, width of the output.
        pieces: int > 0, linear pieces per unit, default 5.
        kernel_initializer: as in `keras.layers.Dense`.
        kernel_constraint: as in `keras.layers.Dense`.
        bias_constraint: as in `keras.layers.Dense`.

    Example:
        >>> layer = kgan.layers.Maxout(240, pieces=5)
        >>> layer(ops.zeros((8, 784))).shape
        TensorShape([8, 240])

    Reference:
        Goodfellow et al. 2013, Maxout Networks, arXiv 1302.4389, section 2.
    """

    def __init__(
        self,
        units: int,
        pieces: int = 5,
        *,
        kernel_initializer: str | dict | keras.Initializer = "glorot_uniform",
        kernel_constraint: str | dict | keras.constraints.Constraint | None = None,
        bias_constraint: str | dict | keras.constraints.Constraint | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = check_positive_integer("units", units)
        self.pieces = check_positive_integer("pieces", pieces)
        self.linear = keras.layers.Dense(
            self.units * self.pieces,
            kernel_initializer=kernel_initializer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            dtype=self.dtype_policy,
            name="linear",
        )

    def build(self, input_shape):
        self.linear.build(input_shape)
        self.built = True

    def call(self, inputs):
        pieces = ops.reshape(self.linear(inputs), (-1, self.units, self.pieces))
        return ops.max(pieces, axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "kernel_initializer": keras.initializers.serialize(self.linear.kernel_initializer),
            "kernel_constraint": keras.constraints.serialize(self.linear.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.linear.bias_constraint),
        }
