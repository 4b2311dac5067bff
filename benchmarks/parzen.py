"""The log-likelihood of the 2014 paper's Table 1, by its protocol, for runs trained on MNIST.

    KGAN_DATA=<folder with mnist/> python benchmarks/parzen.py runs/parzen-0 [runs/parzen-1 ...]

A run must have been trained on the first 50,000 training images (recipes/mnist_parzen.flags). Its
GAN makes 10,000 samples; the kernel's width is the best of ten on the first 1,000 of the images
after those; the score is the mean over the 10,000 test images. The first row puts real training
images in the samples' place: 241.2 +- 2.1 at 0.167, whatever the runs are.

The paper has 225 +- 2. The error beside a run is over test images; that beside the mean is over
runs, sample standard deviation over the root of their number.

Blurred images score above real ones, so every row carries two checks, both in pixel distance and 1
for test images: diversity, the mean distance between two samples over that between two test images;
and to training, the median distance of a sample to the nearest training image over that of a test
image, near 0 for copies. Runs with a moving average are scored by it, and once without it.
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np

import kgan
from kgan import sampling

SAMPLES = 10_000
VALIDATION = 1_000
# Enough for a mean distance and for a median.
CHECKED = 1_000


def main(runs: list[str]) -> None:
    """Print a row per run, and their mean."""
    if "KGAN_DATA" not in os.environ:
        sys.exit("parzen.py: set KGAN_DATA to the folder that holds mnist/, the published files.")
    images = Protocol(Path(os.environ["KGAN_DATA"], "mnist"))
    images.score("real images", images.train[:SAMPLES])
    scores = []
    for run in runs:
        gan = keras.saving.load_model(Path(run, "gan.keras"))
        if gan.ema_generator is not None:
            last = sampling.generate(gan.generator, SAMPLES, latent_dim=gan.latent_dim, seed=1)
            images.score(f"{run}, without the average", last)
        what = f"{run}, {int(gan.images_seen.numpy()):,} images"
        scores.append(images.score(what, gan.generate(SAMPLES, seed=1)))
    if len(scores) > 1:
        error = np.std(scores, ddof=1) / np.sqrt(len(scores))
        print(f"mean of {len(scores)} runs: {np.mean(scores):.1f} +- {error:.1f}")


class Protocol:
    """The images of the protocol, in [-1, 1], and what is printed of samples.

    Args:
        folder: folder with MNIST's four published files.
    """

    def __init__(self, folder: Path):
        self.train = _images(folder, "train[:50000]")
        self.validation = _images(folder, f"train[50000:{50_000 + VALIDATION}]")
        self.test = _images(folder, "test")
        self.spread = _mean_distance(self.test[:CHECKED])
        self.distance = self._to_training(self.test)

    def score(self, what: str, samples: np.ndarray) -> float:
        """Print a row, and return the log-likelihood."""
        result = kgan.metrics.parzen_log_likelihood(samples, self.validation, self.test)
        print(
            f"{what}: {result.log_likelihood:.1f} +- {result.standard_error:.1f} nats, sigma "
            f"{result.sigma:.3f} (validation {result.validation_log_likelihood:.1f}), diversity "
            f"{_mean_distance(samples[:CHECKED]) / self.spread:.2f}, to training "
            f"{self._to_training(samples) / self.distance:.2f}",
            flush=True,
        )
        return result.log_likelihood

    def _to_training(self, images: np.ndarray) -> float:
        queries = images[:CHECKED].reshape(CHECKED, -1)
        train = self.train.reshape(len(self.train), -1)
        return float(np.median(kgan.metrics.nearest_neighbours(queries, train).distances))


def _mean_distance(images: np.ndarray) -> float:
    rows = images.reshape(len(images), -1)
    # A row is its own nearest neighbour; the rest of the list are all distances to others.
    return float(kgan.metrics.nearest_neighbours(rows, rows, n=len(rows)).distances[:, 1:].mean())


def _images(folder: Path, split: str) -> np.ndarray:
    return kgan.data.from_idx(folder, split=split).images / np.float32(127.5) - 1


if __name__ == "__main__":
    main(sys.argv[1:])
