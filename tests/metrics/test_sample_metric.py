"""One suite over every measure: a new one is one entry in `CASES`."""

import dataclasses
import importlib
import pkgutil
import re
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kgan.metrics
from kgan._utils.by_name import snake_name
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

COUNT = 60
SHAPES = {"features": (8,), "probabilities": (5,), "images": (32, 32, 1)}


def rows_of(reads, seed, *, count=COUNT):
    """Rows of what a measure reads, all of one distribution."""
    values = np.random.default_rng(seed).normal(size=(count, *SHAPES[reads])).astype(np.float32)
    if reads == "probabilities":
        powers = np.exp(2 * values)
        return powers / powers.sum(axis=1, keepdims=True)
    return np.tanh(values) if reads == "images" else values


@dataclasses.dataclass
class Case:
    """A measure, and what its values must be.

    Attributes:
        measure: its class.
        arguments: what it needs for the small samples of this suite.
        equal: values of fakes that are the reals themselves.
        higher: names of values that are higher when all fakes are one.
        lower: names of values that are lower then.
    """

    measure: type[SampleMetric]
    arguments: dict = dataclasses.field(default_factory=dict)
    equal: dict = dataclasses.field(default_factory=dict)
    higher: tuple = ()
    lower: tuple = ()

    def make(self, **more):
        return self.measure(**self.arguments, **more)

    def filled(self, real=0, fake=1):
        """The measure of two samples, by their seeds."""
        metric = self.make()
        metric.update_state(rows_of(metric.reads, real), rows_of(metric.reads, fake))
        return metric


CASES = [
    Case(FrechetDistance, equal={"frechet_distance": 0}, higher=("frechet_distance",)),
    Case(KernelDistance, {"subset_size": 40, "num_subsets": 5}, higher=("kernel_distance",)),
    Case(PrecisionRecall, equal={"precision": 1, "recall": 1}, lower=("recall",)),
    Case(DensityCoverage, equal={"density": 1, "coverage": 1}, lower=("coverage",)),
    Case(InceptionScore, lower=("inception_score",)),
    Case(
        ModeCount,
        equal={"kl_to_real": 0},
        higher=("kl_to_uniform", "kl_to_real"),
        lower=("modes",),
    ),
    Case(
        ParzenLogLikelihood,
        {"validation": rows_of("images", 9)},
        lower=("parzen_log_likelihood",),
    ),
    Case(ClassifierTwoSample, {"splits": 1}, higher=("c2st_accuracy",)),
    Case(MultiScaleSSIM, {"num_pairs": 30}, higher=("ms_ssim",)),
]


def name_of(case):
    return case.measure.__name__


def those_that_read(*reads):
    cases = [case for case in CASES if case.measure.reads in reads]
    return pytest.mark.parametrize("case", cases, ids=name_of)


@pytest.fixture(params=CASES, ids=name_of)
def case(request):
    return request.param


class MeanDifference:
    """A classifier that takes no time: along the difference of the two means."""

    def __init__(self, width, seed):
        pass

    def fit(self, rows, labels, validation):
        real, fake = (rows[labels[:, 0] == label].mean(axis=0) for label in (1, 0))
        self.direction, self.middle = real - fake, (real + fake) / 2

    def logits(self, rows):
        return (rows - self.middle) @ self.direction


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """Train no network: what it learns has tests of its own."""
    module = sys.modules[ClassifierTwoSample.__module__]
    monkeypatch.setattr(module, "_Classifier", MeanDifference)


def check_nothing_counted(metric, real, fake, message):
    """Check that an update raises, and that it leaves the metric as it was."""
    counts = metric.real.count, metric.fake.count
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        metric.update_state(real, fake)
    assert (metric.real.count, metric.fake.count) == counts


def test_every_measure_is_in_the_list():
    for module in pkgutil.iter_modules(kgan.metrics.__path__):
        importlib.import_module(f"kgan.metrics.{module.name}")
    measures = {
        measure
        for measure in SampleMetric.__subclasses__()
        if measure.__module__.startswith("kgan.metrics.")
    }
    assert measures == {case.measure for case in CASES}


