"""The numbers of an evaluation in tables, each with its uncertainty, meaning and protocol."""

import math
from typing import NamedTuple

from kgan.evaluation import Measurement
from kgan.report import elements


class _Meaning(NamedTuple):
    title: str
    better: str
    words: str


_DISTANCE = "how far the features of the samples are from those of real images"
# By the measures' own names of their values; the longest that begins a name is its.
_MEANINGS = {
    "frechet_distance": _Meaning("Frechet distance", "lower", f"{_DISTANCE}, as two normals"),
    "fid": _Meaning("FID", "lower", f"{_DISTANCE}, as two normals"),
    "kernel_distance": _Meaning("kernel distance", "lower", f"{_DISTANCE}; may be below 0"),
    "kid": _Meaning("KID", "lower", f"{_DISTANCE}; may be below 0"),
    "precision": _Meaning("precision", "higher", "share of samples among real images: quality"),
    "recall": _Meaning("recall", "higher", "share of real images among samples: diversity"),
    "density": _Meaning("density", "higher", "how many real images are near a sample: quality"),
    "coverage": _Meaning("coverage", "higher", "share of real images near a sample: diversity"),
    "modes": _Meaning("classes found", "higher", "how many classes occur among the samples"),
    "kl_to_uniform": _Meaning("KL to uniform", "as real", "how uneven the classes are, in nats"),
    "kl_to_real": _Meaning("KL to real", "lower", "how far class shares are from real ones, nats"),
    "inception_score": _Meaning("inception score", "higher", "certain classes, and many of them"),
    "c2st_accuracy": _Meaning("two-sample accuracy", "lower", "a classifier's; 0.5 is a guess"),
    "c2st_p_value": _Meaning("two-sample p-value", "higher", "chance of that without a difference"),
    "ms_ssim": _Meaning("MS-SSIM", "as real", "how alike two samples are; 1: all are one image"),
    "parzen_log_likelihood": _Meaning(
        "Parzen log-likelihood", "higher", "in nats; no measure of quality, blur scores higher"
    ),
    "parzen_sigma": _Meaning("Parzen width", "", "of the kernel, chosen on validation images"),
}
# Values that say how sure another one is, and how.
_SPREADS = {
    "kernel_distance_std": "standard deviation over subsets",
    "kid_std": "standard deviation over subsets",
    "inception_score_std": "standard deviation over splits",
    "parzen_standard_error": "standard error over test images",
    "ms_ssim_standard_error": "standard error over pairs",
}


class Number(NamedTuple):
    """One row of the tables.

    Attributes:
        name: str, the full name with extractor and count, "precision_digits_5000".
        measurement: `kgan.evaluation.Measurement`.
        real: float, what other real images score in place of the samples; None if not known.
    """

    name: str
    measurement: Measurement
    real: float | None

    @property
    def key(self) -> str:
        """The measure's own name of the value, or the full name of one that has no meaning here."""
        known = [key for key in (*_MEANINGS, *_SPREADS) if self.name.startswith(f"{key}_")]
        return max(known, key=len, default=self.name)

    @property
    def title(self) -> str:
        """What people call it."""
        return _MEANINGS[self.key].title if self.key in _MEANINGS else self.key.replace("_", " ")

    def shown(self) -> str:
        """The value, and its standard deviation over sample sets if there are several."""
        mean, std = self.measurement.mean, self.measurement.std
        if not std or not math.isfinite(std):
            return f"{mean:.4g}"
        # Two digits of what is uncertain; more would be chance.
        decimals = min(6, max(0, 1 - math.floor(math.log10(std))))
        return f"{mean:.{decimals}f} ± {std:.{decimals}f}"

    def shown_real(self) -> str:
        """What real images score, or that it is not known."""
        return "-" if self.real is None else f"{self.real:.4g}"

    def spread(self) -> str | None:
        """What kind of spread of another value this is, None for a value of its own."""
        return _SPREADS.get(self.key)

    def as_dict(self) -> dict:
        """Everything as plain numbers and texts, for JSON."""
        found = self.measurement._asdict()
        value, std = found.pop("mean"), found.pop("std")
        kind = f"standard deviation over {self.measurement.sample_sets} sample sets"
        return {
            "value": _for_json(value),
            "uncertainty": _for_json(std),
            "uncertainty_is": None if std is None else kind,
            "real_images": _for_json(self.real),
            **found,
        }


def in_order(measurements: dict[str, Measurement], reals: dict[str, float] | None) -> list[Number]:
    """The rows of the tables.

    Args:
        measurements: by their names, as `Evaluator.evaluate` gives them.
        reals: by the same names, what real images score; None if that is not known.

    Returns:
        List of `Number`.
    """
    return [
        Number(name, measurement, (reals or {}).get(name))
        for name, measurement in measurements.items()
    ]


def terminal_table(numbers: list[Number]) -> str:
    """The numbers in aligned columns.

    Args:
        numbers: of `in_order`.

    Returns:
        Lines of text.
    """
    rows = [("", "samples", "real images", "better")]
    for number in numbers:
        better = _MEANINGS[number.key].better if number.key in _MEANINGS else ""
        rows.append((number.name, number.shown(), number.shown_real(), better))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {real:>{widths[2]}}  {better}".rstrip()
        for name, value, real, better in rows
    )


def numbers_section(numbers: list[Number], real_images: str, warnings: list[str] = ()) -> str:
    """The part of a page on numbers.

    Args:
        numbers: of `in_order`.
        real_images: text, which real images the second column is of; empty if there are none.
        warnings: texts, what is doubtful about the numbers.

    Returns:
        HTML.
    """
    rows = [_row(number) for number in numbers]
    sets = numbers[0].measurement.sample_sets
    words = []
    if sets > 1:
        words.append(f"± is the standard deviation over {sets} sets of samples.")
    else:
        words.append("One set of samples was measured; three sets show how far they differ.")
    if real_images:
        words.append(
            f"Real images: {real_images}, measured in place of the samples: what a perfect "
            "generator would score, up to chance."
        )
    columns = ["", "samples", "real images", "better"]
    return elements.section(
        "Numbers",
        *(elements.paragraph(f"Warning: {warning}") for warning in warnings),
        elements.table(columns, rows),
        elements.paragraph(" ".join(words), quiet=True),
        _protocols(numbers),
    )


def _for_json(value: float | None) -> float | str | None:
    """JSON has no infinity, which a KL can be: a word that Python's float() takes."""
    return value if value is None or math.isfinite(value) else str(value)


def _row(number: Number) -> list[str]:
    meaning = _MEANINGS.get(number.key, _Meaning(number.title, "", ""))
    return [
        elements.strong(number.title, number.spread() or meaning.words),
        elements.escaped(number.shown()),
        elements.escaped(number.shown_real()),
        elements.escaped(meaning.better),
    ]


def _protocols(numbers: list[Number]) -> str:
    """How each number was measured, once for those that were measured together."""
    names = {}
    for number in numbers:
        names.setdefault(number.measurement.protocol, []).append(number.name)
    return "".join(
        elements.paragraph(f"{', '.join(group)}: {protocol}", quiet=True)
        for protocol, group in names.items()
    )
