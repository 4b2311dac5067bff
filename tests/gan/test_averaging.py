"""The moving average in closed form."""

import keras
import numpy as np
import pytest

from kgan.gan import averaging


def model():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]
    )


def test_a_copy_has_equal_weights_of_its_own_and_is_not_trained():
    original = model()
    copy = averaging.untrained_copy(original)
    for weight, other in zip(original.weights, copy.weights, strict=True):
        assert weight is not other
        np.testing.assert_array_equal(weight, other)
    assert copy.trainable_variables == []
    assert len(original.trainable_variables) == 4


@pytest.mark.parametrize(("images", "beta"), [(0, 1.0), (10, 0.5), (20, 0.25), (5, 0.5**0.5)])
def test_the_old_average_is_halved_in_one_half_life(images, beta):
    keras.utils.set_random_seed(0)
    trained = model()
    average = averaging.untrained_copy(trained)
    before = [np.array(weight) for weight in average.weights]
    # Batch-norm statistics move like every other weight.
    for weight in trained.weights:
        weight.assign(weight + 2.0)
    averaging.update(average, trained, images=images, halflife_images=10.0)
    for mean, old in zip(average.weights, before, strict=True):
        expected = beta * old + (1 - beta) * (old + 2.0)
        # Rounding is that of numbers of about two, also where old is near zero.
        np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-6)
    assert any("moving_variance" in mean.path for mean in average.weights)
