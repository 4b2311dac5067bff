"""The report: one HTML page from which a person decides whether a generator is good."""

import html
import os
from collections.abc import Mapping
from collections.abc import Sequence

from kgan._utils.files import replacing
from kgan.evaluation import Findings
from kgan.evaluation import Measurement
from kgan.evaluation.classes import ClassShares
from kgan.report import elements
from kgan.report.charts import class_chart
from kgan.report.elements import percent
from kgan.report.neighbours import memorised
from kgan.report.neighbours import neighbours_section
from kgan.report.numbers import meaning
from kgan.report.numbers import numbers_section
from kgan.report.numbers import shown
from kgan.report.usefulness import helped
from kgan.report.usefulness import usefulness_section

# Rows of the table of classes: with more, those that are least often what was asked for.
_MOST_ROWS = 20


def write(
    findings: Findings,
    path: str | os.PathLike,
    *,
    title: str = "What the generator makes",
    subtitle: str | None = None,
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Write findings as one HTML page, whole or not at all.

    Args:
        findings: what `kgan.evaluation.examine` returns.
        path: of the file, which needs no other file.
        title: of the page.
        subtitle: what was measured against what. Default: the name of the real images.
        provenance: names and texts, where everything comes from. Default: the images, the extractor
            and the seed.
        warnings: texts, what was doubtful about the numbers.

    Example:
        >>> findings = kgan.evaluation.examine(gan.generator, kgan.data.digits(), "digits",
        ...     latent_dim=64, repeats=1)
        >>> kgan.report.write(findings, "report.html", title="My first digits")
    """
    training = findings.reals.training
    if provenance is None:
        provenance = {
            "data set": f"{len(training):,} images of {training.name!r}",
            "extractor": findings.extractor or "none",
            "seed": str(findings.seed),
        }
    parts = [
        elements.row(_grid(findings), elements.panel("In short", in_short(findings))),
        numbers_section(findings, warnings),
    ]
    if findings.classes is not None:
        parts.append(classes_section(findings.classes, findings.extractor))
    parts += [
        neighbours_section(findings),
        usefulness_section(findings),
        _interpolation_section(findings),
        elements.section("Where this comes from", elements.facts(provenance)),
    ]
    with replacing(path) as temporary:
        page = elements.document(title, subtitle or f"against {training.name}", *parts)
        # Of the name of a folder that is no UTF-8 the bytes are shown.
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def in_short(findings: Findings) -> dict[str, str]:
    """What one asks first, with its answer: distance, quality, diversity, classes, copies, use.

    Args:
        findings: what the page shows.

    Returns:
        Dict of sentences, for what was measured.
    """
    numbers = {number.key: number for number in findings.numbers.values()}
    sentences = {}
    distance = numbers.get("fid", numbers.get("frechet_distance"))
    if distance is not None:
        words = f"{meaning(distance).title} {shown(distance)}"
        sentences["Distance"] = words + _against(distance, "{:.4g}".format)
    for about, key, words in (
        ("Quality", "precision", "of the samples lie among real images"),
        ("Diversity", "recall", "of the real images lie among samples"),
    ):
        if key in numbers:
            number = numbers[key]
            sentences[about] = f"{percent(number.mean)} {words}" + _against(number, percent)
    if (classes := findings.classes) is not None:
        words = f"{classes.found} of {len(classes.names)} occur"
        if classes.as_requested is not None:
            words += f"; {percent(classes.as_requested)} of the samples are what was asked for"
        sentences["Classes"] = f"{words}."
    closest = max(findings.neighbours, key=lambda space: (space.has_copies, space.close_share))
    sentences["Copies"] = memorised(closest)
    if findings.usefulness is not None:
        sentences["Use"] = helped(findings.usefulness)
    return sentences


def _against(number: Measurement, text_of) -> str:
    return "." if number.real is None else f" (real images: {text_of(number.real)})."


def _grid(findings: Findings) -> str:
    rows, columns = findings.grid.shape[:2]
    per_row = "" if findings.grid_labels is None else ", a class per row"
    return elements.picture(
        findings.grid,
        "A grid of samples",
        f"{rows * columns} samples, not chosen{per_row}: seed {findings.seed}.",
        width=40,
    )


def _interpolation_section(findings: Findings) -> str:
    """The part of a page on the images between two latents."""
    ways = {"straight lines": findings.linear, "great circles": findings.spherical}
    parts = [
        elements.picture(images, f"Images along {name}", title=name)
        for name, images in ways.items()
    ]
    words = (
        "Each row goes in equal steps from one latent, drawn from N(0, I), to another; both "
        "pictures have the same ends (figure 3 of Goodfellow et al. 2014). Half-way along a "
        "straight line a latent is about 0.7 times as long as those that the generator was trained "
        "on; a great circle keeps the length (slerp, White 2016). A generator that has learned "
        "changes step by step, without jumps and without pictures that are none."
    )
    if findings.path_labels is not None:
        classes = ", ".join(map(str, findings.path_labels))
        words += f" The rows have the classes {classes}: only latents change."
    return elements.section("Between two latents", *parts, elements.paragraph(words, quiet=True))


def classes_section(shares: ClassShares, extractor: str) -> str:
    """The part of a page on classes.

    Args:
        shares: a `kgan.evaluation.classes.ClassShares`.
        extractor: name of the classifier.

    Returns:
        HTML.
    """
    rarest = int(shares.fake.argmin())
    real = percent(shares.real[rarest])
    caption = (
        f"Shares of {shares.num_images:,} generated images and of the real ones, all classified by "
        f"the extractor {extractor!r}. The rarest class among the generated ones is "
        f"{shares.names[rarest]}, with {percent(shares.fake[rarest])}; among the real ones it has "
        f"{real}. Chance alone moves a share of {real} by about {percent(shares.chance[rarest])}."
    )
    parts = [elements.chart(class_chart(shares.names, shares.real, shares.fake), caption)]
    if shares.confusion is not None:
        parts += _requested(shares)
    return elements.section("Classes", *parts)


def _requested(shares: ClassShares) -> list[str]:
    """The table of classes that were asked for, and what to know of it."""
    requests = shares.requests()
    worst = sorted(range(len(requests)), key=lambda place: requests[place].share)[:_MOST_ROWS]
    rows = []
    for request in [requests[place] for place in sorted(worst)]:
        share = f"{percent(request.share)} &plusmn; {percent(request.error)}"
        other = f"{request.other}, {percent(request.other_share)}" if request.other else "none"
        rows.append(
            [elements.strong(request.name), f"{request.times:,}", share, html.escape(other)]
        )
    left_out = len(requests) - len(rows)
    note = f" The {left_out} classes that are left out do better." if left_out else ""
    return [
        elements.paragraph(
            f"Asked for a class, the generator makes it in {percent(shares.as_requested)} of "
            f"all images, as far as the classifier is right.{note}"
        ),
        elements.table(
            ["asked for", "times", "recognised as such", "most often taken for"], rows, narrow=True
        ),
        elements.paragraph("± is the standard error of a share.", quiet=True),
    ]
