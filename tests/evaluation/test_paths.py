import numpy as np

from kgan.evaluation.paths import linear_path
from kgan.evaluation.paths import spherical_path


def test_a_line_goes_in_equal_steps_from_one_end_to_the_other():
    path = linear_path(np.array([0.0, 4.0]), np.array([2.0, 0.0]), 5)
    np.testing.assert_allclose(path, [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])
    assert path.dtype == np.float32


def test_a_great_circle_goes_in_equal_angles_and_keeps_the_length():
    path = spherical_path(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 4)
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(path, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)


def test_between_ends_of_two_lengths_a_great_circle_still_meets_both():
    start, end = np.random.default_rng(0).standard_normal((2, 64))
    path = spherical_path(start, 3 * end, 7)
    np.testing.assert_allclose(path[[0, -1]], [start, 3 * end], rtol=1e-6)


def test_half_way_between_two_latents_only_the_line_is_too_short():
    ends = np.random.default_rng(0).standard_normal((2, 10_000))
    line, circle = (path(*ends, 3)[1] for path in (linear_path, spherical_path))
    # Two draws of N(0, I) are nearly orthogonal and sqrt(10,000) long, up to a few per cent.
    np.testing.assert_allclose(np.linalg.norm(line), 100 / np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(np.linalg.norm(circle), 100, rtol=0.05)


def test_where_there_is_no_great_circle_the_line_takes_its_place():
    start = np.array([1.0, 1.0])
    for end in (start, 2 * start, -start):
        np.testing.assert_array_equal(spherical_path(start, end, 5), linear_path(start, end, 5))
