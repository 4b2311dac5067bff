"""Critics: unbounded scores instead of probabilities."""

import keras
import numpy as np
from keras import ops

from kgan.losses.loss import Loss


@keras.saving.register_keras_serializable("kgan")
class Wasserstein(Loss):
    """WGAN: the critic's mean difference between reals and fakes, an estimate of K W1(p, q).

    Critic: f - r. Generator: -f. No sigmoid and no logarithm; the losses are unbounded, and they
    mean something only while the critic is K-Lipschitz: give its weights the constraint
    `kgan.constraints.WeightClip`, or a gradient penalty.

    Example:
        >>> critic = kgan.models.dcgan_discriminator(
        ...     (28, 28, 1), weight_constraint=kgan.constraints.WeightClip(0.01))
        >>> gan = kgan.GAN(generator, critic, latent_dim=64)
        >>> gan.compile(d_optimizer=keras.optimizers.RMSprop(5e-5),
        ...             g_optimizer=keras.optimizers.RMSprop(5e-5),
        ...             loss=kgan.losses.Wasserstein(), discriminator_steps=5)

    Reference:
        Arjovsky et al. 2017, arXiv 1701.07875, Algorithm 1 (RMSProp 5e-5, clip 0.01, 5 critic
        steps).
    """

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        return fake_logits - real_logits

    def generator_loss(self, real_logits, fake_logits):
        return -fake_logits


@keras.saving.register_keras_serializable("kgan")
class Hinge(Loss):
    """The hinge loss of SNGAN and most image GANs since: a margin of 1 on either side.

    Discriminator: relu(1 - r) + relu(1 + f). Generator: -f. Samples beyond the margin teach the
    discriminator nothing. Its optimum is 1 where p > q and -1 where q > p; a discriminator that
    cannot tell, at logit 0, has loss 2, the generator 0.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", loss=kgan.losses.Hinge())

    Reference:
        Lim and Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16
        and 17.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        return ops.relu(1.0 - real_logits) + ops.relu(1.0 + fake_logits)

    def generator_loss(self, real_logits, fake_logits):
        return -fake_logits

    def optimal_logits(self, ratio):
        # Where p = q every value in [-1, 1] is as good; 0 is the middle.
        return np.sign(np.asarray(ratio, "float64") - 1)
