"""Are the samples copies? The nearest training image of each, found and measured.

A generator that repeats its training images makes samples that lie nearer to them than other real
images do. Only the comparison says so: a smooth or simple sample is near to many images.
"""

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from kgan.metrics.neighbours import nearest_neighbours

# Nearer than so many real images are: of honest samples as large a share is.
_TAIL = 0.01
_BINS = 40


class NearestTraining(NamedTuple):
    """The nearest training image of each of some images.

    Attributes:
        distances: float array (images,), Euclidean.
        indices: int array (images,), the places of the training images.
    """

    distances: np.ndarray
    indices: np.ndarray

    @property
    def median(self) -> float:
        """Of the distances."""
        return float(np.median(self.distances))


class Histogram(NamedTuple):
    """Distances of real and of generated images, counted on one axis.

    Attributes:
        edges: float array (bins + 1,), from 0 up. What lies beyond the last is counted there.
        real: float array (bins,), shares of the real images.
        fake: float array (bins,), shares of the generated images.
    """

    edges: np.ndarray
    real: np.ndarray
    fake: np.ndarray


class Closeness(NamedTuple):
    """Samples and real images, each with its nearest training image in one space.

    Attributes:
        space: str, in what the distances are: "pixels", or the features of an extractor.
        fake: `NearestTraining` of the samples.
        real: `NearestTraining` of the real images they are compared with.
        real_images: str, which real images those are.
        training_images: int, among how many the nearest was searched for.
        ratios: float array (samples,), each sample's distance over that of the same training image
            to its own nearest other; 0 for a copy.
    """

    space: str
    fake: NearestTraining
    real: NearestTraining
    real_images: str
    training_images: int
    ratios: np.ndarray

    @property
    def close_share(self) -> float:
        """Share of samples as near to a training image as the nearest 1 % of the real images.

        It is about 0.01 where samples and real images are alike, and 1 for copies.
        """
        edge = np.quantile(self.real.distances, _TAIL)
        return float((self.fake.distances <= edge).mean())

    def closest(self, count: int) -> np.ndarray:
        """Which samples come closest to a training image by `ratios`, the closest first."""
        return np.argsort(self.ratios, kind="stable")[:count]

    def histogram(self) -> Histogram:
        """The distances of both sides, to be drawn."""
        sides = (self.real.distances, self.fake.distances)
        # One outlier would press all others flat.
        high = float(np.quantile(np.concatenate(sides), 0.995)) * 1.05 or 1.0
        edges = np.linspace(0.0, high, _BINS + 1)
        shares = [np.histogram(np.minimum(side, high), edges)[0] / len(side) for side in sides]
        return Histogram(edges, *shares)

    def as_dict(self) -> dict:
        """The numbers, for JSON."""
        return {
            "space": self.space,
            "real_images": self.real_images,
            "training_images": self.training_images,
            "samples": len(self.fake.distances),
            "reals": len(self.real.distances),
            "median_fake_distance": self.fake.median,
            "median_real_distance": self.real.median,
            "share_nearer_than_99_percent_of_reals": self.close_share,
        }


def nearest_training(
    images: np.ndarray, blocks: Iterable[np.ndarray], *, own: np.ndarray | None = None
) -> NearestTraining:
    """Find the nearest training image of each image, a block of training images at a time.

    Args:
        images: float array (images, ...), or their features (images, dim).
        blocks: float arrays (rows, ...) that hold all training images in order.
        own: int array (images,), for images that are training images themselves: their places,
            which do not count; -1 for others. None, the default: all are others.

    Returns:
        A `NearestTraining`.
    """
    queries = np.asarray(images).reshape(len(images), -1)
    distances = np.full(len(queries), np.inf)
    indices = np.full(len(queries), -1)
    everyone = np.arange(len(queries))
    start = 0
    for block in blocks:
        found = nearest_neighbours(
            queries, block.reshape(len(block), -1), n=min(len(block), 1 if own is None else 2)
        )
        places = found.indices + start
        others = places != (-1 if own is None else own[:, np.newaxis])
        column = others.argmax(axis=1)
        nearer = others.any(axis=1) & (found.distances[everyone, column] < distances)
        distances[nearer] = found.distances[everyone, column][nearer]
        indices[nearer] = places[everyone, column][nearer]
        start += len(block)
    return NearestTraining(distances, indices)


def measure_closeness(
    samples: np.ndarray,
    compared: np.ndarray,
    blocks: Callable[[], Iterable[np.ndarray]],
    rows: np.ndarray,
    *,
    own: np.ndarray | None = None,
    space: str,
) -> Closeness:
    """Find the training images nearest to samples and to real images, in one space.

    Args:
        samples: float array (samples, ...), images or features.
        compared: float array (reals, ...), of real images.
        blocks: gives, at every call, float arrays (rows, ...) that hold all training images, or
            their features, in order.
        rows: int array, the places of those training images among all.
        own: int array (reals,), where the real images are training images themselves: which of the
            rows. None, the default, for held-out images.
        space: str, what the distances are in.

    Returns:
        A `Closeness`.
    """
    both = np.concatenate([samples, compared])
    places = np.full(len(both), -1)
    if own is not None:
        places[len(samples) :] = own
    found = nearest_training(both, blocks(), own=places)
    fake, real = (
        NearestTraining(found.distances[part], found.indices[part])
        for part in (slice(len(samples)), slice(len(samples), None))
    )
    return Closeness(
        space=space,
        fake=fake._replace(indices=rows[fake.indices]),
        real=real._replace(indices=rows[real.indices]),
        real_images="held-out images" if own is None else "training images, themselves left out",
        training_images=len(rows),
        ratios=_ratios(fake, blocks),
    )


def _ratios(nearest: NearestTraining, blocks) -> np.ndarray:
    """Distances in units of how far the training images lie from each other there."""
    found, back = np.unique(nearest.indices, return_inverse=True)
    images = _rows_of(blocks(), found)
    scales = nearest_training(images, blocks(), own=found).distances[back]
    ratios = np.full(len(back), np.inf)
    ratios[nearest.distances == 0] = 0.0
    return np.divide(nearest.distances, scales, out=ratios, where=scales > 0)


def _rows_of(blocks: Iterable[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Some rows, in ascending order, of all blocks together."""
    taken, start = [], 0
    for block in blocks:
        inside = rows[(rows >= start) & (rows < start + len(block))]
        taken.append(block[inside - start])
        start += len(block)
    return np.concatenate(taken)
