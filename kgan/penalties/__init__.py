"""Penalties on the discriminator, per sample.

A penalty is a small object with the protocol of `Penalty`: `kgan.GAN` calls it at every
discriminator update with the discriminator, the minibatch and its logits, adds what it returns to
the discriminator's loss, and logs its mean under its own name. Gradients are those of a sample's
logit (the sum of its logits, if a patch discriminator gives several) by its image, one norm per
sample over all axes but the batch.

In the formulas r is a real logit D(x), f a fake logit D(G(z)), E_p the mean over reals and E_q the
mean over fakes.
"""

from kgan._utils.by_name import serialize
from kgan.penalties.by_name import deserialize
from kgan.penalties.by_name import get
from kgan.penalties.by_name import get_all
from kgan.penalties.gradient import DRAGAN
from kgan.penalties.gradient import R1
from kgan.penalties.gradient import R2
from kgan.penalties.gradient import GradientPenalty
from kgan.penalties.lecam import LeCam
from kgan.penalties.penalty import Penalty

__all__ = [
    "DRAGAN",
    "R1",
    "R2",
    "GradientPenalty",
    "LeCam",
    "Penalty",
    "deserialize",
    "get",
    "get_all",
    "serialize",
]
