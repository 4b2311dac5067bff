"""The checks of single arguments that every package shares."""

import re

import numpy as np
import pytest

from kgan import callbacks
from kgan import layers
from kgan import metrics
from kgan import models
from kgan import penalties
from kgan._utils import checks


@pytest.mark.parametrize("value", [1, np.int64(3), np.arange(3).max() + 1])
def test_positive_integers_of_python_and_numpy_are_taken(value):
    checks.check_positive_integer("n", value)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, np.float64(2), "2", None])
def test_everything_else_is_refused(value):
    message = f"n must be a positive integer. Received: n={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_positive_integer("n", value)


@pytest.mark.parametrize("value", [-1, 8, True, 2.0, "2", None])
def test_integers_out_of_range_are_refused(value):
    message = f"n must be an integer from 0 to 7. Received: n={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_integer("n", value, 0, 7)


def test_numbers_become_pythons_own():
    numbers = [1, 0.5, np.float32(0.5), np.int64(2)]
    found = [checks.check_number("x", number, above=0, below=3) for number in numbers]
    assert found == [1, 0.5, 0.5, 2.0]
    assert [type(number) for number in found] == [int, float, float, float]


@pytest.mark.parametrize("value", ["0.5", True, None, np.nan, np.inf, 0, 3.0, np.ones(1)])
def test_what_is_no_number_in_the_range_is_refused(value):
    message = f"c of X must be a finite number > 0 and < 3, said so. Received: c={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_number("c of X", value, above=0, below=3, because=", said so")
    with pytest.raises(ValueError, match=r"^c must be a finite number >= 4\."):
        checks.check_number("c", value, at_least=4)
    with pytest.raises(ValueError, match=r"^c must be a finite number >= 0 and <= 1\."):
        checks.check_number("c", 2, at_least=0, at_most=1)


def test_flags_are_bools_and_no_texts():
    values = (True, False, np.True_, 0, None, "auto")
    found = [checks.check_flag("jit", value, "auto") for value in values]
    assert found == [True, False, True, False, False, "auto"]
    assert all(type(value) in (bool, str) for value in found)
    message = "jit must be True or False or 'auto'. Received: jit='no'."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.check_flag("jit", "no", "auto")


TAKE_INTEGERS = {
    "Backup": lambda n: callbacks.Backup("backup", every_n_images=n, keep=n),
    "Evaluation": lambda n: callbacks.Evaluation(None, num_images=n, seed=n, every_n_epochs=n),
    "Health": lambda n: callbacks.Health(every_n_steps=n, patience=n),
    "SampleGrid": lambda n: callbacks.SampleGrid("grids", rows=n, every_n_images=n, seed=n),
    "LeCam": lambda n: penalties.LeCam(start=n),
    "KernelDistance": lambda n: metrics.KernelDistance(subset_size=n, num_subsets=n, seed=n),
    "MultiScaleSSIM": lambda n: metrics.MultiScaleSSIM(num_pairs=n, seed=n),
    "ClassifierTwoSample": lambda n: metrics.ClassifierTwoSample(splits=n, seed=n),
}


@pytest.mark.parametrize("make", TAKE_INTEGERS.values(), ids=TAKE_INTEGERS)
def test_integers_are_kept_as_pythons_own_and_no_bool_is_one(make):
    kept = [value for value in vars(make(np.int64(3))).values() if isinstance(value, np.integer)]
    assert not kept
    with pytest.raises(
        ValueError, match=r" must be an? (positive )?integer( from 0.*)?. Received: "
    ):
        make(True)


def test_layers_models_and_metrics_take_numpy_integers():
    three = np.int64(3)
    assert layers.Maxout(three, pieces=three)(np.ones((2, 4))).shape == (2, 3)
    assert layers.NearestUpSampling2D(three)(np.ones((1, 2, 2, 1))).shape == (1, 6, 6, 1)
    assert layers.MinibatchStdDev(three)(np.ones((3, 2))).shape == (3, 3)
    shape = tuple(np.array([8, 8, 1]))
    generator = models.dcgan_generator(shape, three, width=three, num_classes=three)
    assert generator.output_shape == (None, 8, 8, 1)
    assert models.dcgan_discriminator(shape, width=three).output_shape == (None, 1)
    for family in ("resnet", "residual"):
        pair = models.get(family)
        pair.generator(shape, three, width=three, num_classes=three)
        pair.discriminator(shape, width=three, num_classes=three)
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
