"""The metrics of one evaluation."""

import copy

from kgan import metrics
from kgan.metrics import SampleMetric


def get_all(identifiers: str | dict | type | SampleMetric | list | tuple) -> list[SampleMetric]:
    """Every measure of one evaluation.

    Args:
        identifiers: one of what `kgan.metrics.get` takes, or a list of them.

    Returns:
        List of `SampleMetric`, copies without rows: one object given to two evaluations counts in
        each of them for itself.

    Raises:
        ValueError: as `kgan.metrics.get`; if there is none, two are of one kind, whose values would
            have equal names, or one has an extractor of its own.
    """
    several = isinstance(identifiers, list | tuple)
    found = [metrics.get(identifier) for identifier in (identifiers if several else [identifiers])]
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
