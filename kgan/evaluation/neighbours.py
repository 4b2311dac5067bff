"""Are the samples copies? The nearest training image of each, found and measured.

A generator that repeats its training images makes samples that lie nearer to them than other real
images do. Only the comparison says so: a smooth or simple sample is near to many images.
"""

from typing import NamedTuple

import numpy as np

from kgan._utils.progress import Progress
from kgan.evaluation.samples import to_floats
from kgan.evaluation.shares import most_by_chance
from kgan.evaluation.shares import wilson_interval
from kgan.metrics.neighbours import nearest_neighbours

# Samples, and real images to compare them with, whose nearest training images are searched for.
SEARCHED = 1000
# Training images that are compared at a time, and the numbers they may have together.
_BLOCK, _NUMBERS = 2000, 2**24

# Nearer than all real images but these: where nothing is copied about as large a share is.
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


class Closeness(NamedTuple):
    """Samples and real images, each with its nearest training image in one space.

    Memorisation is read off `close_share`: of the samples, those that lie within `edge` of a
    training image. Of real images that the generator was not trained on 1 % do, so of samples that
    are as new as those about 1 % do as well; of copies all do, of noise none. Training images that
    are compared with the others are as good as held-out ones here, for each is new to the others.

    Attributes:
        space: str, in what the distances are: "pixels", or the features of an extractor.
        fake: `NearestTraining` of the samples.
        real: `NearestTraining` of the real images they are compared with.
        are_held_out: bool, whether those were held out from the training; else they are training
            images, each compared with the others.
        training_images: int, among how many the nearest was searched for.
        ratios: float array (samples,), each sample's distance over that of the same training image
            to its own nearest other; 0 for a copy.
    """

    space: str
    fake: NearestTraining
    real: NearestTraining
    are_held_out: bool
    training_images: int
    ratios: np.ndarray

    @property
    def real_images(self) -> str:
        """Which real images the samples are compared with, in words."""
        return "held-out images" if self.are_held_out else "training images, themselves left out"

    @property
    def edge(self) -> float:
        """The distance within which the nearest 1 % of the real images lie, at least one."""
        rank = max(1, round(_TAIL * len(self.real.distances)))
        return float(np.partition(self.real.distances, rank - 1)[rank - 1])

    @property
    def close_share(self) -> float:
        """Share of samples within `edge` of a training image."""
        return float((self.fake.distances <= self.edge).mean())

    @property
    def close_interval(self) -> tuple[float, float]:
        """The 95 % interval of `close_share` for this `edge`, by Wilson's formula."""
        return wilson_interval(self.close_share, len(self.fake.distances))

    @property
    def new_share(self) -> float:
        """What `close_share` is on average where the samples are as new as the real images.

        Of m real images r lie within `edge`; any place in the order of all is as likely for one
        more such image, so it lies there with probability r / (m + 1).
        """
        return self._reals_inside / (len(self.real.distances) + 1)

    @property
    def most_by_chance(self) -> float:
        """What `close_share` exceeds once in 40 times where the samples are as new.

        The chance of samples and of `edge` are both in it.
        """
        inside = self._reals_inside
        outside = len(self.real.distances) - inside
        # Two training images may be each other's nearest: both lie inside then, or neither.
        weight = 1.0 if self.are_held_out else 0.5
        return most_by_chance(len(self.fake.distances), weight * inside, weight * outside)

    @property
    def has_copies(self) -> bool:
        """Whether more samples lie near training images than chance brings there."""
        return self.close_share > self.most_by_chance

    @property
    def _reals_inside(self) -> int:
        # More than 1 % where several have the same distance, such as 0.
        return int((self.real.distances <= self.edge).sum())

    def closest(self, count: int) -> np.ndarray:
        """Which samples come closest to a training image by `ratios`, the closest first."""
        return np.argsort(self.ratios, kind="stable")[:count]

    def histogram(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The distances of both sides, counted on one axis to be drawn.

        Returns:
            Edges, float array (bins + 1,), from 0 up; what lies beyond the last is counted there.
            Shares of the real images, float array (bins,). The same of the generated images.
        """
        sides = (self.real.distances, self.fake.distances)
        # One outlier would press all others flat.
        high = float(np.quantile(np.concatenate(sides), 0.995)) * 1.05 or 1.0
        edges = np.linspace(0.0, high, _BINS + 1)
        shares = [np.histogram(np.minimum(side, high), edges)[0] / len(side) for side in sides]
        return edges, *shares

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
            "close_share": self.close_share,
            "close_share_interval_95": list(self.close_interval),
            "close_share_without_copies": self.new_share,
            "close_share_most_by_chance": self.most_by_chance,
        }


def nearest_training(
    images: np.ndarray, training: np.ndarray, progress: Progress, *, own: np.ndarray | None = None
) -> NearestTraining:
    """Find the nearest training image of each image, a block of training images at a time.

    Args:
        images: uint8 array (images, ...) of pixels, or float array (images, dim) of features.
        training: all training images in the same form; pixels may be a file larger than memory.
        progress: counts the training images.
        own: int array (images,), for images that are training images themselves: their places,
            which do not count; -1 for others. None, the default: all are others.

    Returns:
        A `NearestTraining`.
    """
    queries = _vectors(images)
    distances = np.full(len(queries), np.inf)
    indices = np.full(len(queries), -1)
    everyone = np.arange(len(queries))
    step = max(1, min(_BLOCK, _NUMBERS // training[0].size))
    for start in range(0, len(training), step):
        block = _vectors(training[start : start + step])
        found = nearest_neighbours(queries, block, n=min(len(block), 1 if own is None else 2))
        places = found.indices + start
        others = places != (-1 if own is None else own[:, np.newaxis])
        column = others.argmax(axis=1)
        nearer = others.any(axis=1) & (found.distances[everyone, column] < distances)
        distances[nearer] = found.distances[everyone, column][nearer]
        indices[nearer] = places[everyone, column][nearer]
        progress.add(len(block))
    return NearestTraining(distances, indices)


def measure_closeness(
    samples: np.ndarray,
    training: np.ndarray,
    rows: np.ndarray,
    *,
    own: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    space: str,
    verbose: int = 0,
) -> Closeness:
    """Find the training images nearest to samples and to real images, in one space.

    Args:
        samples: uint8 array (samples, ...) of pixels, or float array (samples, dim) of features,
            of which the first 1,000 are searched for; as many of the real images.
        training: training images in the same form.
        rows: int array, the places of those training images among all.
        own: int array (reals,), which of the training images are the real images to compare with.
        held_out: in place of `own`, real images that are no training images.
        space: str, what the distances are in.
        verbose: 0, the default, for no progress bar.

    Returns:
        A `Closeness`.
    """
    own = None if own is None else own[:SEARCHED]
    compared = held_out[:SEARCHED] if own is None else training[own]
    with Progress(3 * len(training), verbose=verbose) as progress:
        fake = nearest_training(samples[:SEARCHED], training, progress)
        real = nearest_training(compared, training, progress, own=own)
        found, back = np.unique(fake.indices, return_inverse=True)
        scales = nearest_training(training[found], training, progress, own=found).distances[back]
    # Distances in units of how far the training images lie from each other there.
    ratios = np.full(len(back), np.inf)
    ratios[fake.distances == 0] = 0.0
    np.divide(fake.distances, scales, out=ratios, where=scales > 0)
    return Closeness(
        space=space,
        fake=fake._replace(indices=rows[fake.indices]),
        real=real._replace(indices=rows[real.indices]),
        are_held_out=own is None,
        training_images=len(rows),
        ratios=ratios,
    )


def _vectors(images: np.ndarray) -> np.ndarray:
    images = to_floats(images) if images.dtype == np.uint8 else images
    return images.reshape(len(images), -1)
