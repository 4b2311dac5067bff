"""DCGAN: strided convolutions in both networks, for images of 8 to 128 pixels and more."""

import functools

import keras
from keras import layers

from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_positive_integer
from kgan.layers import SpectralNorm
from kgan.models import ends
from kgan.models.halving import smallest_picture

# Of a sample, layer norm takes height, width and channels together: it never looks at another one.
_NORM_LAYERS = {
    "batch": layers.BatchNormalization,
    "layer": functools.partial(layers.LayerNormalization, axis=[1, 2, 3]),
}


def dcgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    *,
    width: int = 64,
    num_classes: int | None = None,
) -> keras.Model:
    """A dense layer to a small picture, then transposed convolutions that double it.

    Batch norm and ReLU follow every layer but the last, which ends in tanh. Channels halve as the
    picture doubles, down to `width`. Weights start as N(0, 0.02^2). Kernels are 4x4, which the
    stride divides, where the paper has 5x5.

    Args:
        image_shape: (height, width, channels); both sides 4 to 8 times one power of two, for
            example 28, 32, 48, 64, 96, 112, 128.
        latent_dim: int, width of the latents, default the paper's 100.
        width: int, channels before the last layer, default 64; the paper has 128.
        num_classes: int for a generator of [latents, labels], in which an embedding of the label
            stands beside the latents. Default None.

    Returns:
        Keras model of latents (batch, latent_dim), or [latents, labels], to images
        (batch, *image_shape) in [-1, 1], float32.

    Raises:
        ValueError: for sides that do not halve down to 4 to 8 pixels.

    Example:
        >>> kgan.models.dcgan_generator((28, 28, 1), latent_dim=64).output_shape
        (None, 28, 28, 1)

    Reference:
        Radford, Metz and Chintala 2016, arXiv 1511.06434, section 3 and figure 1.
    """
    width = check_positive_integer("width", width)
    image_shape = check_image_shape(image_shape)
    base, doublings = smallest_picture(image_shape)
    inputs, x = ends.generator_inputs(latent_dim, num_classes)
    channels = width * 2 ** (doublings - 1)
    # No bias before batch norm: its gradient is zero but for rounding.
    units = base[0] * base[1] * channels
    x = layers.Dense(units, use_bias=False, kernel_initializer=_normal(), name="base")(x)
    x = layers.Reshape((*base, channels), name="base_picture")(x)
    x = layers.ReLU(name="base_relu")(layers.BatchNormalization(name="base_norm")(x))
    for doubling in range(1, doublings):
        channels //= 2
        x = layers.Conv2DTranspose(channels, **_by_two(), use_bias=False, name=f"up_{doubling}")(x)
        x = layers.BatchNormalization(name=f"up_{doubling}_norm")(x)
        x = layers.ReLU(name=f"up_{doubling}_relu")(x)
    images = layers.Conv2DTranspose(
        image_shape[-1], **_by_two(), activation="tanh", dtype=ends.output_dtype(), name="images"
    )(x)
    return keras.Model(inputs, images, name="generator")


def dcgan_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int = 64,
    num_classes: int | None = None,
    weight_constraint: keras.constraints.Constraint | None = None,
    normalization: str | None = "batch",
) -> keras.Model:
    """Strided convolutions that halve the picture down to 4 to 8 pixels, then logits.

    Leaky ReLU of slope 0.2 throughout, batch norm after every convolution but the first. Channels
    start at `width` and double as the picture halves.

    In training every minibatch, real or fake, is normalised by its own statistics, as in the paper.
    `evaluate` uses one moving average over both, which fits neither: its logits are shifted against
    those of the training logs. Compare them from one evaluation to the next, not with the logs.

    Penalties on gradients (R1, R2, `GradientPenalty`, `DRAGAN`) need every sample judged alone, so
    batch norm has to go. With `normalization`

        "layer"     its place is taken by layer norm, as WGAN-GP recommends;
        "spectral"  every kernel, the head's too, is under `kgan.layers.SpectralNorm`, which bounds
                    the slope with or without a penalty; the usual partner of `Hinge`;
        None        there is nothing, and a penalty alone holds the discriminator.

    Args:
        image_shape: as in `dcgan_generator`.
        width: int, channels of the first convolution, default 64 as in the paper's figure for its
            mirror image.
        num_classes: int for a discriminator of [images, labels] with a projection head. Default
            None.
        weight_constraint: `keras.constraints.Constraint` on every weight, for example
            `kgan.constraints.WeightClip` for a Wasserstein critic. Default None.
        normalization: "batch", "layer", "spectral" or None. Default "batch", the paper's.

    Returns:
        Keras model of images (batch, *image_shape), or [images, labels], to logits (batch, 1).

    Raises:
        ValueError: as `dcgan_generator`, and for an unknown normalization.

    Example:
        >>> gan = kgan.GAN(
        ...     kgan.models.dcgan_generator((28, 28, 1), latent_dim=64),
        ...     kgan.models.dcgan_discriminator((28, 28, 1), normalization="layer"), latent_dim=64)
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", penalties="r1=0.1")

    Reference:
        Radford, Metz and Chintala 2016, arXiv 1511.06434, section 3; layer norm: Gulrajani et al.
        2017, arXiv 1704.00028, section 4; spectral norm: Miyato et al. 2018, arXiv 1802.05957.
    """
    image_shape = check_image_shape(image_shape)
    width = check_positive_integer("width", width)
    if normalization not in (*_NORM_LAYERS, "spectral", None):
        raise ValueError(
            "Unknown normalization. Expected one of ['batch', 'layer', 'spectral'] or None. "
            f"Received: {normalization!r}."
        )

    def wrap(layer):
        return SpectralNorm(layer, name=layer.name) if normalization == "spectral" else layer

    _, halvings = smallest_picture(image_shape)
    constraints = {"kernel_constraint": weight_constraint, "bias_constraint": weight_constraint}
    x = images = keras.Input(image_shape, name="images")
    for halving in range(halvings):
        name, channels = f"down_{halving}", width * 2**halving
        # None before batch norm, as in the generator.
        use_bias = halving == 0 or normalization != "batch"
        convolution = layers.Conv2D(
            channels, **_by_two(), use_bias=use_bias, name=name, **constraints
        )
        x = wrap(convolution)(x)
        if halving > 0 and normalization in _NORM_LAYERS:
            x = _NORM_LAYERS[normalization](
                gamma_constraint=weight_constraint,
                beta_constraint=weight_constraint,
                name=f"{name}_norm",
            )(x)
        x = layers.LeakyReLU(0.2, name=f"{name}_relu")(x)
    features = layers.Flatten(name="features")(x)
    return ends.discriminator_head(
        images, features, num_classes, weight_constraint, wrap, kernel_initializer=_normal()
    )


def _by_two() -> dict:
    """What makes a convolution halve a picture, and a transposed one double it."""
    return {"kernel_size": 4, "strides": 2, "padding": "same", "kernel_initializer": _normal()}


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)
