"""Measuring generators: the shared work of many measures, their names and their protocols."""

from kgan.evaluation.evaluator import Evaluator
from kgan.evaluation.protocol import Measurement

__all__ = [
    "Evaluator",
    "Measurement",
]
