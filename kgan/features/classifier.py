"""A small classifier, for any labelled images: an extractor that is trained on the spot."""

import hashlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import ArrayLike

from kgan._utils.checks import check_image_shape
from kgan._utils.checks import check_image_values
from kgan._utils.checks import check_integer
from kgan._utils.checks import check_labels
from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import without_column
from kgan._utils.images import are_pixels
from kgan._utils.images import to_uint8
from kgan._utils.messages import tell
from kgan._version import __version__
from kgan.features.extractor import Extractor
from kgan.features.extractor import architecture_of
from kgan.features.extractor import check_name_is_free
from kgan.features.weights_file import load_weights
from kgan.features.weights_file import save_weights

_FEATURES = 64
# Pixels of the smallest side: below it there is nothing left to halve.
SMALLEST_SIDE = 8
_MOST_CHANNELS = 64

_BATCH_SIZE = 128
_LEARNING_RATE = 1e-3
# Of a side: 1 of 28 pixels.
_SHIFT = 1 / 28

# A held-out tenth of fewer images says too little.
_FEWEST_IMAGES = 100
_BLOCK = 1000


def classifier_model(
    image_shape: tuple[int, int, int], num_classes: int, *, seed: int = 0
) -> keras.Model:
    """A plain CNN whose features are a dense layer's outputs before their ReLU.

    Before the ReLU, because there they are closer to normal, as the Frechet distance supposes, and
    none is constant. There is no batch norm: an image's features depend on that image alone.

    Args:
        image_shape: (height, width, channels), both sides 8 pixels or more.
        num_classes: int.
        seed: int >= 0, of the initial weights and of dropout.

    Returns:
        Keras model of images (batch, *image_shape) in [-1, 1] to [features (batch, 64), class
        probabilities (batch, num_classes)]. About 98,000 weights for (28, 28, 1) and 10 classes.

    Raises:
        ValueError: for a smaller image shape or no classes.

    Example:
        >>> model = kgan.features.classifier_model((32, 32, 3), num_classes=10)
    """
    check_image_shape(image_shape)
    num_classes = check_positive_integer("num_classes", num_classes)
    seed = check_integer("seed", seed, 0)
    if min(image_shape[:2]) < SMALLEST_SIDE:
        raise ValueError(
            f"The small classifier takes images of {SMALLEST_SIDE} pixels a side and more. "
            f"Received: image_shape={tuple(image_shape)}."
        )
    seeds = iter(np.random.SeedSequence(seed).generate_state(64).tolist())

    def he():
        return keras.initializers.HeNormal(seed=next(seeds))

    def convolution(channels, name):
        return layers.Conv2D(
            channels, 3, padding="same", activation="relu", kernel_initializer=he(), name=name
        )

    inputs = keras.Input(tuple(image_shape), name="images")
    x, channels, side, stage = inputs, 16, min(image_shape[:2]), 0
    while side >= SMALLEST_SIDE:
        x = convolution(channels, f"conv_{stage}")(x)
        x = layers.MaxPooling2D(name=f"pool_{stage}")(x)
        channels, side, stage = min(2 * channels, _MOST_CHANNELS), side // 2, stage + 1
    x = convolution(_MOST_CHANNELS, f"conv_{stage}")(x)
    x = convolution(_MOST_CHANNELS, f"conv_{stage + 1}")(x)
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(name=f"pool_{stage}")(x))
    x = layers.Dropout(0.3, seed=next(seeds), name="dropout")(x)
    features = layers.Dense(_FEATURES, kernel_initializer=he(), name="features")(x)
    x = layers.ReLU(name="features_relu")(features)
    logits = layers.Dense(num_classes, kernel_initializer=he(), name="logits")(x)
    probabilities = layers.Softmax(name="probabilities")(logits)
    return keras.Model(inputs, [features, probabilities], name="small_classifier")


