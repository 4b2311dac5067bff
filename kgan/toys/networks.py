"""Small multilayer perceptrons for points instead of images."""

import math

import keras
from keras import layers

from kgan.layers import SpectralNorm

# Factor on He's deviation for the first kernel of a discriminator that begins spread.
_FIRST_GAIN = 3.0


def generator(
    latent_dim: int,
    sample_dim: int,
    *,
    width: int,
    depth: int,
    activation: str = "relu",
    spread: bool = True,
) -> keras.Model:
    """Latents to points, without a bound on the points.

    Args:
        latent_dim: int, width of the latents.
        sample_dim: int, coordinates of a point.
        width: int, units of a hidden layer.
        depth: int, hidden layers.
        activation: name of a Keras activation.
        spread: bool, whether units begin with He's kernels and biases from U(-1, 1), which cut the
            latents into many pieces, as separate modes want them. Else with Keras' own, smooth:
            a generator on a line then begins without a fold, which it might never lose.

    Returns:
        `keras.Model` of latents (batch, latent_dim) to points (batch, sample_dim).
    """

    def initializers():
        # New ones for every layer: one object would give all of them the same numbers.
        if not spread:
            return {}
        return {
            "kernel_initializer": "he_normal",
            "bias_initializer": keras.initializers.RandomUniform(-1.0, 1.0),
        }

    x = latents = keras.Input((latent_dim,), name="latents")
    for number in range(1, depth + 1):
        x = layers.Dense(
            width,
            activation=activation,
            name=f"hidden_{number}",
            **initializers(),
        )(x)
    points = layers.Dense(sample_dim, name="points")(x)
    return keras.Model(latents, points, name="generator")


def discriminator(
    sample_dim: int,
    *,
    width: int,
    depth: int,
    activation: str = "silu",
    spread: bool = True,
    weight_constraint=None,
    spectral_norm: bool = False,
) -> keras.Model:
    """Points to one logit.

    Args:
        sample_dim: int, coordinates of a point.
        width: int, units of a hidden layer.
        depth: int, hidden layers.
        activation: name of a Keras activation; smooth ones have the second derivatives that
            gradient penalties are about.
        spread: bool, whether units begin with He's kernels, the first of them three times as steep,
            and biases from U(-1, 1): their bends then lie all over the plane, and modes much
            narrower than their distance are seen early. Else with Keras' own.
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

    def initializers(fan_in, gain):
        if not spread:
            return {}
        return {
            "kernel_initializer": keras.initializers.RandomNormal(
                0.0, gain * math.sqrt(2 / fan_in)
            ),
            "bias_initializer": keras.initializers.RandomUniform(-1.0, 1.0),
        }

    x = points = keras.Input((sample_dim,), name="points")
    for number in range(1, depth + 1):
        fan_in, gain = (sample_dim, _FIRST_GAIN) if number == 1 else (width, 1.0)
        name = f"hidden_{number}"
        x = dense(width, name, activation=activation, **initializers(fan_in, gain))(x)
    return keras.Model(points, dense(1, "logits")(x), name="discriminator")
