"""Fully connected pairs: the 2014 paper's, and the smallest one that learns a digit."""

import math

import keras
from keras import layers

from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_positive_integer
from kgan.layers import Maxout
from kgan.models import ends


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
    initializer = keras.initializers.RandomUniform(-0.05, 0.05)
    return _generator(image_shape, latent_dim, [width, width], num_classes, initializer)


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
    constraints = {"kernel_constraint": weight_constraint, "bias_constraint": weight_constraint}
    for name in ("maxout_1", "maxout_2"):
        x = Maxout(width, 5, kernel_initializer=initializer, name=name, **constraints)(x)
        x = layers.Dropout(0.5, name=f"{name}_dropout")(x)
    return ends.discriminator_head(
        images, x, num_classes, weight_constraint, kernel_initializer=initializer
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
    return _generator(image_shape, latent_dim, [width], num_classes, "glorot_uniform")


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
    constraints = {"kernel_constraint": weight_constraint, "bias_constraint": weight_constraint}
    x = layers.Flatten(name="pixels")(images)
    x = layers.Dense(width, name="hidden", **constraints)(x)
    x = layers.LeakyReLU(0.2, name="hidden_relu")(x)
    return ends.discriminator_head(images, x, num_classes, weight_constraint)


def _generator(image_shape, latent_dim, widths, num_classes, initializer) -> keras.Model:
    """Hidden ReLU layers of these widths, then a sigmoid stretched to [-1, 1]."""
    image_shape = check_image_shape(image_shape)
    inputs, x = ends.generator_inputs(latent_dim, num_classes)
    for number, width in enumerate(widths, start=1):
        width = check_positive_integer("width", width)
        x = layers.Dense(width, "relu", kernel_initializer=initializer, name=f"hidden_{number}")(x)
    size, dtype = math.prod(image_shape), ends.output_dtype()
    x = layers.Dense(size, "sigmoid", kernel_initializer=initializer, dtype=dtype, name="pixels")(x)
    x = layers.Rescaling(2.0, offset=-1.0, dtype=dtype, name="stretch")(x)
    images = layers.Reshape(image_shape, dtype=dtype, name="images")(x)
    return keras.Model(inputs, images, name="generator")
