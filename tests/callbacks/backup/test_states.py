import json
import re

import keras
import numpy as np
import pytest

from kgan.callbacks.backup.states import check_callbacks
from kgan.callbacks.backup.states import collect
from kgan.callbacks.backup.states import give_back

# Of another training, with a line within a line, and of epochs that this one has, too.
EARLIER = 'epoch,loss\n0,"[1\n2]"\n1,2.0\n'


class Stateful(keras.callbacks.Callback):
    """A callback that says what is kept."""

    def __init__(self, value=None):
        super().__init__()
        self.value = value

    def get_state(self):
        return self.value

    def set_state(self, state):
        self.value = state


class Silent(keras.callbacks.Callback):
    """A callback that says nothing."""

    count = 0


def kept(callbacks):
    """What is kept of callbacks, by way of JSON."""
    known, arrays = collect(callbacks)
    return json.loads(json.dumps(known)), arrays


def test_options_are_those_of_now():
    before = keras.callbacks.EarlyStopping(patience=3)
    after = keras.callbacks.EarlyStopping(patience=5)
    for callback in (before, after):
        callback.on_train_begin()
    before.wait, before.best = 2, np.float32(0.1)
    give_back([after], *kept([before]), 0)
    assert (after.patience, after.wait, after.best) == (5, 2, np.float32(0.1))
    assert type(after.best) is np.float32


def test_callbacks_of_one_class_are_told_apart_by_their_order():
    before = [Stateful(1), Stateful(2)]
    after = [Stateful(), keras.callbacks.History(), Stateful()]
    give_back(after, *kept(before), 0)
    assert [after[0].value, after[2].value] == [1, 2]


def test_a_callback_that_is_new_or_gone_is_left_alone():
    after = keras.callbacks.History()
    give_back([after], *kept([Stateful(3)]), 0)
    assert not hasattr(after, "epoch")


@pytest.mark.parametrize("value", [{"a": [1, (2,)], 3: "b"}, [np.arange(3)], 0])
def test_a_callback_says_what_is_kept(value):
    after = Stateful()
    give_back([after], *kept([Stateful(value)]), 0)
    np.testing.assert_equal(after.value, value)


@pytest.mark.parametrize("callback", [Stateful(), Silent()])
def test_nothing_is_kept_of_a_callback_that_says_nothing(callback):
    assert kept([callback]) == ({}, [])


