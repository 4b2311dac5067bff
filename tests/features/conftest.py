"""InceptionV3 without its tensors."""

import keras
import pytest

from kgan.features.inception_network import inception_network


@pytest.fixture(scope="session")
def inception_model() -> keras.Model:
    """An InceptionV3 of images (20, 30, 3) with classes; every test gives it weights first."""
    return inception_network((20, 30, 3), num_classes=1008)
