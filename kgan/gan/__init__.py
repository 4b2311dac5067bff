"""How a GAN trains: from `fit` to the update."""

from kgan.gan.gan import GAN
from kgan.gan.minibatches import Minibatch
from kgan.gan.optimizers import GANOptimizer
from kgan.gan.transfer import transfer_weights

__all__ = ["GAN", "GANOptimizer", "Minibatch", "transfer_weights"]
