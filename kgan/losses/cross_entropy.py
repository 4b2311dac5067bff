"""The two objectives of the 2014 paper: one discriminator, two generators."""

import keras
import numpy as np
from keras import ops

from kgan._utils.checks import check_number
from kgan.losses.loss import Loss


class _CrossEntropy(Loss):
    """The discriminator's side of the 2014 paper, shared by its two generator objectives."""

    def __init__(self, *, label_smoothing: float = 0.0):
        self.label_smoothing = check_number(
            "label_smoothing",
            label_smoothing,
            at_least=0,
            below=0.5,
            because=", the share by which the real target is lowered: at 0.5 the discriminator "
            "could no longer tell real from fake",
        )

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        # -(1 - s) log sigmoid(r) - s log(1 - sigmoid(r)) = softplus(-r) + s r
        real = ops.softplus(-real_logits) + self.label_smoothing * real_logits
        return real + ops.softplus(fake_logits)

    def scores(self, logits):
        return ops.sigmoid(logits)

    def optimal_logits(self, ratio):
        # D* = (1 - s) p / (p + q), as a logit
        ratio = np.asarray(ratio, "float64")
        return np.log((1 - self.label_smoothing) * ratio / (1 + self.label_smoothing * ratio))


@keras.saving.register_keras_serializable("kgan")
class NonSaturating(_CrossEntropy):
    """The loss people mean by "GAN loss": the generator maximises log D(G(z)).

    Discriminator: softplus(-r) + softplus(f) = -log D(x) - log(1 - D(G(z))), without a factor 1/2.
    Generator: softplus(-f) = -log D(G(z)), whose gradient by the logit, -(1 - D(G(z))), is full
    where the discriminator rejects the fake. At the optimum q = p, D = 1/2 the discriminator's loss
    is log 4 = 1.386294 and the generator's log 2 = 0.693147.

    Args:
        label_smoothing: float in [0, 0.5), default 0. One-sided: the real target becomes
            1 - label_smoothing, the fake target stays 0, the generator's loss is untouched.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", loss=kgan.losses.NonSaturating())

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3; label smoothing: Salimans et al. 2016,
        arXiv 1606.03498, section 3.4.
    """

    def generator_loss(self, real_logits, fake_logits):
        # -log sigmoid(f) = softplus(-f)
        return ops.softplus(-fake_logits)


@keras.saving.register_keras_serializable("kgan")
class Minimax(_CrossEntropy):
    """The value function as written: the generator minimises log(1 - D(G(z))).

    Discriminator: softplus(-r) + softplus(f), the negative of V(D, G) in equation 1. Generator:
    -softplus(f) = log(1 - D(G(z))), whose gradient by the logit, -D(G(z)), vanishes where the
    discriminator rejects the fake: it saturates. At the optimum the losses are log 4 and -log 2.

    Args:
        label_smoothing: float in [0, 0.5), default 0, one-sided as in `NonSaturating`.

    Example:
        >>> gan.compile(d_optimizer="sgd", g_optimizer="sgd", loss=kgan.losses.Minimax())

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, equation 1 and Algorithm 1.
    """

    def generator_loss(self, real_logits, fake_logits):
        # log(1 - sigmoid(f)) = -softplus(f)
        return -ops.softplus(fake_logits)
