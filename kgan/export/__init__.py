"""From a trained generator to files that other programs load."""

from kgan.export.exporter import Export
from kgan.export.exporter import export_generator
from kgan.export.float32 import float32_twin

__all__ = ["Export", "export_generator", "float32_twin"]
