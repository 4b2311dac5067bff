"""Everything that one wants to know of a generator, found in one go."""

import functools
import os
from collections.abc import Callable

import numpy as np
from keras import ops

from kgan import sampling
from kgan._utils.images import to_uint8
from kgan._utils.messages import tell
from kgan.data.store import Images
from kgan.evaluation.classes import ClassShares
from kgan.evaluation.classes import count_classes
from kgan.evaluation.evaluator import Evaluator
from kgan.evaluation.evaluator import SampleSet
from kgan.evaluation.findings import Findings
from kgan.evaluation.neighbours import SEARCHED
from kgan.evaluation.neighbours import Closeness
from kgan.evaluation.neighbours import measure_closeness
from kgan.evaluation.reals import Reals
from kgan.evaluation.reals import divide
from kgan.evaluation.usefulness import check_usefulness
from kgan.evaluation.usefulness import measure_usefulness
from kgan.evaluation.usefulness import what_is_missing
from kgan.features.extractor import Extractor
from kgan.features.extractor import Features
from kgan.metrics.sample_metric import SampleMetric

_GRID = 10
_PATHS, _STEPS = 4, 10
# A grid of large images gets fewer columns, so that it is about this wide, in pixels.
_WIDTH = 1280
# Latents whose directions differ by less, in radians, have no great circle worth the division.
_SAME_DIRECTION = 1e-4


