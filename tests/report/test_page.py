import numpy as np
import pytest

from kgan.evaluation.classes import count_classes
from kgan.report import as_text
from kgan.report import write
from kgan.report.elements import percent
from kgan.report.numbers import UNMEASURED
from kgan.report.page import classes_section
from kgan.report.page import in_short


@pytest.fixture
def page(make_findings, tmp_path):
    """The page of findings with other parts."""

    def page(parts=None, **options):
        write(make_findings(**parts or {}), tmp_path / "report.html", **options)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return page


def test_the_page_has_a_part_for_every_question(page):
    html = page(title="A title", subtitle="Against noise", provenance={"from": "there"})
    titles = ["Numbers", "Classes", "Nearest training images", "Do the samples help?"]
    titles.append("Between two latents")
    places = [html.index(f"<h2>{title}</h2>") for title in (*titles, "Where this comes from")]
    assert places == sorted(places)
    for about in ("Distance", "Quality", "Diversity", "Classes", "Copies"):
        assert f"<strong>{about}</strong><br>" in html
    assert "<title>A title</title>" in html
    assert "Against noise" in html
    assert "<dt>from</dt><dd>there</dd>" in html
    assert "12 samples, not chosen, a class per row: seed 7." in html


def test_findings_alone_make_a_page(page):
    html = page()
    assert "against noise" in html
    assert "<dt>data set</dt><dd>10 images of &#x27;noise&#x27;</dd>" in html


def test_what_was_not_found_is_left_out(page, make_findings):
    numbers = dict(list(make_findings().numbers.items())[:1])
    html = page({"classes": None, "grid_labels": None, "numbers": numbers})
    assert "<h2>Classes</h2>" not in html
    assert "<strong>Quality</strong>" not in html
    assert "12 samples, not chosen: seed 7." in html


def test_findings_without_numbers_make_a_page_and_a_text_that_say_so(page, make_findings):
    parts = {"classes": None, "numbers": {}, "extractor": None}
    parts["neighbours"] = make_findings().neighbours[:1]
    html = page(parts)
    assert f"<p>{UNMEASURED}</p>" in html
    assert "<dt>extractor</dt><dd>none</dd>" in html
    assert "<h2>Nearest training images</h2>" in html
    assert as_text(make_findings(**parts)).splitlines() == [
        UNMEASURED,
        "",
        "samples as near to a training image as hardly any real image is:",
        "   4.0%  by pixels, 0.7% to 19.5% (without copies 1.0%, by chance up to 8.0%)",
    ]


def test_in_short_each_answer_has_what_real_images_have(make_findings):
    answers = {
        about: words.replace("\N{NO-BREAK SPACE}", " ")
        for about, words in in_short(make_findings()).items()
    }
    assert answers == {
        "Distance": "Frechet distance 7.25 (real images: 1.5).",
        "Quality": "75.0 % of the samples lie among real images (real images: 87.5 %).",
        "Diversity": "50.0 % of the real images lie among samples.",
        "Classes": "3 of 3 occur; 100.0 % of the samples are what was asked for.",
        "Copies": "100.0 % of the samples (86.7 % to 100.0 %) are nearer to a training image, by "
        "features of 'x', than 99.0 % of real images are. Where nothing is copied it is about "
        "1.0 %, and by chance up to 8.0 %. So some may be copies: look at those that come closest.",
    }


def test_the_page_shows_both_ways_between_latents_and_says_which_is_which(page):
    html = page()
    html = html[html.index("<h2>Between two latents</h2>") :]
    assert html.count("<img") == 2
    assert html.index("straight lines") < html.index("great circles")
    assert "The rows have the classes 0, 2: only latents change." in html
    html = page({"path_labels": None})
    assert "classes" not in html[html.index("<h2>Between two latents</h2>") :]


def certain(labels, classes=3):
    return np.eye(classes)[labels]


def shares_of(names):
    # Asked for 0, 0, 0, 2, 2; one 0 is taken for a 1.
    return count_classes(
        certain([0, 0, 1, 2]),
        certain([0, 0, 1, 2, 2]),
        requested=np.array([0, 0, 0, 2, 2]),
        names=names,
    )


def test_a_class_that_was_never_asked_for_has_no_row():
    html = classes_section(shares_of(["a", "b", "c"]), "a judge")
    assert "<strong>a</strong>" in html
    assert "<strong>b</strong>" not in html
    # Two of three: sqrt(2/3 * 1/3 / 3) = 0.272.
    assert f"{percent(0.667)} &plusmn; {percent(0.272)}" in html
    assert f"b, {percent(1 / 3)}" in html
    assert f"the generator makes it in {percent(0.8)} of all images" in html


def test_of_many_classes_the_worst_are_shown():
    classes = 30
    requested = np.repeat(np.arange(classes), 2)
    predicted = requested.copy()
    predicted[::2][25:] = 0
    html = classes_section(
        count_classes(
            certain(requested, classes), certain(predicted, classes), requested=requested
        ),
        "a judge",
    )
    assert html.count("<tr>") == 21
    assert all(f"<strong>{label}</strong>" in html for label in range(25, 30))
    assert "The 10 classes that are left out do better." in html


def test_a_name_that_is_no_text_is_spelt(page):
    assert r"<title>gr\udce4u</title>" in page(title="gr\udce4u")


def test_names_are_text():
    html = classes_section(shares_of(["<a>", "<b>", "<c>"]), "<judge>")
    assert not [name for name in ("<a>", "<b>", "<c>", "<judge>") if name in html]
