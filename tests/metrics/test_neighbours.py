import re
import tracemalloc

import numpy as np
import pytest

from kgan.metrics import neighbours
from kgan.metrics.neighbours import memberships
from kgan.metrics.neighbours import nearest_neighbours

# Three on a line and one aside; all distances of the first to the others are whole numbers.
SQUARE = np.array([(0, 0), (1, 0), (3, 0), (0, 2)], float)


def sample(count, width=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def one_by_one(queries, references, n, *, themselves=False):
    """Indices and distances, pair by pair."""
    found = []
    for i, query in enumerate(queries):
        pairs = sorted(
            (np.sqrt(np.sum((query - reference) ** 2)), j)
            for j, reference in enumerate(references)
            if not (themselves and i == j)
        )
        found.append(pairs[:n])
    found = np.array(found)
    return found[..., 1].astype(int), found[..., 0]


def test_neighbours_worked_by_hand():
    found = nearest_neighbours([(1, 0.5)], SQUARE, n=3)
    assert found.indices.tolist() == [[1, 0, 3]]
    np.testing.assert_allclose(found.distances, np.sqrt([[0.25, 1.25, 3.25]]), rtol=1e-15)


def test_a_row_is_not_its_own_neighbour():
    found = nearest_neighbours(SQUARE)
    assert found.indices[:, 0].tolist() == [1, 0, 1, 0]
    assert found.distances[:, 0].tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("n", [1, 3, 19])
def test_neighbours_are_those_found_pair_by_pair(n):
    queries, references = sample(30), sample(19, seed=1)
    found = nearest_neighbours(queries, references, n=n)
    indices, distances = one_by_one(queries, references, n)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-14)


def test_neighbours_among_themselves_are_those_found_pair_by_pair():
    rows = sample(30)
    found = nearest_neighbours(rows, n=29)
    indices, distances = one_by_one(rows, rows, 29, themselves=True)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-14)


@pytest.mark.parametrize("offset", [0, 1e4])
def test_copies_are_at_distance_0_wherever_they_lie(offset):
    references = sample(50, width=100) + offset
    order = np.random.default_rng(1).permutation(50)
    found = nearest_neighbours(references[order], references)
    assert (found.distances == 0).all()
    np.testing.assert_array_equal(found.indices[:, 0], order)


def test_close_rows_of_distant_clusters_keep_their_order():
    # Squared distances within a cluster are 1e-12, between clusters 1e6: float64 resolves 1e-10.
    random = np.random.default_rng(0)
    centres = 1000 * random.normal(size=(2, 3))
    rows = np.concatenate([centre + 1e-6 * random.normal(size=(20, 3)) for centre in centres])
    found = nearest_neighbours(rows, n=3)
    indices, distances = one_by_one(rows, rows, 3, themselves=True)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-14)


def test_close_neighbours_among_far_ones_keep_their_order():
    # Differences of 1e-6 and 2e-6 beside a spread of 1e4: squares alone cannot tell them apart.
    references = np.array([[1e4], [2e-6], [1e-6], [-1e4]])
    found = nearest_neighbours(np.zeros((1, 1)), references, n=2)
    np.testing.assert_array_equal(found.indices, [[2, 1]])
    np.testing.assert_allclose(found.distances, [[1e-6, 2e-6]], rtol=1e-12)


def test_equal_distances_stand_in_the_order_of_the_references():
    # Not representable exactly: the squares round differently from place to place.
    references = np.array([(x, y, z) for x in (0.1, 0.7) for y in (0.1, 0.7) for z in (0.1, 0.7)])
    found = nearest_neighbours(np.full((1, 3), 0.4), references, n=3)
    exact = np.linalg.norm(references - 0.4, axis=1)
    np.testing.assert_array_equal(found.indices[0], np.argsort(exact, kind="stable")[:3])


def test_blocks_change_nothing(monkeypatch):
    queries, references = sample(30), sample(20, seed=1)
    radii = nearest_neighbours(references, n=2).distances[:, -1]
    at_once = nearest_neighbours(queries, references, n=4), memberships(queries, references, radii)
    monkeypatch.setattr(neighbours, "_BLOCK", 60)
    in_blocks = (
        nearest_neighbours(queries, references, n=4),
        memberships(queries, references, radii),
    )
    for one, other in zip(at_once, in_blocks, strict=True):
        for expected, received in zip(one, other, strict=True):
            np.testing.assert_allclose(received, expected, rtol=1e-14)


