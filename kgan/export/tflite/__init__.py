"""The TFLite files of a generator."""

from kgan.export.tflite.conversion import MODES
from kgan.export.tflite.conversion import check_tflite
from kgan.export.tflite.conversion import convert_to_tflite
from kgan.export.tflite.conversion import open_tflite
from kgan.export.tflite.conversion import run_tflite

__all__ = ["MODES", "check_tflite", "convert_to_tflite", "open_tflite", "run_tflite"]
