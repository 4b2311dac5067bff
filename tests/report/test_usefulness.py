import numpy as np
import pytest

from kgan.evaluation.usefulness import Usefulness
from kgan.report import as_text
from kgan.report.page import in_short
from kgan.report.usefulness import usefulness_section


def useful(real, samples, both):
    """Of 100 held-out images so many are recognised, in each of two trainings."""
    right = [np.tile(np.arange(100) < count, (2, 1)) for count in (real, samples, both)]
    return Usefulness(*right, num_images=600, steps=1000, held_out="rest")


def plain(html):
    return html.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("both", "between", "verdict", "advice"),
    [
        (90, "+12.2 to +27.8", "the samples help", "So the samples help: train on both."),
        (50, "-27.8 to -12.2", "the samples hurt", "So the samples hurt: leave them out."),
        (71, "-1.0 to +3.0", "no difference is shown", "So these held-out images show no differe"),
    ],
)
def test_the_page_and_the_text_say_whether_samples_help(
    make_findings, both, between, verdict, advice
):
    findings = make_findings(usefulness=useful(70, 60, both))
    html = plain(usefulness_section(findings))
    assert f"a difference of {between} points" in html
    assert advice in html
    # Wilson's interval of 70 of 100.
    row = '<td class="number">70.0 %</td><td class="number">60.4 % to 78.1 %</td>'
    assert f"<strong>real images alone</strong></td>{row}" in html
    assert "from 600 images of each kind" in html
    assert in_short(findings)["Use"].startswith("Trained for as many steps, a classifier")
    assert as_text(findings).splitlines()[-5:] == [
        "held-out images that a classifier is right on, trained on",
        "  70.0%  real, 60.4% to 78.1%",
        "  60.0%  samples, 50.2% to 69.1%",
        f"  {both}.0%  both, {findings.usefulness.interval('both')[0]:.1%} to "
        f"{findings.usefulness.interval('both')[1]:.1%}",
        f"both beside real: {between} points; {verdict}",
    ]


def test_the_page_says_why_it_is_not_known(make_findings):
    html = usefulness_section(make_findings())
    assert "It takes some minutes: kgan.evaluation.examine(..., train_on_samples=True)." in html
    html = usefulness_section(make_findings(usefulness_takes="a generator with classes"))
    assert "was not measured. It takes a generator with classes." in html
    assert "Use" not in in_short(make_findings())
