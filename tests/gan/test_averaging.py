"""The moving average in closed form."""

import keras
import numpy as np
import pytest
from keras import ops

import kgan
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


def test_a_released_average_is_as_trainable_as_the_model():
    original = model()
    original.layers[1].trainable = False
    copy = averaging.untrained_copy(original)
    averaging.release(copy)
    assert [v.name for v in copy.trainable_variables] == ["kernel", "bias"]
    assert [layer.trainable for layer in copy.layers] == [True, False]
    original.trainable = False
    averaging.release(original)
    assert original.trainable_variables == []


def gan(generator, **arguments):
    layers = keras.layers
    images = [keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(1)]
    return kgan.GAN(generator, keras.Sequential(images), latent_dim=3, **arguments)


def test_an_average_and_its_file_can_be_trained_on(tmp_path):
    layers = keras.layers
    network = [keras.Input((3,)), layers.Dense(4), layers.BatchNormalization()]
    old = gan(keras.Sequential([*network, layers.Reshape((2, 2, 1))]), ema_halflife_images=9)
    # Of the discriminator, and of the generator, but not of the average.
    assert len(old.trainable_variables) == 2 + 4
    statistics = [np.array(weight) for weight in old.ema_generator.weights]
    old(np.ones((2, 3)), training=True)
    for weight, value in zip(old.ema_generator.weights, statistics, strict=True):
        np.testing.assert_array_equal(weight, value)
    old.sampling_generator().save(tmp_path / "average.keras")
    loaded = keras.saving.load_model(tmp_path / "average.keras")
    for generator in (loaded, old.sampling_generator()):
        tuned = gan(generator)
        tuned.compile(run_eagerly=True)
        before = np.array(generator.weights[0])
        tuned.train_on_batch(np.zeros((4, 2, 2, 1), "float32"))
        assert np.abs(generator.weights[0] - before).max() > 0


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_a_player_with_nothing_to_train_is_warned_of(role):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    frozen = gan(keras.Sequential([network, keras.layers.Reshape((2, 2, 1))]))
    getattr(frozen, role).trainable = False
    message = f"^The {role} has nothing to train.* set {role}.trainable = True before the GAN is"
    with pytest.warns(UserWarning, match=message):
        frozen.compile()


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


class Counting(keras.Layer):
    """A weight and a counter: what is averaged, and what is not."""

    def __init__(self, weight, count):
        super().__init__()
        self.weight = self.add_weight(initializer=keras.initializers.Constant(weight))
        self.count = self.add_weight(initializer=keras.initializers.Constant(count), dtype="int64")


def test_a_long_half_life_keeps_its_digits_and_no_image_changes_nothing():
    average, trained = Counting(0.1, 3), Counting(1.1, 4)
    before = np.float32(average.weight)
    averaging.update(average, trained, images=ops.convert_to_tensor(0), halflife_images=1e7)
    assert (np.float32(average.weight), int(average.count)) == (before, 3)
    average.weight.assign(0.0)
    trained.weight.assign(1.0)
    # 1 - beta is 4.4e-6: 1 less a float32 beta is off by 1 %.
    averaging.update(average, trained, images=ops.convert_to_tensor(64), halflife_images=1e7)
    np.testing.assert_allclose(average.weight, 1 - 0.5 ** (64 / 1e7), rtol=1e-6)
    assert int(average.count) == 4
