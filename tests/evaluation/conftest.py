"""An extractor whose features and classes can be worked out by hand, and images for it."""

import keras
import numpy as np
import pytest
from keras import ops

from kgan.features import Extractor

SIZE = 4


class CountingExtractor(Extractor):
    """Counts the images it looks at."""

    looked_at = 0

    def __call__(self, images):
        self.looked_at += len(images)
        return super().__call__(images)


@pytest.fixture
def make_extractor():
    """Make extractors of all 16 pixels; class 1 is a bright first pixel, class 0 a dark one."""

    def extractor_of(model: keras.Model, name: str) -> Extractor:
        # For a dozen batches, tracing would take longest.
        model.run_eagerly = True
        return CountingExtractor(model, name)

    def make(name: str = "pixels", *, classes: bool = True, scale: float = 1.0) -> Extractor:
        images = keras.Input((SIZE, SIZE, 1), name="images")
        pixels = keras.layers.Flatten(name="pixels")(images)
        features = keras.layers.Rescaling(scale, name="features")(pixels)
        if not classes:
            return extractor_of(keras.Model(images, features, name="plain"), name)
        brightness = keras.layers.Dense(2, activation="softmax", use_bias=False, name="classes")
        probabilities = brightness(pixels)
        weights = np.zeros((SIZE * SIZE, 2), np.float32)
        weights[0] = [-5, 5]
        brightness.kernel.assign(ops.convert_to_tensor(weights))
        return extractor_of(keras.Model(images, [features, probabilities], name="both"), name)

    return make


@pytest.fixture
def make_pixels():
    """Make random uint8 images, none darker than 20 or brighter than 235."""

    def make(count: int, seed: int = 0) -> np.ndarray:
        shape = (count, SIZE, SIZE, 1)
        return np.random.default_rng(seed).integers(20, 236, shape).astype(np.uint8)

    return make
