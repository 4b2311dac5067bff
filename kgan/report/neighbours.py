"""Are the samples copies? The nearest training image of each, seen and measured.

A generator that repeats its training images makes samples that lie nearer to them than other real
images do. Only the comparison says so: a smooth or simple sample is near to many images.
"""

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from kgan._utils.images import enlarge
from kgan._utils.images import tile
from kgan._utils.images import to_picture
from kgan.metrics.neighbours import nearest_neighbours
from kgan.report import elements
from kgan.report.charts import distance_chart
from kgan.report.elements import percent
from kgan.report.pictures import GAP
from kgan.report.pictures import framed
from kgan.report.pictures import sheet
from kgan.report.pictures import with_opacity

# Figure 2 of the 2014 paper: rows of uncurated samples, the neighbour belongs to the last.
ROWS, COLUMNS = 4, 5
# The samples that come closest of all.
CLOSEST = 10
# Nearer than so many real images are: of honest samples as large a share is.
TAIL = 0.01
# The blue of real images, which shows on white and on black.
_FRAME = (60, 130, 200)


class NearestTraining(NamedTuple):
    """The nearest training image of each of some images.

    Attributes:
        distances: float array (images,), Euclidean.
        indices: int array (images,), the places of the training images.
    """

    distances: np.ndarray
    indices: np.ndarray


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
        edge = np.quantile(self.real.distances, TAIL)
        return float((self.fake.distances <= edge).mean())

    def as_dict(self) -> dict:
        """The numbers, for JSON."""
        return {
            "space": self.space,
            "real_images": self.real_images,
            "training_images": self.training_images,
            "samples": len(self.fake.distances),
            "reals": len(self.real.distances),
            "median_fake_distance": float(np.median(self.fake.distances)),
            "median_real_distance": float(np.median(self.real.distances)),
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


def neighbours_section(samples: np.ndarray, training: np.ndarray, spaces: list[Closeness]) -> str:
    """The part of a page on training images.

    Args:
        samples: uint8 array (samples, height, width, channels), those that were searched for.
        training: uint8 array (images, height, width, channels), indexable by place.
        spaces: their nearest training images, by pixels and by features.

    Returns:
        HTML.
    """
    parts = [_paper_figure(samples, training, spaces)] if len(samples) >= COLUMNS else []
    parts += [_closest_figure(samples, training, space) for space in spaces]
    parts += [_distances_figure(space) for space in spaces]
    return elements.section("Nearest training images", *parts)


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


def _paper_figure(samples, training, spaces: list[Closeness]) -> str:
    """Rows of samples, and beside each the training image nearest to its last sample."""
    rows = min(ROWS, len(samples) // COLUMNS)
    shown = samples[: rows * COLUMNS]
    last = np.arange(COLUMNS - 1, rows * COLUMNS, COLUMNS)
    parts = [elements.picture(sheet(shown, rows, COLUMNS), "Samples in rows", title="samples")]
    for space in spaces:
        column = framed(enlarge(training[space.fake.indices[last]]), _FRAME)
        parts.append(
            elements.picture(
                to_picture(tile(column, rows, 1, gap=GAP, background=0)),
                f"Nearest training images by {space.space}",
                title=f"by {space.space}",
            )
        )
    among = ", ".join(f"{space.training_images:,} by {space.space}" for space in spaces)
    words = (
        f"The first {rows * COLUMNS} samples, not chosen. Framed: the training image nearest to "
        "the last sample of its row (the right column of figure 2 of Goodfellow et al. 2014), "
        f"of {among}."
    )
    return elements.row(*parts) + elements.paragraph(words, quiet=True)


def _closest_figure(samples, training, space: Closeness) -> str:
    """Of all samples those that come closest to a training image, above those."""
    closest = np.argsort(space.ratios, kind="stable")[:CLOSEST]
    above = with_opacity(enlarge(samples[closest]))
    below = framed(enlarge(training[space.fake.indices[closest]]), _FRAME)
    both = to_picture(tile(np.concatenate([above, below]), 2, len(closest), gap=GAP, background=0))
    ratios = ", ".join(f"{ratio:.2f}" for ratio in space.ratios[closest])
    return elements.picture(
        both,
        f"Samples above their nearest training images by {space.space}",
        f"Of {len(samples):,} samples the {len(closest)} that come closest to a training image by "
        f"{space.space}, each above that image, framed. Their distances, in units of the distance "
        f"from that image to the next training image: {ratios}. Copies have 0.",
    )


def _distances_figure(space: Closeness) -> str:
    samples, reals = space.fake.distances, space.real.distances
    caption = (
        f"Distance by {space.space} to the nearest of {space.training_images:,} training images: "
        f"of {len(samples):,} samples (median {np.median(samples):.3g}) and of {len(reals):,} "
        f"{space.real_images} (median {np.median(reals):.3g}). {percent(space.close_share)} of the "
        f"samples are as near as the nearest 1 % of those real images; where nothing is "
        f"copied it is about 1 %."
    )
    svg = distance_chart(reals, samples, f"distance by {space.space}")
    return elements.chart(svg, caption)
