import hashlib
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from benchmarks import train_shipped_classifiers
from kgan import data
from kgan.features import digits
from kgan.features import fashion
from kgan.features import shipped
from kgan.features.classifier import accuracy_of

WEIGHTS = resources.files("kgan.features") / "weights"
SHIPPED = {"digits": digits, "fashion": fashion}


@pytest.fixture(scope="module")
def real_digits():
    """The 10,000 test images of MNIST, in [-1, 1], and their labels."""
    images = data.digits()
    return images.images / np.float32(127.5) - 1, images.labels


@pytest.fixture(scope="module")
def features(real_digits):
    return digits()(real_digits[0])


def frechet_distance(one, other):
    """By the definition, with a symmetric square root for covariances of full rank."""
    first, second = np.cov(one.T), np.cov(other.T)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    means = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    return means + np.trace(first) + np.trace(second) - 2 * cross


def blurred(images, sigma):
    steps = np.arange(-8, 9)
    kernel = np.exp(-(steps**2) / (2 * sigma**2)).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (1, 2):
        images = sum(
            weight * np.roll(images, step, axis) for weight, step in zip(kernel, steps, strict=True)
        )
    return np.clip(images, -1, 1)


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_what_is_shipped(name):
    extractor = SHIPPED[name]()
    assert (extractor.name, extractor.image_shape) == (name, (28, 28, 1))
    assert (extractor.dim, extractor.num_classes) == (64, 10)
    assert extractor.fingerprint == SHIPPED[name]().fingerprint


def test_the_accuracies_are_what_was_aimed_at():
    assert digits().accuracy >= 0.993
    assert fashion().accuracy >= 0.915


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_a_weight_file_is_small_and_its_readme_tells_of_it(name):
    content = (WEIGHTS / f"{name}.npz").read_bytes()
    assert len(content) < 250_000
    readme = (WEIGHTS / "README.md").read_text()
    assert f"`{hashlib.sha256(content).hexdigest()}`" in readme
    assert f"{SHIPPED[name]().accuracy:.2%}" in readme


@pytest.mark.slow
def test_digits_has_the_accuracy_it_was_given(real_digits, features):
    right = (features.probabilities.argmax(axis=1) == real_digits[1]).mean()
    # Another order of sums may turn an image or two that lie on the edge of two classes.
    np.testing.assert_allclose(right, digits().accuracy, atol=2e-4)


@pytest.mark.slow
def test_fashion_has_the_accuracy_it_was_given():
    if "KGAN_DATA" not in os.environ:
        pytest.skip("KGAN_DATA names no folder with fashion_mnist/")
    folder = Path(os.environ["KGAN_DATA"], "fashion_mnist")
    right = accuracy_of(fashion().model, *train_shipped_classifiers.read(folder, "t10k"))
    np.testing.assert_allclose(right, fashion().accuracy, atol=2e-4)


def test_the_features_are_never_constant(features):
    assert features.features.std(axis=0).min() > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "strengths"),
    [
        ("blur", (0.5, 0.7, 1.0, 1.5, 2.0)),
        ("noise", (0.2, 0.4, 0.8)),
        ("classes", (1, 3, 5, 7, 9)),
        ("copies", (1000, 100, 10)),
    ],
)
def test_a_frechet_distance_rises_as_images_get_worse(real_digits, features, change, strengths):
    images, labels = real_digits
    # Every other one, since the writers of the first 5,000 are others than those of the rest.
    real, rest, kinds = features.features[::2], images[1::4], labels[1::4]
    random = np.random.default_rng(0)

    def worse(strength):
        if change == "blur":
            return blurred(rest, strength)
        if change == "noise":
            noise = random.normal(scale=strength, size=rest.shape)
            return np.clip(rest + noise, -1, 1).astype(np.float32)
        if change == "classes":
            return rest[kinds >= strength]
        return rest[np.arange(len(rest)) % strength]

    extractor = digits()
    distances = [frechet_distance(real, features.features[1::4])]
    distances += [frechet_distance(real, extractor(worse(s)).features) for s in strengths]
    # Each step by more than chance, which is the distance of two parts of the real images.
    assert (np.diff(distances) > distances[0]).all()


def test_a_damaged_weight_file_is_refused(tmp_path, monkeypatch):
    content = bytearray((WEIGHTS / "digits.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "digits.npz").write_bytes(content)
    monkeypatch.setattr(shipped.resources, "files", lambda package: tmp_path)
    path = re.escape(str(folder / "digits.npz"))
    with pytest.raises(ValueError, match=f"^{path} is damaged: .* install kgan again\\.$"):
        digits()
