"""The part of a page on training images: samples beside those that they come closest to."""

import numpy as np

from kgan._utils.images import enlarge
from kgan.evaluation.findings import Findings
from kgan.evaluation.neighbours import Closeness
from kgan.report import elements
from kgan.report.charts import distance_chart
from kgan.report.elements import percent
from kgan.report.pictures import framed
from kgan.report.pictures import with_opacity

# Figure 2 of the 2014 paper: rows of uncurated samples, the neighbour belongs to the last.
_ROWS, _COLUMNS = 4, 5
# The samples that come closest of all.
_CLOSEST = 10
_WORDS = (
    "Of a share in brackets: its 95 % interval (Wilson 1927). By chance up to: what samples as new "
    "as the real images exceed once in 40 times. A smooth sample is near to many images by pixels; "
    "a copy is the same picture as its neighbour. Against copies help more training images, "
    "augmentation, and a state of the generator from earlier in the training."
)


def neighbours_section(findings: Findings) -> str:
    """The part of a page on training images.

    Args:
        findings: a `kgan.evaluation.Findings`.

    Returns:
        HTML.
    """
    samples, training = findings.samples, findings.reals.training.images
    parts = []
    if len(samples) >= _COLUMNS:
        parts.append(_paper_figure(samples, training, findings.neighbours))
    parts += [_closest_figure(samples, training, space) for space in findings.neighbours]
    parts += [_distances_figure(space) for space in findings.neighbours]
    parts.append(elements.paragraph(_WORDS, quiet=True))
    return elements.section("Nearest training images", *parts)


def _paper_figure(samples, training, spaces: list[Closeness]) -> str:
    """Rows of samples, and beside each the training image nearest to its last sample."""
    rows = min(_ROWS, len(samples) // _COLUMNS)
    shown = samples[: rows * _COLUMNS].reshape(rows, _COLUMNS, *samples.shape[1:])
    parts = [elements.picture(shown, "Samples in rows", title="samples")]
    for space in spaces:
        nearest = training[space.fake.indices[_COLUMNS - 1 : rows * _COLUMNS : _COLUMNS]]
        column, name = framed(nearest)[:, np.newaxis], f"by {space.space}"
        parts.append(elements.picture(column, f"Nearest training images {name}", title=name))
    among = ", ".join(f"{space.training_images:,} by {space.space}" for space in spaces)
    words = (
        f"The first {rows * _COLUMNS} samples, not chosen. Framed: the training image nearest to "
        "the last sample of its row (the right column of figure 2 of Goodfellow et al. 2014), "
        f"of {among}."
    )
    return elements.row(*parts) + elements.paragraph(words, quiet=True)


def _closest_figure(samples, training, space: Closeness) -> str:
    """Of all samples those that come closest to a training image, above those."""
    closest = space.closest(_CLOSEST)
    above = enlarge(with_opacity(samples[closest]))
    below = framed(training[space.fake.indices[closest]])
    ratios = ", ".join(f"{ratio:.2f}" for ratio in space.ratios[closest])
    return elements.picture(
        np.stack([above, below]),
        f"Samples above their nearest training images by {space.space}",
        f"Of {len(samples):,} samples the {len(closest)} that come closest to a training image by "
        f"{space.space}, each above that image, framed. Their distances, in units of the distance "
        f"from that image to the next training image: {ratios}. Copies have 0.",
    )


def _distances_figure(space: Closeness) -> str:
    caption = (
        f"Distance by {space.space} to the nearest of {space.training_images:,} training images: "
        f"of {len(space.fake.distances):,} samples (median {space.fake.median:.3g}) and of "
        f"{len(space.real.distances):,} {space.real_images} (median {space.real.median:.3g}). "
        f"{memorised(space)}"
    )
    return elements.chart(distance_chart(space), caption)


def memorised(space: Closeness) -> str:
    """Whether the samples are copies, in sentences: the share, what is good, what to do.

    Args:
        space: a `kgan.evaluation.neighbours.Closeness`.

    Returns:
        Text.
    """
    low, high = map(percent, space.close_interval)
    found = (
        f"{percent(space.close_share)} of the samples ({low} to {high}) are nearer to a training "
        f"image, by {space.space}, than {percent(1 - space.new_share)} of real images are. Where "
        f"nothing is copied it is about {percent(space.new_share)}, and by chance up to "
        f"{percent(space.most_by_chance)}."
    )
    if space.has_copies:
        else_smooth = " or just smooth" if space.space == "pixels" else ""
        return f"{found} So some may be copies{else_smooth}: look at those that come closest."
    return f"{found} So nothing says that training images are copied."
