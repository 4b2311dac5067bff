"""The picture of the Gaussian toy shows the curves of the report, at one size and scale."""

import dataclasses
import io
import math

import matplotlib.pyplot
import numpy as np
import pytest
from PIL import Image

from kgan.toys.gaussian import GaussianNumbers
from kgan.toys.gaussian import GaussianReport
from kgan.toys.gaussian_picture import draw_strip

X = np.linspace(-3.0, 7.0, 11)
DATA = np.exp(-((X - 2) ** 2) / 2) / math.sqrt(2 * math.pi)


def report_of(step=100, scores=0.5, optimum=0.25, value=-1.5, equilibrium=0.5, images=(1.0, 3.0)):
    numbers = GaussianNumbers(
        step=step,
        value=value,
        jensen_shannon=0.125,
        lower_bound=None,
        mean_real=0.0,
        mean_fake=0.0,
        equilibrium=equilibrium,
        largest_gap=None,
    )
    return GaussianReport(
        x=X,
        data_density=DATA,
        generator_density=DATA / 2,
        discriminator=np.full(11, scores),
        optimal_discriminator=None if optimum is None else np.zeros(11) + optimum,
        latents=np.array([-1.0, 1.0]),
        images=np.array(images),
        numbers=numbers,
    )


def unbounded(scores, step=100, **arguments):
    return report_of(step=step, scores=scores, value=None, **arguments)


def lines_of(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def png_size(figure):
    png = io.BytesIO()
    figure.savefig(png)
    with Image.open(png) as picture:
        return picture.size


@pytest.mark.filterwarnings("error")
def test_each_panel_shows_the_curves_of_its_moment():
    reports = [report_of(step=0, scores=0.75), report_of(step=2000, optimum=0.125)]
    figure = draw_strip(reports)
    curves, arrows, scores = figure.axes[:2], figure.axes[2:4], figure.axes[4:]
    assert png_size(figure) == (700, 390)
    for i, report in enumerate(reports):
        densities = lines_of(curves[i])
        np.testing.assert_array_equal(densities["data p(x)"], report.data_density)
        np.testing.assert_array_equal(densities["generator q(x)"], report.generator_density)
        judged = lines_of(scores[i])
        np.testing.assert_array_equal(judged["D(x)"], report.discriminator)
        np.testing.assert_array_equal(judged["optimal D*(x)"], report.optimal_discriminator)
        assert scores[i].get_ylim() == (0.0, 1.05)
        assert curves[i].get_xlim() == arrows[i].get_xlim() == (-3.0, 7.0)
    assert [axes.get_title() for axes in curves] == [
        "step 0\nV = -1.500, JSD = 0.1250",
        "step 2,000\nV = -1.500, JSD = 0.1250",
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "data p(x)",
        "generator q(x)",
        "optimal D*(x)",
        "D(x)",
    ]


def test_arrows_lead_from_latents_to_images():
    arrows = draw_strip([report_of()]).axes[1]
    # Latents from -2.5 to 2.5 are as wide as x from -3 to 7: z is at 2 + 2 z.
    assert [text.xyann for text in arrows.texts] == [(0.0, 0), (4.0, 0)]
    assert [text.xy for text in arrows.texts] == [(1.0, 1), (3.0, 1)]
    np.testing.assert_allclose(arrows.get_xticks(), [-2, 0, 2, 4, 6])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "report",
    [
        report_of(scores=1.0, optimum=0.0),
        report_of(images=(-1e30, 1e30)),
        unbounded(0.0, optimum=math.inf),
        unbounded(-3.0, optimum=-math.inf, equilibrium=0.0),
        unbounded(1e20, optimum=2e299),
        unbounded(0.0, optimum=np.array([2e299, math.inf, 0.5, -1e9, 1e299, 0, 1, 2, 3, 4, 2e299])),
        unbounded(5.0, optimum=None, equilibrium=None),
        unbounded(5.0, step=0),
    ],
)
def test_any_moment_can_be_drawn_and_has_the_size_of_all(report):
    assert png_size(draw_strip([report])) == (410, 390)


def test_without_an_optimum_there_is_no_line_of_it():
    scores = draw_strip([unbounded(1.0, optimum=None, equilibrium=None)]).axes[2]
    assert list(lines_of(scores)) == ["D(x)"]


def test_moments_of_one_film_share_the_scale_of_scores_without_bounds():
    reports = [unbounded(scores, step=step) for step, scores in ((0, -900.0), (10, 4.5), (20, 1.5))]
    limits = [draw_strip([report], reports).axes[2].get_ylim() for report in reports]
    # From the equilibrium 0.5 to 4.5, a tenth of it more; the untrained one has no say.
    np.testing.assert_allclose(limits, [(0.1, 4.9)] * 3)
    np.testing.assert_allclose(draw_strip(reports).axes[6].get_ylim(), (0.1, 4.9))


def test_where_there_are_neither_data_nor_fakes_a_score_has_no_say():
    scores = np.where(np.abs(X - 2) > 4, 100.0, 1.5)
    report = dataclasses.replace(unbounded(0.0), discriminator=scores)
    np.testing.assert_allclose(draw_strip([report]).axes[2].get_ylim(), (0.4, 1.6))


def test_pyplot_does_not_know_the_figure_of_the_gaussian():
    draw_strip([report_of()])
    assert matplotlib.pyplot.get_fignums() == []
