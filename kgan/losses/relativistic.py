"""Relativistic losses: how much more real a real looks than a fake."""

import keras
import numpy as np
from keras import ops

from kgan.backend import replicas
from kgan.losses.loss import Loss


class _Relativistic(Loss):
    """What the two have in common: a logit means something only beside those of the other kind."""

    compares_with_reals = True

    def generator_loss(self, real_logits, fake_logits):
        if real_logits is None:
            raise ValueError(
                f"{type(self).__name__} compares fakes with reals in the generator's loss too. "
                "Expected: the logits of as many reals. Received: real_logits=None."
            )
        self.check_same_shape(real_logits, fake_logits)
        # The players change places: the generator wants fakes to look more real than reals.
        return self.discriminator_loss(fake_logits, real_logits)


@keras.saving.register_keras_serializable("kgan")
class RelativisticPaired(_Relativistic):
    """RpGAN: the i-th real is compared with the i-th fake.

    Discriminator: softplus(-(r - f)). Generator: softplus(-(f - r)). At q = p a discriminator that
    cannot tell gives both log 2 = 0.693147. The best discriminator is log(p / q) plus any constant,
    which the loss does not see. With `kgan.penalties.R1` and `R2` it is the loss of R3GAN.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             loss=kgan.losses.RelativisticPaired(),
        ...             penalties=[kgan.penalties.R1(0.1), kgan.penalties.R2(0.1)])

    Reference:
        Jolicoeur-Martineau 2018, arXiv 1807.00734; Huang et al. 2025, arXiv 2501.05441, equation 2.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        # -log sigmoid(r - f) = softplus(-(r - f))
        return ops.softplus(fake_logits - real_logits)

    def optimal_logits(self, ratio):
        return np.log(np.asarray(ratio, "float64"))


@keras.saving.register_keras_serializable("kgan")
class RelativisticAverage(_Relativistic):
    """RaGAN: every sample is compared with the average of the other kind.

    With f_mean and r_mean the mean logits over the global batch (all replicas), the discriminator
    minimises softplus(-(r - f_mean)) + softplus(f - r_mean), the generator
    softplus(-(f - r_mean)) + softplus(r - f_mean). Without a factor 1/2; a discriminator that
    cannot tell gives both log 4 = 1.386294.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             loss=kgan.losses.RelativisticAverage())

    Reference:
        Jolicoeur-Martineau 2018, arXiv 1807.00734.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        real = ops.softplus(replicas.global_mean(fake_logits) - real_logits)
        return real + ops.softplus(fake_logits - replicas.global_mean(real_logits))
