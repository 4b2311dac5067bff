"""The metrics of one evaluation."""

import copy

from kgan import metrics
from kgan.features.extractor import Extractor
from kgan.metrics import SampleMetric


def get_all(
    identifiers: str | dict | type | SampleMetric | list | tuple | None,
    extractor: Extractor | None,
) -> list[SampleMetric]:
    """Every measure of one evaluation.

    Args:
        identifiers: one of what `kgan.metrics.get` takes, or a list of them; None for the main
            ones.
        extractor: what makes the features and class probabilities that they read, or None.

    Returns:
        List of `SampleMetric`, copies without rows: one object given to two evaluations counts in
        each of them for itself.

    Raises:
        ValueError: as `kgan.metrics.get`; if there is none, two are of one kind, whose values would
            have equal names, or one has an extractor of its own or reads what there is not.
    """
    made, name = [], None
    if extractor is not None:
        made = ["features"] if extractor.num_classes is None else ["features", "probabilities"]
        name = extractor.name
    if identifiers is None:
        if extractor is None:
            raise ValueError(
                "The default measures compare features. Pass an extractor, such as "
                "kgan.features.digits(), or metrics that read images."
            )
        classes = ["mode_count"] if "probabilities" in made else []
        identifiers = ["frechet_distance", "precision_recall", *classes]
    elif not isinstance(identifiers, list | tuple):
        identifiers = [identifiers]
    found = [copy.copy(metrics.get(identifier)) for identifier in identifiers]
    kinds = [type(metric).__name__ for metric in found]
    if not found or len(set(kinds)) < len(kinds):
        raise ValueError(
            "An evaluation takes at least one measure, and no two of one kind, whose values would "
            f"have the same names. Received: {kinds}. Make an Evaluator for each."
        )
    for metric, kind in zip(found, kinds, strict=True):
        if metric.extractor is not None:
            raise ValueError(
                f"{kind} has an extractor of its own, {metric.extractor.name!r}. An evaluation "
                "runs one extractor once for all measures. Leave it out of the measure and pass "
                "it to the Evaluator."
            )
        if metric.reads not in ("images", *made):
            raise ValueError(
                f"{kind} reads {metric.reads}. Expected: an extractor that makes them. Received: "
                f"extractor={name!r}, which makes {' and '.join(made) or 'none'}. "
                "kgan.features.digits() and kgan.features.fashion() make both features and class "
                "probabilities."
            )
        metric.reset_state()
    return found
