"""What Keras' callbacks do not know of a GAN: its samples, its two losses, its NaN, its state."""

from kgan.callbacks.backup import Backup
from kgan.callbacks.curves import Curves
from kgan.callbacks.evaluation import Evaluation
from kgan.callbacks.health import Health
from kgan.callbacks.sample_grid import SampleGrid
from kgan.callbacks.stop_on_non_finite import StopOnNonFinite

__all__ = ["Backup", "Curves", "Evaluation", "Health", "SampleGrid", "StopOnNonFinite"]
