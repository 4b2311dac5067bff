"""How a GAN trains: from `fit` to the update."""

from kgan.gan.gan import GAN
from kgan.gan.minibatches import Minibatch
from kgan.gan.optimizers import GANOptimizer

__all__ = ["GAN", "GANOptimizer", "Minibatch"]
