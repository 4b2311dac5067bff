"""Measures of what a generator makes: quality, diversity, memory, by samples against real images.

Every measure is a pure function of arrays in float64 first, then an object that is fed batch by
batch. `kgan.evaluation` runs several at once.
"""

from kgan._utils.by_name import serialize
from kgan.metrics.by_name import deserialize
from kgan.metrics.by_name import get
from kgan.metrics.classifier_two_sample import ClassifierTwoSample
from kgan.metrics.classifier_two_sample import ClassifierTwoSampleResult
from kgan.metrics.classifier_two_sample import classifier_two_sample
from kgan.metrics.frechet import FrechetDistance
from kgan.metrics.frechet import frechet_distance
from kgan.metrics.frechet import frechet_distance_of_moments
from kgan.metrics.inception_score import InceptionScore
from kgan.metrics.inception_score import InceptionScoreResult
from kgan.metrics.inception_score import inception_score
from kgan.metrics.kernel import KernelDistance
from kgan.metrics.kernel import KernelDistanceResult
from kgan.metrics.kernel import kernel_distance
from kgan.metrics.kernel import squared_mmd
from kgan.metrics.modes import ModeCount
from kgan.metrics.modes import ModeCountResult
from kgan.metrics.modes import mode_count
from kgan.metrics.modes import mode_count_of_counts
from kgan.metrics.multi_scale_ssim import MultiScaleSSIM
from kgan.metrics.multi_scale_ssim import MultiScaleSSIMResult
from kgan.metrics.multi_scale_ssim import multi_scale_ssim
from kgan.metrics.multi_scale_ssim import multi_scale_ssim_diversity
from kgan.metrics.nearest_neighbour_two_sample import NearestNeighbourTestResult
from kgan.metrics.nearest_neighbour_two_sample import nearest_neighbour_two_sample
from kgan.metrics.neighbours import Neighbours
from kgan.metrics.neighbours import nearest_neighbours
from kgan.metrics.parzen import ParzenLogLikelihood
from kgan.metrics.parzen import ParzenResult
from kgan.metrics.parzen import parzen_log_likelihood
from kgan.metrics.precision_recall import DensityCoverage
from kgan.metrics.precision_recall import DensityCoverageResult
from kgan.metrics.precision_recall import PrecisionRecall
from kgan.metrics.precision_recall import PrecisionRecallResult
from kgan.metrics.precision_recall import density_coverage
from kgan.metrics.precision_recall import precision_recall
from kgan.metrics.sample_metric import SampleMetric

__all__ = [
    "ClassifierTwoSample",
    "ClassifierTwoSampleResult",
    "DensityCoverage",
    "DensityCoverageResult",
    "FrechetDistance",
    "InceptionScore",
    "InceptionScoreResult",
    "KernelDistance",
    "KernelDistanceResult",
    "ModeCount",
    "ModeCountResult",
    "MultiScaleSSIM",
    "MultiScaleSSIMResult",
    "NearestNeighbourTestResult",
    "Neighbours",
    "ParzenLogLikelihood",
    "ParzenResult",
    "PrecisionRecall",
    "PrecisionRecallResult",
    "SampleMetric",
    "classifier_two_sample",
    "density_coverage",
    "deserialize",
    "frechet_distance",
    "frechet_distance_of_moments",
    "get",
    "inception_score",
    "kernel_distance",
    "mode_count",
    "mode_count_of_counts",
    "multi_scale_ssim",
    "multi_scale_ssim_diversity",
    "nearest_neighbour_two_sample",
    "nearest_neighbours",
    "parzen_log_likelihood",
    "precision_recall",
    "serialize",
    "squared_mmd",
]