def test_memory_is_that_of_the_rows_and_of_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK", 2**16)
    rows = sample(3000, width=4)
    tracemalloc.start()
    radii = nearest_neighbours(rows, n=3).distances[:, -1]
    memberships(rows, rows, radii)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The matrix of all distances has 72 MB.
    assert peak < 6e6


def test_images_are_rows_as_well():
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)
    found = nearest_neighbours(images[3:5], images, n=2)
    flat = images.reshape(10, -1).astype(float)
    indices, distances = one_by_one(flat[3:5], flat, 2)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-14)


def test_float32_rows_are_measured_in_float64():
    rows = (sample(30, seed=2) + 100).astype(np.float32)
    exact = nearest_neighbours(rows.astype(np.float64), n=2)
    np.testing.assert_array_equal(nearest_neighbours(rows, n=2).distances, exact.distances)


def test_memberships_worked_by_hand():
    # Balls of radius 1 around 0 and of radius 2 around 3.
    points = np.array([[0.0], [1.0], [4.5], [7.0]])
    balls = np.array([[0.0], [3.0]]), np.array([1.0, 2.0])
    of_points, of_balls = memberships(points, *balls)
    assert of_points.tolist() == [1, 2, 1, 0]
    assert of_balls.tolist() == [2, 2]
    of_points, of_balls = memberships(points, *balls, strict=True)
    assert of_points.tolist() == [1, 0, 1, 0]
    assert of_balls.tolist() == [1, 1]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_memberships_are_those_found_pair_by_pair(strict, offset):
    points, centres = sample(40, width=3) + offset, sample(30, width=3, seed=1) + offset
    # Copies, and points at exactly the radius.
    points[:10] = centres[:10]
    radii = nearest_neighbours(centres, n=2).distances[:, -1]
    distances = np.sqrt(((points[:, None] - centres) ** 2).sum(axis=-1))
    inside = distances < radii if strict else distances <= radii
    of_points, of_balls = memberships(points, centres, radii, strict=strict)
    np.testing.assert_array_equal(of_points, inside.sum(axis=1))
    np.testing.assert_array_equal(of_balls, inside.sum(axis=0))


@pytest.mark.parametrize("width", [3, 200])
def test_the_neighbour_that_makes_the_radius_is_in_the_closed_ball_only(width):
    rows = sample(100, width) / 3
    radii = nearest_neighbours(rows, n=5).distances[:, -1]
    # A row itself and its five neighbours, or without the fifth.
    assert (memberships(rows, rows, radii)[1] == 6).all()
    assert (memberships(rows, rows, radii, strict=True)[1] == 5).all()


def test_different_widths_are_refused():
    message = "Queries and references must have as many values each. Received: 5 and 2."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(sample(3), SQUARE)


@pytest.mark.parametrize(("references", "others"), [(SQUARE, 4), (None, 3)])
def test_too_few_rows_for_the_neighbours_are_refused(references, others):
    message = (
        f"Too few references for {others + 1} neighbours of each. Expected: at least {others + 1} "
        f"to choose from. Received: {others}. Give more, or look for fewer neighbours."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(SQUARE, references, n=others + 1)


@pytest.mark.parametrize("n", [0, -1, 1.5, True, None])
def test_the_number_of_neighbours_is_a_positive_integer(n):
    message = f"n must be a positive integer. Received: n={n!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(SQUARE, n=n)


def test_what_is_not_finite_is_refused():
    rows = SQUARE.copy()
    rows[2, 1] = np.nan
    message = (
        "references hold NaN or infinity, first in row 2. A generator that makes such images has "
        "diverged: go back to an earlier checkpoint."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        nearest_neighbours(SQUARE, rows)


@pytest.mark.parametrize("shape", [(0, 5), (0, 4, 4, 1), (3, 0)])
def test_no_rows_are_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"Received: an array of shape {shape}.")):
        nearest_neighbours(np.zeros(shape))
