"""What every test shares: the same random weights in every run."""

import keras
import pytest


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Start every test from one seed, so that no unlucky initial weights fail it now and then."""
    keras.utils.set_random_seed(0)
