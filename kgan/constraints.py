"""Constraints on weights that Keras lacks."""

import keras
from keras import ops

from kgan._utils.checks import check_number
from kgan._utils.configured import Configured

__all__ = ["WeightClip"]


@keras.saving.register_keras_serializable("kgan")
class WeightClip(Configured, keras.constraints.Constraint):
    """Keep every weight in [-c, c], after each update: how WGAN bounds the critic's slope.

    The optimizer applies it after every discriminator step, so it belongs on all kernels, biases
    and normalisation weights of the critic (`weight_constraint=` of the discriminators in
    `kgan.models`).

    Args:
        c: float > 0, the bound, default 0.01.

    Example:
        >>> layer = keras.layers.Dense(1, kernel_constraint=kgan.constraints.WeightClip(0.01))

    Reference:
        Arjovsky et al. 2017, arXiv 1701.07875, Algorithm 1, line 7.
    """

    def __init__(self, c: float = 0.01):
        self.c = check_number("c of WeightClip", c, above=0)

    def __call__(self, w):
        return ops.clip(w, -self.c, self.c)
