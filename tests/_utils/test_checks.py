"""The checks of single arguments that every package shares."""

import re

import numpy as np
import pytest

from kgan import layers
from kgan import metrics
from kgan import models
from kgan._utils import checks


@pytest.mark.parametrize("value", [1, np.int64(3), np.arange(3).max() + 1])
def test_positive_integers_of_python_and_numpy_are_taken(value):
    checks.check_positive_integer("n", value)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, np.float64(2), "2", None])
def test_everything_else_is_refused(value):
    message = f"n must be a positive integer. Received: n={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_positive_integer("n", value)


def test_layers_models_and_metrics_take_numpy_integers():
    three = np.int64(3)
    assert layers.Maxout(three, pieces=three)(np.ones((2, 4))).shape == (2, 3)
    assert layers.NearestUpSampling2D(three)(np.ones((1, 2, 2, 1))).shape == (1, 6, 6, 1)
    assert layers.MinibatchStdDev(three)(np.ones((3, 2))).shape == (3, 3)
    shape = tuple(np.array([8, 8, 1]))
    generator = models.dcgan_generator(shape, three, width=three, num_classes=three)
    assert generator.output_shape == (None, 8, 8, 1)
    assert models.dcgan_discriminator(shape, width=three).output_shape == (None, 1)
    metrics.KernelDistance(subset_size=three, num_subsets=three)


def test_rows_that_are_not_finite_are_named_among_all():
    rows = np.zeros((3, 2, 2))
    checks.check_finite(rows, "Rows")
    rows[1, 0, 1] = -np.inf
    message = (
        "Rows hold NaN or infinity, first in row 21. A generator that makes such images has "
        "diverged: go back to an earlier checkpoint."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_finite(rows, "Rows", 20)


@pytest.mark.parametrize("row", [[0.5, 0.6], [-0.5, 1.5], [np.nan, 1]])
def test_rows_that_are_no_probabilities_are_refused(row):
    checks.check_probabilities(np.array([[0.25, 0.755], [1, 0]]), "Rows", "Take their softmax.")
    message = (
        f"Rows must be >= 0 and sum to 1 in every row. Received: in row 1 values from "
        f"{np.min(row):g} on, with the sum {np.sum(row):g}. Take their softmax."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_probabilities(np.array([[0.5, 0.5], row]), "Rows", "Take their softmax.")
