import pytest

from kgan.report import write
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
    titles = ["Numbers", "Classes", "Nearest training images", "Between two latents"]
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
        "Copies": "100.0 % of the samples are nearer to a training image, by features of 'x', "
        "than 99 % of real images are. Without copies it is about 1 %.",
    }


def test_the_page_shows_both_ways_between_latents_and_says_which_is_which(page):
    html = page()
    html = html[html.index("<h2>Between two latents</h2>") :]
    assert html.count("<img") == 2
    assert html.index("straight lines") < html.index("great circles")
    assert "The rows have the classes 0, 2: only latents change." in html
    html = page({"path_labels": None})
    assert "classes" not in html[html.index("<h2>Between two latents</h2>") :]
