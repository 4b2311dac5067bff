"""Small generators of 8x8 images, with weights large enough for images that differ."""

import keras
import numpy as np
import pytest

LATENT_DIM = 5
NUM_CLASSES = 3


def build_generator(*, conditional: bool = False, dtype: str = "float32") -> keras.Model:
    """A generator of (8, 8, 1) images from 5 latents, and from 3 classes if conditional."""
    latents = keras.Input((LATENT_DIM,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    features = latents
    if conditional:
        embedded = keras.layers.Embedding(NUM_CLASSES, 4, dtype=dtype)(labels)
        features = keras.layers.Concatenate(dtype=dtype)([latents, embedded])
    features = keras.layers.Dense(4 * 4 * 8, dtype=dtype)(features)
    features = keras.layers.BatchNormalization(dtype=dtype)(features)
    features = keras.layers.LeakyReLU(dtype=dtype)(features)
    features = keras.layers.Reshape((4, 4, 8), dtype=dtype)(features)
    features = keras.layers.Conv2DTranspose(1, 4, 2, padding="same", dtype=dtype)(features)
    images = keras.layers.Activation("tanh", dtype="float32")(features)
    generator = keras.Model([latents, labels] if conditional else latents, images)
    fill_with_random_weights(generator)
    return generator


def fill_with_random_weights(model: keras.Model) -> None:
    rng = np.random.default_rng(1)
    # Positive only where a variance needs it; large enough to fill most of tanh's range.
    model.set_weights(
        [
            np.abs(values) if weight.name == "moving_variance" else values
            for weight in model.weights
            for values in [rng.normal(0.0, 0.4, weight.shape)]
        ]
    )


@pytest.fixture(name="build_generator", scope="session")
def _build_generator():
    return build_generator


@pytest.fixture(scope="session")
def generator() -> keras.Model:
    return build_generator()


@pytest.fixture(scope="session")
def conditional_generator() -> keras.Model:
    return build_generator(conditional=True)
