"""Nearest neighbours, and who lies in whose ball, by exact Euclidean distances.

The distances come block by block from |x|^2 + |y|^2 - 2 x.y of centred rows, one matrix product.
That form loses digits where two rows are close and far from the origin: what its error could decide
is decided by the differences of the rows themselves.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_positive_integer
from kgan.metrics.sample_metric import as_rows
from kgan.metrics.sample_metric import check_widths

# Entries of a block of the distance matrix, and numbers gathered for differences, at a time: 32 MB
# of float64 each.
_BLOCK = 2**22


class Neighbours(NamedTuple):
    """The nearest references of every query, nearest first.

    Attributes:
        indices: int64 array (queries, n), rows of the references.
        distances: float64 array (queries, n), Euclidean, in units of the rows.
    """

    indices: np.ndarray
    distances: np.ndarray


def nearest_neighbours(
    queries: ArrayLike, references: ArrayLike | None = None, *, n: int = 1
) -> Neighbours:
    """Find the n nearest references of every query.

    Takes the time of a matrix product, and memory for a float64 copy of the references and some
    blocks of 32 MB.

    Args:
        queries: float array (queries, ...), rows of any shape: features, or images as such.
        references: float array (references, ...) of as many values each; None, the default, for the
            queries themselves, where no row is its own neighbour.
        n: int, how many neighbours.

    Returns:
        Neighbours. Among equal distances the order is that of the references, but which of several
        exact copies of a query are named is left open.

    Raises:
        ValueError: for rows of different widths or that are not finite, or fewer references than n.

    Example:
        >>> nearest = kgan.metrics.nearest_neighbours(gan.generate(10, seed=0), images)
        >>> column = images[nearest.indices[:, 0]]
    """
    among_themselves = references is None
    queries = as_rows(queries, "queries")
    references = queries if among_themselves else as_rows(references, "references")
    check_widths(queries, references, "queries and references")
    n = check_positive_integer("n", n)
    check_others(len(references) - among_themselves, n, "references")
    found = Neighbours(np.empty((len(queries), n), np.int64), np.empty((len(queries), n)))
    for rows, squares, margins in _blocks(queries, references):
        if among_themselves:
            squares[np.arange(len(rows)), rows] = np.inf
        nearest = _nearest(rows, squares, margins, queries, references, n)
        found.indices[rows], found.distances[rows] = nearest
    return found


def memberships(
    points: np.ndarray, centres: np.ndarray, radii: np.ndarray, *, strict: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Count which points lie in which balls.

    Args:
        points: finite float array (points, width).
        centres: finite float array (balls, width).
        radii: float64 array (balls,), such as the distances of k-th neighbours.
        strict: bool. With True a ball is open: distance < radius. With False, the default, it is
            closed: distance <= radius.

    Returns:
        Two int64 arrays: how many balls hold each point, (points,), and how many points each ball
        holds, (balls,). A point at exactly the radius, such as a copy of the k-th neighbour, is
        counted as `strict` says, free of rounding.
    """
    closer = np.less if strict else np.less_equal
    of_points, of_balls = np.zeros(len(points), np.int64), np.zeros(len(centres), np.int64)
    for rows, squares, margins in _blocks(points, centres):
        outside = squares - radii**2
        inside = outside < -margins
        row, ball = np.nonzero(np.abs(outside) <= margins)
        distances = _distances(points, rows[row], centres, ball)
        inside[row, ball] = closer(distances, radii[ball])
        of_points[rows] = np.count_nonzero(inside, axis=1)
        of_balls += np.count_nonzero(inside, axis=0)
    return of_points, of_balls


def check_others(others: int, n: int, what: str) -> None:
    """Raise unless there are n neighbours to find.

    Args:
        others: int, rows to choose from.
        n: int, how many neighbours are looked for.
        what: str, what the rows are, for the message.

    Raises:
        ValueError: if there are fewer.
    """
    if others < n:
        raise ValueError(
            f"Too few {what} for {n} neighbours of each. Expected: at least {n} to choose from. "
            f"Received: {others}. Give more, or look for fewer neighbours."
        )


def _blocks(queries: np.ndarray, references: np.ndarray) -> Iterator[tuple]:
    """Some queries by their rows, (rows,), and of each of them to every reference, (rows,
    references), the squared distance and a bound of its rounding error.
    """
    width = references.shape[1]
    # Of the data's own mean the squares are smallest, and with them the error.
    mean = references.mean(axis=0, dtype=np.float64)
    centred = references - mean
    norms = np.einsum("ij,ij->i", centred, centred)
    # Of a product of `width` terms, two norms and two sums, with room for the differences.
    relative = 4 * (width + 4) * np.finfo(np.float64).eps
    step = max(1, _BLOCK // len(references))
    for start in range(0, len(queries), step):
        block = queries[start : start + step] - mean
        sums = np.einsum("ij,ij->i", block, block)[:, None] + norms
        squares = (-2 * block) @ centred.T
        squares += sums
        sums *= relative
        yield np.arange(start, start + len(block)), squares, sums


def _nearest(block_rows, squares, margins, queries, references, n: int) -> tuple:
    indices = np.argpartition(squares, n - 1, axis=1)[:, :n]
    rows = np.repeat(block_rows, n)
    distances = _distances(queries, rows, references, indices.ravel()).reshape(indices.shape)
    order = np.lexsort((indices, distances))
    indices = np.take_along_axis(indices, order, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    # Others may be nearer than the n-th, for all that the squares can tell; but not than a copy.
    rivals = squares - margins <= (distances[:, -1:] ** 2)
    for row in np.nonzero((np.count_nonzero(rivals, axis=1) > n) & (distances[:, -1] > 0))[0]:
        candidates = np.nonzero(rivals[row])[0]
        own = np.full(len(candidates), block_rows[row])
        exact = _distances(queries, own, references, candidates)
        order = np.lexsort((candidates, exact))[:n]
        indices[row], distances[row] = candidates[order], exact[order]
    return indices, distances


def _distances(first, first_rows, second, second_rows) -> np.ndarray:
    """Distances of pairs of rows by their differences, (pairs,)."""
    distances = np.empty(len(first_rows))
    step = max(1, _BLOCK // first.shape[1])
    for start in range(0, len(distances), step):
        pairs = slice(start, start + step)
        # float64 before the difference: float32 rows would round it.
        difference = first[first_rows[pairs]].astype(np.float64) - second[second_rows[pairs]]
        distances[pairs] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances
