"""Layers that Keras lacks or has wrong."""

from kgan.layers.maxout import Maxout
from kgan.layers.minibatch_stddev import MinibatchStdDev
from kgan.layers.spectral_norm import SpectralNorm
from kgan.layers.upsampling import NearestUpSampling2D
from kgan.layers.without_spectral_norm import without_spectral_norm

__all__ = [
    "Maxout",
    "MinibatchStdDev",
    "NearestUpSampling2D",
    "SpectralNorm",
    "without_spectral_norm",
]
