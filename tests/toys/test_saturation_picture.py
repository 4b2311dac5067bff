"""The picture of saturation shows the norms of the report twice."""

import io

import matplotlib.pyplot
import numpy as np
import pytest
from PIL import Image

from kgan.toys.saturation import SaturationCurve
from kgan.toys.saturation import SaturationReport
from kgan.toys.saturation_picture import draw_saturation

STEPS = np.array([0, 1, 10, 100])
ERRORS = np.array([0.5, 0.4, 0.1, 0.01])


def curve(*norms):
    return SaturationCurve(np.array(norms), fake_score=ERRORS, error=ERRORS, d_loss=ERRORS)


REPORT = SaturationReport(
    STEPS,
    {
        "minimax": curve(1.0, 0.1, 1e-3, 1e-9),
        "non_saturating": curve(1.0, 1.0, 2.0, 8.0),
        "least_squares": curve(0.0, 1.0, 0.5, 0.25),
    },
)


@pytest.mark.filterwarnings("error")
def test_both_panels_show_the_norms_of_every_loss():
    figure = draw_saturation(REPORT)
    by_step, by_error = figure.axes
    for i, shown in enumerate(REPORT.curves.values()):
        np.testing.assert_array_equal(by_step.lines[i].get_xdata(), STEPS)
        np.testing.assert_array_equal(by_error.lines[i].get_xdata(), ERRORS)
        for axes in figure.axes:
            np.testing.assert_array_equal(axes.lines[i].get_ydata(), shown.gradient_norm)
    png = io.BytesIO()
    figure.savefig(png)
    with Image.open(png) as picture:
        assert picture.size == (1000, 440)


def test_norms_and_errors_are_logarithmic_and_certainty_is_on_the_right():
    by_step, by_error = draw_saturation(REPORT).axes
    assert by_step.get_yscale() == by_error.get_yscale() == by_error.get_xscale() == "log"
    assert by_error.get_xlim()[0] > 0.5 > 0.01 > by_error.get_xlim()[1]
    assert by_step.get_xlim() == (0, 100)


def test_every_loss_is_named_once():
    (legend,) = draw_saturation(REPORT).legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "minimax: log(1 - D(G(z)))",
        "non-saturating: -log D(G(z))",
        "least squares: (D(G(z)) - 1)² / 2",
    ]


def test_pyplot_does_not_know_the_figure_of_saturation():
    draw_saturation(REPORT)
    assert matplotlib.pyplot.get_fignums() == []
