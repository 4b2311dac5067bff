import io
import math

import matplotlib.pyplot
import numpy as np
import pytest
from PIL import Image

from kgan.callbacks.pictures.curve_picture import draw_curves
from kgan.callbacks.pictures.curve_points import CurvePoints

NAMES = ("d_loss", "g_loss", "d_real", "d_fake")


def points_of(values, names=NAMES) -> CurvePoints:
    points = CurvePoints()
    for step, value in enumerate(values, start=1):
        points.add(100 * step, 1, dict.fromkeys(names, value))
    return points


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("probabilities", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="none"),
        pytest.param([0.7], id="one"),
        pytest.param([0.7, 0.7], id="constant"),
        pytest.param([-5.0, -3.0, -4.0], id="negative"),
        pytest.param([0.7, math.nan, 0.5, math.inf, -math.inf], id="partly not finite"),
        pytest.param([math.nan, math.nan], id="not finite"),
        pytest.param([1e-30, 1e30], id="far apart"),
    ],
)
def test_any_values_can_be_drawn(values, probabilities):
    epochs = points_of(values, [*NAMES, *(f"val_{name}" for name in NAMES)])
    figure = draw_curves(points_of(values), epochs, probabilities=probabilities)
    png = io.BytesIO()
    figure.canvas.print_png(png)
    with Image.open(png) as picture:
        assert picture.size == (1100, 400)


def test_pyplot_does_not_know_the_figure():
    draw_curves(points_of([1.0]), points_of([1.0]), probabilities=True)
    assert matplotlib.pyplot.get_fignums() == []


def test_lines_run_over_images_and_have_gaps_where_values_are_not_finite():
    figure = draw_curves(points_of([1.0, math.inf, 3.0]), CurvePoints(), probabilities=False)
    for axes in figure.axes:
        for line in axes.lines:
            np.testing.assert_array_equal(line.get_xdata(), [100, 200, 300])
            np.testing.assert_array_equal(line.get_ydata(), [1.0, math.nan, 3.0])


def test_losses_are_on_the_left_and_scores_on_the_right_with_their_validation():
    epochs = points_of([1.0], [*NAMES, "val_d_loss", "val_d_fake", "val_accuracy"])
    losses, scores = draw_curves(points_of([1.0]), epochs, probabilities=False).axes
    assert losses.get_legend_handles_labels()[1] == ["d_loss", "val_d_loss", "g_loss"]
    assert scores.get_legend_handles_labels()[1] == [
        "d_real: D(x)",
        "d_fake: D(G(z))",
        "val_d_fake",
    ]


@pytest.mark.parametrize("probabilities", [True, False])
def test_only_probabilities_have_a_line_at_one_half(probabilities):
    points = points_of([0.2, 0.9])
    _, scores = draw_curves(points, points, probabilities=probabilities).axes
    lines = [line.get_label() for line in scores.lines if set(line.get_ydata()) == {0.5}]
    assert lines == (["1/2: undecided"] if probabilities else [])


def test_one_wild_step_does_not_press_the_others_flat():
    quiet = [1.0, 2.0] * 100
    losses, _ = draw_curves(points_of([1e6, *quiet]), CurvePoints(), probabilities=False).axes
    bottom, top = losses.get_ylim()
    assert 0.9 <= bottom < 1.0
    assert 2.0 < top <= 2.1
