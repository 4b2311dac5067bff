"""Measuring generators: many measures with their names and protocols, and findings as data."""

from kgan.evaluation.evaluator import Evaluator
from kgan.evaluation.examine import examine
from kgan.evaluation.findings import Findings
from kgan.evaluation.protocol import Measurement
from kgan.evaluation.reals import Reals
from kgan.evaluation.reals import divide

__all__ = [
    "Evaluator",
    "Findings",
    "Measurement",
    "Reals",
    "divide",
    "examine",
]
