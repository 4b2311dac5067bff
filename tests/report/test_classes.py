import numpy as np
import pytest

from kgan.report.classes import classes_section
from kgan.report.classes import count_classes
from kgan.report.elements import percent


def certain(labels, classes=3):
    return np.eye(classes)[labels]


REAL = certain([0, 0, 1, 2])
# Asked for 0, 0, 0, 2, 2; one 0 is taken for a 1.
REQUESTED = np.array([0, 0, 0, 2, 2])
FAKE = certain([0, 0, 1, 2, 2])


def test_shares_are_of_the_most_probable_classes():
    shares = count_classes(np.array([[0.4, 0.6], [0.9, 0.1]]), np.array([[0.2, 0.8]]))
    assert shares.real.tolist() == [0.5, 0.5]
    assert shares.fake.tolist() == [0, 1]
    assert shares.names == ["0", "1"]
    assert shares.as_requested is None


def test_what_was_asked_for_is_held_against_what_came():
    shares = count_classes(REAL, FAKE, requested=REQUESTED, names=["a", "b", "c"])
    assert shares.confusion.tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert shares.requested.tolist() == [3, 0, 2]
    assert shares.as_requested == pytest.approx(4 / 5)
    assert shares.as_dict() == {
        "classes": ["a", "b", "c"],
        "real_share": [0.5, 0.25, 0.25],
        "fake_share": [0.4, 0.2, 0.4],
        "num_images": 5,
        "requested": [3, 0, 2],
        "predicted_as_requested": [2, 0, 2],
        "as_requested_share": 0.8,
    }


def test_a_class_that_was_never_asked_for_has_no_row():
    html = classes_section(
        count_classes(REAL, FAKE, requested=REQUESTED, names=["a", "b", "c"]), "a judge"
    )
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


def test_names_are_text():
    shares = count_classes(REAL, FAKE, requested=REQUESTED, names=["<a>", "<b>", "<c>"])
    html = classes_section(shares, "<judge>")
    assert not [name for name in ("<a>", "<b>", "<c>", "<judge>") if name in html]


def test_a_terminal_gets_a_line_per_class():
    lines = count_classes(REAL, FAKE, names=["a", "bc", "defghi"]).terminal_table().splitlines()
    assert lines == [
        "class   samples  real images",
        "a         40.0%        50.0%  ########################",
        "bc        20.0%        25.0%  ############",
        "defghi    40.0%        25.0%  ########################",
    ]
