import numpy as np

from kgan.evaluation.classes import ClassShares
from kgan.report import as_text


def test_a_terminal_gets_aligned_columns(measurement, make_findings):
    numbers = {
        "frechet_distance_x_5": measurement("frechet_distance", 7.218, 0.85, real=1.25),
        "recall_x_5": measurement("recall", 0.5, 0.012),
    }
    shares = ClassShares(
        ["a", "bc", "defghi"], np.array([0.5, 0.25, 0.25]), np.array([0.4, 0.2, 0.4]), None, None, 5
    )
    text = as_text(make_findings(numbers=numbers, classes=shares))
    assert text.splitlines() == [
        "                            samples  real images  better",
        "frechet_distance_x_5    7.22 ± 0.85         1.25  lower",
        "recall_x_5            0.500 ± 0.012            -  higher",
        "real images: 5 other training images of 'noise', in place of the samples",
        "",
        "class   samples  real images",
        "a         40.0%        50.0%  ########################",
        "bc        20.0%        25.0%  ############",
        "defghi    40.0%        25.0%  ########################",
        "",
        "samples as near to a training image as hardly any real image is:",
        "   4.0%  by pixels, 0.7% to 19.5% (without copies 1.0%, by chance up to 8.0%)",
        " 100.0%  by features of 'x', 86.7% to 100.0% (without copies 1.0%, by chance up to 8.0%)"
        ": some may be copies",
    ]


def test_names_of_classes_are_shown_and_not_obeyed(make_findings):
    names = ["\x1b[31mred\nface", "b"]
    shares = ClassShares(names, np.array([0.5, 0.5]), np.array([0.5, 0.5]), None, None, 4)
    lines = as_text(make_findings(classes=shares)).splitlines()
    assert [line.partition("  ")[0] for line in lines[7:9]] == [r"\x1b[31mred face", "b"]


def test_without_classes_there_are_no_bars(make_findings):
    assert "#" not in as_text(make_findings(classes=None))
