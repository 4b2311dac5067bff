"""Fully connected pairs: the 2014 paper's, and the smallest one that learns a digit."""

import math

import keras
from keras import layers

from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_positive_integer
from kgan.layers import Maxout
from kgan.models import conditioning
from kgan.models.precision import output_dtype


def mlp_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    *,
    width: int = 1200,
    num_classes: int | None = None,
) -> keras.Model:
    """The 2014 paper's generator: two ReLU layers, then a sigmoid stretched to [-1, 1].

    Weights start as U(-0.05, 0.05). Latents are N(0, I), as in the paper's TFD and CIFAR-10
    configurations; its MNIST configuration draws them from a uniform of the same variance.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int, width of the latents, default 100.
        width: int, units of each hidden layer, default 1200.
        num_classes: int for a generator of [latents, labels], default None.

    Returns:
        Keras model of latents (batch, latent_dim), or [latents, labels], to images
        (batch, *image_shape) in [-1, 1], float32.

    Example:
        >>> kgan.models.mlp_generator((28, 28, 1)).output_shape
        (None, 28, 28, 1)

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 5, and the configuration of its MNIST
        model (1200 and 1200 rectifiers, sigmoid output).
    """
    return _generator(
        image_shape,
        latent_dim,
        hidden=(width, width),
        num_classes=num_classes,
        kernel_initializer=keras.initializers.RandomUniform(-0.05, 0.05),
    )


def mlp_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int = 240,
    num_classes: int | None = None,
    weight_constraint: keras.constraints.Constraint | None = None,
) -> keras.Model:
    """The 2014 paper's discriminator: two maxout layers of five pieces, dropout before each layer.

    Dropout drops 0.2 of the image and 0.5 of the hidden units, in both players' updates. Weights
    start as U(-0.005, 0.005).

    Args:
        image_shape: as in `mlp_generator`.
        width: int, maxout units of each hidden layer, default 240.
        num_classes: int for a discriminator of [images, labels] with a projection head, default
            None.
        weight_constraint: `keras.constraints.Constraint` on every weight, default None.

    Returns:
        Keras model of images (batch, *image_shape), or [images, labels], to logits (batch, 1).

    Example:
        >>> kgan.models.mlp_discriminator((28, 28, 1)).output_shape
        (None, 1)

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 5; the head of labels: arXiv 1802.05637.
    """
    image_shape = check_image_shape(image_shape)
    width = check_positive_integer("width", width)
    initializer = keras.initializers.RandomUniform(-0.005, 0.005)
    images = keras.Input(image_shape, name="images")
    x = layers.Dropout(0.2, name="image_dropout")(layers.Flatten(name="pixels")(images))
    for number in (1, 2):
        x = Maxout(
            width,
            pieces=5,
            kernel_initializer=initializer,
            kernel_constraint=weight_constraint,
            bias_constraint=weight_constraint,
            name=f"maxout_{number}",
        )(x)
        x = layers.Dropout(0.5, name=f"maxout_{number}_dropout")(x)
    return conditioning.discriminator_head(
        images,
        x,
        num_classes=num_classes,
        weight_constraint=weight_constraint,
        kernel_initializer=initializer,
    )


def small_mlp_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    *,
    width: int = 128,
    num_classes: int | None = None,
) -> keras.Model:
    """One hidden ReLU layer: the pair on which texts about LSGAN show the idea.

    Args:
        image_shape: as in `mlp_generator`.
        latent_dim: int, width of the latents, default 100.
        width: int, units of the hidden layer, default 128.
        num_classes: int for a generator of [latents, labels], default None.

    Returns:
        As `mlp_generator`.

    Example:
        >>> kgan.models.small_mlp_generator((28, 28, 1)).output_shape
        (None, 28, 28, 1)
    """
    return _generator(
        image_shape,
        latent_dim,
        hidden=(width,),
        num_classes=num_classes,
        kernel_initializer="glorot_uniform",
    )


def small_mlp_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int = 128,
    num_classes: int | None = None,
    weight_constraint: keras.constraints.Constraint | None = None,
) -> keras.Model:
    """One hidden layer with leaky ReLU, linear at the output.

    Args:
        image_shape: as in `mlp_generator`.
        width: int, units of the hidden layer, default 128.
        num_classes: int for a discriminator of [images, labels] with a projection head, default
            None.
        weight_constraint: `keras.constraints.Constraint` on every weight, default None.

    Returns:
        As `mlp_discriminator`.

    Example:
        >>> kgan.models.small_mlp_discriminator((28, 28, 1)).output_shape
        (None, 1)
    """
    image_shape = check_image_shape(image_shape)
    width = check_positive_integer("width", width)
    images = keras.Input(image_shape, name="images")
    x = layers.Dense(
        width,
        kernel_constraint=weight_constraint,
        bias_constraint=weight_constraint,
        name="hidden",
    )(layers.Flatten(name="pixels")(images))
    x = layers.LeakyReLU(0.2, name="hidden_relu")(x)
    return conditioning.discriminator_head(
        images, x, num_classes=num_classes, weight_constraint=weight_constraint
    )


def _generator(image_shape, latent_dim, *, hidden, num_classes, kernel_initializer):
    image_shape = check_image_shape(image_shape)
    latent_dim = check_positive_integer("latent_dim", latent_dim)
    hidden = [check_positive_integer("width", width) for width in hidden]
    inputs, x = conditioning.generator_inputs(latent_dim, num_classes)
    for number, units in enumerate(hidden, start=1):
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer=kernel_initializer,
            name=f"hidden_{number}",
        )(x)
    x = layers.Dense(
        math.prod(image_shape),
        activation="sigmoid",
        kernel_initializer=kernel_initializer,
        dtype=output_dtype(),
        name="pixels",
    )(x)
    x = layers.Rescaling(2.0, offset=-1.0, dtype=output_dtype(), name="stretch")(x)
    images = layers.Reshape(image_shape, dtype=output_dtype(), name="images")(x)
    return keras.Model(inputs, images, name="generator")
