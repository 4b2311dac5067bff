"""Train the classifiers that come with kgan, and write their weights.

    KGAN_DATA=/path/to/data python benchmarks/train_shipped_classifiers.py [digits] [fashion]

Reads the official files in mnist/ and fashion_mnist/ of KGAN_DATA, trains the small classifier of
kgan.features on the 60,000 training images, with seed 0, and writes float16 weights to
kgan/features/weights/, from which the accuracy on the 10,000 test images is measured. About four
minutes of one core each. Another machine sums in another order and gets nearly equal weights.
"""

import gzip
import hashlib
import os
import sys
from pathlib import Path

import numpy as np

import kgan
from kgan.features.classifier import accuracy_of
from kgan.features.classifier import classifier_model
from kgan.features.classifier import fit_classifier
from kgan.features.weights_file import load_weights
from kgan.features.weights_file import save_weights

FOLDERS = {"digits": "mnist", "fashion": "fashion_mnist"}
WEIGHTS = Path(kgan.__file__).parent / "features" / "weights"
SEED = 0
# 20 times the 60,000 images, in batches of 128.
STEPS = 9375


def main(names: list[str]) -> None:
    """Train, write, measure what was written, and print."""
    for name in names or FOLDERS:
        train(name)


def train(name: str) -> None:
    """Make one weight file."""
    folder = Path(os.environ["KGAN_DATA"], FOLDERS[name])
    model = classifier_model((28, 28, 1), 10, seed=SEED)
    fit_classifier(model, *read(folder, "train"), seed=SEED, steps=STEPS)
    path = WEIGHTS / f"{name}.npz"
    save_weights(path, model, {}, dtype="float16")
    load_weights(path, model)
    facts = {"accuracy": accuracy_of(model, *read(folder, "t10k")), "seed": SEED, "steps": STEPS}
    save_weights(path, model, facts, dtype="float16")
    content = path.read_bytes()
    print(
        f"{name}: right on {facts['accuracy']:.2%} of the 10,000 test images; "
        f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}",
        flush=True,
    )


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 28, 28, 1) and labels of "train" or "t10k"."""
    images = _idx(folder / f"{part}-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)
    return images, _idx(folder / f"{part}-labels-idx1-ubyte.gz", header=8).astype("int32")


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


if __name__ == "__main__":
    main(sys.argv[1:])
