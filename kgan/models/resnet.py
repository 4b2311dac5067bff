"""SN-ResNet: residual blocks, batch norm in the generator, spectral norm in the discriminator."""

import math

import keras
from keras import layers

from kgan._utils.checks import check_flag
from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_positive_integer
from kgan.layers import ConditionalBatchNorm
from kgan.layers import NearestUpSampling2D
from kgan.layers import SpectralNorm
from kgan.models import ends
from kgan.models.halving import smallest_picture

# Pixels of the shorter side up to which the networks have one width throughout.
_ONE_WIDTH_SIDE = 32
# Larger ones double their channels up to so many times the width.
_MOST_DOUBLINGS = 4
# Chainer's, by which the published figures came.
_BATCH_NORM = {"momentum": 0.9, "epsilon": 2e-5}


def resnet_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 128,
    *,
    width: int | None = None,
    num_classes: int | None = None,
    spectral_norm: bool = False,
) -> keras.Model:
    """SN-ResNet's generator: a dense layer to a small picture, then residual blocks that double it.

    A block is batch norm, ReLU, nearest upsampling, 3x3, batch norm, ReLU, 3x3, plus a 1x1 of the
    upsampled input; batch norm, ReLU, a 3x3 and tanh follow the last one. Images up to 32 pixels
    have one width throughout; for larger ones channels halve as the picture doubles, from at most
    16 times `width`. With classes every batch norm in a block is a
    `kgan.layers.ConditionalBatchNorm`. Weights start by Glorot's uniform rule, those of the 3x3 in
    blocks sqrt(2) times as large.

    The 1x1 is computed before the upsampling, which is the same function for a quarter of the work.

    Args:
        image_shape: as in `dcgan_generator`; published are 32, 64 and 128 pixels.
        latent_dim: int, width of the latents, default the paper's 128.
        width: int, channels of the last block. Default the published: 256 up to 32 pixels, else 64.
        num_classes: int for a generator of [latents, labels], default None.
        spectral_norm: bool, whether the dense layer and all convolutions are under
            `kgan.layers.SpectralNorm`, as in SAGAN and BigGAN. Default False.

    Returns:
        Keras model of latents (batch, latent_dim), or [latents, labels], to images
        (batch, *image_shape) in [-1, 1], float32.

    Raises:
        ValueError: for sides that do not halve down to 4 to 8 pixels.

    Example:
        >>> kgan.models.resnet_generator((28, 28, 1), width=16).output_shape
        (None, 28, 28, 1)

    Reference:
        Miyato et al. 2018, arXiv 1802.05957, appendix B; classes: Miyato and Koyama 2018,
        arXiv 1802.05637.
    """
    image_shape = check_image_shape(image_shape)
    wrap = _spectral if check_flag("spectral_norm", spectral_norm) else _as_it_is
    base, doublings = smallest_picture(image_shape)
    widths = _widths(image_shape, doublings, width, small=256)[::-1]
    inputs, x = ends.generator_inputs(latent_dim, None)
    labels = None
    if num_classes is not None:
        labels = ends.label_input()
        inputs = [inputs, labels]

    def norm(x, name):
        if labels is None:
            return layers.BatchNormalization(**_BATCH_NORM, name=name)(x)
        return ConditionalBatchNorm(num_classes, **_BATCH_NORM, name=name)([x, labels])

    x = wrap(layers.Dense(math.prod(base) * widths[0], name="base"))(x)
    x = layers.Reshape((*base, widths[0]), name="base_picture")(x)
    for number, channels in enumerate(widths[1:], start=1):
        name = f"up_{number}"
        y = layers.ReLU(name=f"{name}_relu_1")(norm(x, f"{name}_norm_1"))
        y = NearestUpSampling2D(name=name)(y)
        y = wrap(_convolution(channels, f"{name}_1"))(y)
        y = layers.ReLU(name=f"{name}_relu_2")(norm(y, f"{name}_norm_2"))
        y = wrap(_convolution(channels, f"{name}_2"))(y)
        x = wrap(_shortcut(channels, f"{name}_shortcut"))(x)
        x = NearestUpSampling2D(name=f"{name}_shortcut_up")(x)
        x = layers.Add(name=f"{name}_sum")([x, y])
    x = layers.BatchNormalization(**_BATCH_NORM, name="last_norm")(x)
    x = layers.ReLU(name="last_relu")(x)
    last = layers.Conv2D(
        image_shape[-1],
        3,
        padding="same",
        activation="tanh",
        dtype=ends.output_dtype(),
        name="images",
    )
    return keras.Model(inputs, wrap(last)(x), name="resnet_generator")


