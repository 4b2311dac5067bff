"""How far a file's images are from those of Keras, how far they may be, and what that costs."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike

from kgan.export.comparison import batches
from kgan.export.comparison import keras_images
from kgan.export.comparison import latents_and_labels
from kgan.export.interface import Interface
from kgan.export.loaded import load_exported
from kgan.metrics import frechet_distance

# TFLite and ONNX add up products in another order than TensorFlow, and the rounding grows with the
# depth of the network. This is an eightieth of one level of uint8.
TOLERANCE = 1e-4

# The least signal-to-noise ratio, in decibels. The trained digits generator has 83, 47 and 41.
# Random generators whose weights drive most pixels to black or white, which is harder than
# pictures, had 61, 32 and 27. Where float32 itself was off by 0.01 it was 37, 23 and 20.
DECIBELS = {"float16": 60.0, "dynamic": 30.0, "int8": 25.0}

# What to do instead of a file of a format.
REMEDIES = {
    "float32": "Leave the file out with tflite=().",
    "float16": "Choose float32, which rounds no weights.",
    "dynamic": "Choose float16, which is twice as large and nearer to Keras.",
    "int8": "Choose dynamic, which is as small, or float16, which is nearer to Keras.",
    "onnx": "Leave the file out with onnx=False.",
}

# Images lie in [-1, 1].
_PEAK_TO_PEAK = 2.0
# Images made at a time, of the many that a distance takes.
_ROWS = 250


class Difference(NamedTuple):
    """How far images are from those of Keras.

    Attributes:
        largest: float, largest difference of a value in [-1, 1].
        decibels: float, peak signal-to-noise ratio of all images together, infinity for equal
            images, NaN if a value is: 10 log10(2^2 / mean difference^2), for the peak is the whole
            range of images in [-1, 1]. In levels of uint8 the root mean square difference is 0.25
            at 60 dB, 8 at 30 dB, 14 at 25 dB.
    """

    largest: float
    decibels: float


def check_file(
    path: Path,
    generator: keras.Model,
    interface: Interface,
    *,
    file_format: str,
    frechet: "FrechetReference | None" = None,
) -> tuple[Difference, float | None]:
    """Run a file on batches of 1, 5 and 64 and refuse it if its images are not Keras' own.

    Args:
        path: the .tflite or .onnx file.
        generator: the float32 keras model that was converted.
        interface: what `read_interface` said of the generator.
        file_format: one of `REMEDIES`. "float32" and "onnx" must be within 1e-4 of Keras in every
            pixel, the others must have the signal-to-noise ratio in `DECIBELS`.
        frechet: of `FrechetGate.reference`, to hold its samples against real images too. Default
            None.

    Returns:
        The `Difference`, and the Frechet distance of the file's samples, None if not measured.

    Raises:
        ValueError: it does not run, or an image, or the samples together, are too far off. The
            message says what to choose.
        ImportError: it is an ONNX file, and onnxruntime is not installed.
    """
    name = "ONNX" if file_format == "onnx" else f"{file_format} TFLite"
    remedy = REMEDIES[file_format]
    try:
        images_of = load_exported(path, threads=1).images_of
        difference = difference_from_keras(images_of, generator, interface)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"The {name} file does not run: {reason}. {remedy}") from error
    # Neither condition is turned round, because NaN would pass it.
    if file_format in DECIBELS:
        if not difference.decibels >= DECIBELS[file_format]:
            raise ValueError(
                f"The {name} file's images are {difference.decibels:.1f} dB from those of Keras, "
                f"less than {DECIBELS[file_format]:g} dB (peak signal-to-noise ratio). {remedy}"
            )
    elif not difference.largest <= TOLERANCE:
        raise ValueError(
            f"The {name} file's images differ from those of Keras by {difference.largest:.1e}, "
            f"more than {TOLERANCE:.0e}. {remedy}"
        )
    distance = frechet and frechet.check(images_of, f"the {name} file", remedy=remedy)
    return difference, distance


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
        expected = keras_images(generator, latents, labels)
        images = np.asarray(images_of(latents, labels))
        if images.shape != expected.shape:
            raise RuntimeError(f"it gives images {images.shape} in place of {expected.shape}")
        differences = images.astype(np.float64) - expected.astype(np.float64)
        # np.fmax would pass over NaN.
        largest = float(np.maximum(largest, np.abs(differences).max()))
        noise += float(np.sum(differences**2))
        values += differences.size
    decibels = math.inf
    if noise:
        mean = noise / values
        decibels = 10 * math.log10(_PEAK_TO_PEAK**2 / mean) if math.isfinite(mean) else math.nan
    return Difference(largest, decibels)


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
        distance = self.distance(functools.partial(keras_images, generator), interface)
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
