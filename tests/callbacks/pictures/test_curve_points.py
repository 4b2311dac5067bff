import json
import math

import numpy as np
import pytest

from kgan.callbacks.pictures.curve_points import CurvePoints
from kgan.callbacks.pictures.curve_points import means_between


@pytest.mark.parametrize(("before", "step"), [(0, 1), (0, 100), (1, 2), (7, 64), (99, 100)])
def test_means_between_undo_the_running_mean(before, step):
    values = np.random.default_rng(0).normal(size=100)
    running = np.cumsum(values) / np.arange(1, 101)
    earlier = {"d_loss": running[before - 1]} if before else {}
    between = means_between(before, earlier, step, {"d_loss": running[step - 1]})
    np.testing.assert_allclose(between["d_loss"], values[before:step].mean(), rtol=1e-10)


@pytest.mark.parametrize(("earlier", "later"), [(1.0, math.nan), (math.inf, math.inf)])
def test_a_mean_after_a_running_mean_that_is_not_finite_is_not_a_number(earlier, later):
    between = means_between(2, {"d_loss": earlier}, 3, {"d_loss": later})
    assert math.isnan(between["d_loss"])


def test_points_are_kept_as_they_are_up_to_the_limit():
    points = CurvePoints(limit=4)
    for step in range(1, 5):
        points.add(10 * step, 1, {"d_loss": float(step)})
    assert points.curve("d_loss") == ([10, 20, 30, 40], [1.0, 2.0, 3.0, 4.0])


def test_past_the_limit_stretches_become_twice_as_long():
    points = CurvePoints(limit=4)
    for step in range(1, 6):
        points.add(10 * step, 1, {"d_loss": float(step)})
    assert points.curve("d_loss") == ([20, 40, 50], [1.5, 3.5, 5.0])


@pytest.mark.parametrize("count", [7, 64, 1000, 4097])
def test_however_many_points_come_their_mean_stays_and_their_number_is_bounded(count):
    values = np.random.default_rng(count).normal(size=count)
    points = CurvePoints(limit=50)
    for step, value in enumerate(values, start=1):
        points.add(step, 1, {"d_loss": value})
    images, means = points.curve("d_loss")
    lengths = np.diff([0, *images])
    assert len(images) <= 50
    assert images[-1] == count
    assert set(lengths[:-1]) == {max(lengths)}
    np.testing.assert_allclose(np.average(means, weights=lengths), values.mean(), atol=1e-12)


def test_a_joined_stretch_weighs_its_parts_by_their_steps():
    points = CurvePoints(limit=1)
    points.add(10, 1, {"d_loss": 1.0})
    points.add(40, 3, {"d_loss": 5.0})
    assert points.curve("d_loss") == ([40], [4.0])


def test_a_name_that_only_one_part_has_keeps_its_value():
    points = CurvePoints(limit=1)
    points.add(10, 1, {"d_loss": 1.0})
    points.add(20, 1, {"d_loss": 3.0, "val_d_loss": 7.0})
    assert points.curve("val_d_loss") == ([20], [7.0])
    assert points.curve("g_loss") == ([], [])


def test_points_after_the_restart_are_forgotten():
    points = CurvePoints()
    for images in (10, 20, 30):
        points.add(images, 1, {"d_loss": 0.0})
    points.forget_after(20)
    assert points.curve("d_loss")[0] == [10, 20]


def test_points_survive_the_way_through_json_and_go_on_alike():
    original = CurvePoints(limit=4)
    for step in range(1, 6):
        original.add(step, 1, {"d_loss": step / 3, "g_loss": math.nan})
    copy = CurvePoints(**json.loads(json.dumps(original.to_dict(digits=6))), limit=4)
    for step in range(6, 30):
        for points in (original, copy):
            points.add(step, 1, {"d_loss": step / 3, "g_loss": math.inf})
        for name in ("d_loss", "g_loss"):
            images, values = original.curve(name)
            assert copy.curve(name)[0] == images
            # Six digits are stored.
            np.testing.assert_allclose(copy.curve(name)[1], values, rtol=1e-5)


def test_values_have_six_digits_or_all():
    points = CurvePoints()
    points.add(10, 1, {"d_loss": 2 / 3})
    assert points.to_dict(digits=6)["stretches"] == [[10, 1, {"d_loss": 0.666667}]]
    unrounded = CurvePoints(**json.loads(json.dumps(points.to_dict())))
    assert unrounded.curve("d_loss") == ([10], [2 / 3])
