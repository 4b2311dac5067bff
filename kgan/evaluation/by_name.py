"""Measures by name, or as they are."""

import copy

from kgan.metrics.classifier_two_sample import ClassifierTwoSample
from kgan.metrics.density_coverage import DensityCoverage
from kgan.metrics.frechet import FrechetDistance
from kgan.metrics.inception_score import InceptionScore
from kgan.metrics.kernel import KernelDistance
from kgan.metrics.modes import ModeCount
from kgan.metrics.multi_scale_ssim import MultiScaleSSIM
from kgan.metrics.precision_recall import PrecisionRecall
from kgan.metrics.sample_metric import SampleMetric

# Not among them is ParzenLogLikelihood, which takes validation images.
_BY_NAME = {
    "frechet_distance": FrechetDistance,
    "kernel_distance": KernelDistance,
    "precision_recall": PrecisionRecall,
    "density_coverage": DensityCoverage,
    "mode_count": ModeCount,
    "inception_score": InceptionScore,
    "classifier_two_sample": ClassifierTwoSample,
    "ms_ssim": MultiScaleSSIM,
}


def get(identifier) -> SampleMetric:
    """The measure that `identifier` names, with its default parameters.

    Args:
        identifier: a `kgan.metrics.SampleMetric` (returned as it is) or a name: "frechet_distance",
            "kernel_distance", "precision_recall", "density_coverage", "mode_count",
            "inception_score", "classifier_two_sample" or "ms_ssim".

    Returns:
        A `SampleMetric`.

    Raises:
        ValueError: for an unknown name, or what is no `SampleMetric`.
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    if isinstance(identifier, SampleMetric):
        return identifier
    raise ValueError(
        f"Unknown measure. Expected a measure of kgan.metrics or one of {sorted(_BY_NAME)}. "
        f"Received: {identifier!r}."
    )


def get_all(identifiers) -> list[SampleMetric]:
    """Every measure of one evaluation.

    Args:
        identifiers: one of what `get` takes, or a list of them.

    Returns:
        List of `SampleMetric`, copies without rows: one object given to two evaluations counts in
        each of them for itself.

    Raises:
        ValueError: as `get`; if there is none, two are of one kind, whose values would have equal
            names, or one has an extractor of its own.
    """
    several = isinstance(identifiers, list | tuple)
    found = [get(identifier) for identifier in (identifiers if several else [identifiers])]
    kinds = [type(metric).__name__ for metric in found]
    if not found or len(set(kinds)) < len(kinds):
        raise ValueError(
            "An evaluation takes at least one measure, and no two of one kind, whose values would "
            f"have the same names. Received: {kinds}. Make an Evaluator for each."
        )
    for metric in found:
        if metric.extractor is not None:
            raise ValueError(
                f"{type(metric).__name__} has an extractor of its own, {metric.extractor.name!r}. "
                "An evaluation runs one extractor once for all measures. Leave it out of the "
                "measure and pass it to the Evaluator."
            )
    found = [copy.copy(metric) for metric in found]
    for metric in found:
        metric.reset_state()
    return found
