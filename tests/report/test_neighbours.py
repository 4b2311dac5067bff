import numpy as np
import pytest

from kgan.report.neighbours import memorised
from kgan.report.neighbours import neighbours_section


@pytest.mark.parametrize("samples", [25, 7, 3])
def test_the_page_shows_samples_beside_and_above_their_neighbours(
    closeness, make_findings, samples
):
    space = closeness(np.ones(samples), np.ones(10))
    html = neighbours_section(
        make_findings(samples=np.zeros((samples, 4, 4, 1), "uint8"), neighbours=[space])
    )
    # Without a whole row of samples the paper's figure is left out.
    assert html.count("<img") == (3 if samples >= 5 else 1)
    assert html.count("<svg") == 1
    assert f"Of {samples} samples the {min(10, samples)} that come closest" in html


def test_the_page_says_how_near_samples_and_reals_come(make_findings):
    html = neighbours_section(make_findings())
    assert "of 25 samples (median 1.5) and of 100 held-out images (median 1.5). 4.0" in html
    assert "of 25 samples (median 0) and of 100 held-out images (median 1.5). 100.0" in html
    assert html.count("So nothing says that training images are copied.") == 1
    assert html.count("So some may be copies: look at those that come closest.") == 1


def test_by_pixels_a_smooth_sample_is_as_near_as_a_copy(closeness):
    by_pixels = closeness(np.zeros(25), np.linspace(1, 2, 100))
    assert memorised(by_pixels).endswith("copies or just smooth: look at those that come closest.")
