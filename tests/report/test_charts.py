import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from kgan.report.charts import class_chart
from kgan.report.charts import distance_chart


def elements(svg, tag, kind):
    """Attributes of the elements of one tag and class."""
    return [
        element.attrib
        for element in ElementTree.fromstring(svg).iter(tag)
        if kind in element.get("class", "").split()
    ]


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("text")]


def axis(svg):
    """Height of the line of 0 %, and the share that one unit of height stands for."""
    lines = [float(line["y1"]) for line in elements(svg, "line", "grid")]
    shares = [float(text.split()[0]) / 100 for text in texts(svg) if text.endswith("%")]
    assert len(lines) == len(shares)
    zero = lines[shares.index(0)]
    return zero, max(shares) / (zero - min(lines))


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_bars_stand_on_zero_and_are_as_high_as_the_axis_says(scale):
    real, fake = scale * np.array([0.2, 0.3, 0.5]), scale * np.array([0.0, 0.1, 0.9])
    svg = class_chart(list("abc"), real, fake)
    zero, unit = axis(svg)
    for kind, shares in (("real", real), ("fake", fake)):
        bars = elements(svg, "rect", kind)
        heights = np.array([float(bar["height"]) for bar in bars])
        # Coordinates are written to a tenth of a unit.
        np.testing.assert_allclose(heights * unit, shares, atol=0.1 * unit)
        feet = [float(bar["y"]) + float(bar["height"]) for bar in bars]
        np.testing.assert_allclose(feet, zero, atol=0.11)


def test_names_are_text_and_of_many_only_some_are_shown():
    assert "<b> & c" in texts(class_chart(["<b> & c"], np.ones(1), np.ones(1)))
    names = [f"name{i}" for i in range(100)]
    shown = [text for text in texts(class_chart(names, *np.full((2, 100), 0.01))) if text in names]
    assert 20 <= len(shown) <= 30


@pytest.mark.parametrize("scale", [1e-3, 1.0, 4000.0])
def test_a_histogram_holds_every_distance_once(closeness, scale):
    random = np.random.default_rng(0)
    real, fake = scale * random.uniform(1, 2, 9700), scale * random.uniform(1, 2, 300)
    # Few enough to be left out of the axis, they are counted at its end: 5 % of these.
    fake[:15] *= 100
    svg = distance_chart(closeness(fake, real))
    for kind in ("real", "fake"):
        (path,) = elements(svg, "path", kind)
        points = np.array(re.findall(r"([\d.]+),([\d.]+)", path["d"]), float)
        foot = points[0, 1]
        left, right = points[1:-1:2], points[2:-1:2]
        widths = right[:, 0] - left[:, 0]
        area = ((foot - left[:, 1]) * widths).sum()
        # All shares together are 1, of a height that the axis says.
        zero, unit = axis(svg)
        assert foot == pytest.approx(zero, abs=0.11)
        np.testing.assert_allclose(area / widths.mean() * unit, 1, rtol=0.02)


def test_the_medians_are_marked_where_they_are(closeness):
    real, fake = np.linspace(0, 10, 101), np.linspace(0, 6, 101)
    svg = distance_chart(closeness(fake, real))
    (real_line,), (fake_line,) = (elements(svg, "line", f"{kind}") for kind in ("real", "fake"))
    zero = min(float(points[0]) for points in re.findall(r"M([\d.]+),([\d.]+)", svg))
    distances = [float(line["x1"]) - zero for line in (real_line, fake_line)]
    np.testing.assert_allclose(distances[1] / distances[0], 3 / 5, rtol=0.01)


def test_copies_alone_can_be_drawn(closeness):
    svg = distance_chart(closeness(np.zeros(10), np.zeros(10)))
    assert "nan" not in svg
