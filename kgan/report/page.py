"""The report: one HTML page from which a person decides whether a generator is good."""

from typing import NamedTuple

import numpy as np

from kgan.report import elements
from kgan.report.classes import ClassShares
from kgan.report.classes import classes_section
from kgan.report.elements import percent
from kgan.report.interpolation import interpolation_section
from kgan.report.neighbours import Closeness
from kgan.report.neighbours import neighbours_section
from kgan.report.numbers import Number
from kgan.report.numbers import numbers_section
from kgan.report.pictures import sheet


class Findings(NamedTuple):
    """Everything that a report shows. Images are uint8 arrays (..., height, width, channels).

    Attributes:
        grid: images (rows, columns, ...), samples to look at.
        grid_caption: str.
        numbers: list of `Number`.
        real_images: str, which real images were measured in place of samples, empty for none.
        extractor: str, what the page calls the extractor.
        classes: `ClassShares`, or None without a classifier.
        samples: images (samples, ...) whose training neighbours were searched for.
        training: images (images, ...), all training images, indexable by place.
        closeness: list of `Closeness`, by pixels first.
        linear: images (rows, steps, ...) along straight lines between latents.
        spherical: the same along great circles.
        interpolated_classes: str, which classes those rows have, or empty.
    """

    grid: np.ndarray
    grid_caption: str
    numbers: list[Number]
    real_images: str
    extractor: str
    classes: ClassShares | None
    samples: np.ndarray
    training: np.ndarray
    closeness: list[Closeness]
    linear: np.ndarray
    spherical: np.ndarray
    interpolated_classes: str


def report_page(
    findings: Findings,
    *,
    title: str,
    subtitle: str,
    provenance: dict[str, str],
    warnings: list[str] = (),
) -> str:
    """The page of an evaluation, complete without any other file.

    Args:
        findings: what to show.
        title: of the page.
        subtitle: what was measured against what.
        provenance: names and texts, where everything comes from.
        warnings: what was doubtful about the numbers.

    Returns:
        HTML.
    """
    rows, columns = findings.grid.shape[:2]
    grid = elements.picture(
        sheet(findings.grid.reshape(-1, *findings.grid.shape[2:]), rows, columns, width=40),
        "A grid of samples",
        findings.grid_caption,
    )
    parts = [
        elements.heading(title, subtitle),
        elements.row(grid, elements.panel("In short", in_short(findings))),
        numbers_section(findings.numbers, findings.real_images, warnings),
    ]
    if findings.classes is not None:
        parts.append(classes_section(findings.classes, findings.extractor))
    parts += [
        neighbours_section(findings.samples, findings.training, findings.closeness),
        interpolation_section(
            findings.linear, findings.spherical, classes=findings.interpolated_classes
        ),
        elements.section("Where this comes from", elements.facts(provenance)),
    ]
    return elements.document(title, *parts)


def in_short(findings: Findings) -> dict[str, str]:
    """What one asks first, with its answer: distance, quality, diversity, classes, copies.

    Args:
        findings: what the page shows.

    Returns:
        Dict of sentences, for what was measured.
    """
    numbers = {number.key: number for number in findings.numbers}
    sentences = {}
    for key in ("fid", "frechet_distance"):
        if key in numbers:
            number = numbers[key]
            sentences["Distance"] = f"{number.title} {number.shown()}" + _against(number, "{:.4g}")
    if "precision" in numbers:
        number = numbers["precision"]
        sentences["Quality"] = (
            f"{percent(number.measurement.mean)} of the samples lie among real images"
            + _against(number)
        )
    if "recall" in numbers:
        number = numbers["recall"]
        sentences["Diversity"] = (
            f"{percent(number.measurement.mean)} of the real images lie among samples"
            + _against(number)
        )
    if findings.classes is not None:
        sentences["Classes"] = _classes_in_short(findings.classes)
    closest = max(findings.closeness, key=lambda space: space.close_share)
    sentences["Copies"] = (
        f"{percent(closest.close_share)} of the samples are nearer to a training image, by "
        f"{closest.space}, than 99 % of real images are. Without copies it is about 1 %."
    )
    return sentences


def _against(number: Number, shape: str | None = None) -> str:
    if number.real is None:
        return "."
    real = percent(number.real) if shape is None else shape.format(number.real)
    return f" (real images: {real})."


def _classes_in_short(classes: ClassShares) -> str:
    found = int((classes.fake > 0).sum())
    sentence = f"{found} of {len(classes.names)} occur"
    if classes.as_requested is not None:
        sentence += f"; {percent(classes.as_requested)} of the samples are what was asked for"
    return f"{sentence}."
