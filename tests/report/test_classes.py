import numpy as np

from kgan.evaluation.classes import count_classes
from kgan.report.classes import classes_section
from kgan.report.elements import percent


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


def test_names_are_text():
    html = classes_section(shares_of(["<a>", "<b>", "<c>"]), "<judge>")
    assert not [name for name in ("<a>", "<b>", "<c>", "<judge>") if name in html]
