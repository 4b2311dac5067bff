"""A GAN on several devices or machines: strategies by name.

Make the GAN, and call everything it has, in the scope of a strategy. What is learned is what one
device learns of the same global batch.

Example:
    >>> with kgan.distribution.strategy("mirrored").scope():
    ...     gan = kgan.GAN(generator, discriminator, latent_dim=64)
    ...     gan.compile(d_optimizer, g_optimizer)
    >>> gan.fit(digits.batches(256), epochs=20)
"""

from kgan.backend.replicas import global_mean
from kgan.backend.replicas import global_rows
from kgan.backend.replicas import worker
from kgan.backend.strategies import STRATEGIES
from kgan.backend.strategies import cluster_from_environment
from kgan.backend.strategies import lost_worker
from kgan.backend.strategies import strategy

__all__ = [
    "STRATEGIES",
    "cluster_from_environment",
    "global_mean",
    "global_rows",
    "lost_worker",
    "strategy",
    "worker",
]
