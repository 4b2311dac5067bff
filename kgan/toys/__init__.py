"""Experiments in one and two dimensions, where every density is known and every mode is counted."""

from kgan.toys.gaussian import Gaussian
from kgan.toys.gaussian import GaussianReport
from kgan.toys.mixtures import Mixture
from kgan.toys.mixtures import MixtureReport
from kgan.toys.mixtures import grid
from kgan.toys.mixtures import ring
from kgan.toys.saturation import SaturationReport
from kgan.toys.saturation import measure_saturation
from kgan.toys.settings import PRESETS
from kgan.toys.settings import Settings
from kgan.toys.settings import build_gan
from kgan.toys.training import ToyTrainer

__all__ = [
    "PRESETS",
    "Gaussian",
    "GaussianReport",
    "Mixture",
    "MixtureReport",
    "SaturationReport",
    "Settings",
    "ToyTrainer",
    "build_gan",
    "grid",
    "measure_saturation",
    "ring",
]