def test_the_best_weights_of_early_stopping_are_kept():
    before, after = keras.callbacks.EarlyStopping(), keras.callbacks.EarlyStopping()
    weights = [np.arange(3.0), np.ones((2, 2))]
    for callback in (before, after):
        callback.on_train_begin()
    before.wait, before.best, before.best_weights = 2, 0.5, weights
    give_back([after], *kept([before]), 0)
    assert (after.wait, after.best) == (2, 0.5)
    for array, expected in zip(after.best_weights, weights, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_the_direction_of_a_plateau_is_not_turned_around():
    def make():
        plateau = keras.callbacks.ReduceLROnPlateau("loss", mode="min", min_delta=1, patience=5)
        plateau.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
        plateau.model.compile("sgd", "mse")
        plateau.on_train_begin()
        return plateau

    before, after = make(), make()
    before.on_epoch_end(0, {"loss": 3.0})
    give_back([after], *kept([before]), 1)
    after.on_epoch_end(1, {"loss": 2.5})
    assert (after.best, after.wait) == (3.0, 1)


def test_flags_of_a_running_profile_are_not_kept():
    board, after = keras.callbacks.TensorBoard("unused"), keras.callbacks.TensorBoard("unused")
    board._is_tracing, board._global_train_batch = True, 5
    give_back([after], *kept([board]), 0)
    assert after._global_train_batch == 5
    assert not getattr(after, "_is_tracing", False)


def test_a_state_that_cannot_be_kept_is_refused():
    message = (
        "Stateful.get_state() must return numbers, strings, None and arrays, in lists, tuples and "
        "dicts. Received: Not a plain value: object. Keep what set_state can make of it."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        collect([Stateful({"x": object()})])


def logger_of(path, **options):
    return keras.callbacks.CSVLogger(path, append=True, **options)


def log(logger, epochs):
    logger.on_train_begin()
    for epoch in epochs:
        logger.on_epoch_end(epoch, {"loss": epoch / 3})
    logger.on_train_end()


def resume(loggers, known, epoch):
    """Begin a training whose loggers are given back what they knew, at an epoch."""
    for logger in loggers:
        logger.on_train_begin()
    give_back(loggers, known, [], epoch)
    for logger in loggers:
        logger.on_train_end()


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("earlier", ["", EARLIER])
@pytest.mark.parametrize("half", ["", "1", "12", "12{0}0.", '12{0}"[1, 2'])
def test_lines_that_were_written_since_then_are_removed(tmp_path, earlier, separator, half):
    path = tmp_path / "log.csv"
    path.write_text(earlier)
    logger, other = logger_of(path, separator=separator), keras.callbacks.LambdaCallback()
    log(logger, [8, 9] if earlier else [])
    whole, (known, _) = path.read_bytes(), kept([other, logger])
    log(logger, [10, 11])
    complete = path.read_bytes()
    with path.open("a") as file:
        file.write(half.format(separator))
    resumed = logger_of(path, separator=separator)
    resume([resumed], known, 10)
    assert path.read_bytes() == whole
    # With its header again, where that was removed, too.
    resumed.on_train_begin()
    give_back([resumed], known, [], 10)
    for epoch in (10, 11):
        resumed.on_epoch_end(epoch, {"loss": epoch / 3})
    assert path.read_bytes() == complete


def test_a_file_of_another_name_stays(tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    log(logger_of(first), [0, 1])
    known, _ = kept([logger_of(first)])
    log(logger_of(second), range(9))
    before = second.read_bytes()
    resume([logger_of(second)], known, 2)
    assert second.read_bytes() == before


def test_a_file_is_known_after_the_run_was_moved(tmp_path):
    run, moved = tmp_path / "run", tmp_path / "other" / "run"
    run.mkdir()
    log(logger_of(run / "log.csv"), [0, 1])
    before, (known, _) = (run / "log.csv").read_bytes(), kept([logger_of(run / "log.csv")])
    log(logger_of(run / "log.csv"), [2])
    moved.parent.mkdir()
    run.rename(moved)
    resume([logger_of(moved / "log.csv")], known, 2)
    assert (moved / "log.csv").read_bytes() == before


@pytest.mark.parametrize("epoch", [2, None])
def test_lines_of_another_run_stay(tmp_path, epoch):
    path = tmp_path / "log.csv"
    log(logger_of(path), [0, 1])
    known, _ = kept([logger_of(path)])
    # Of a run that begins anew; or that goes on where this one is complete.
    log(logger_of(path), [2, 0, 1] if epoch else [2])
    whole = path.read_bytes()
    resume([logger_of(path)], known, epoch)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("text", ["x" * 200, "epoch\n"])
def test_what_is_no_log_or_shorter_than_it_was_stays(tmp_path, text):
    path = tmp_path / "log.csv"
    log(logger_of(path), [0, 1])
    known, _ = kept([logger_of(path)])
    path.write_text(text)
    resume([logger_of(path)], known, 2)
    assert path.read_text() == text


def test_a_file_that_is_not_there_has_no_bytes(tmp_path):
    known, _ = kept([logger_of(tmp_path / "log.csv")])
    assert not list(tmp_path.iterdir())
    resume([logger_of(tmp_path / "log.csv")], known, 0)
    assert (tmp_path / "log.csv").read_bytes() == b""


def test_a_logger_that_begins_its_file_anew_is_refused(tmp_path):
    message = "Pass append=True: it begins a file that is not there."
    with pytest.raises(ValueError, match=re.escape(message)):
        check_callbacks([keras.callbacks.CSVLogger(tmp_path / "log.csv")])
