"""What an examination of a generator has found, as data for a notebook, a file or a page."""

import dataclasses

import numpy as np

from kgan.evaluation.classes import ClassShares
from kgan.evaluation.neighbours import Closeness
from kgan.evaluation.protocol import Measurement
from kgan.evaluation.reals import Reals
from kgan.evaluation.usefulness import Usefulness


@dataclasses.dataclass(frozen=True)
class Findings:
    """Everything that `kgan.evaluation.examine` has found; `kgan.report` lays it out.

    Images are uint8 arrays (..., height, width, channels).

    Attributes:
        numbers: dict of `Measurement` by name, with what other real images score where they do.
        reals: the `Reals` that the generator was measured against.
        extractor: str, name of the extractor; None without one.
        seed: int, of everything that was drawn.
        classes: `ClassShares`, or None without a classifier for these images.
        samples: images (samples, ...) whose nearest training images were searched for.
        neighbours: list of `Closeness` of these samples, by pixels first, then by features if
            there is an extractor.
        grid: images (rows, columns, ...), samples to look at.
        grid_labels: int array (rows,), the class of each row; None without classes.
        linear: images (rows, steps, ...) along straight lines between latents.
        spherical: the same along great circles.
        path_labels: int array (rows,), the class of each of those rows; None without classes.
        usefulness: `Usefulness` of the samples as training images; None if it was not measured.
        usefulness_takes: str, what is missing to measure that; empty if nothing is.

    Example:
        >>> findings = kgan.evaluation.examine(gan.generator, kgan.data.digits(), "digits",
        ...     latent_dim=64, repeats=1)
        >>> found = findings.as_dict()
        >>> sorted(found)
        ['classes', 'metrics', 'neighbours', 'num_images', 'num_repeats', 'usefulness']
    """

    numbers: dict[str, Measurement]
    reals: Reals
    extractor: str | None
    seed: int
    classes: ClassShares | None
    samples: np.ndarray
    neighbours: list[Closeness]
    grid: np.ndarray
    grid_labels: np.ndarray | None
    linear: np.ndarray
    spherical: np.ndarray
    path_labels: np.ndarray | None
    usefulness: Usefulness | None = None
    usefulness_takes: str = ""

    def as_dict(self) -> dict:
        """The numbers without the images, as plain numbers, texts, lists and dicts for JSON."""
        return {
            "num_images": len(self.reals.measured),
            "num_repeats": max((number.sample_sets for number in self.numbers.values()), default=1),
            "metrics": {name: number.as_dict() for name, number in self.numbers.items()},
            "classes": None if self.classes is None else self.classes.as_dict(),
            "neighbours": [space.as_dict() for space in self.neighbours],
            "usefulness": None if self.usefulness is None else self.usefulness.as_dict(),
        }
