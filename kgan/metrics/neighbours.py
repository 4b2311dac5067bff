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
from kgan.metrics.sample_metric import checked_features

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


class Memberships(NamedTuple):
    """How often points lie in balls.

    Attributes:
        of_points: int64 array (points,), how many balls hold each point.
        of_balls: int64 array (balls,), how many points each ball holds.
    """

    of_points: np.ndarray
    of_balls: np.ndarray


class _Block(NamedTuple):
    """Squared distances of some rows to all references, and what may be wrong with them.

    Attributes:
        rows: int64 array (rows,), which queries these are.
        squares: float64 array (rows, references).
        margins: float64 array (rows, references), bound of the rounding error of `squares`.
    """

    rows: np.ndarray
    squares: np.ndarray
    margins: np.ndarray


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
    check_positive_integer("n", n)
    _check_count(len(references) - among_themselves, n, "references")
    found = Neighbours(np.empty((len(queries), n), np.int64), np.empty((len(queries), n)))
    for block in _blocks(queries, references):
        if among_themselves:
            block.squares[np.arange(len(block.rows)), block.rows] = np.inf
        for part, answer in zip(found, _nearest(block, queries, references, n), strict=True):
            part[block.rows] = answer
    return found


def memberships(points, centres, radii, *, strict: bool = False) -> Memberships:
    """Count which points lie in which balls.

    Args:
        points: float array (points, width).
        centres: float array (balls, width).
        radii: float array (balls,), such as the distances of k-th neighbours.
        strict: bool. With True a ball is open: distance < radius. With False, the default, it is
            closed: distance <= radius.

    Returns:
        Memberships. A point at exactly the radius, such as a copy of the k-th neighbour, is counted
        as `strict` says, free of rounding.

    Raises:
        ValueError: for rows of different widths or that are not finite.
    """
    points, centres = as_rows(points, "points"), as_rows(centres, "centres")
    check_widths(points, centres, "points and centres")
    radii = np.asarray(radii, np.float64)
    closer = np.less if strict else np.less_equal
    counts = Memberships(np.zeros(len(points), np.int64), np.zeros(len(centres), np.int64))
    for block in _blocks(points, centres):
        outside = block.squares - radii**2
        inside = outside < -block.margins
        row, ball = np.nonzero(np.abs(outside) <= block.margins)
        distances = _distances(points, block.rows[row], centres, ball)
        inside[row, ball] = closer(distances, radii[ball])
        counts.of_points[block.rows] = np.count_nonzero(inside, axis=1)
        counts.of_balls[:] += np.count_nonzero(inside, axis=0)
    return counts


def checked_for_balls(real, fake, *, real_k: int, fake_k: int = 0) -> tuple:
    """Two samples of features, as measures with balls around them need them.

    Args:
        real: float array (reals, width).
        fake: float array (fakes, width).
        real_k: int, which neighbour of a real is on its ball.
        fake_k: int, the same of a fake; 0, the default, for fakes without balls.

    Returns:
        The two arrays.

    Raises:
        ValueError: for different widths, values that are not finite, too few rows for k neighbours,
            or reals that are all the same.
    """
    real, fake = checked_features(real, fake)
    check_positive_integer("k", real_k)
    _check_count(len(real) - 1, real_k, "real features")
    if fake_k:
        _check_count(len(fake) - 1, fake_k, "fake features")
    if (real == real[0]).all():
        raise ValueError(
            f"All {len(real)} real features are the same: there is no ball around any of them. "
            "Check the images, and that the extractor is trained."
        )
    return real, fake


def _check_count(others: int, k: int, what: str) -> None:
    if others < k:
        raise ValueError(
            f"Too few {what} for {k} neighbours of each. Expected: at least {k} to choose from. "
            f"Received: {others}. Give more, or look for fewer neighbours."
        )


def _blocks(queries: np.ndarray, references: np.ndarray) -> Iterator[_Block]:
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
        yield _Block(np.arange(start, start + len(block)), squares, sums)


def _nearest(block: _Block, queries: np.ndarray, references: np.ndarray, n: int) -> Neighbours:
    indices = np.argpartition(block.squares, n - 1, axis=1)[:, :n]
    rows = np.repeat(block.rows, n)
    distances = _distances(queries, rows, references, indices.ravel()).reshape(indices.shape)
    order = np.lexsort((indices, distances))
    indices = np.take_along_axis(indices, order, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    # Others may be nearer than the n-th, for all that the squares can tell; but not than a copy.
    rivals = block.squares - block.margins <= (distances[:, -1:] ** 2)
    for row in np.nonzero((np.count_nonzero(rivals, axis=1) > n) & (distances[:, -1] > 0))[0]:
        candidates = np.nonzero(rivals[row])[0]
        own = np.full(len(candidates), block.rows[row])
        exact = _distances(queries, own, references, candidates)
        order = np.lexsort((candidates, exact))[:n]
        indices[row], distances[row] = candidates[order], exact[order]
    return Neighbours(indices, distances)


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
