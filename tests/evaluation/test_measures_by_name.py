import re

import pytest

from kgan import metrics
from kgan.evaluation.by_name import get_all


def test_several_are_copies_without_rows_in_their_order(make_extractor):
    counted = metrics.ModeCount(min_samples=3)
    counted.update_state(fake=[[0.0, 1.0]])
    found = get_all([counted, "frechet_distance"], make_extractor())
    assert [type(metric) for metric in found] == [metrics.ModeCount, metrics.FrechetDistance]
    assert found[0].min_samples == 3
    assert (found[0].fake.count, counted.fake.count) == (0, 1)


@pytest.mark.parametrize("identifiers", ["mode_count", ["mode_count"], ("mode_count",)])
def test_one_needs_no_list(make_extractor, identifiers):
    (metric,) = get_all(identifiers, make_extractor())
    assert type(metric) is metrics.ModeCount


@pytest.mark.parametrize(
    ("identifiers", "received"),
    [
        ([], "[]"),
        (["mode_count", metrics.ModeCount(min_samples=2)], "['ModeCount', 'ModeCount']"),
    ],
)
def test_none_or_two_of_a_kind(identifiers, received):
    message = (
        "An evaluation takes at least one measure, and no two of one kind, whose values would have "
        f"the same names. Received: {received}. Make an Evaluator for each."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get_all(identifiers, None)


def test_a_measure_with_an_extractor_of_its_own():
    class Named:
        name = "digits"

    message = (
        "FrechetDistance has an extractor of its own, 'digits'. An evaluation runs one extractor "
        "once for all measures. Leave it out of the measure and pass it to the Evaluator."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get_all(metrics.FrechetDistance(Named()), None)
