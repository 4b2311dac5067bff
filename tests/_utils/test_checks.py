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
