"""Layers that Keras lacks or has wrong."""

from kgan.layers.conditional_batch_norm import ConditionalBatchNorm
from kgan.layers.grouped_convolution import GroupedConv2D
from kgan.layers.inference_clip import InferenceClip
from kgan.layers.maxout import Maxout
from kgan.layers.minibatch_stddev import MinibatchStdDev
from kgan.layers.resampling import BinomialDownSampling2D
from kgan.layers.resampling import BinomialUpSampling2D
from kgan.layers.spectral_norm import SpectralNorm
from kgan.layers.upsampling import NearestUpSampling2D
from kgan.layers.without_spectral_norm import without_spectral_norm

__all__ = [
    "BinomialDownSampling2D",
    "BinomialUpSampling2D",
    "ConditionalBatchNorm",
    "GroupedConv2D",
    "InferenceClip",
    "Maxout",
    "MinibatchStdDev",
    "NearestUpSampling2D",
    "SpectralNorm",
    "without_spectral_norm",
]