def train_classifier(
    images: ArrayLike,
    labels: ArrayLike,
    *,
    num_classes: int | None = None,
    name: str = "classifier",
    seed: int = 0,
    steps: int = 2000,
    cache_dir: str | os.PathLike | None = None,
) -> Extractor:
    """Train the small classifier on labelled images and take it for an extractor.

    It is trained on nine tenths of the images, shifted at random by up to a 28th of their
    side, and its accuracy is measured on the tenth that it never saw, and printed. 2,000 steps of
    128 images of 28x28 take about a minute on two cores.

    Args:
        images: array (images, height, width, channels), uint8, or floats in [-1, 1], which are
            rounded to bytes. At least 100.
        labels: integers (images,), from 0 to num_classes - 1.
        num_classes: int, by default the largest label plus one.
        name: str, the extractor's; not one of kgan's own.
        seed: int >= 0, of the weights, the held-out tenth and the order of the images.
        steps: int, updates of 128 images each, default 2,000.
        cache_dir: folder in which to keep the weights and to look for them, by a digest of images,
            labels, architecture, seed, steps and versions. None, the default, keeps nothing. A
            damaged file is never used: it is trained anew, and said so.

    Returns:
        An `Extractor` with the accuracy on the held-out tenth as `accuracy`.

    Raises:
        ValueError: for images or labels that do not fit, or too few.

    Example:
        >>> digits = kgan.data.digits()
        >>> extractor = kgan.features.train_classifier(
        ...     digits.images, digits.labels, name="mine", steps=5)
    """
    check_name_is_free(name)
    steps, seed = check_positive_integer("steps", steps), check_integer("seed", seed, 0)
    images, labels, num_classes = _as_stored(images, labels, num_classes)
    model = classifier_model(images.shape[1:], num_classes, seed=seed)
    rows = np.random.default_rng([seed, 1]).permutation(len(images))
    held_out, rest = np.split(rows, [len(images) // 10])
    key = _key(images, labels, model, seed, steps)
    path = None if cache_dir is None else Path(cache_dir, f"classifier-{key[:16]}.npz")
    facts = None
    if path is not None and path.exists():
        try:
            facts = load_weights(path, model, key=key)
        except ValueError as error:
            warnings.warn(f"{error} It is not used: the classifier is trained again.", stacklevel=2)
    if facts is None:
        fit_classifier(model, images[rest], labels[rest], seed=seed, steps=steps)
        accuracy = accuracy_of(model, images[held_out], labels[held_out])
        facts = {"key": key, "accuracy": accuracy}
        if path is not None:
            save_weights(path, model, facts)
    _report(name, facts["accuracy"], labels[held_out])
    return Extractor(model, name, accuracy=facts["accuracy"])


def fit_classifier(model, images, labels, *, seed: int, steps: int) -> None:
    """Train a classifier in place: Adam, its learning rate falling to 0 along a cosine.

    Every image is shifted at random by up to a 28th of its sides, each time anew.

    Args:
        model: what `classifier_model` returns.
        images: uint8 array (images, height, width, channels).
        labels: integer array (images,).
        seed: int >= 0, of the order of the images and of their shifts.
        steps: int, updates of 128 images each.
    """
    # A model of its own, so that the extractor stays uncompiled and its outputs what they are.
    logits = keras.Model(model.input, model.get_layer("logits").output)
    logits.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    batches = _batches(images, labels, np.random.default_rng(seed))
    # The batches come shuffled: Keras warns of what it would leave undone otherwise.
    logits.fit(batches, steps_per_epoch=steps, verbose=int(sys.stdout.isatty()), shuffle=False)


def accuracy_of(model, images, labels) -> float:
    """The share of images whose most probable class is their label.

    Args:
        model: what `classifier_model` returns.
        images: uint8 array (images, height, width, channels).
        labels: integer array (images,).

    Returns:
        Float in [0, 1].
    """
    return float((predicted_classes(model, images) == labels).mean())


def predicted_classes(model, images) -> np.ndarray:
    """The most probable class of each image.

    Args:
        model: what `classifier_model` returns.
        images: uint8 array (images, height, width, channels).

    Returns:
        Int array (images,).
    """
    _, probabilities = model.predict(_scaled(images), batch_size=_BLOCK, verbose=0)
    return probabilities.argmax(axis=1)


def _batches(images: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> Iterator:
    """Batches of one size from permutation after permutation, the seams inside a batch."""
    waiting = np.arange(0)
    while True:
        while len(waiting) < _BATCH_SIZE:
            waiting = np.concatenate([waiting, random.permutation(len(images))])
        rows, waiting = waiting[:_BATCH_SIZE], waiting[_BATCH_SIZE:]
        yield _scaled(_shifted(images[rows], random)), labels[rows]


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels / np.float32(127.5) - 1


def _shifted(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each image moved by its own whole number of pixels, its border repeated."""
    count, height, width, _ = pixels.shape
    down, right = round(height * _SHIFT), round(width * _SHIFT)
    padded = np.pad(pixels, ((0, 0), (down, down), (right, right), (0, 0)), mode="edge")
    top = random.integers(2 * down + 1, size=(count, 1, 1)) + np.arange(height)[:, None]
    left = random.integers(2 * right + 1, size=(count, 1, 1)) + np.arange(width)
    return padded[np.arange(count)[:, None, None], top, left]


def _as_stored(images, labels, num_classes: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    images, labels = np.asarray(images), without_column(np.asarray(labels))
    if images.ndim != 4 or len(images) < _FEWEST_IMAGES:
        raise ValueError(
            f"A classifier is trained on at least {_FEWEST_IMAGES} images, (images, height, width, "
            f"channels). Received: an array of shape {images.shape}."
        )
    num_classes = check_labels(labels, len(images), num_classes)
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"A classifier needs images of two classes at least. Received: {labels[0]} for all "
            f"{len(labels)}."
        )
    if not are_pixels(images):
        check_image_values(images)
        # In blocks, since the rounding copies floats.
        blocks = np.array_split(images, -(-len(images) // _BLOCK))
        images = np.concatenate([to_uint8(block) for block in blocks])
    return images, labels.astype(np.int32), num_classes


def _key(images, labels, model: keras.Model, seed: int, steps: int) -> str:
    settings = {
        "architecture": architecture_of(model),
        "num_classes": model.output_shape[1][1],
        "seed": seed,
        "steps": steps,
        "versions": [__version__, keras.__version__, np.__version__],
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(f"{images.shape}".encode())
    digest.update(np.ascontiguousarray(images))
    digest.update(labels)
    return digest.hexdigest()


def _report(name: str, accuracy: float, labels: np.ndarray) -> None:
    count = len(labels)
    error = np.sqrt(accuracy * (1 - accuracy) / count)
    tell(
        f"extractor {name!r}: right on {accuracy:.1%} of {count:,} held-out images "
        f"(standard error {error:.1%})"
    )
    commonest = np.bincount(labels).max() / count
    if accuracy <= commonest + 2 * np.sqrt(commonest * (1 - commonest) / count):
        warnings.warn(
            f"The classifier {name!r} is right on {accuracy:.1%} of the held-out images, and "
            f"{commonest:.1%} of them are of one class: it has learned next to nothing, and its "
            "features tell little. Check that the labels belong to the images, or raise steps.",
            # Whoever called train_classifier.
            stacklevel=3,
        )
