"""What the two players of a GAN minimise, per sample.

A loss is one object for both players. It takes logits (the discriminator's raw output, high for
real, never a probability), returns one value per logit and reduces nothing: the only mean over
samples is in `kgan.GAN`. Patch discriminators therefore work with every loss.

In the formulas r is a real logit D(x), f a fake logit D(G(z)), sigmoid(t) = 1 / (1 + exp(-t)) and
softplus(t) = log(1 + exp(t)); p is the density of the data, q that of the generator.
"""

from kgan._utils.by_name import serialize
from kgan.losses.by_name import deserialize
from kgan.losses.by_name import get
from kgan.losses.critics import Hinge
from kgan.losses.critics import Wasserstein
from kgan.losses.cross_entropy import Minimax
from kgan.losses.cross_entropy import NonSaturating
from kgan.losses.f_divergence import FDivergence
from kgan.losses.least_squares import LeastSquares
from kgan.losses.loss import Loss
from kgan.losses.relativistic import RelativisticAverage
from kgan.losses.relativistic import RelativisticPaired

__all__ = [
    "FDivergence",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "RelativisticAverage",
    "RelativisticPaired",
    "Wasserstein",
    "deserialize",
    "get",
    "serialize",
]
