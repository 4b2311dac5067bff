"""Everything that a report says of a generator, found in one go."""

import os
from collections.abc import Callable

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from kgan import sampling
from kgan._utils.images import to_uint8
from kgan._utils.progress import Progress
from kgan._utils.tensors import Tensor
from kgan.evaluation import Evaluator
from kgan.evaluation.samples import to_floats
from kgan.features import Extractor
from kgan.metrics import SampleMetric
from kgan.report.classes import ClassShares
from kgan.report.classes import count_classes
from kgan.report.interpolation import linear_path
from kgan.report.interpolation import spherical_path
from kgan.report.neighbours import Closeness
from kgan.report.neighbours import measure_closeness
from kgan.report.numbers import in_order
from kgan.report.page import Findings
from kgan.report.reals import Reals

# Samples whose nearest training images are searched for, and real images to compare them with.
_SEARCHED = 1000
# Training images that are compared at a time, and the numbers they may have together.
_BLOCK, _NUMBERS = 2000, 2**24
_GRID = 10
_PATHS, _STEPS = 4, 10
# A grid of large images gets fewer columns, so that it is about this wide, in pixels.
_WIDTH = 1280


class Subject:
    """The generator that is examined, which keeps its first samples for the pictures.

    Args:
        generator: callable of (latents, training=False) or ([latents, labels], training=False).
        latent_dim: int, width of the latents.
        num_classes: int, or None for a generator of latents alone.
        seed: int in [0, 2^32), of everything that is drawn.
    """

    def __init__(
        self, generator: keras.Model, *, latent_dim: int, num_classes: int | None, seed: int
    ):
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.seed = seed
        self._generator = generator
        self._kept, self._missing = [], 0

    def __call__(self, inputs: Tensor, training: bool = False):
        images = ops.convert_to_numpy(self._generator(inputs, training=training))
        if self._missing > 0:
            self._kept.append(to_uint8(images[: self._missing]))
            self._missing -= len(images)
        return images

    def keep(self, count: int) -> None:
        """Keep so many of the images that are made from now on."""
        self._kept, self._missing = [], count

    def kept(self) -> np.ndarray:
        """Their pixels, uint8."""
        return np.concatenate(self._kept)

    def sample(self, count: int, labels: ArrayLike | None = None) -> np.ndarray:
        """Pixels of so many samples, of these labels."""
        images = sampling.generate(
            self._generator,
            count,
            latent_dim=self.latent_dim,
            num_classes=self.num_classes,
            seed=self.seed,
            labels=labels,
        )
        return to_uint8(images)

    def follow(self, paths: np.ndarray, labels: ArrayLike | None) -> np.ndarray:
        """Pixels (paths, steps, ...) of latents (paths, steps, latent_dim), a label per path."""
        latents = paths.reshape(-1, self.latent_dim)
        if labels is not None:
            labels = np.repeat(labels, paths.shape[1]).astype("int32")
        inputs = sampling.network_inputs(latents, labels)
        images = to_uint8(ops.convert_to_numpy(self._generator(inputs, training=False)))
        return images.reshape(*paths.shape[:2], *images.shape[1:])