def test_values_are_floats_and_the_result_is_their_dict_or_the_only_one(case):
    metric = case.filled()
    values = metric.values()
    assert values
    assert all(type(value) is float for value in values.values())
    assert metric.result() == (values if len(values) > 1 else next(iter(values.values())))


def test_many_unequal_batches_equal_one_batch(case):
    once = case.filled().values()
    metric = case.make()
    real, fake = rows_of(metric.reads, 0), rows_of(metric.reads, 1)
    metric.update_state(fake=fake[:1])
    metric.update_state(real[:17], fake[1:3])
    metric.update_state(real[17:18], fake[3:50])
    metric.update_state(real[18:])
    metric.update_state(fake=fake[50:])
    assert (metric.real.count, metric.fake.count) == (COUNT, COUNT)
    assert metric.values() == pytest.approx(once, rel=1e-9, abs=1e-12)


def test_tensors_count_as_arrays(case):
    metric = case.make()
    real, fake = (
        keras.ops.convert_to_tensor(rows_of(metric.reads, seed), "float32") for seed in (0, 1)
    )
    metric.update_state(real, fake)
    assert metric.values() == case.filled().values()


def test_fakes_that_are_the_reals_are_perfect(case):
    values = case.filled(0, 0).values()
    assert {name: values[name] for name in case.equal} == pytest.approx(case.equal, abs=1e-10)


def test_a_collapse_shows(case):
    metric = case.filled()
    before = metric.values()
    metric.reset_fake()
    metric.update_state(fake=np.repeat(rows_of(metric.reads, 1, count=1), COUNT, axis=0))
    after = metric.values()
    assert all(after[name] > before[name] for name in case.higher)
    assert all(after[name] < before[name] for name in case.lower)


def test_a_reset_forgets_all_rows(case):
    metric = case.filled(2, 3)
    metric.reset_state()
    assert (metric.real.count, metric.fake.count) == (0, 0)
    metric.update_state(rows_of(metric.reads, 0), rows_of(metric.reads, 1))
    assert metric.values() == case.filled(0, 1).values()


def test_a_reset_of_the_fakes_keeps_the_reals(case):
    metric = case.filled(0, 3)
    metric.reset_fake()
    metric.update_state(fake=rows_of(metric.reads, 1))
    assert metric.values() == case.filled(0, 1).values()


def test_a_result_twice_is_the_same(case):
    metric = case.filled()
    assert metric.values() == metric.values()


def test_the_name_is_its_own_or_the_given_one(case):
    assert case.make().name == snake_name(case.measure.__name__)
    assert case.make(name="mine").name == "mine"


@those_that_read("features", "probabilities")
def test_an_extractor_turns_images_into_what_is_read(case):
    def extractor(images):
        read = rows_of(case.measure.reads, int(images[0]), count=len(images))
        return SimpleNamespace(**{case.measure.reads: read})

    metric = case.make(extractor=extractor)
    metric.update_state(np.zeros(COUNT), np.ones(COUNT))
    assert metric.values() == case.filled(0, 1).values()


def test_no_rows_have_no_value(case):
    with pytest.raises(ValueError, match=r"no (fake )?rows yet|Received: 0 "):
        case.make().result()


@pytest.mark.parametrize("side", ["real", "fake"])
def test_rows_that_are_not_finite_are_refused_and_none_of_the_batch_is_counted(case, side):
    metric = case.filled()
    rows = {"real": rows_of(metric.reads, 2), "fake": rows_of(metric.reads, 3)}
    rows[side][4, 0] = np.nan
    message = (
        f"{side} {metric.reads} hold NaN or infinity, first in row 4. A generator that makes such "
        "images has diverged: go back to an earlier checkpoint."
    )
    check_nothing_counted(metric, rows["real"], rows["fake"], message)


def other_shape(case, rows, others, side):
    return (
        f"{case.measure.__name__} compares rows of one shape. Expected: {rows.shape[1:]}, as those "
        f"before. Received: {others.shape[1:]} of {side} rows. Take all from one source: one "
        "extractor, one image shape."
    )


