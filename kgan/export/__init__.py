"""From a trained generator to files that other programs load."""

from kgan.export.exporter import Export
from kgan.export.exporter import ExportedFile
from kgan.export.exporter import export_generator
from kgan.export.float32 import float32_twin
from kgan.export.quality import FrechetGate

__all__ = ["Export", "ExportedFile", "FrechetGate", "export_generator", "float32_twin"]
