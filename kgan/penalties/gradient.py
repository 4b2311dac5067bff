"""Penalties on the slope of the discriminator, by its second derivatives.

Where a discriminator gives several logits per sample, as patch discriminators do, D is their sum.
"""

import keras
from keras import ops

from kgan import schedules
from kgan._utils.checks import check_flag
from kgan._utils.checks import check_number
from kgan.backend import autodiff
from kgan.backend import private
from kgan.backend import replicas
from kgan.penalties.penalty import Penalty

# Under the square root: a norm of zero would have no gradient but NaN.
_EPSILON = 1e-12


class _OfGradient(Penalty):
    """What penalties on the gradient by the image share: they need one per sample."""

    differentiates_twice = True

    def check_discriminator(self, discriminator):
        for layer in private.walk_layers(discriminator):
            # Frozen, batch norm is a fixed scale and shift.
            batch_norm = isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
            if batch_norm or getattr(layer, "mixes_samples", False):
                raise ValueError(
                    f"{type(self).__name__} needs a discriminator that judges every sample alone. "
                    f"Received: {discriminator.name!r} with the layer {layer.name!r} "
                    f"({type(layer).__name__}), which mixes the samples of a batch: the gradient "
                    "of one logit by its image then depends on all other images, and a norm per "
                    "sample means nothing. Use layer, group or no normalisation, or "
                    "kgan.layers.SpectralNorm, and no minibatch layers; or kgan.penalties.LeCam,"
                    " which looks at logits only."
                )


@keras.saving.register_keras_serializable("kgan")
class R1(_OfGradient):
    """Zero-centred gradient penalty on reals: gamma / 2 E_p ||grad_x D(x)||^2, in logits.

    It keeps the discriminator from getting steeper than the data can bear, and lets training
    converge where the plain game circles the equilibrium.

    Args:
        gamma: float >= 0, or a `kgan.schedules.Schedule` of it, in squared units of the images over
            squared logits. There is no default: R3GAN goes from 1 to 0.1 on Stacked-MNIST and from
            0.05 to 0.005 on CIFAR-10.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             penalties=kgan.penalties.R1(gamma=0.1))

    Reference:
        Mescheder et al. 2018; with the factor 1/2 as in Huang et al. 2025, arXiv 2501.05441,
        equation 3.
    """

    name = "r1"
    needs = ("real_gradients", "images_seen")

    def __init__(self, gamma: float | schedules.Schedule):
        self.gamma = self._checked_weight("gamma", gamma)

    def __call__(self, discriminator, *, real_images, real_gradients=None, images_seen=0, **_):
        gamma = schedules.value(self.gamma, images_seen)
        return gamma / 2 * _squared_norms(discriminator, real_images, real_gradients)


@keras.saving.register_keras_serializable("kgan")
class R2(R1):
    """Zero-centred gradient penalty on fakes: gamma / 2 E_q ||grad_x D(x)||^2, in logits.

    Beside R1, which says nothing about places where the generator is and no data are.

    Args:
        gamma: float >= 0, as in `R1`.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             penalties=[kgan.penalties.R1(0.1), kgan.penalties.R2(0.1)])

    Reference:
        Mescheder et al. 2018; Huang et al. 2025, arXiv 2501.05441.
    """

    name = "r2"
    needs = ("fake_gradients", "images_seen")

    def __call__(self, discriminator, *, fake_images, fake_gradients=None, images_seen=0, **_):
        gamma = schedules.value(self.gamma, images_seen)
        return gamma / 2 * _squared_norms(discriminator, fake_images, fake_gradients)


@keras.saving.register_keras_serializable("kgan")
class GradientPenalty(_OfGradient):
    """WGAN-GP: gradient norms near 1 between reals and fakes.

    weight E (||grad D(x_hat)|| - target)^2 at x_hat = alpha x + (1 - alpha) G(z), with one alpha
    from U(0, 1) per sample. With `one_sided`, only norms above the target are punished.

    Args:
        weight: float >= 0, or a `kgan.schedules.Schedule` of it, default 10; the paper's toys take
            0.1.
        target: float >= 0, the norm wanted, default 1.
        one_sided: bool, default False.

    Example:
        >>> gan.compile(d_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
        ...             g_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9),
        ...             loss="wasserstein", penalties=kgan.penalties.GradientPenalty(),
        ...             discriminator_steps=5)

    Reference:
        Gulrajani et al. 2017, arXiv 1704.00028.
    """

    name = "gradient_penalty"
    needs = ("images_seen",)

    def __init__(
        self,
        weight: float | schedules.Schedule = 10.0,
        *,
        target: float = 1.0,
        one_sided: bool = False,
    ):
        self.weight = self._checked_weight("weight", weight)
        self.target = float(check_number("target of GradientPenalty", target, at_least=0))
        self.one_sided = check_flag("one_sided", one_sided)

    def __call__(self, discriminator, *, real_images, fake_images, seed, images_seen=0, **_):
        alpha = _uniform(real_images, seed, per_sample=True)
        between = alpha * real_images + (1 - alpha) * fake_images
        excess = _norms(discriminator, between) - self.target
        if self.one_sided:
            excess = ops.relu(excess)
        return schedules.value(self.weight, images_seen) * ops.square(excess)


@keras.saving.register_keras_serializable("kgan")
class DRAGAN(_OfGradient):
    """Gradient norms near 1 around the data: weight E (||grad D(x + delta)|| - 1)^2.

    delta = alpha std(x) u / 2 with u from U(0, 1) per entry, alpha from U(0, 1) per sample, and
    one standard deviation over all entries of the global batch. The noise is never negative, as in
    the code that published figures come from.

    Args:
        weight: float >= 0, or a `kgan.schedules.Schedule` of it, default 10.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             penalties=kgan.penalties.DRAGAN())

    Reference:
        Kodali et al. 2017, arXiv 1705.07215.
    """

    name = "dragan"
    needs = ("images_seen",)

    def __init__(self, weight: float | schedules.Schedule = 10.0):
        self.weight = self._checked_weight("weight", weight)

    def __call__(self, discriminator, *, real_images, seed, images_seen=0, **_):
        alpha = _uniform(real_images, seed, per_sample=True)
        noise = _uniform(real_images, seed)
        mean = replicas.global_mean(real_images)
        stddev = ops.sqrt(replicas.global_mean(ops.square(real_images - mean)))
        norms = _norms(discriminator, real_images + alpha * stddev / 2 * noise)
        return schedules.value(self.weight, images_seen) * ops.square(norms - 1)


def _uniform(images, seed, *, per_sample: bool = False):
    """U(0, 1) for every entry of images, or one number per sample that broadcasts over them."""
    shape = (1,) * (len(images.shape) - 1) if per_sample else images.shape[1:]
    return replicas.global_rows(
        lambda rows: keras.random.uniform((rows, *shape), dtype=images.dtype, seed=seed),
        ops.shape(images)[0],
    )


def _norms(discriminator, images):
    return ops.sqrt(_squared_norms(discriminator, images) + _EPSILON)


def _squared_norms(discriminator, images, gradients=None):
    """||grad_x D(x)||^2 of every sample, D the sum of its logits, shape (batch,), in float32."""
    if gradients is None:
        gradients = autodiff.input_gradients(discriminator, images)
    return ops.sum(ops.square(gradients), axis=tuple(range(1, len(images.shape))))
