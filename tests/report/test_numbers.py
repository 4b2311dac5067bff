import pytest

from kgan.report.numbers import meaning
from kgan.report.numbers import numbers_section
from kgan.report.numbers import shown


@pytest.mark.parametrize(
    ("key", "title", "better"),
    [
        ("frechet_distance", "Frechet distance", "lower"),
        ("fid", "FID", "lower"),
        ("kid_std", "kid std", ""),
        ("a_new_measure", "a new measure", ""),
    ],
)
def test_a_number_has_a_title(measurement, key, title, better):
    found = meaning(measurement(key, 1.0))
    assert (found.title, found.better) == (title, better)


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (12.3456789, None, "12.35"),
        (12.3456789, 0.0456, "12.346 ± 0.046"),
        (12.3456789, 4.56, "12.3 ± 4.6"),
        (1234.5, 45.6, "1234 ± 46"),
        (0.00012345, 0.0000012, "0.000123 ± 0.000001"),
        # All sets found the same ten classes.
        (10.0, 0.0, "10"),
    ],
)
def test_a_value_has_the_digits_that_its_uncertainty_leaves(measurement, mean, std, text):
    assert shown(measurement("precision", mean, std)) == text


def test_the_page_tells_each_protocol_once_with_the_numbers_it_is_of(measurement, make_findings):
    numbers = {
        "precision_x_5": measurement("precision", 0.5, 0.1, protocol="By balls."),
        "recall_x_5": measurement("recall", 0.6, 0.1, protocol="By balls."),
        "frechet_distance_x_5": measurement("frechet_distance", 1.5, 0.1, protocol="By moments."),
    }
    html = numbers_section(make_findings(numbers=numbers))
    assert "precision_x_5, recall_x_5: By balls." in html
    assert "frechet_distance_x_5: By moments." in html
    assert html.count("By balls.") == 1
    assert "0.50 ± 0.10" in html
    assert "± is the standard deviation over 3 sets of samples." in html


def test_the_page_says_how_to_get_an_uncertainty_that_is_not_there(make_findings):
    html = numbers_section(make_findings())
    assert "One set of samples was measured; three sets show how far they differ." in html


def test_the_page_says_which_real_images_were_measured(make_findings):
    html = numbers_section(make_findings(), ["All images are black."])
    assert "Real images: 5 other training images of &#x27;noise&#x27;, measured in place" in html
    assert ">0.875<" in html
    assert "Warning: All images are black." in html
