"""WeightClip."""

import keras
import numpy as np
import pytest

from kgan.constraints import WeightClip


def test_weights_are_clipped_to_both_bounds_and_left_alone_between():
    np.testing.assert_allclose(
        WeightClip(0.5)(keras.ops.array([-2.0, -0.5, 0.1, 0.5, 7.0])), [-0.5, -0.5, 0.1, 0.5, 0.5]
    )


def test_default_is_the_papers_bound():
    assert WeightClip().c == 0.01


def test_config_round_trip():
    config = keras.constraints.serialize(WeightClip(0.2))
    assert keras.constraints.deserialize(config).c == 0.2


@pytest.mark.parametrize("c", [0, -0.01, float("nan")])
def test_a_bound_that_is_not_positive_is_refused(c):
    with pytest.raises(
        ValueError, match=r"c of WeightClip must be a finite number > 0. Received: c="
    ):
        WeightClip(c)
