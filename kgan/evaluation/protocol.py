"""What a number is called and how it was measured: without both it compares with nothing."""

import inspect
import math
from numbers import Number
from typing import NamedTuple

# Of the FID paper's features, for which alone these names are kept.
_OF_INCEPTION = {
    "frechet_distance": "fid",
    "kernel_distance": "kid",
    "kernel_distance_std": "kid_std",
}


class Measurement(NamedTuple):
    """A number with its uncertainty and its protocol.

    Attributes:
        key: what is measured, such as "precision" or "fid", without extractor and count.
        mean: over the sample sets.
        std: standard deviation over the sample sets (divided by their number minus one); None for
            a single one. The reals are the same in each: their own chance is not in it.
        sample_sets: how many sets of generated images were measured.
        num_real: real images.
        num_fake: generated images in a set.
        protocol: one sentence that says how it was measured.
        real: what other real images score in place of the samples; None if that is not known.
    """

    key: str
    mean: float
    std: float | None
    sample_sets: int
    num_real: int
    num_fake: int
    protocol: str
    real: float | None = None

    def as_dict(self) -> dict:
        """Everything as plain numbers and texts, for JSON."""
        kind = f"standard deviation over {self.sample_sets} sample sets"
        return {
            "value": _for_json(self.mean),
            "uncertainty": _for_json(self.std),
            "uncertainty_is": None if self.std is None else kind,
            "real_images": _for_json(self.real),
            "sample_sets": self.sample_sets,
            "num_real": self.num_real,
            "num_fake": self.num_fake,
            "protocol": self.protocol,
        }


def value_names(key: str, reads: str, extractor, num_fake: int) -> tuple[str, str]:
    """What people call a value, and its name in logs and tables.

    Args:
        key: the measure's own name of it.
        reads: what the measure reads, "features", "probabilities" or "images".
        extractor: a `kgan.features.Extractor`, or None.
        num_fake: int, how many generated images were measured.

    Returns:
        "fid", "kid" and "kid_std" for distances of the FID paper's Inception features, else the
        key. The same with "_{extractor}_{n}"; with "_{n}" for those and for what reads images.
    """
    if extractor is not None and extractor.name == "inception" and key in _OF_INCEPTION:
        return _OF_INCEPTION[key], f"{_OF_INCEPTION[key]}_{num_fake}"
    if reads == "images":
        return key, f"{key}_{num_fake}"
    return key, f"{key}_{extractor.name}_{num_fake}"


def describe(metric, extractor, *, num_real: int, num_fake: int, source: str | None) -> str:
    """How a measure looks at its images, for a `Measurement`.

    Args:
        metric: a `kgan.metrics.SampleMetric`.
        extractor: a `kgan.features.Extractor`, or None for a measure that reads images.
        num_real: int.
        num_fake: int.
        source: str, where the reals come from, or None.

    Returns:
        The beginning of a sentence, such as "PrecisionRecall(k=3) on the 64 features of 'digits',
        10,000 real images of 'mnist' against 10,000 generated, all in 256 levels".
    """
    seen = {
        "features": lambda: f"the {extractor.dim} features of {extractor.name!r}",
        "probabilities": lambda: f"the {extractor.num_classes} classes of {extractor.name!r}",
        "images": lambda: "pixels",
    }[metric.reads]()
    real = f"{num_real:,} real images" + (f" of {source!r}" if source else "")
    return (
        f"{type(metric).__name__}({_parameters(metric)}) on {seen}, {real} against {num_fake:,} "
        "generated, all in 256 levels"
    )


def _for_json(value: float | None) -> float | str | None:
    """JSON has no infinity, which a KL can be: a word that Python's float() takes."""
    return value if value is None or math.isfinite(value) else str(value)


def _parameters(metric) -> str:
    """The plain parameters of a measure, as in a call."""
    names = inspect.signature(type(metric)).parameters
    values = {name: getattr(metric, name, None) for name in names if name != "name"}
    plain = {name: value for name, value in values.items() if isinstance(value, Number | str)}
    return ", ".join(f"{name}={value}" for name, value in plain.items())