def examine(
    generator: Callable,
    reals: Reals | Images,
    extractor: Extractor | str | None,
    *,
    latent_dim: int,
    num_classes: int | None = None,
    seed: int = 0,
    metrics: str | SampleMetric | list | tuple | None = None,
    repeats: int = 3,
    train_on_samples: bool = False,
    cache_dir: str | os.PathLike | None = None,
    verbose: int = 1,
) -> Findings:
    """Measure a generator, and collect what a person should see of it.

    Besides the measures: which classes it makes, the training images nearest to its samples, a grid
    of samples, the images between latents, and if asked for whether its samples help to train a
    classifier.

    Args:
        generator: callable of (latents, training=False), or of ([latents, labels],
            training=False), such as a keras model; returns images in [-1, 1].
        reals: a `kgan.data.Images`, all images that the generator was trained on, or the `Reals`
            that `kgan.evaluation.divide` makes of them.
        extractor: a `kgan.features.Extractor`, or its name as `kgan.features.get` takes it; None to
            find what needs none: samples, the images between latents and neighbours by pixels.
        latent_dim: int, width of the latents.
        num_classes: int, or None for a generator of latents alone.
        seed: int in [0, 2^32), of everything that is drawn.
        metrics: as `kgan.evaluation.Evaluator` takes them; None for its default, which is none at
            all without extractor.
        repeats: int, how many sets of samples are measured.
        train_on_samples: bool, default False: whether to train classifiers on samples, on real
            images and on both, and test them on held-out real images (`findings.usefulness`). It
            takes a generator with classes, held-out images with labels, and minutes.
        cache_dir: folder for the features of real images; None, the default, for none.
        verbose: 0 to say nothing; 1, the default, to say what comes next, with progress bars.

    Returns:
        The `Findings`, for a notebook or for `kgan.report.write`.

    Raises:
        ValueError: for images that do not fit the extractor or lie outside [-1, 1], too few images
            for a measure, or images that no classifier can be trained and tested on.

    Example:
        >>> findings = kgan.evaluation.examine(gan.generator, kgan.data.digits(), "digits",
        ...     latent_dim=64, repeats=1)
        >>> closest = findings.neighbours[0].close_share
        >>> kgan.report.write(findings, "report.html")
    """
    reals = reals if isinstance(reals, Reals) else divide(reals)
    say = tell if verbose else lambda words: None
    count, source = len(reals.measured), {"latent_dim": latent_dim, "num_classes": num_classes}
    if train_on_samples:
        # Before the rest: what cannot be is refused before the work.
        check_usefulness(reals, num_classes)
    say(f"Looking at {count:,} real images.")
    if extractor is None and metrics is None:
        # The default measures compare features.
        metrics, repeats = [], 1
    evaluator = Evaluator(
        reals.measured_images,
        extractor,
        metrics,
        num_images=count,
        training_labels=reals.training.labels,
        cache_dir=cache_dir,
        verbose=verbose,
    )
    often = f", {repeats} times" if repeats > 1 else ""
    times = "" if metrics == [] else f" and measuring them{often}"
    say(f"Making {count:,} samples{times}.")
    first = evaluator.sample(generator, **source, seed=seed)
    numbers = evaluator.evaluate(generator, **source, seed=seed, repeats=repeats, first=first)
    others = None
    if reals.others is not None and numbers:
        say("Measuring other real images in their place.")
        if evaluator.extractor is not None:
            others = evaluator.extract(reals.others.images)
        scores = evaluator.measure(reals.others.images, others)
        numbers = {name: number._replace(real=scores[name]) for name, number in numbers.items()}
    say(f"Searching {len(reals.training.images):,} training images for neighbours by pixels.")
    neighbours = _neighbours(first, others, evaluator, reals, verbose)
    columns = min(_GRID, max(4, _WIDTH // reals.training.images.shape[2]))
    rows = columns if num_classes is None else min(_GRID, num_classes)
    generate = functools.partial(sampling.generate, generator, **source, seed=seed)
    grid, grid_labels = _in_rows(generate, num_classes, rows, columns)
    linear, spherical, path_labels = _paths(generate, latent_dim, num_classes, seed)
    usefulness = None
    if train_on_samples:
        usefulness = measure_usefulness(generator, reals, **source, seed=seed, verbose=verbose)
    return Findings(
        numbers=numbers,
        reals=reals,
        extractor=None if evaluator.extractor is None else evaluator.extractor.name,
        seed=seed,
        classes=_classes(first, evaluator, reals),
        samples=first.pixels[:SEARCHED],
        neighbours=neighbours,
        grid=grid,
        grid_labels=grid_labels,
        linear=linear,
        spherical=spherical,
        path_labels=path_labels,
        usefulness=usefulness,
        usefulness_takes=what_is_missing(reals, num_classes),
    )


def linear_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """The straight line, (1 - t) start + t end.

    Between two draws of N(0, I) its middle is about sqrt 2 nearer to the origin than any latent
    the generator was trained on.

    Args:
        start: float array, (latent_dim,), at t = 0.
        end: float array, (latent_dim,), at t = 1.
        steps: int, how many points, both ends included.

    Returns:
        float32 array, (steps, latent_dim).

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, figure 3.
    """
    t = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    return ((1 - t) * start + t * end).astype("float32")


def spherical_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """The great circle, (sin((1 - t) a) start + sin(t a) end) / sin a, a the angle between them.

    It keeps the distance from the origin at which nearly all mass of N(0, I) lies. Where the two
    directions are equal or opposite there is no such circle, and the line takes its place.

    Args:
        start: float array, (latent_dim,), at t = 0.
        end: float array, (latent_dim,), at t = 1.
        steps: int, how many points, both ends included.

    Returns:
        float32 array, (steps, latent_dim).

    Reference:
        White 2016, arXiv 1609.04468, section 2.1 (slerp, by Shoemake 1985).
    """
    cosine = np.dot(start, end) / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if not _SAME_DIRECTION < angle < np.pi - _SAME_DIRECTION:
        return linear_path(start, end, steps)
    t = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    path = np.sin((1 - t) * angle) * start + np.sin(t * angle) * end
    return (path / np.sin(angle)).astype("float32")


def _classes(first: SampleSet, evaluator: Evaluator, reals: Reals) -> ClassShares | None:
    if first.features is None:
        return None
    seen, known = first.features.probabilities, reals.training.num_classes
    # The classes of an extractor for other data say nothing about this data set.
    of_other_data = known is None and evaluator.extractor.name == "inception"
    if seen is None or known not in (None, seen.shape[1]) or of_other_data:
        return None
    real, names = evaluator.real.probabilities, reals.training.class_names
    return count_classes(real, seen, requested=first.labels, names=names)


def _neighbours(
    first: SampleSet, others: Features | None, evaluator: Evaluator, reals: Reals, verbose: int
) -> list[Closeness]:
    """By pixels among all training images, by features among those whose features are known."""
    training, rows, held_out = reals.training.images, reals.measured, reals.held_out
    pixels_of, options = {"own": rows}, {"space": "pixels", "verbose": verbose}
    if held_out is not None:
        chosen = np.random.default_rng(0).permutation(len(held_out.images))[:SEARCHED]
        compared = held_out.images[np.sort(chosen)]
        pixels_of = {"held_out": compared}
    everyone = np.arange(len(training))
    by_pixels = measure_closeness(first.pixels, training, everyone, **pixels_of, **options)
    if evaluator.extractor is None:
        return [by_pixels]
    known, space = evaluator.real.features, f"features of {evaluator.extractor.name!r}"
    if reals.other_rows is not None:
        rows = np.concatenate([rows, reals.other_rows])
        known = np.concatenate([known, others.features])
    features_of = {"own": np.arange(len(rows))}
    if held_out is not None:
        features_of = {"held_out": evaluator.extract(compared).features}
    by_features = measure_closeness(
        first.features.features, known, rows, **features_of, space=space
    )
    return [by_pixels, by_features]


def _paths(generate: Callable, latent_dim: int, num_classes: int | None, seed: int) -> tuple:
    """Images along lines and along great circles, and the class of each row or None."""
    ends = np.random.default_rng(seed).standard_normal((_PATHS, 2, latent_dim))

    def along(path):
        latents = np.concatenate([path(*pair, _STEPS) for pair in ends])
        drawn = ops.convert_to_tensor(latents)
        return _in_rows(generate, num_classes, _PATHS, _STEPS, lambda n, seed: drawn)

    linear, labels = along(linear_path)
    spherical, _ = along(spherical_path)
    return linear, spherical, labels


def _in_rows(
    generate: Callable, num_classes: int | None, rows: int, columns: int, sample_latents=None
) -> tuple:
    """Pixels (rows, columns, ...) with one class a row, and these classes; None without."""
    labels = None if num_classes is None else np.arange(rows) * num_classes // rows
    of_each = None if labels is None else np.repeat(labels, columns)
    images = generate(rows * columns, labels=of_each, sample_latents=sample_latents)
    return to_uint8(images).reshape(rows, columns, *images.shape[1:]), labels
