"""The training of a small classifier, from stored images."""

import sys
from collections.abc import Iterator

import keras
import numpy as np

_BATCH_SIZE = 128
_LEARNING_RATE = 1e-3
# Of a side: 1 of 28 pixels.
_SHIFT = 1 / 28

_BLOCK = 1000


def fit_classifier(model, images, labels, *, seed: int, steps: int, rows=None) -> None:
    """Train a classifier in place: Adam, its learning rate falling to 0 along a cosine.

    Every image is shifted at random by up to a 28th of its sides, each time anew.

    Args:
        model: what `kgan.features.classifier_model` returns.
        images: uint8 array (images, height, width, channels).
        labels: integer array (images,).
        seed: int >= 0, of the order of the images and of their shifts.
        steps: int, updates of 128 images each.
        rows: integer array, the images to use; None for all.
    """
    rows = np.arange(len(images)) if rows is None else rows
    random = np.random.default_rng(seed)
    # A model of its own, so that the extractor stays uncompiled and its outputs what they are.
    logits = keras.Model(model.input, model.get_layer("logits").output)
    logits.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    bar = keras.utils.Progbar(steps) if sys.stdout.isatty() else None
    for step, batch in enumerate(_batches(rows, steps, random), 1):
        pixels = _shifted(images[batch], random)
        loss = logits.train_on_batch(_scaled(pixels), labels[batch])
        if bar:
            bar.update(step, [("loss", loss)], finalize=step == steps)


def accuracy_of(model, images, labels, *, rows=None) -> float:
    """The share of images whose most probable class is their label.

    Args:
        model: what `kgan.features.classifier_model` returns.
        images: uint8 array (images, height, width, channels).
        labels: integer array (images,).
        rows: integer array, the images to use; None for all.

    Returns:
        Float in [0, 1].
    """
    rows = np.arange(len(images)) if rows is None else rows
    right = 0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        _, probabilities = model.predict_on_batch(_scaled(images[block]))
        right += int((probabilities.argmax(axis=1) == labels[block]).sum())
    return right / len(rows)


def _batches(rows: np.ndarray, steps: int, random) -> Iterator[np.ndarray]:
    """Batches of one size from permutation after permutation, the seams inside a batch."""
    waiting = rows[:0]
    for _ in range(steps):
        while len(waiting) < _BATCH_SIZE:
            waiting = np.concatenate([waiting, random.permutation(rows)])
        yield waiting[:_BATCH_SIZE]
        waiting = waiting[_BATCH_SIZE:]


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels / np.float32(127.5) - 1


def _shifted(pixels: np.ndarray, random) -> np.ndarray:
    """Each image moved by its own whole number of pixels, its border repeated."""
    count, height, width, _ = pixels.shape
    down, right = round(height * _SHIFT), round(width * _SHIFT)
    padded = np.pad(pixels, ((0, 0), (down, down), (right, right), (0, 0)), mode="edge")
    top = random.integers(2 * down + 1, size=(count, 1, 1)) + np.arange(height)[:, None]
    left = random.integers(2 * right + 1, size=(count, 1, 1)) + np.arange(width)
    return padded[np.arange(count)[:, None, None], top, left]
