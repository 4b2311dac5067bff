"""kgan: generative adversarial networks for Keras 3 and TensorFlow."""

from kgan import _environment  # noqa: F401  # First: TensorFlow reads it once.
from kgan import augment
from kgan import callbacks
from kgan import constraints
from kgan import data
from kgan import distribution
from kgan import evaluation
from kgan import export
from kgan import features
from kgan import layers
from kgan import losses
from kgan import metrics
from kgan import models
from kgan import penalties
from kgan import report
from kgan import schedules
from kgan import theory
from kgan import toys
from kgan._version import __version__
from kgan.gan import GAN
from kgan.gan import GANOptimizer
from kgan.gan import transfer_weights

__all__ = [
    "GAN",
    "GANOptimizer",
    "__version__",
    "augment",
    "callbacks",
    "constraints",
    "data",
    "distribution",
    "evaluation",
    "export",
    "features",
    "layers",
    "losses",
    "metrics",
    "models",
    "penalties",
    "report",
    "schedules",
    "theory",
    "toys",
    "transfer_weights",
]
