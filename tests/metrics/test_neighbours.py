import re

import numpy as np
import pytest

from kgan.metrics import neighbours
from kgan.metrics.neighbours import memberships
from kgan.metrics.neighbours import nearest_neighbours


def points(count, width=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def slowly(queries, references):
    return np.array([[np.sqrt(((a - b) ** 2).sum()) for b in references] for a in queries])


@pytest.mark.parametrize("block", [1, 40, 2**22])
def test_neighbours_are_those_of_a_slow_loop(monkeypatch, block):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    queries, references = points(13), points(17, seed=1)
    distances = slowly(queries, references)
    found = nearest_neighbours(queries, references, n=4)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :4])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :4], rtol=1e-12)


def test_a_row_is_not_its_own_neighbour():
    rows = points(12)
    distances = slowly(rows, rows)
    np.fill_diagonal(distances, np.inf)
    found = nearest_neighbours(rows, n=2)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :2])


def test_a_copy_far_from_the_origin_has_distance_zero():
    # |x|^2 + |y|^2 - 2 x.y of these has an error of about 1.
    references = np.repeat([[1e8, 0.0], [0.0, 1e8], [1e8 + 1, 0.0]], 5, axis=0)
    found = nearest_neighbours(references[[0, 7]], references)
    np.testing.assert_array_equal(found.distances, [[0.0], [0.0]])


def test_close_neighbours_among_far_ones_keep_their_order():
    # Differences of 1e-6 and 2e-6 beside a spread of 1e4: squares alone cannot tell them apart.
    references = np.array([[1e4], [2e-6], [1e-6], [-1e4]])
    found = nearest_neighbours(np.zeros((1, 1)), references, n=2)
    np.testing.assert_array_equal(found.indices, [[2, 1]])
    np.testing.assert_allclose(found.distances, [[1e-6, 2e-6]], rtol=1e-12)


def test_images_are_taken_as_they_are():
    images = points(6, 12).reshape(6, 2, 2, 3)
    flat = images.reshape(6, 12)
    np.testing.assert_array_equal(
        nearest_neighbours(images, n=3).distances, nearest_neighbours(flat, n=3).distances
    )


@pytest.mark.parametrize("block", [1, 50, 2**22])
@pytest.mark.parametrize("strict", [False, True])
def test_memberships_are_those_of_a_slow_loop(monkeypatch, strict, block):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    # Whole numbers have exact distances, and many lie on the very surface of a ball.
    rows, centres = points(11).round(), points(9, seed=2).round()
    distances = slowly(rows, centres)
    radii = np.sort(distances, axis=0)[4]
    inside = distances < radii if strict else distances <= radii
    counts = memberships(rows, centres, radii, strict=strict)
    np.testing.assert_array_equal(counts.of_points, inside.sum(axis=1))
    np.testing.assert_array_equal(counts.of_balls, inside.sum(axis=0))


def test_too_few_references_are_refused():
    message = (
        "Too few references for 4 neighbours of each. Expected: at least 4 to choose from. "
        "Received: 3. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(points(2), points(3), n=4)
    with pytest.raises(ValueError, match=re.escape("Received: 3.")):
        nearest_neighbours(points(4), n=4)


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_a_number_of_neighbours_is_a_positive_integer(n):
    message = f"The number of neighbours must be a positive integer. Received: {n!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(points(4), n=n)


def test_rows_of_different_widths_are_refused():
    message = "Queries and references must have as many values each. Received: 5 and 4."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(points(4), points(4, 4))
