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
    x = latents = keras.Input((latent_dim,), name="latents")
    for number in range(1, depth + 1):
        initial = _spread(x.shape[-1]) if spread else {}
        x = layers.Dense(width, activation=activation, name=f"hidden_{number}", **initial)(x)
    initial = _last(x.shape[-1]) if spread else {}
    points = layers.Dense(sample_dim, name="points", **initial)(x)
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

    x = points = keras.Input((sample_dim,), name="points")
    for number in range(1, depth + 1):
        gain = _FIRST_GAIN if number == 1 else 1.0
        initial = _spread(x.shape[-1], gain) if spread else {}
        x = dense(width, f"hidden_{number}", activation=activation, **initial)(x)
    initial = _last(x.shape[-1]) if spread else {}
    return keras.Model(points, dense(1, "logits", **initial)(x), name="discriminator")


def _spread(fan_in: int, gain: float = 1.0) -> dict:
    """Initialisers of a hidden layer; new ones, since one object gives all layers the same."""
    return {
        "kernel_initializer": keras.initializers.RandomNormal(0.0, gain * math.sqrt(2 / fan_in)),
        "bias_initializer": keras.initializers.RandomUniform(-1.0, 1.0),
    }


def _last(fan_in: int) -> dict:
    """Initialisers of a linear output."""
    return {"kernel_initializer": keras.initializers.RandomNormal(0.0, math.sqrt(1 / fan_in))}
