"""How far a file's images are from those of Keras, and what that costs in quality."""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike

from kgan.export.comparison import batches
from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.metrics import frechet_distance

# Images lie in [-1, 1].
_PEAK_TO_PEAK = 2.0
# Images made at a time, of the many that a distance takes.
_ROWS = 250


class Difference(NamedTuple):
    """How far images are from those of Keras.

    Attributes:
        largest: float, largest difference of a value in [-1, 1].
        decibels: float, the `signal_to_noise` of all images together.
    """

    largest: float
    decibels: float


def signal_to_noise(expected, images) -> float:
    """Peak signal-to-noise ratio of images, in decibels.

    10 log10(2^2 / mean (images - expected)^2): the peak is the whole range of images in [-1, 1]. In
    levels of uint8 the root mean square difference is 0.25 at 60 dB, 8 at 30 dB, 14 at 25 dB.

    Args:
        expected: float array, the images as they should be.
        images: float array of the same shape.

    Returns:
        A float; infinity for equal images, NaN if a value is NaN.
    """
    return _decibels(float(np.mean(_differences(expected, images) ** 2)))


def difference_from_keras(
    images_of: Callable, generator: keras.Model, interface: Interface
) -> Difference:
    """Run a file's function on small and large batches and hold its images against Keras' own.

    Args:
        images_of: function of (latents, labels or None) that returns images.
        generator: the float32 keras model that the file was made from.
        interface: what `read_interface` said of the generator.

    Returns:
        The `Difference`.

    Raises:
        RuntimeError: the file gives another number of images, or of another size.
    """
    largest, noise, values = 0.0, 0.0, 0
    for latents, labels in batches(interface):
        expected, images = keras_images(generator, latents, labels), images_of(latents, labels)
        if np.shape(images) != expected.shape:
            raise RuntimeError(f"it gives images {np.shape(images)} in place of {expected.shape}")
        differences = _differences(expected, images)
        # np.fmax would pass over NaN.
        largest = float(np.maximum(largest, np.abs(differences).max()))
        noise += float(np.sum(differences**2))
        values += differences.size
    return Difference(largest, _decibels(noise / values))


class FrechetGate:
    """A limit on how much further from real images a file's samples may be than those of Keras.

    Differences that hardly show in decibels can be the same in all samples, such as a lost shade,
    and a distance between distributions finds those. Both samples are made of the same latents and
    labels, so most of what chance does to one distance it does to the other.

    Args:
        extract: function of images, float32 (n, height, width, channels) in [-1, 1], that returns
            their features, float (n, width). It gets a few hundred at a time.
        real_features: float array (reals, width), features of real images by the same function.
        limit: float >= 1, the largest distance allowed, in distances of Keras' samples. Default
            1.15.
        samples: int, how many are compared, default 5,000; more than there are features.

    Example:
        >>> digits, extractor = kgan.data.digits(), kgan.features.digits()
        >>> gate = FrechetGate(
        ...     lambda images: extractor(images).features,
        ...     extractor(digits.images / np.float32(127.5) - 1).features)
        >>> reference = gate.reference(generator, interface)
        >>> reference.check(images_of_the_file, "the int8 file", remedy="Choose float16.")

    Reference:
        Heusel et al. 2017, arXiv 1706.08500, for the distance.
    """

    def __init__(
        self,
        extract: Callable,
        real_features: ArrayLike,
        *,
        limit: float = 1.15,
        samples: int = 5000,
    ):
        # Not "limit < 1", which NaN would pass.
        if not limit >= 1:
            raise ValueError(
                "limit must be at least 1, the distance of Keras' own samples. "
                f"Received: limit={limit}."
            )
        self.extract = extract
        self.real_features = np.asarray(real_features)
        self.limit = limit
        self.samples = samples

    def reference(self, generator: keras.Model, interface: Interface) -> "FrechetReference":
        """The gate for the files of one generator, whose own samples are measured now.

        Args:
            generator: the float32 keras model that the files are made from.
            interface: what `read_interface` said of it.

        Returns:
            A `FrechetReference`, for any number of files.

        Raises:
            ValueError: the generator's own samples hold NaN or infinity.
        """

        def images_of(latents, labels):
            return keras_images(generator, latents, labels)

        distance = self.distance(images_of, interface)
        if math.isnan(distance):
            raise ValueError(
                "The generator's samples hold NaN or infinity, so nothing can be compared with "
                "them. Export an earlier state of it."
            )
        return FrechetReference(self, interface, distance)

    def distance(self, images_of: Callable, interface: Interface) -> float:
        """Frechet distance of samples to the real images.

        Args:
            images_of: function of (latents, labels or None) that returns images.
            interface: what `read_interface` said of the generator.

        Returns:
            A float >= 0, or NaN if an image is not finite.
        """
        latents, labels = latents_and_labels(interface, rows=self.samples)
        features = []
        for start in range(0, self.samples, _ROWS):
            rows = slice(start, start + _ROWS)
            images = images_of(latents[rows], None if labels is None else labels[rows])
            if not np.isfinite(images).all():
                return math.nan
            # Rounding can take an integer file's white past 1, where an extractor may refuse it.
            features.append(np.asarray(self.extract(np.clip(images, -1, 1))))
        return frechet_distance(self.real_features, np.concatenate(features))


class FrechetReference(NamedTuple):
    """A `FrechetGate` for the files of one generator.

    Attributes:
        gate: the `FrechetGate`.
        interface: the generator's `Interface`.
        distance: float, that of Keras' own samples.
    """

    gate: FrechetGate
    interface: Interface
    distance: float

    def check(self, images_of: Callable, name: str, *, remedy: str) -> float:
        """Measure a file's samples and refuse those that are too far from real images.

        Args:
            images_of: the file's function of (latents, labels or None) that returns images.
            name: str, what to call the file in a message.
            remedy: str, a sentence that says what to do instead.

        Returns:
            The Frechet distance of the file's samples.

        Raises:
            ValueError: it is more than the gate's limit times that of Keras' samples, or NaN.
        """
        distance = self.gate.distance(images_of, self.interface)
        # Not "distance > ...", which NaN would pass.
        if not distance <= self.gate.limit * self.distance:
            raise ValueError(
                f"The Frechet distance of {name}'s samples to real images is {distance:.4g}, more "
                f"than {self.gate.limit:g} times the {self.distance:.4g} of Keras' samples of the "
                f"same {self.gate.samples:,} latents. {remedy}"
            )
        return distance


def _differences(expected, images) -> np.ndarray:
    return np.asarray(images, np.float64) - np.asarray(expected, np.float64)


def _decibels(noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(_PEAK_TO_PEAK**2 / noise) if math.isfinite(noise) else math.nan
