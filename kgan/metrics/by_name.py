"""Metrics by their names."""

from kgan._utils import by_name
from kgan.metrics.classifier_two_sample import ClassifierTwoSample
from kgan.metrics.frechet import FrechetDistance
from kgan.metrics.inception_score import InceptionScore
from kgan.metrics.kernel import KernelDistance
from kgan.metrics.modes import ModeCount
from kgan.metrics.multi_scale_ssim import MultiScaleSSIM
from kgan.metrics.parzen import ParzenLogLikelihood
from kgan.metrics.precision_recall import DensityCoverage
from kgan.metrics.precision_recall import PrecisionRecall
from kgan.metrics.sample_metric import SampleMetric

_METRICS = by_name.ByName(
    SampleMetric,
    "metric of samples",
    {
        "classifier_two_sample": ClassifierTwoSample,
        "density_coverage": DensityCoverage,
        "frechet_distance": FrechetDistance,
        "inception_score": InceptionScore,
        "kernel_distance": KernelDistance,
        "mode_count": ModeCount,
        "ms_ssim": MultiScaleSSIM,
        "multi_scale_ssim": MultiScaleSSIM,
        "parzen_log_likelihood": ParzenLogLikelihood,
        "precision_recall": PrecisionRecall,
    },
)


def get(identifier: str | dict | type | SampleMetric) -> SampleMetric:
    """The metric that `identifier` stands for.

    Args:
        identifier: a `SampleMetric` (returned as it is), its class, its config, or a name: the
            snake name of a class, such as "frechet_distance", or its class name, with parameters
            as in "kernel_distance(subset_size=500)". "ms_ssim" is short for "multi_scale_ssim".

    Returns:
        A `SampleMetric`.

    Raises:
        ValueError: for an unknown name or parameter, or what is no `SampleMetric`.

    Example:
        >>> kgan.metrics.get("precision_recall(k=5)")
        PrecisionRecall(extractor=None, k=5, name='precision_recall')
    """
    return _METRICS.get(identifier)


def deserialize(config: dict, custom_objects: dict | None = None) -> SampleMetric:
    """The metric of a config.

    Args:
        config: dict made by `serialize`, or {"class_name": name, "config": parameters}.
        custom_objects: dict of names to classes that Keras does not know, default None.

    Returns:
        A `SampleMetric` without rows.

    Raises:
        ValueError: for what is no config of a metric.

    Example:
        >>> kgan.metrics.deserialize({"class_name": "ModeCount", "config": {"min_samples": 3}})
        ModeCount(extractor=None, min_samples=3, name='mode_count')
    """
    return _METRICS.deserialize(config, custom_objects)
