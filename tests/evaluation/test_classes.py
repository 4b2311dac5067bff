import numpy as np
import pytest

from kgan.evaluation.classes import count_classes


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


def test_what_came_of_each_request_is_told_with_its_error():
    shares = count_classes(REAL, FAKE, requested=REQUESTED, names=["a", "b", "c"])
    first, second = shares.requests()
    # Two of three: sqrt(2/3 * 1/3 / 3) = 0.272. A class that was never asked for is none.
    assert first == ("a", 3, pytest.approx(2 / 3), pytest.approx(0.2722, rel=1e-3), "b", 1 / 3)
    assert second == ("c", 2, 1, 0, None, 0)


def test_chance_is_the_error_of_as_many_images_as_were_generated():
    shares = count_classes(REAL, FAKE)
    np.testing.assert_allclose(shares.chance[0], np.sqrt(0.5 * 0.5 / 5))
    assert shares.found == 3
    assert count_classes(REAL, FAKE[:2]).found == 1
