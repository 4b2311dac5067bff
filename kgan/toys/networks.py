"""Small multilayer perceptrons for points instead of images."""

import math

import keras
from keras import layers

from kgan.layers import SpectralNorm


def generator(
    latent_dim: int,
    sample_dim: int,
    *,
    width: int,
    depth: int,
    activation: str = "relu",
    bias_range: float = 1.0,
) -> keras.Model:
    """Latents to points, without a bound on the points.

    Args:
        latent_dim: int, width of the latents.
        sample_dim: int, coordinates of a point.
        width: int, units of a hidden layer.
        depth: int, hidden layers.
        activation: name of a Keras activation.
        bias_range: float >= 0, initial biases are uniform from minus this to this. Random ones make
            many pieces, as separate modes want them; without any, a generator on a line begins
            without folds.

    Returns:
        `keras.Model` of latents (batch, latent_dim) to points (batch, sample_dim).
    """
    x = latents = keras.Input((latent_dim,), name="latents")
    for number in range(1, depth + 1):
        x = layers.Dense(
            width,
            activation=activation,
            kernel_initializer="he_normal",
            bias_initializer=keras.initializers.RandomUniform(-bias_range, bias_range),
            name=f"hidden_{number}",
        )(x)
    points = layers.Dense(sample_dim, name="points")(x)
    return keras.Model(latents, points, name="generator")


def discriminator(
    sample_dim: int,
    *,
    width: int,
    depth: int,
    activation: str = "silu",
    first_gain: float = 3.0,
    weight_constraint=None,
    spectral_norm: bool = False,
) -> keras.Model:
    """Points to one logit.

    Random biases and a steep first layer spread the bends of the first units over the plane, so
    that modes much narrower than their distance are seen early.

    Args:
        sample_dim: int, coordinates of a point.
        width: int, units of a hidden layer.
        depth: int, hidden layers.
        activation: name of a Keras activation; smooth ones have the second derivatives that
            gradient penalties are about.
        first_gain: float, factor on the first layer's initial kernel beside He's.
        weight_constraint: `keras.constraints.Constraint` on every weight, or None.
        spectral_norm: bool, whether every kernel is divided by its largest singular value.

    Returns:
        `keras.Model` of points (batch, sample_dim) to logits (batch, 1).
    """

    def dense(units, name, **arguments):
        layer = layers.Dense(
            units,
            kernel_constraint=weight_constraint,
            bias_constraint=weight_constraint,
            name=name,
            **arguments,
        )
        return SpectralNorm(layer, name=f"{name}_normed") if spectral_norm else layer

    x = points = keras.Input((sample_dim,), name="points")
    for number in range(1, depth + 1):
        fan_in, gain = (sample_dim, first_gain) if number == 1 else (width, 1.0)
        x = dense(
            width,
            f"hidden_{number}",
            activation=activation,
            # He's deviation, times the gain.
            kernel_initializer=keras.initializers.RandomNormal(0.0, gain * math.sqrt(2 / fan_in)),
            bias_initializer=keras.initializers.RandomUniform(-1.0, 1.0),
        )(x)
    return keras.Model(points, dense(1, "logits")(x), name="discriminator")
