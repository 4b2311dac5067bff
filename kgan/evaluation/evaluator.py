"""Many measures of one generator, with the work they share done once."""

import copy
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kgan import sampling
from kgan._utils.checks import check_labels
from kgan._utils.checks import check_positive_integer
from kgan._utils.messages import tell
from kgan._utils.progress import Progress
from kgan.evaluation import samples
from kgan.evaluation.cache import FeatureCache
from kgan.evaluation.cache import key_of
from kgan.evaluation.protocol import Measurement
from kgan.evaluation.protocol import describe
from kgan.evaluation.protocol import value_names
from kgan.features.by_name import get as get_extractor
from kgan.features.extractor import Extractor
from kgan.features.extractor import Features
from kgan.metrics.by_name import get as get_metric
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.sample_metric import check_extractor


class SampleSet(NamedTuple):
    """As many images of a generator as there are reals.

    Attributes:
        pixels: uint8 array (num_images, height, width, channels).
        labels: int32 array (num_images,), the classes asked for; None without classes.
        features: the `kgan.features.Features` of the images; None without extractor.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    features: Features | None


class Evaluator:
    """Measure generated images against real ones.

    The reals are looked at once, when the Evaluator is made; with `cache_dir` once for all
    Evaluators of the same images and extractor. The extractor looks at every batch once, for all
    measures. All images are rounded to 256 levels first, as stored ones are.

    A value is called "{value}_{extractor}_{number of generated images}", for it compares only with
    what has both in common; without the extractor if pixels are measured. "fid_10000" and
    "kid_10000" are the Frechet and the kernel distance of the FID paper's Inception features, and
    of no others.

    Args:
        images: the reals: an array (images, height, width, channels), uint8 or floats in [-1, 1];
            a `kgan.data.Images`; or a `tf.data.Dataset` or other iterable of batches of images or
            of (images, labels).
        extractor: a `kgan.features.Extractor` or the name of one, as `kgan.features.get` takes it;
            None if only pixels are measured.
        metrics: measures of `kgan.metrics`, without extractors of their own, or their names (see
            `kgan.metrics.get`). Default: Frechet distance, precision and recall, and where the
            extractor has classes how many of them there are. An empty list without extractor: the
            Evaluator only makes samples.
        num_images: int, how many reals to take at most. Of an iterable the first; of an array or an
            `Images` with more a random choice, the same every time. Many measures are biased by
            their number of images, so generate as many.
        training_labels: int array, of all images that the generator was trained on, by whose shares
            of classes labels are drawn for it. Default: those of all images there are to take from.
        cache_dir: folder in which the features of the reals are kept, under a name made of the
            images, the extractor and the treatment before it. None, the default: they are not kept.
        batch_size: int, images as floats at a time.
        verbose: 0 for no progress bars; 1, the default, for those of work that takes a while, on a
            terminal.

    Attributes:
        num_images: int, how many reals there are.
        image_shape: (height, width, channels).
        extractor: the `kgan.features.Extractor`, or None.
        real: the `kgan.features.Features` of the reals; None without extractor.
        labels: integer array (num_images,), of the reals; None if not known.

    Raises:
        ValueError: for images of another form, shape or range, that do not fit the extractor, or
            measures that do not.

    Example:
        >>> evaluator = kgan.evaluation.Evaluator(kgan.data.digits(), "digits", num_images=100)
        >>> evaluator(gan.generate(100, seed=0))
        {'frechet_distance_digits_100': ..., 'precision_digits_100': ..., ...}
    """

    def __init__(
        self,
        images: ArrayLike,
        extractor: Extractor | str | None,
        metrics: str | SampleMetric | list | tuple | None = None,
        *,
        num_images: int = 10_000,
        training_labels: ArrayLike | None = None,
        cache_dir: str | os.PathLike | None = None,
        batch_size: int = 256,
        verbose: int = 1,
    ):
        num_images = check_positive_integer("num_images", num_images)
        self.batch_size = check_positive_integer("batch_size", batch_size)
        self.verbose = verbose
        if not isinstance(extractor, str):
            check_extractor(extractor)
        if training_labels is not None:
            training_labels = np.asarray(training_labels)
            check_labels(training_labels, max((1, *training_labels.shape[:1])), None)
        cache = None if cache_dir is None else FeatureCache(cache_dir)
        taken = samples.take(images, num_images, real=True, verbose=verbose)
        pixels, self.labels, self._all_labels, self._source = taken
        if training_labels is not None:
            self._all_labels = training_labels
        self.num_images = len(pixels)
        self.image_shape = pixels.shape[1:]
        if isinstance(extractor, str):
            extractor = get_extractor(extractor, image_shape=self.image_shape)
        self.extractor = extractor
        self._metrics = get_all(metrics, extractor)
        if len(pixels) < num_images and verbose:
            tell(f"There are {len(pixels):,} real images to measure against, not {num_images:,}.")
        self.real = self._real_features(pixels, cache)
        self._update("real", pixels, self.real)

    def __call__(self, images: ArrayLike) -> dict[str, float]:
        """Measure generated images.

        Args:
            images: in any of the forms of the reals; all of them are used.

        Returns:
            Dict of floats by their names.

        Raises:
            ValueError: for images of another form, shape or range, or too few for a measure.
        """
        pixels = self._pixels(images)
        return _means(self._measure(pixels, self._features(pixels)))

    def extract(self, images: ArrayLike) -> Features:
        """What the extractor makes of images, as the measures see it.

        Args:
            images: in any of the forms of the reals.

        Returns:
            A `kgan.features.Features`, to look at or for `measure`.

        Raises:
            ValueError: for images of another form, shape or range, or without an extractor.
        """
        if self.extractor is None:
            raise ValueError("This Evaluator has no extractor. Give it one to extract features.")
        return self._features(self._pixels(images))

    def measure(self, images: ArrayLike, extracted: Features) -> dict[str, float]:
        """Measure generated images whose features are there already.

        Args:
            images: in any of the forms of the reals.
            extracted: the `Features` that `extract` made of them.

        Returns:
            Dict of floats by their names, as calling the Evaluator does.

        Raises:
            ValueError: as calling the Evaluator, and for the features of other images.
        """
        return _means(self._measure(self._pixels(images), extracted))

    def sample(
        self,
        generator: Callable,
        *,
        latent_dim: int,
        num_classes: int | None = None,
        seed: int = 0,
    ) -> SampleSet:
        """Make one sample set, as large as the reals, with labels as frequent as theirs.

        Args:
            generator: callable of (latents, training=False), or of ([latents, labels],
                training=False), such as a keras model; returns images in [-1, 1].
            latent_dim: int, width of the latents.
            num_classes: int, or None for a generator of latents alone.
            seed: int in [0, 2^32).

        Returns:
            The `SampleSet`.

        Raises:
            ValueError: for arguments out of range, classes that the labels do not fit, or images
                that cannot be measured.
        """
        labels = self.draw_labels(num_classes, seed)
        with Progress(self.num_images, verbose=self.verbose) as progress:

            def counted(inputs, training=False):
                images = generator(inputs, training=training)
                progress.add(int(images.shape[0]))
                return images

            images = sampling.generate(
                counted,
                self.num_images,
                latent_dim=latent_dim,
                num_classes=num_classes,
                seed=seed,
                labels=labels,
            )
        pixels = self._pixels(images)
        return SampleSet(pixels, labels, self._features(pixels))

    def evaluate(
        self,
        generator: Callable,
        *,
        latent_dim: int,
        num_classes: int | None = None,
        seed: int = 0,
        repeats: int = 1,
        first: SampleSet | None = None,
    ) -> dict[str, Measurement]:
        """Measure a generator by sample sets of its own, each as large as the reals.

        Args:
            generator: as `sample` takes it.
            latent_dim: int, width of the latents.
            num_classes: int, or None for a generator of latents alone.
            seed: int in [0, 2^32), of the first sample set; the next has the next.
            repeats: int, how many sample sets.
            first: what `sample` made of these arguments, where that is known already.

        Returns:
            Dict of `Measurement` by the names of the values.

        Raises:
            ValueError: as `sample`.
        """
        repeats = check_positive_integer("repeats", repeats)
        if not self._metrics:
            return {}
        source = {"latent_dim": latent_dim, "num_classes": num_classes}
        sets = []
        for number in range(repeats):
            if number or first is None:
                first = self.sample(generator, **source, seed=seed + number)
            sets.append(self._measure(first.pixels, first.features))
        how = f"one sample set of seed {seed}"
        if repeats > 1:
            seeds = f"seeds {seed} to {seed + repeats - 1}"
            how = f"mean and standard deviation of {repeats} sample sets, {seeds}"
        if num_classes is not None:
            drawn = "uniformly" if self._all_labels is None else "as often as among the reals"
            how = f"labels drawn {drawn}, {how}"
        found = {}
        for name, one in sets[0].items():
            values = [measured[name].mean for measured in sets]
            found[name] = one._replace(
                mean=float(np.mean(values)),
                std=float(np.std(values, ddof=1)) if repeats > 1 else None,
                sample_sets=repeats,
                protocol=f"{one.protocol}, {how}.",
            )
        return found

    def draw_labels(self, num_classes: int | None, seed: int) -> np.ndarray | None:
        """Labels for as many generated images as there are reals.

        Args:
            num_classes: int, the generator's; None for one without classes.
            seed: int.

        Returns:
            int32 array (num_images,), drawn as often as each is among the training labels;
            uniformly if those are not known. None without classes.

        Raises:
            ValueError: if there are labels that the generator does not know.
        """
        if num_classes is None:
            return None
        random = np.random.default_rng(seed)
        labels = self._all_labels
        if labels is None:
            return random.integers(num_classes, size=self.num_images, dtype="int32")
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"The real images have labels from {labels.min()} to {labels.max()}, and "
                f"the generator knows 0..{num_classes - 1}, since num_classes={num_classes}. "
                "Measure against images of the classes that it was trained on."
            )
        shares = np.bincount(labels, minlength=num_classes) / len(labels)
        return random.choice(num_classes, size=self.num_images, p=shares).astype("int32")

    def _pixels(self, images) -> np.ndarray:
        return samples.take(images, real=False, verbose=self.verbose)[0]

    def _real_features(self, pixels: np.ndarray, cache: FeatureCache | None) -> Features | None:
        if cache is None or self.extractor is None:
            return self._features(pixels)
        key = key_of(pixels, self.extractor)
        found = cache.load(key)
        if found is None:
            found = self._features(pixels)
            cache.save(key, found)
        return found

    def _features(self, pixels: np.ndarray) -> Features | None:
        if self.extractor is None:
            return None
        parts = []
        with Progress(len(pixels), verbose=self.verbose) as progress:
            for rows in self._chunks(len(pixels)):
                images = samples.to_floats(pixels[rows])
                parts.append(self.extractor(images))
                progress.add(len(images))
        features = np.concatenate([part.features for part in parts])
        if self.extractor.num_classes is None:
            return Features(features, None)
        return Features(features, np.concatenate([part.probabilities for part in parts]))

    def _update(self, side: str, pixels: np.ndarray, extracted: Features | None) -> None:
        """Give every measure what it reads, chunk by chunk."""
        for rows in self._chunks(len(pixels)):
            for metric in self._metrics:
                if metric.reads == "images":
                    metric.update_state(**{side: samples.to_floats(pixels[rows])})
                else:
                    metric.update_state(**{side: getattr(extracted, metric.reads)[rows]})

    def _measure(self, pixels: np.ndarray, extracted: Features | None) -> dict[str, Measurement]:
        """Measurements of one sample set by their names, with the beginning of their protocol."""
        if self.extractor is not None:
            is_made = isinstance(extracted, Features)
            rows = [len(part) for part in extracted if part is not None] if is_made else []
            if set(rows) != {len(pixels)}:
                raise ValueError(
                    "Images are measured with the kgan.features.Features that extract made of "
                    f"them. Expected: rows for {len(pixels)} images. Received: "
                    f"{type(extracted).__name__} with rows {rows}."
                )
        for metric in self._metrics:
            metric.reset_fake()
        self._update("fake", pixels, extracted)
        counts = {"num_real": self.num_images, "num_fake": len(pixels)}
        found = {}
        for metric in self._metrics:
            protocol = describe(metric, self.extractor, **counts, source=self._source)
            for own_key, value in metric.values().items():
                key, name = value_names(own_key, metric.reads, self.extractor, len(pixels))
                found[name] = Measurement(key, float(value), None, 1, **counts, protocol=protocol)
            # Their rows are not needed any more.
            metric.reset_fake()
        return found

    def _chunks(self, count: int) -> list[slice]:
        return [slice(start, start + self.batch_size) for start in range(0, count, self.batch_size)]


def _means(measured: dict[str, Measurement]) -> dict[str, float]:
    return {name: measurement.mean for name, measurement in measured.items()}


def get_all(
    identifiers: str | dict | type | SampleMetric | list | tuple | None,
    extractor: Extractor | None,
) -> list[SampleMetric]:
    """Every measure of one evaluation.

    Args:
        identifiers: one of what `kgan.metrics.get` takes, or a list of them; None for the main
            ones.
        extractor: what makes the features and class probabilities that they read, or None.

    Returns:
        List of `SampleMetric`, copies without rows: one object given to two evaluations counts in
        each of them for itself.

    Raises:
        ValueError: as `kgan.metrics.get`; if there is none, two are of one kind, whose values would
            have equal names, or one has an extractor of its own or reads what there is not.
    """
    made = []
    if extractor is not None:
        made = ["features"] if extractor.num_classes is None else ["features", "probabilities"]
    if identifiers is None:
        if extractor is None:
            raise ValueError(
                "The default measures compare features. Pass an extractor, such as "
                "kgan.features.digits(), or metrics that read images."
            )
        classes = ["mode_count"] if "probabilities" in made else []
        identifiers = ["frechet_distance", "precision_recall", *classes]
    elif not isinstance(identifiers, list | tuple):
        identifiers = [identifiers]
    found = [copy.copy(get_metric(identifier)) for identifier in identifiers]
    kinds = [type(metric).__name__ for metric in found]
    if len(set(kinds)) < len(kinds) or not (found or extractor is None):
        raise ValueError(
            "An evaluation takes at least one measure, and no two of one kind, whose values would "
            f"have the same names. Received: {kinds}. Make an Evaluator for each."
        )
    for metric, kind in zip(found, kinds, strict=True):
        if metric.extractor is not None:
            raise ValueError(
                f"{kind} has an extractor of its own, {metric.extractor.name!r}. An evaluation "
                "runs one extractor once for all measures. Leave it out of the measure and pass "
                "it to the Evaluator."
            )
        if metric.reads not in ("images", *made):
            name = None if extractor is None else extractor.name
            raise ValueError(
                f"{kind} reads {metric.reads}. Expected: an extractor that makes them. Received: "
                f"extractor={name!r}, which makes {' and '.join(made) or 'none'}. "
                "kgan.features.digits() and kgan.features.fashion() make both features and class "
                "probabilities."
            )
        metric.reset_state()
    return found
