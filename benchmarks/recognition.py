"""How many samples of a digit GAN does a classifier recognise, and do they vary?

    python benchmarks/recognition.py runs/digits [runs/another ...]

A plain CNN is trained on real digits (one to three minutes): on MNIST's 60,000 training images
where KGAN_DATA names a folder with the official files in mnist/, else on the embedded 10,000. Then
each run's GAN makes 1,000 samples, 100 per digit where it has classes. Printed per run:

recognised   share of samples with a top probability over 0.9, and for a GAN with classes on the
             digit that was asked for.
diversity    mean pixel distance between two samples, of one class where there are classes, over
             that between two real images: 1 is as varied as the data, near 0 is collapse. A
             collapsed GAN can be recognised perfectly, so neither number is worth much alone.
digits       how many of the samples are taken for each digit.
"""

import os
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

import kgan

SAMPLES = 1000
CERTAIN = 0.9


def real_digits() -> tuple[np.ndarray, np.ndarray, str]:
    """Real images in [-1, 1], their labels, and where they come from."""
    if "KGAN_DATA" in os.environ:
        digits = kgan.data.from_idx(Path(os.environ["KGAN_DATA"], "mnist"))
        source = "MNIST's 60,000 training images"
    else:
        digits, source = kgan.data.digits(), "10,000 embedded digits"
    return digits.images / np.float32(127.5) - 1, digits.labels, source


def train_judge(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """A plain CNN that classifies digits, trained for about 2,000 steps."""
    keras.utils.set_random_seed(0)
    judge = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = max(1, 2000 * 128 // len(images))
    judge.fit(images, labels, batch_size=128, epochs=epochs, verbose=0)
    return judge


def recognition(gan: kgan.GAN, judge: keras.Model, images, labels, seed: int = 0) -> dict:
    """Share recognised, diversity and counts per digit of SAMPLES samples of `gan`."""
    asked = np.repeat(np.arange(10), SAMPLES // 10) if gan.num_classes else None
    samples = gan.generate(SAMPLES, seed=seed, labels=asked)
    probabilities = judge.predict(samples, batch_size=250, verbose=0)
    seen = probabilities.argmax(axis=1)
    recognised = probabilities.max(axis=1) > CERTAIN
    if asked is None:
        diversity = spread(samples) / spread(images[:SAMPLES])
    else:
        recognised &= seen == asked
        real = [spread(images[labels == digit][: SAMPLES // 10]) for digit in range(10)]
        made = [spread(samples[asked == digit]) for digit in range(10)]
        diversity = np.mean(made) / np.mean(real)
    return {
        "recognised": float(recognised.mean()),
        "diversity": float(diversity),
        "digits": np.bincount(seen[probabilities.max(axis=1) > CERTAIN], minlength=10).tolist(),
    }


def spread(images: np.ndarray) -> float:
    """Mean Euclidean distance between two different images."""
    flat = images.reshape(len(images), -1).astype("float64")
    squares = (flat**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * flat @ flat.T, 0))
    return distances.sum() / (len(flat) * (len(flat) - 1))


def main(runs: list[str]) -> None:
    """Train the judge and print a line per run."""
    images, labels, source = real_digits()
    judge = train_judge(images, labels)
    print(f"judge: a CNN trained on {source}")
    if not source.startswith("10,000"):
        test = kgan.data.digits()
        probabilities = judge.predict(test.images / np.float32(127.5) - 1, verbose=0)
        right = probabilities.argmax(axis=1) == test.labels
        certain = probabilities.max(axis=1) > CERTAIN
        print(
            f"of the 10,000 test images it is right on {right.mean():.1%} and recognises "
            f"{(right & certain).mean():.1%}"
        )
    for run in runs:
        gan = keras.saving.load_model(Path(run, "gan.keras"))
        result = recognition(gan, judge, images, labels)
        print(
            f"{run}: recognised {result['recognised']:.1%}, diversity {result['diversity']:.2f}, "
            f"digits {result['digits']}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
