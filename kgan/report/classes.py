"""Which classes a generator makes, and whether it makes those that it is asked for."""

import math
from typing import NamedTuple

import numpy as np

from kgan.report import elements
from kgan.report.charts import class_chart
from kgan.report.elements import percent

# Rows of the table of classes: with more, those that are least often what was asked for.
_MOST_ROWS = 20
# Characters of the longest bar on a terminal.
_BAR = 30


class ClassShares(NamedTuple):
    """Classes of real and generated images, as one classifier sees them.

    Attributes:
        names: of the classes, a list of str.
        real: float array (classes,), shares of the real images.
        fake: float array (classes,), shares of the generated images.
        requested: int array (classes,), how often each class was asked for; None for a generator
            without classes.
        confusion: int array (classes, classes), how often images of a requested class (row) were
            taken for another (column); None for a generator without classes.
        num_images: int, how many images were generated.
    """

    names: list[str]
    real: np.ndarray
    fake: np.ndarray
    requested: np.ndarray | None
    confusion: np.ndarray | None
    num_images: int

    @property
    def as_requested(self) -> float | None:
        """Share of the generated images whose predicted class is the requested one."""
        if self.confusion is None:
            return None
        return float(np.trace(self.confusion) / self.num_images)

    def terminal_table(self) -> str:
        """The shares in aligned columns, with a bar for each class.

        Returns:
            Lines of text.
        """
        width = max(len("class"), *map(len, self.names))
        highest = max(self.real.max(), self.fake.max())
        rows = [f"{'class':{width}}  samples  real images"]
        for name, real, fake in zip(self.names, self.real, self.fake, strict=True):
            bar = "#" * round(_BAR * fake / highest)
            rows.append(f"{name:{width}}  {fake:7.1%}  {real:11.1%}  {bar}".rstrip())
        return "\n".join(rows)

    def as_dict(self) -> dict:
        """Everything as plain numbers and lists, for JSON."""
        found = {
            "classes": self.names,
            "real_share": self.real.tolist(),
            "fake_share": self.fake.tolist(),
            "num_images": self.num_images,
        }
        if self.confusion is not None:
            found["requested"] = self.requested.tolist()
            found["predicted_as_requested"] = np.diagonal(self.confusion).tolist()
            found["as_requested_share"] = self.as_requested
        return found


def count_classes(
    real_probabilities: np.ndarray,
    fake_probabilities: np.ndarray,
    *,
    requested: np.ndarray | None = None,
    names: list[str] | None = None,
) -> ClassShares:
    """Count the classes that a classifier sees in real and in generated images.

    Both go through the same classifier, so that its own mistakes are on both sides.

    Args:
        real_probabilities: float array, (images, classes).
        fake_probabilities: float array, (images, classes).
        requested: int array, (fake images,), the classes that the generator was asked for; None for
            a generator without classes.
        names: of the classes; by default their numbers.

    Returns:
        The `ClassShares`.
    """
    classes = real_probabilities.shape[1]
    predicted = fake_probabilities.argmax(axis=1)
    confusion = None
    if requested is not None:
        places = np.asarray(requested) * classes + predicted
        confusion = np.bincount(places, minlength=classes**2).reshape(classes, classes)
    return ClassShares(
        names=list(names or map(str, range(classes))),
        real=_shares(real_probabilities.argmax(axis=1), classes),
        fake=_shares(predicted, classes),
        requested=None if confusion is None else confusion.sum(axis=1),
        confusion=confusion,
        num_images=len(predicted),
    )


def classes_section(shares: ClassShares, extractor: str) -> str:
    """The part of a page on classes.

    Args:
        shares: what `count_classes` gave.
        extractor: what the page calls the classifier.

    Returns:
        HTML.
    """
    rarest = int(shares.fake.argmin())
    fake, real = float(shares.fake[rarest]), float(shares.real[rarest])
    caption = (
        f"Shares of {shares.num_images:,} generated images and of the real ones, all classified by "
        f"{extractor}. The rarest class among the generated ones is {shares.names[rarest]}, with "
        f"{percent(fake)}; among the real ones it has {percent(real)}. Chance alone moves a share "
        f"of {percent(real)} by about {percent(_standard_error(real, shares.num_images))}."
    )
    parts = [elements.chart(class_chart(shares.names, shares.real, shares.fake), caption)]
    if shares.confusion is not None:
        parts.append(_requested_table(shares))
    return elements.section("Classes", *parts)


def _requested_table(shares: ClassShares) -> str:
    right = np.diagonal(shares.confusion) / np.maximum(shares.requested, 1)
    asked = [int(row) for row in np.argsort(right, kind="stable") if shares.requested[row]]
    shown = sorted(asked[:_MOST_ROWS])
    rows = []
    for row in shown:
        others = shares.confusion[row].copy()
        others[row] = 0
        other = int(others.argmax())
        share = others[other] / shares.requested[row]
        error = _standard_error(right[row], shares.requested[row])
        rows.append(
            [
                elements.strong(shares.names[row]),
                f"{shares.requested[row]:,}",
                f"{percent(right[row])} &plusmn; {percent(error)}",
                f"{elements.escaped(shares.names[other])}, {percent(share)}"
                if others[other]
                else "none",
            ]
        )
    left_out = len(asked) - len(shown)
    note = f" The {left_out} classes that are left out do better." if left_out else ""
    return "".join(
        [
            elements.paragraph(
                f"Asked for a class, the generator makes it in {percent(shares.as_requested)} of "
                f"all images, as far as the classifier is right.{note}"
            ),
            elements.table(
                ["asked for", "times", "recognised as such", "most often taken for"],
                rows,
                narrow=True,
            ),
            elements.paragraph("± is the standard error of a share.", quiet=True),
        ]
    )


def _shares(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=classes) / len(labels)


def _standard_error(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / count)