def examine(
    subject: Subject,
    reals: Reals,
    extractor: Extractor,
    *,
    metrics: str | SampleMetric | list | tuple | None = None,
    repeats: int = 3,
    cache_dir: str | os.PathLike | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Findings:
    """Measure a generator, and collect what a person should see of it.

    Args:
        subject: the generator.
        reals: of `kgan.report.reals.divide`.
        extractor: a `kgan.features.Extractor`.
        metrics: as `kgan.evaluation.Evaluator` takes them; None for its default.
        repeats: int, how many sets of samples are measured.
        cache_dir: folder for the features of real images, or None.
        say: function of a sentence on what comes next, where that may take a while.

    Returns:
        `Findings`, for `kgan.report.report_page`.

    Raises:
        ValueError: for images that do not fit the extractor or lie outside [-1, 1], or too few
            images for a measure.
    """
    count = len(reals.measured)
    say(f"Looking at {count:,} real images.")
    evaluator = Evaluator(
        reals.measured_part(),
        extractor,
        metrics,
        num_images=count,
        training_labels=reals.training.labels,
        cache_dir=cache_dir,
    )
    say(f"Making and measuring {count:,} samples, {repeats} times.")
    subject.keep(count)
    measurements = evaluator.evaluate(
        subject,
        latent_dim=subject.latent_dim,
        num_classes=subject.num_classes,
        seed=subject.seed,
        repeats=repeats,
    )
    samples = subject.kept()
    fake = evaluator.extract(samples)
    others, scores = None, None
    if reals.others is not None:
        say("Measuring other real images in their place.")
        others = evaluator.extract(reals.others.images)
        scores = evaluator.measure(reals.others.images, others)
    say(f"Searching {len(reals.training.images):,} training images for neighbours by pixels.")
    closeness = [_by_pixels(samples, reals), _by_features(fake, others, evaluator, reals)]
    linear, spherical, path_labels = _paths(subject)
    grid, caption = _grid(subject, reals)
    return Findings(
        grid=grid,
        grid_caption=caption,
        numbers=in_order(measurements, scores),
        real_images=reals.words(),
        extractor=f"the extractor {extractor.name!r}",
        classes=_classes(subject, reals, evaluator, fake),
        samples=samples[:_SEARCHED],
        training=reals.training.images,
        closeness=closeness,
        linear=linear,
        spherical=spherical,
        interpolated_classes=path_labels,
    )


def _classes(subject: Subject, reals: Reals, evaluator: Evaluator, fake) -> ClassShares | None:
    known = reals.training.num_classes
    # The classes of an extractor for other data say nothing about this data set.
    if fake.probabilities is None or known not in (None, fake.probabilities.shape[1]):
        return None
    if known is None and evaluator.extractor.name == "inception":
        return None
    return count_classes(
        evaluator.real.probabilities,
        fake.probabilities,
        requested=evaluator.draw_labels(subject.num_classes, subject.seed),
        names=reals.training.class_names,
    )


def _by_pixels(samples: np.ndarray, reals: Reals) -> Closeness:
    training = reals.training.images
    step = max(1, min(_BLOCK, _NUMBERS // training[0].size))
    held_out = reals.others is not None and reals.other_rows is None
    own = None if held_out else reals.measured[:_SEARCHED]
    compared = reals.others.images[:_SEARCHED] if held_out else training[own]
    # To find the nearest, to look them up, and to find theirs.
    with Progress(3 * len(training)) as progress:

        def blocks():
            for start in range(0, len(training), step):
                block = to_floats(training[start : start + step])
                yield block
                progress.add(len(block))

        return measure_closeness(
            to_floats(samples[:_SEARCHED]),
            to_floats(compared),
            blocks,
            np.arange(len(training)),
            own=own,
            space="pixels",
        )


def _by_features(fake, others, evaluator: Evaluator, reals: Reals) -> Closeness:
    """The same among the training images whose features are known."""
    rows, known = reals.measured, evaluator.real.features
    held_out = others is not None and reals.other_rows is None
    if others is not None and not held_out:
        rows = np.concatenate([rows, reals.other_rows])
        known = np.concatenate([known, others.features])
    own = None if held_out else np.arange(min(_SEARCHED, len(rows)))
    return measure_closeness(
        fake.features[:_SEARCHED],
        others.features[:_SEARCHED] if held_out else known[own],
        lambda: [known],
        rows,
        own=own,
        space=f"features of {evaluator.extractor.name!r}",
    )


def _paths(subject: Subject) -> tuple[np.ndarray, np.ndarray, str]:
    """Images along lines and great circles, and a sentence on their classes."""
    ends = np.random.default_rng(subject.seed).standard_normal((_PATHS, 2, subject.latent_dim))
    labels, words = None, ""
    if subject.num_classes is not None:
        labels = np.arange(_PATHS) * subject.num_classes // _PATHS
        words = f"The rows have the classes {', '.join(map(str, labels))}: only latents change."
    linear, spherical = (
        subject.follow(np.stack([path(*pair, _STEPS) for pair in ends]), labels)
        for path in (linear_path, spherical_path)
    )
    return linear, spherical, words


def _grid(subject: Subject, reals: Reals) -> tuple[np.ndarray, str]:
    """Samples in rows and columns, and what to say under them."""
    width = reals.training.images.shape[2]
    columns = min(_GRID, max(4, _WIDTH // width))
    if subject.num_classes is None:
        pixels = subject.sample(columns * columns)
        words = f"{len(pixels)} samples, not chosen: seed {subject.seed}."
        return pixels.reshape(columns, columns, *pixels.shape[1:]), words
    rows = min(_GRID, subject.num_classes)
    classes = np.arange(rows) * subject.num_classes // rows
    pixels = subject.sample(rows * columns, labels=np.repeat(classes, columns))
    words = f"{len(pixels)} samples, not chosen, a class per row: seed {subject.seed}."
    return pixels.reshape(rows, columns, *pixels.shape[1:]), words
