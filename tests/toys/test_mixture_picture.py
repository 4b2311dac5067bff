"""The strip of a mixture shows the samples, the modes and the numbers."""

import numpy as np

from kgan import toys
from kgan.toys.mixture_picture import MixtureMoment
from kgan.toys.mixture_picture import draw_strip


def test_every_moment_is_a_panel_with_its_samples_and_numbers():
    ring = toys.ring()
    samples = [ring.sample(200, seed=0), np.zeros((10, 2))]
    moments = [
        MixtureMoment(step, points, ring.report(points))
        for step, points in zip((1500, 3000), samples, strict=True)
    ]
    figure = draw_strip(ring, moments)
    assert len(figure.axes) == 2
    for axes, moment, points in zip(figure.axes, moments, samples, strict=True):
        *circles, dots = axes.lines
        np.testing.assert_allclose(dots.get_xydata(), points * ring.scale)
        for circle, mean in zip(circles, ring.means, strict=True):
            distances = np.linalg.norm(circle.get_xydata() - mean, axis=1)
            np.testing.assert_allclose(distances, 0.03, rtol=1e-6)
        report = moment.report
        assert axes.get_title() == (
            f"step {moment.step:,}\n{report.modes}/8 modes, {report.high_quality:.1%} good"
        )
        # Everything of the data is in view.
        assert axes.get_xlim()[1] > np.abs(ring.means).max() + 0.03
    assert figure.axes[1].get_title() == "step 3,000\n0/8 modes, 0.0% good"
