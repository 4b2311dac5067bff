"""A GAN whose discriminator is shown augmented images: in which updates, and what is kept."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import kgan
from kgan import augment

ROWS = 8
IMAGES = np.random.default_rng(0).uniform(-1, 1, (3 * ROWS, 4, 4, 1)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Times(augment.Augmentation):
    """T(x) = factor x; it notes what it was given."""

    def __init__(self, factor: float):
        self.factor = factor
        self.asked = []

    def __call__(self, images, *, seed, images_seen):
        self.asked.append((images.dtype.name, int(images_seen)))
        return self.factor * images


def make_gan(chosen, dtype="float32", loss="non_saturating", **options):
    keras.utils.set_random_seed(3)
    dense, images = keras.layers.Dense, keras.Input((4, 4, 1), dtype=dtype)
    generator = keras.Sequential(
        [keras.Input((2,)), dense(16, "tanh"), keras.layers.Reshape((4, 4, 1), dtype=dtype)]
    )
    critic = keras.Model(images, dense(1)(keras.layers.Flatten(dtype=dtype)(images)))
    gan = kgan.GAN(generator, critic, latent_dim=2, seed=1)
    # To trace a step takes as long as dozens of them.
    options = {"run_eagerly": True} | options
    gan.compile(
        keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss=loss, augment=chosen, **options
    )
    return gan


def fitted(gan, epochs=1):
    return gan.fit(IMAGES, batch_size=ROWS, shuffle=False, epochs=epochs, verbose=0).history


def weights_of(gan):
    return np.concatenate([np.ravel(weight) for weight in gan.get_weights()])


def rests(network, before):
    return all(map(np.array_equal, network.get_weights(), before))


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        # Reals and fakes of every update of the discriminator, and the generator's fakes.
        ({}, 3),
        ({"discriminator_steps": 2}, 5),
        ({"loss": "rpgan"}, 4),
        # These two are of the passes of the loss; the others ask once more.
        ({"penalties": ["r1=1", "r2=1"]}, 3),
        ({"penalties": ["gradient_penalty", "dragan"]}, 5),
    ],
)
def test_every_image_of_an_update_is_augmented_and_none_of_an_evaluation(options, asked):
    gan = make_gan(Times(1.0), **options)
    gan.augment.asked.clear()
    gan.train_step(tf.constant(IMAGES[:ROWS]))
    assert gan.augment.asked == asked * [("float32", 0)]
    gan.augment.asked.clear()
    gan.evaluate(IMAGES, verbose=0)
    gan.generate(2)
    gan.predict(np.zeros((2, 2), "float32"), verbose=0)
    assert gan.augment.asked == []
    gan.train_step(tf.constant(IMAGES[:ROWS]))
    assert gan.augment.asked[-1] == ("float32", ROWS)


def test_no_augmentation_is_a_factor_of_one():
    with_it, without = make_gan(Times(1.0)), make_gan(None)
    assert fitted(with_it) == fitted(without)
    np.testing.assert_array_equal(weights_of(with_it), weights_of(without))


def test_both_players_learn_through_the_augmentation():
    gan, flipped = make_gan(None), make_gan(Times(-1.0))
    # A linear discriminator of -x is one with the opposite kernel.
    kernel, bias = flipped.discriminator.get_weights()
    flipped.discriminator.set_weights([-kernel, bias])
    fitted(gan)
    fitted(flipped)
    kernel, bias = flipped.discriminator.get_weights()
    for found, expected in zip([-kernel, bias], gan.discriminator.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert rests(flipped.generator, gan.generator.get_weights())
    gone = make_gan(Times(0.0))
    before = gone.generator.get_weights()
    fitted(gone)
    assert rests(gone.generator, before)


def test_r1_is_by_the_image_before_the_augmentation():
    gan = make_gan(Times(3.0), penalties="r1=1")
    kernel, _ = gan.discriminator.get_weights()
    gan.train_step(tf.constant(IMAGES[:ROWS]))
    logged = {metric.name: float(metric.result()) for metric in gan.metrics}
    # D(T x) = 3 w x + b.
    np.testing.assert_allclose(logged["r1"], np.sum((3 * kernel) ** 2) / 2, rtol=1e-5)


def test_images_of_16_bits_are_augmented_in_32():
    gan = make_gan(Times(1.0), dtype="float16")
    gan.augment.asked.clear()
    gan.train_step(tf.constant(IMAGES[:ROWS].astype("float16")))
    assert {dtype for dtype, _ in gan.augment.asked} == {"float32"}


def test_random_numbers_are_new_at_every_call_and_the_seeds_of_the_training_decide_them():
    gan, same, other = (make_gan("diffaugment") for _ in range(3))
    images = tf.ones((2, 4, 4, 1))
    other.training_seeds.next()
    found = [
        np.array(one.augment(images, seed=one.training_seeds, images_seen=0))
        for one in (gan, gan, same, other)
    ]
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0][0], found[0][1])
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(found[1], found[3])


def test_a_gan_takes_what_get_takes():
    gan = make_gan(None)
    for chosen in ("diffaugment", augment.DiffAugment, augment.serialize(augment.DiffAugment())):
        gan.compile(augment=chosen)
        assert repr(gan.augment) == "DiffAugment(policy='color,translation,cutout')"


def test_a_file_gives_the_augmentation_back_with_the_state_of_its_numbers(tmp_path):
    gan = make_gan("diffaugment=color")
    fitted(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert repr(loaded.augment) == "DiffAugment(policy='color')"
    assert fitted(gan) == fitted(loaded)
    np.testing.assert_array_equal(weights_of(gan), weights_of(loaded))


def test_an_augmentation_of_a_compiled_gan_is_not_replaced():
    given = Times(2.0)
    gan = make_gan(given)
    assert gan.augment is not given
    message = "augment of a compiled GAN cannot be replaced: compile makes its state. Received: aug"
    with pytest.raises(ValueError, match=re.escape(message)):
        gan.augment = None
    gan.compile()
    assert gan.augment is None
    assert gan.get_compile_config()["augment"] is None


def test_one_whose_config_makes_another_is_warned_of():
    class Odd(Times):
        def get_config(self):
            return {"factor": 1.0}

    with pytest.warns(UserWarning, match=r"Odd has factor=2.0, and 1.0 anew"):
        make_gan(Odd(2.0))


def test_what_means_nothing_for_the_images_is_refused():
    points = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    gan = kgan.GAN(points, critic, latent_dim=2)
    with pytest.raises(ValueError, match=r"^DiffAugment moves and colours images"):
        gan.compile(augment="diffaugment")


def adaptive(**options):
    return augment.Adaptive(speed=20, transforms="bgc,x_flip=0", **options)


def test_the_probability_is_a_log_of_the_updates_alone():
    gan = make_gan(augment.Scheduled("linear(0, 1, until=64)"))
    logs = gan.fit(IMAGES, batch_size=ROWS, epochs=2, validation_data=IMAGES, verbose=0).history
    # After 0, 8 and 16 images, and 24, 32 and 40.
    np.testing.assert_allclose(logs["augment_p"], [1 / 8, 1 / 2], rtol=1e-6)
    assert "val_d_loss" in logs
    assert "val_augment_p" not in logs
    waiting = keras.callbacks.EarlyStopping("val_augment_p", mode="min")
    with pytest.raises(ValueError, match="waits for 'val_augment_p', which this training does not"):
        gan.fit(IMAGES, validation_data=IMAGES, verbose=0, callbacks=[waiting])
    assert "augment_p" not in fitted(make_gan("diffaugment"))


def test_an_adaptive_one_is_saved_and_goes_on_with_equal_numbers(tmp_path):
    gan = make_gan(adaptive(target=-0.5))
    fitted(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    # Three updates, of which the fourth will be the first to move p.
    assert [float(v) for v in loaded.augment.variables][2:] == [24, 3]
    assert fitted(gan, epochs=3) == fitted(loaded, epochs=3)
    np.testing.assert_array_equal(weights_of(gan), weights_of(loaded))
    state, again = (
        {name: float(v) for name, v in one.state_beside_weights().items()} for one in (gan, loaded)
    )
    assert state == again
    assert state["augment_0"] > 0
    assert state["augment_3"] == 12


def test_one_object_given_to_two_gans_has_a_state_in_each():
    given = adaptive()
    first, second = make_gan(given), make_gan(given)
    fitted(first)
    assert float(first.state_beside_weights()["augment_3"]) == 3
    assert float(second.state_beside_weights()["augment_3"]) == 0
    assert given.variables == ()


def test_a_loss_under_which_it_means_nothing_does_not_take_the_place_of_another():
    gan = make_gan(adaptive())
    with pytest.raises(ValueError, match=r"^Adaptive asks whether the discriminator takes reals"):
        gan.loss = "wgan"
    gan.loss = "hinge"
    make_gan("scheduled=0.5").loss = "wgan"


def test_some_of_the_validation_data_are_kept_for_callbacks():
    gan = make_gan(None)
    gan.fit(IMAGES, validation_data=-IMAGES, verbose=0)
    np.testing.assert_array_equal(gan.held_out_images, -IMAGES)
    assert gan.held_out_labels is None
    gan.fit(IMAGES, verbose=0)
    assert gan.held_out_images is None


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["diffaugment", adaptive()], ids=repr)
def test_xla_compiles_it(chosen):
    gan = make_gan(chosen, run_eagerly=False, jit_compile=True)
    assert np.isfinite(fitted(gan)["d_loss"]).all()
    assert ops.shape(gan.discriminate(IMAGES, training=True)) == (3 * ROWS, 1)
