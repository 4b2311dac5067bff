"""Architectures: plain functions that return functional Keras models, one family a file."""

from kgan.models.dcgan import dcgan_discriminator
from kgan.models.dcgan import dcgan_generator
from kgan.models.families import Defaults
from kgan.models.families import Family
from kgan.models.families import defaults
from kgan.models.families import get
from kgan.models.freezing import freeze_blocks
from kgan.models.mlp import mlp_discriminator
from kgan.models.mlp import mlp_generator
from kgan.models.mlp import small_mlp_discriminator
from kgan.models.mlp import small_mlp_generator
from kgan.models.residual import residual_discriminator
from kgan.models.residual import residual_generator
from kgan.models.resnet import resnet_discriminator
from kgan.models.resnet import resnet_generator

__all__ = [
    "Defaults",
    "Family",
    "dcgan_discriminator",
    "dcgan_generator",
    "defaults",
    "freeze_blocks",
    "get",
    "mlp_discriminator",
    "mlp_generator",
    "residual_discriminator",
    "residual_generator",
    "resnet_discriminator",
    "resnet_generator",
    "small_mlp_discriminator",
    "small_mlp_generator",
]
