"""R3GAN's networks: residual blocks without any norm, which start as the identity."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_positive_integer
from kgan.layers import BinomialDownSampling2D
from kgan.layers import BinomialUpSampling2D
from kgan.layers import GroupedConv2D
from kgan.layers import InferenceClip
from kgan.models import ends
from kgan.models.halving import smallest_picture

# Pixels up to which stages have the full width; above, it halves as the side doubles.
_FULL_WIDTH_SIDE = 32
_SLOPE = 0.2


def residual_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 64,
    *,
    width: int | Sequence[int] = 256,
    num_classes: int | None = None,
    blocks: int = 2,
    group_width: int = 16,
) -> keras.Model:
    """R3GAN's generator: a learned small picture, then stages of residual blocks that double it.

    A block is x + conv1(f(conv3(f(conv1(x))))): a 1x1 convolution to twice the channels, a 3x3 one
    in groups of 16 channels, a 1x1 one back, f leaky ReLU of slope 0.2, and no norm anywhere. The
    last convolution of a block starts at zero, the others as N(0, 1.92 / (fan_in sqrt(L))), L
    blocks in the network, so that every block starts as the identity whatever their number. The
    first stage scales a trained picture, channel by channel, by a linear map of the latents; the
    others double their picture by `kgan.layers.BinomialUpSampling2D`.

    It ends linear: nothing saturates, and training sees what it makes, also beyond [-1, 1]. In
    inference, so in samples, metrics, exports and servers, `kgan.layers.InferenceClip` clips
    to [-1, 1].

    Made for a GPU. The published widths are 768 (CIFAR-10, FFHQ) and 1536 with `group_width=32`
    (ImageNet); on two processor cores take `dcgan_generator` with the same loss and penalties.

    Args:
        image_shape: as in `dcgan_generator`.
        latent_dim: int, width of the latents, default the paper's 64. An embedding of the label,
            as wide, stands beside them where there are classes.
        width: int, channels of the stages up to 32 pixels, default 256; above it halves as the
            side doubles. Or a sequence of int, the channels of every stage from the smallest
            picture to the image.
        num_classes: int for a generator of [latents, labels], default None.
        blocks: int, residual blocks a stage, default 2.
        group_width: int, channels of a group, default 16; where the channels are no multiple of
            it, the largest number that divides both.

    Returns:
        Keras model of latents (batch, latent_dim), or [latents, labels], to images
        (batch, *image_shape), float32; in [-1, 1] in inference.

    Raises:
        ValueError: for sides that do not halve down to 4 to 8 pixels, and widths of another number
            of stages.

    Example:
        >>> kgan.models.residual_generator((28, 28, 1), width=16).output_shape
        (None, 28, 28, 1)

    Reference:
        Huang et al. 2025, The GAN is dead; long live the GAN!, arXiv 2501.05441, section 4.
    """
    image_shape = check_image_shape(image_shape)
    (height, columns), widths = _stages(image_shape, width)
    block = _Block(len(widths), blocks, group_width)
    inputs, x = ends.generator_inputs(latent_dim, num_classes, initializer=_linear())
    x = layers.Dense(widths[0], use_bias=False, kernel_initializer=_linear(), name="base")(x)
    x = layers.Reshape((1, 1, widths[0]), name="base_place")(x)
    # One place amid zeros: what slides over it leaves its own picture, times the place.
    margins = ((height - 1,) * 2, (columns - 1,) * 2)
    x = layers.ZeroPadding2D(margins, name="base_margin")(x)
    x = layers.DepthwiseConv2D(
        (height, columns),
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=1.0),
        name="base_picture",
    )(x)
    for stage, channels in enumerate(widths):
        if stage > 0:
            x = _to_width(x, channels, f"up_{stage}_width")
            x = BinomialUpSampling2D(name=f"up_{stage}")(x)
        x = block.repeated(x, f"up_{stage}")
    dtype = ends.output_dtype()
    x = layers.Conv2D(
        image_shape[-1],
        1,
        use_bias=False,
        kernel_initializer=_linear(),
        dtype=dtype,
        name="pixels",
    )(x)
    images = InferenceClip(dtype=dtype, name="images")(x)
    return keras.Model(inputs, images, name="residual_generator")


def residual_discriminator(
    image_shape: tuple[int, int, int],
    *,
    width: int | Sequence[int] = 256,
    num_classes: int | None = None,
    weight_constraint: keras.constraints.Constraint | None = None,
    blocks: int = 2,
    group_width: int = 16,
) -> keras.Model:
    """R3GAN's discriminator: `residual_generator` in a mirror.

    Stages of the same blocks, between them `kgan.layers.BinomialDownSampling2D`; over the smallest
    picture, channel by channel, a kernel of its size, then a linear map to the logit. With classes
    the linear map is to as many features as there are channels, and the logit is their product
    with an embedding of the label, and nothing besides. Every sample is judged alone, as penalties
    on gradients demand, and without them this discriminator does not train well.

    Args:
        image_shape: as in `dcgan_generator`.
        width: as in `residual_generator`, from the smallest picture to the image.
        num_classes: int for a discriminator of [images, labels], default None.
        weight_constraint: `keras.constraints.Constraint` on every weight, default None.
        blocks: as in `residual_generator`.
        group_width: as in `residual_generator`.

    Returns:
        Keras model of images (batch, *image_shape), or [images, labels], to logits (batch, 1).

    Raises:
        ValueError: as `residual_generator`.

    Example:
        >>> kgan.models.residual_discriminator((28, 28, 1), width=16).output_shape
        (None, 1)

    Reference:
        Huang et al. 2025, The GAN is dead; long live the GAN!, arXiv 2501.05441, section 4.
    """
    image_shape = check_image_shape(image_shape)
    base, widths = _stages(image_shape, width)
    block = _Block(len(widths), blocks, group_width, weight_constraint)
    images = keras.Input(image_shape, name="images")
    x = _to_width(images, widths[-1], "pixels", weight_constraint)
    for stage in reversed(range(len(widths))):
        x = block.repeated(x, f"down_{stage}")
        if stage > 0:
            x = BinomialDownSampling2D(name=f"down_{stage}")(x)
            x = _to_width(x, widths[stage - 1], f"down_{stage}_width", weight_constraint)
    x = layers.DepthwiseConv2D(
        base,
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.prod(base) ** -0.5),
        depthwise_constraint=weight_constraint,
        name="base_picture",
    )(x)
    features = layers.Flatten(name="base")(x)
    if num_classes is not None:
        features = layers.Dense(
            widths[0],
            use_bias=False,
            kernel_initializer=_linear(),
            kernel_constraint=weight_constraint,
            dtype=ends.output_dtype(),
            name="features",
        )(features)
    return ends.discriminator_head(
        images,
        features,
        num_classes,
        weight_constraint,
        name="residual_discriminator",
        label_initializer=_linear(1 / widths[0]),
        has_psi=False,
        use_bias=False,
        kernel_initializer=_linear(),
    )


class _Block:
    """The residual blocks of one network.

    Args:
        stages: int, of the network.
        blocks: int, of a stage.
        group_width: int, channels of a group.
        weight_constraint: on all weights, or None.
    """

    def __init__(self, stages: int, blocks: int, group_width: int, weight_constraint=None):
        self._blocks = check_positive_integer("blocks", blocks)
        self._group_width = check_positive_integer("group_width", group_width)
        # Two convolutions of a block share out L^(-1/2), what L blocks in a row would add up to.
        self._scale = 2 / (1 + _SLOPE**2) / math.sqrt(stages * blocks)
        self._constraints = {
            "kernel_constraint": weight_constraint,
            "bias_constraint": weight_constraint,
        }

    def repeated(self, x, name: str):
        """The blocks of a stage."""
        for number in range(self._blocks):
            x = self._one(x, f"{name}_block_{number}")
        return x

    def _one(self, x, name: str):
        channels = x.shape[-1]
        wide = 2 * channels
        groups = wide // math.gcd(wide, self._group_width)
        y = layers.Conv2D(
            wide, 1, kernel_initializer=_linear(self._scale), name=f"{name}_in", **self._constraints
        )(x)
        y = layers.LeakyReLU(_SLOPE, name=f"{name}_in_relu")(y)
        y = GroupedConv2D(
            wide,
            3,
            padding="same",
            groups=groups,
            kernel_initializer=_linear(self._scale),
            name=f"{name}_middle",
            **self._constraints,
        )(y)
        y = layers.LeakyReLU(_SLOPE, name=f"{name}_middle_relu")(y)
        y = layers.Conv2D(
            channels,
            1,
            use_bias=False,
            kernel_initializer="zeros",
            name=f"{name}_out",
            **self._constraints,
        )(y)
        return layers.Add(name=name)([x, y])


def _stages(image_shape, width) -> tuple[tuple[int, int], list[int]]:
    """The smallest picture, and the channels of every stage from there on."""
    base, doublings = smallest_picture(image_shape)
    if not isinstance(width, Sequence):
        width = check_positive_integer("width", width)
        sides = [min(base) * 2**stage for stage in range(doublings + 1)]
        halvings = [((side - 1) // _FULL_WIDTH_SIDE).bit_length() for side in sides]
        return base, [max(1, width // 2**number) for number in halvings]
    if len(width) != doublings + 1:
        raise ValueError(
            f"width must be an int, or one for each of the {doublings + 1} stages from {base[0]} x "
            f"{base[1]} to {image_shape[0]} x {image_shape[1]} pixels. Received: width={width!r}."
        )
    return base, [check_positive_integer("every entry of width", channels) for channels in width]


def _to_width(x, channels: int, name: str, weight_constraint=None):
    """A linear map of the channels, where their number changes."""
    if x.shape[-1] == channels:
        return x
    return layers.Conv2D(
        channels,
        1,
        use_bias=False,
        kernel_initializer=_linear(),
        kernel_constraint=weight_constraint,
        name=name,
    )(x)


def _linear(scale: float = 1.0):
    """N(0, scale / fan_in)."""
    return keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")
