"""The part of a page on classes: which of them a generator makes, asked for or not."""

import html

from kgan.evaluation.classes import ClassShares
from kgan.report import elements
from kgan.report.charts import class_chart
from kgan.report.elements import percent

# Rows of the table of classes: with more, those that are least often what was asked for.
_MOST_ROWS = 20


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
    requests = shares.requests()
    worst = sorted(range(len(requests)), key=lambda place: requests[place].share)[:_MOST_ROWS]
    shown = [requests[place] for place in sorted(worst)]
    rows = [
        [
            elements.strong(request.name),
            f"{request.times:,}",
            f"{percent(request.share)} &plusmn; {percent(request.error)}",
            html.escape(f"{request.other}, {percent(request.other_share)}")
            if request.other
            else "none",
        ]
        for request in shown
    ]
    left_out = len(requests) - len(shown)
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
