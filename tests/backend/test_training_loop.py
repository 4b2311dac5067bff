"""The loop takes as many steps as it is told, and logs what is to be logged."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.backend.training_loop import Steps

# What compiles nothing takes no time.
EAGER = {"run_eagerly": True}


class Watched(kgan.GAN):
    """Logs a metric of its own, and how many steps were taken."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.width = keras.metrics.Mean(name="width")
        self.tested = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def train_step(self, data):
        logs = super().train_step(data)
        images = data[0] if isinstance(data, tuple) else data
        self.width.update_state(keras.ops.max(images))
        return {**logs, "width": self.width.result()}

    def test_step(self, data):
        self.tested.assign_add(1)
        return super().test_step(data)


class Lengthy(kgan.GAN):
    """Returns what is no metric."""

    def train_step(self, data):
        return {**super().train_step(data), "rows": keras.ops.shape(data)[0]}


def make_gan(kind=Watched, **execution):
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    generator.add(keras.layers.Reshape((2, 2, 1)))
    discriminator = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    discriminator.add(keras.layers.Dense(1))
    gan = kind(generator, discriminator, 3, seed=0)
    gan.compile("sgd", keras.optimizers.SGD(0.1), **execution)
    return gan


def batches(count=7):
    """Batches of two images, the largest pixel of which is the batch's number over 100."""
    images = np.repeat(np.arange(count) / 100, 2 * 4).reshape(2 * count, 2, 2, 1)
    images[:, 0, 0] = -1
    return tf.data.Dataset.from_tensor_slices(images.astype("float32")).batch(2)


@pytest.mark.parametrize("execution", [{}, EAGER], ids=["graph", "eager"])
def test_an_epoch_has_the_steps_it_was_told_however_many_a_call_takes(execution):
    gan = make_gan(steps_per_execution=3, **execution)
    stream = batches().repeat()
    history = gan.fit(stream, steps_per_epoch=4, epochs=2, verbose=0).history
    assert int(gan.images_seen.numpy()) == 2 * 4 * 2
    # The second epoch goes on with the fifth batch, and begins the data anew after the seventh.
    np.testing.assert_allclose(history["width"], [(0 + 1 + 2 + 3) / 400, (4 + 5 + 6 + 0) / 400])
    # The next fit counts anew, also if this one had ended within an epoch.
    gan.fit(stream, steps_per_epoch=2, verbose=0)
    assert int(gan.images_seen.numpy()) == 2 * 4 * 2 + 4


@pytest.mark.parametrize(
    "execution", [{}, pytest.param(EAGER, marks=pytest.mark.slow)], ids=["graph", "eager"]
)
def test_an_evaluation_has_the_steps_it_was_told(execution):
    gan = make_gan(steps_per_execution=3, **execution)
    gan.evaluate(batches(), steps=4, verbose=0)
    assert gan.tested.numpy() == 4
    gan.fit(batches(3), validation_data=batches().repeat(), validation_steps=5, epochs=2, verbose=0)
    assert gan.tested.numpy() == 4 + 2 * 5


@pytest.mark.parametrize("execution", [{}, EAGER], ids=["graph", "eager"])
def test_the_data_may_end_before(execution):
    gan = make_gan(steps_per_execution=3, **execution)
    gan.fit(batches(7), epochs=2, verbose=0)
    assert int(gan.images_seen.numpy()) == 2 * 7 * 2


def test_a_single_batch_is_no_step_of_an_epoch():
    gan = make_gan(steps_per_execution=3, **EAGER)
    gan.fit(batches().repeat(), steps_per_epoch=2, verbose=0)
    gan.train_on_batch(next(iter(batches())))
    gan.test_on_batch(next(iter(batches())))
    assert int(gan.images_seen.numpy()) == 2 * 2 + 2
    assert gan.tested.numpy() == 1


def test_no_epoch_has_more_steps_than_it_is_to_have():
    epoch, taken = Steps(), []
    epoch.begin(5)
    for _ in range(4):
        taken.append(epoch.at_most(3))
        epoch.count(taken[-1])
    assert taken == [3, 2, 3, 2]
    endless = Steps()
    endless.count(3)
    assert endless.at_most(3) == 3


def test_the_metrics_of_a_subclass_begin_anew_with_every_epoch():
    gan = make_gan(**EAGER)
    assert [metric.name for metric in gan.metrics][-1] == "width"
    history = gan.fit(batches(2), epochs=2, verbose=0).history
    np.testing.assert_allclose(history["width"], [0.005, 0.005])


def test_what_is_no_metric_is_logged_only_where_one_step_is_all():
    gan = make_gan(Lengthy)
    assert gan.fit(batches(), verbose=0).history["rows"] == [2]
    gan = make_gan(Lengthy, steps_per_execution=2)
    with pytest.raises(ValueError, match="only the model's metrics can be") as refused:
        gan.fit(batches(), verbose=0)
    assert "Received, of no metric: rows. Make each a keras.metrics.Mean" in str(refused.value)


def test_callbacks_hear_of_every_call():
    heard = []
    gan = make_gan(steps_per_execution=3, **EAGER)
    listener = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: heard.append(int(gan.images_seen.numpy()))
    )
    gan.fit(batches().repeat(), steps_per_epoch=7, verbose=0, callbacks=[listener])
    assert heard == list(itertools.accumulate([6, 6, 2]))
