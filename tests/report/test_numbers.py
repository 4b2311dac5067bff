import pytest

from kgan.evaluation import Measurement
from kgan.report.numbers import Number
from kgan.report.numbers import in_order
from kgan.report.numbers import numbers_section
from kgan.report.numbers import terminal_table


def measured(mean, std=None, protocol="How."):
    return Measurement(mean, std, 1 if std is None else 3, 100, 100, protocol)


@pytest.mark.parametrize(
    ("name", "key", "title"),
    [
        ("frechet_distance_digits_5000", "frechet_distance", "Frechet distance"),
        ("fid_10000", "fid", "FID"),
        ("kid_std_10000", "kid_std", "kid std"),
        ("kernel_distance_std_mine_7", "kernel_distance_std", "kernel distance std"),
        ("ms_ssim_500", "ms_ssim", "MS-SSIM"),
        ("kl_to_real_digits_5000", "kl_to_real", "KL to real"),
        ("a_new_measure_9", "a_new_measure_9", "a new measure 9"),
    ],
)
def test_the_longest_known_name_is_the_measures_own(name, key, title):
    number = Number(name, measured(1.0), None)
    assert (number.key, number.title) == (key, title)


@pytest.mark.parametrize(
    ("mean", "std", "shown"),
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
def test_a_value_has_the_digits_that_its_uncertainty_leaves(mean, std, shown):
    assert Number("precision_x_1", measured(mean, std), None).shown() == shown


def test_the_terminal_shows_aligned_columns():
    measurements = {
        "frechet_distance_x_5": measured(7.218, 0.85),
        "recall_x_5": measured(0.5, 0.012),
    }
    numbers = in_order(measurements, {"frechet_distance_x_5": 1.25})
    assert terminal_table(numbers).splitlines() == [
        "                            samples  real images  better",
        "frechet_distance_x_5    7.22 ± 0.85         1.25  lower",
        "recall_x_5            0.500 ± 0.012            -  higher",
    ]


def test_for_json_a_number_says_what_its_uncertainty_is():
    number = Number("recall_x_5", measured(0.5, 0.012, "How."), 0.75)
    assert number.as_dict() == {
        "value": 0.5,
        "uncertainty": 0.012,
        "uncertainty_is": "standard deviation over 3 sample sets",
        "real_images": 0.75,
        "sample_sets": 3,
        "num_real": 100,
        "num_fake": 100,
        "protocol": "How.",
    }
    assert Number("recall_x_5", measured(0.5), None).as_dict()["uncertainty_is"] is None


def test_what_is_not_finite_is_a_word_in_json():
    assert Number("kl_to_real_x_5", measured(float("inf")), None).as_dict()["value"] == "inf"


def test_the_page_tells_each_protocol_once_with_the_numbers_it_is_of():
    numbers = in_order(
        {
            "precision_x_5": measured(0.5, 0.1, "By balls."),
            "recall_x_5": measured(0.6, 0.1, "By balls."),
            "frechet_distance_x_5": measured(1.5, 0.1, "By moments."),
        },
        None,
    )
    html = numbers_section(numbers, "")
    assert "precision_x_5, recall_x_5: By balls." in html
    assert "frechet_distance_x_5: By moments." in html
    assert html.count("By balls.") == 1
    assert "0.50 ± 0.10" in html
    assert "± is the standard deviation over 3 sets of samples." in html


def test_the_page_says_how_to_get_an_uncertainty_that_is_not_there():
    html = numbers_section(in_order({"recall_x_5": measured(0.5)}, None), "")
    assert "One set of samples was measured; three sets show how far they differ." in html


def test_the_page_says_which_real_images_were_measured():
    html = numbers_section(in_order({"recall_x_5": measured(0.5)}, {"recall_x_5": 0.9}), "5 others")
    assert "Real images: 5 others, measured in place of the samples" in html
    assert ">0.9<" in html