def resnet_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int | None = None,
    num_classes: int | None = None,
    weight_constraint: keras.constraints.Constraint | None = None,
) -> keras.Model:
    """SN-ResNet's discriminator: residual blocks under spectral norm, then the sum over all places.

    A block is ReLU, 3x3, ReLU, 3x3, average pooling, plus a 1x1 of the pooled input; the first one
    begins without a ReLU. Up to 32 pixels there are four blocks of one width, of which two pool;
    for larger images channels double from block to block up to 16 times `width`, and the first five
    blocks pool. A side that is odd is not pooled. `kgan.layers.SpectralNorm` is on every kernel,
    that of the class embedding included, and every sample is judged alone.

    The 1x1 is computed after the pooling, which is the same function for a quarter of the work.

    Args:
        image_shape: as in `resnet_generator`.
        width: int, channels of the first block. Default the published: 128 up to 32 pixels,
            else 64.
        num_classes: int for a discriminator of [images, labels] with a projection head. Default
            None.
        weight_constraint: `keras.constraints.Constraint` on every weight, default None.

    Returns:
        Keras model of images (batch, *image_shape), or [images, labels], to logits (batch, 1).

    Raises:
        ValueError: as `resnet_generator`.

    Example:
        >>> gan = kgan.GAN(
        ...     kgan.models.resnet_generator((28, 28, 1), 64, width=16),
        ...     kgan.models.resnet_discriminator((28, 28, 1), width=16), latent_dim=64)
        >>> gan.compile()
        >>> gan.loss, gan.discriminator_steps
        (Hinge(), 5)

    Reference:
        Miyato et al. 2018, arXiv 1802.05957, appendix B; the projection: Miyato and Koyama
        2018, arXiv 1802.05637.
    """
    image_shape = check_image_shape(image_shape)
    _, doublings = smallest_picture(image_shape)
    is_small = min(image_shape[:2]) <= _ONE_WIDTH_SIDE
    blocks, pools = (4, 2) if is_small else (doublings + 1, 5)
    widths = _widths(image_shape, blocks - 1, width, small=128)
    constraints = {"kernel_constraint": weight_constraint, "bias_constraint": weight_constraint}
    x = images = keras.Input(image_shape, name="images")
    for number, channels in enumerate(widths):
        name = f"down_{number}"
        y = layers.ReLU(name=f"{name}_relu_1")(x) if number > 0 else x
        hidden = x.shape[-1] if number > 0 else channels
        y = _spectral(_convolution(hidden, f"{name}_1", **constraints))(y)
        y = layers.ReLU(name=f"{name}_relu_2")(y)
        y = _spectral(_convolution(channels, f"{name}_2", **constraints))(y)
        is_pooled = number < pools and all(side % 2 == 0 for side in x.shape[1:3])
        if is_pooled:
            x = layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x)
            y = layers.AveragePooling2D(2, name=f"{name}_pool")(y)
        if is_pooled or x.shape[-1] != channels:
            x = _spectral(_shortcut(channels, f"{name}_shortcut", **constraints))(x)
        x = layers.Add(name=f"{name}_sum")([x, y])
    x = layers.ReLU(name="last_relu")(x)
    places = math.prod(x.shape[1:3])
    # The sum over all places, which 16 bits may not hold.
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    features = layers.Rescaling(float(places), dtype=ends.output_dtype(), name="features")(x)
    return ends.discriminator_head(
        images,
        features,
        num_classes,
        weight_constraint,
        _spectral,
        name="resnet_discriminator",
        label_initializer="glorot_uniform",
    )


def _widths(image_shape, doublings: int, width: int | None, *, small: int) -> list[int]:
    """Channels from the image inwards: of its first block, and after every halving."""
    is_small = min(image_shape[:2]) <= _ONE_WIDTH_SIDE
    if width is None:
        width = small if is_small else 64
    width = check_positive_integer("width", width)
    most = 0 if is_small else _MOST_DOUBLINGS
    return [width * 2 ** min(number, most) for number in range(doublings + 1)]


def _convolution(filters: int, name: str, **constraints):
    # Glorot's rule with a gain of sqrt(2).
    initializer = keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")
    return layers.Conv2D(
        filters, 3, padding="same", kernel_initializer=initializer, name=name, **constraints
    )


def _shortcut(filters: int, name: str, **constraints):
    return layers.Conv2D(filters, 1, name=name, **constraints)


def _spectral(layer):
    return SpectralNorm(layer, name=layer.name)


def _as_it_is(layer):
    return layer
