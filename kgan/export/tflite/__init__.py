"""The TFLite files of a generator."""

from kgan.export.tflite.conversion import MODES
from kgan.export.tflite.conversion import convert_to_tflite

__all__ = ["MODES", "convert_to_tflite"]
