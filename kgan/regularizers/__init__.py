"""Penalties on the discriminator, per sample.

A regularizer is a small object with the protocol of `Regularizer`: `kgan.GAN` calls it at every
discriminator update with the discriminator, the minibatch and its logits, adds what it returns to
the discriminator's loss, and logs its mean under its own name. Gradients are those of a sample's
logit (the sum of its logits, if a patch discriminator gives several) by its image, one norm per
sample over all axes but the batch.

In the formulas r is a real logit D(x), f a fake logit D(G(z)), E_p the mean over reals and E_q the
mean over fakes.
"""

from kgan.regularizers.by_name import get
from kgan.regularizers.by_name import get_all
from kgan.regularizers.gradient import DRAGAN
from kgan.regularizers.gradient import R1
from kgan.regularizers.gradient import R2
from kgan.regularizers.gradient import GradientPenalty
from kgan.regularizers.lecam import LeCam
from kgan.regularizers.regularizer import Regularizer

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "GradientPenalty",
    "LeCam",
    "Regularizer",
    "get",
    "get_all",
]
