import math

import keras
import pytest

from kgan.callbacks import StopOnNonFinite

ADVICE = (
    "The weights are probably spoilt. Go back to an earlier checkpoint; lower learning rates or "
    "another loss may keep it from happening."
)


@pytest.fixture
def watch(quick_gan):
    """A callback in the third epoch of a training, after update 107 of the generator."""
    gan = quick_gan()
    gan.optimizer.iterations.assign(107)
    gan.stop_training = False
    callback = StopOnNonFinite()
    callback.set_model(gan)
    callback.on_train_begin()
    callback.on_epoch_begin(2)
    return callback


def test_a_nan_stops_the_training_and_names_the_step(quick_gan, make_dataset, capsys):
    watch = StopOnNonFinite()
    gan = quick_gan()
    gan.fit(make_dataset(48), epochs=2, verbose=0)
    history = gan.fit(make_dataset(160, nan_in_batch=3), epochs=5, verbose=0, callbacks=[watch])
    # Two epochs of three steps, then the fourth of ten.
    assert watch.step == 10
    assert {"d_loss", "d_real"} <= set(watch.keys)
    assert len(history.epoch) == 1
    what = ", ".join(f"{key} is nan" for key in watch.keys)
    assert watch.message == (f"Training stopped at step 10 (epoch 1, batch 4): {what}. {ADVICE}")
    assert capsys.readouterr().out == watch.message + "\n"


def test_a_healthy_run_is_left_alone(quick_gan, make_dataset, capsys):
    watch = StopOnNonFinite()
    history = quick_gan().fit(make_dataset(48), epochs=2, verbose=0, callbacks=[watch])
    assert len(history.epoch) == 2
    assert (watch.step, watch.keys, watch.message) == (None, (), None)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["d_loss", "g_loss", "d_real", "d_fake", "penalty"])
def test_every_logged_value_is_watched(watch, key, value):
    watch.on_train_batch_end(6, {"d_loss": 1.0, "g_loss": 1.0, key: value})
    assert watch.model.stop_training
    assert watch.step == 107
    assert watch.keys == (key,)
    assert watch.message == (
        f"Training stopped at step 107 (epoch 3, batch 7): {key} is {value}. {ADVICE}"
    )


def test_large_values_are_finite(watch):
    watch.on_train_batch_end(6, {"d_loss": 1e308, "g_loss": 1e308})
    assert not watch.model.stop_training
    assert watch.step is None


def test_what_is_no_number_is_not_judged(watch):
    watch.on_train_batch_end(6, {"confusion": [[1, 2], [3, 4]], "phase": "warm-up"})
    assert not watch.model.stop_training


def test_the_first_finding_is_the_one_that_is_told(watch):
    watch.on_train_batch_end(6, {"d_loss": math.nan})
    watch.model.optimizer.iterations.assign(108)
    watch.on_train_batch_end(7, {"d_loss": math.nan, "g_loss": math.nan})
    assert (watch.step, watch.keys) == (107, ("d_loss",))


def test_a_validation_that_is_not_finite_does_not_stop_the_training(quick_gan, make_dataset):
    def with_nan(epoch, logs):
        logs["val_d_loss"] = math.nan

    watch = StopOnNonFinite()
    breaker = keras.callbacks.LambdaCallback(on_epoch_end=with_nan)
    history = quick_gan().fit(make_dataset(32), epochs=2, verbose=0, callbacks=[breaker, watch])
    assert len(history.epoch) == 2
    assert watch.step is None


@pytest.mark.parametrize(
    ("nan_in_batch", "first", "last"),
    # The sixth of ten steps lies in the second execution of four; the last has only two.
    [(5, 5, 8), (9, 9, 10)],
)
def test_with_several_steps_per_execution_their_range_is_named(
    quick_gan, make_dataset, nan_in_batch, first, last
):
    watch = StopOnNonFinite()
    quick_gan(steps_per_execution=4).fit(
        make_dataset(160, nan_in_batch=nan_in_batch), epochs=2, verbose=0, callbacks=[watch]
    )
    assert watch.step == last
    assert watch.message.startswith(
        f"Training stopped at one of the steps {first} to {last} "
        f"(epoch 1, batches {first} to {last}; steps_per_execution=4): "
    )


def test_the_next_training_begins_without_the_finding_of_the_last(quick_gan, make_dataset):
    watch = StopOnNonFinite()
    quick_gan().fit(make_dataset(48, nan_in_batch=1), epochs=1, verbose=0, callbacks=[watch])
    assert watch.step == 2
    quick_gan().fit(make_dataset(48), epochs=1, verbose=0, callbacks=[watch])
    assert (watch.step, watch.keys, watch.message) == (None, (), None)
