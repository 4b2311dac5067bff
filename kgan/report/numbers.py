"""The part of a page on numbers: each with its uncertainty, its meaning and its protocol."""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

from kgan.evaluation import Findings
from kgan.evaluation import Measurement
from kgan.report import elements


class Meaning(NamedTuple):
    """What people call a number, which way is better, and what it is."""

    title: str
    better: str
    words: str


UNMEASURED = "Nothing was measured: distances, precision, recall and classes need an extractor."
_DISTANCE = "how far the features of the samples are from those of real images"
# By `Measurement.key`.
_MEANINGS = {
    "frechet_distance": Meaning("Frechet distance", "lower", f"{_DISTANCE}, as two normals"),
    "fid": Meaning("FID", "lower", f"{_DISTANCE}, as two normals"),
    "kernel_distance": Meaning("kernel distance", "lower", f"{_DISTANCE}; may be below 0"),
    "kid": Meaning("KID", "lower", f"{_DISTANCE}; may be below 0"),
    "precision": Meaning("precision", "higher", "share of samples among real images: quality"),
    "recall": Meaning("recall", "higher", "share of real images among samples: diversity"),
    "density": Meaning("density", "higher", "how many real images are near a sample: quality"),
    "coverage": Meaning("coverage", "higher", "share of real images near a sample: diversity"),
    "modes": Meaning("classes found", "higher", "how many classes occur among the samples"),
    "kl_to_uniform": Meaning("KL to uniform", "as real", "how uneven the classes are, in nats"),
    "kl_to_real": Meaning("KL to real", "lower", "how far class shares are from real ones, nats"),
    "inception_score": Meaning("inception score", "higher", "certain classes, and many of them"),
    "c2st_accuracy": Meaning("two-sample accuracy", "lower", "a classifier's; 0.5 is a guess"),
    "c2st_p_value": Meaning("two-sample p-value", "higher", "chance of that without a difference"),
    "ms_ssim": Meaning("MS-SSIM", "as real", "how alike two samples are; 1: all are one image"),
    "parzen_log_likelihood": Meaning(
        "Parzen log-likelihood", "higher", "in nats; no measure of quality, blur scores higher"
    ),
    "parzen_sigma": Meaning("Parzen width", "", "of the kernel, chosen on validation images"),
}
# Values that say how sure another one is, and how.
_SPREADS = {
    "kernel_distance_std": "standard deviation over subsets",
    "kid_std": "standard deviation over subsets",
    "inception_score_std": "standard deviation over splits",
    "parzen_standard_error": "standard error over test images",
    "ms_ssim_standard_error": "standard error over pairs",
}


def numbers_section(findings: Findings, warnings: Sequence[str] = ()) -> str:
    """The part of a page on numbers.

    Args:
        findings: a `kgan.evaluation.Findings`.
        warnings: texts, what is doubtful about the numbers.

    Returns:
        HTML.
    """
    numbers, real_images = findings.numbers, findings.reals.words()
    doubts = [elements.paragraph(f"Warning: {warning}") for warning in warnings]
    if not numbers:
        return elements.section("Numbers", *doubts, elements.paragraph(UNMEASURED))
    rows = []
    for number in numbers.values():
        title, better, words = meaning(number)
        texts = (shown(number), shown_real(number), better)
        rows.append([elements.strong(title, words), *map(html.escape, texts)])
    sets = next(iter(numbers.values())).sample_sets
    if sets > 1:
        words = f"± is the standard deviation over {sets} sets of samples."
    else:
        words = "One set of samples was measured; three sets show how far they differ."
    if real_images:
        words += (
            f" Real images: {real_images}, measured in place of the samples: what a perfect "
            "generator would score, up to chance."
        )
    return elements.section(
        "Numbers",
        *doubts,
        elements.table(["", "samples", "real images", "better"], rows),
        elements.paragraph(words, quiet=True),
        *_protocols(numbers),
    )


def meaning(number: Measurement) -> Meaning:
    """What people call a number, and how to read it."""
    title = number.key.replace("_", " ")
    return _MEANINGS.get(number.key, Meaning(title, "", _SPREADS.get(number.key, "")))


def shown(number: Measurement) -> str:
    """The value, and its standard deviation over sample sets if there are several."""
    mean, std = number.mean, number.std
    if not std or not math.isfinite(std):
        return f"{mean:.4g}"
    # Two digits of what is uncertain; more would be chance.
    decimals = min(6, max(0, 1 - math.floor(math.log10(std))))
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def shown_real(number: Measurement) -> str:
    """What real images score, or that it is not known."""
    return "-" if number.real is None else f"{number.real:.4g}"


def _protocols(numbers: dict[str, Measurement]) -> list[str]:
    """How each number was measured, once for those that were measured together."""
    names = {}
    for name, number in numbers.items():
        names.setdefault(number.protocol, []).append(name)
    return [
        elements.paragraph(f"{', '.join(group)}: {protocol}", quiet=True)
        for protocol, group in names.items()
    ]