@pytest.mark.parametrize("before", [False, True])
def test_fakes_of_another_width_are_refused_and_no_real_of_the_batch_is_counted(case, before):
    metric = case.filled() if before else case.make()
    real = rows_of(metric.reads, 2)
    fake = np.repeat(real, 2, axis=1) / (2 if metric.reads == "probabilities" else 1)
    message = other_shape(case, real, fake, "fake")
    check_nothing_counted(metric, real, fake, message)


@pytest.mark.parametrize("side", ["real", "fake"])
def test_a_batch_of_another_width_than_those_before_is_refused(case, side):
    metric = case.make()
    rows = rows_of(metric.reads, 2)
    metric.update_state(real=rows)
    wide = np.repeat(rows, 2, axis=1) / (2 if metric.reads == "probabilities" else 1)
    message = other_shape(case, rows, wide, side)
    check_nothing_counted(metric, **{"real": None, "fake": None, side: wide}, message=message)


@those_that_read("images")
def test_images_of_another_shape_but_as_many_values_are_refused(case):
    metric = case.make()
    images = rows_of("images", 2)
    metric.update_state(real=images)
    long = images.reshape(-1, 16, 64, 1)
    check_nothing_counted(metric, None, long, other_shape(case, images, long, "fake"))


def test_rows_of_other_dimensions_are_refused(case):
    metric = case.make()
    shape = "(rows, height, width, channels)" if metric.reads == "images" else "(rows, width)"
    message = (
        f"fake {metric.reads} must be an array {shape} with at least one row. "
        "Received: an array of shape (5,)."
    )
    check_nothing_counted(metric, None, np.ones(5), message)


def test_empty_batches_are_refused(case):
    metric = case.make()
    empty = rows_of(metric.reads, 0)[:0]
    shape = "(rows, height, width, channels)" if metric.reads == "images" else "(rows, width)"
    message = (
        f"real {metric.reads} must be an array {shape} with at least one row. "
        f"Received: an array of shape {empty.shape}."
    )
    check_nothing_counted(metric, empty, None, message)


@those_that_read("images")
def test_images_outside_the_range_are_refused(case):
    metric = case.make()
    message = (
        "real images must lie in [-1, 1]. Received: values from 0 to 255. "
        "Scale them with images / 127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they "
        "lie in [0, 1]."
    )
    images = np.zeros((2, *SHAPES["images"]), np.uint8)
    images[1] = 255
    check_nothing_counted(metric, images, None, message)


@those_that_read("probabilities")
@pytest.mark.parametrize("row", [[3, 3, 3, 3, 3], [-1, 2, 0, 0, 0]])
def test_logits_are_refused_where_probabilities_are_read(case, row):
    message = (
        "real probabilities must be >= 0 and sum to 1 in every row. Received: in row 1 values from "
        f"{min(row)} on, with the sum {sum(row)}. If they are logits, give their softmax."
    )
    rows = np.array([[0.2] * 5, row])
    check_nothing_counted(case.make(), rows, None, message)


def test_an_extractor_without_classes_is_refused_where_probabilities_are_read():
    class Extractor:
        name = "mine"

        def __call__(self, images):
            return SimpleNamespace(features=images, probabilities=None)

    message = (
        "InceptionScore reads class probabilities, and the extractor 'mine' has no classes. Give "
        "it one that has, such as kgan.features.digits()."
    )
    check_nothing_counted(InceptionScore(Extractor()), None, np.ones((3, 2)), message)


def test_single_values_are_results_of_their_own():
    assert isinstance(Case(FrechetDistance).filled().result(), float)
    assert isinstance(Case(ModeCount).filled().result(), dict)


def test_rounding_over_the_end_of_the_range_is_allowed():
    metric = ParzenLogLikelihood(rows_of("images", 0))
    metric.update_state(fake=np.full((2, 32, 32, 1), 1.0005))
    assert metric.fake.count == 2
