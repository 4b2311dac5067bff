import contextlib
import itertools
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.data import Images
from kgan.data import by_epoch
from kgan.data.epochs import digest
from kgan.data.epochs import epochs_of
from kgan.gan.inspection import TrainingData
from kgan.gan.resuming import Plan
from kgan.gan.resuming import parts_of_fit


@keras.saving.register_keras_serializable("tests")
class Following(keras.Model):
    """A model whose one weight depends on the order of all that it has seen."""

    def __init__(self):
        super().__init__()
        self.total = self.add_weight(shape=(), initializer="zeros")
        self.mean = keras.metrics.Mean(name="mean")
        self.built = True

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        initial_epoch=0,
        steps_per_epoch=None,
        shuffle=True,
        validation_split=0.0,
        **kwargs,
    ):
        """As `kgan.GAN.fit`, without a look at the data."""
        data = TrainingData(x, y, batch_size, shuffle, validation_split, None, None)
        parts = parts_of_fit(
            self,
            data,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            verbose=verbose,
        )
        with contextlib.closing(parts):
            for part in parts:
                super().fit(
                    **part,
                    batch_size=batch_size,
                    verbose=verbose,
                    shuffle=shuffle,
                    validation_split=validation_split,
                    **kwargs,
                )
        return self.history

    @property
    def metrics(self):
        return [self.mean]

    def train_step(self, data):
        number = keras.ops.mean(keras.ops.cast(data, "float32"))
        self.total.assign(0.5 * self.total + number)
        self.mean.update_state(number)
        return self.get_metrics_result()

    test_step = train_step


def make_model(**options):
    model = Following()
    model.compile(optimizer=None, **options)
    return model


class Restoring(keras.callbacks.Callback):
    """Says where to go on, and gives the model what it had there."""

    def __init__(self, epoch=0, batch=0, total=0.0):
        super().__init__()
        self.where, self.total = (epoch, batch), total
        self.ended = 0

    def restore_training(self, model, plan):
        self.plan = plan
        model.total.assign(self.total)
        return plan.start.at(*self.where)

    def end_training(self):
        self.ended += 1


class Recorder(keras.callbacks.Callback):
    """Writes down what it is told, and the weight then."""

    def __init__(self):
        super().__init__()
        self.events = []

    def _add(self, *event):
        self.events.append((*event, float(self.model.total.numpy())))

    def on_train_begin(self, logs=None):
        self._add("train begins")

    def on_train_end(self, logs=None):
        self._add("train ends")

    def on_epoch_begin(self, epoch, logs=None):
        self._add("epoch begins", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._add("epoch ends", epoch)

    def on_train_batch_begin(self, batch, logs=None):
        self._add("batch begins", batch)

    def on_train_batch_end(self, batch, logs=None):
        self._add("batch ends", batch)


def hundreds(epoch):
    return tf.data.Dataset.range(100 * epoch, 100 * epoch + 6)


def batches():
    return by_epoch(hundreds, 6)


def recorded(x, epochs=3, *, restoring=None, before=(), options=None, **fit):
    """Events, history and model of a fit."""
    model, recorder = make_model(**(options or {})), Recorder()
    callbacks = [*([restoring] if restoring else []), *before, recorder]
    history = model.fit(x, epochs=epochs, callbacks=callbacks, verbose=0, **fit)
    return recorder.events, history, model


@pytest.mark.parametrize("where", ["nowhere", "restore_training", "on_train_end"])
def test_what_restores_is_told_the_end_however_the_training_ends(where, monkeypatch):
    restoring, ends_before = Restoring(), []

    def fail(*arguments, **options):
        ends_before.append(restoring.ended)
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, where, fail, raising=False)
    with contextlib.suppress(KeyboardInterrupt):
        recorded(batches(), epochs=1, restoring=restoring)
    assert restoring.ended == 1
    assert ends_before == ([] if where == "nowhere" else [0])


@pytest.mark.parametrize("steps_per_execution", [1, 2])
@pytest.mark.parametrize(("epoch", "batch"), [(0, 2), (1, 0), (1, 4), (2, 4)])
def test_for_callbacks_it_is_the_rest_of_one_training(epoch, batch, steps_per_execution):
    options = {"steps_per_execution": steps_per_execution}
    events, _, whole = recorded(batches(), options=options)
    # Callbacks are told the beginning of the epoch again.
    begins = [event[:2] for event in events].index(("epoch begins", epoch))
    ahead = [event[:2] for event in events].index(("batch begins", batch), begins)
    total = events[ahead][2]
    expected = [
        ("train begins", total),
        ("epoch begins", epoch, total),
        *events[ahead:],
    ]
    resumed, _, model = recorded(
        batches(), restoring=Restoring(epoch, batch, total), options=options
    )
    assert resumed == expected
    assert model.total.numpy() == whole.total.numpy()


def test_what_callbacks_are_told_of_the_training_is_of_the_whole():
    recorder = Recorder()
    make_model().fit(
        batches(), epochs=3, verbose=0, callbacks=[Restoring(1, 4), recorder], initial_epoch=0
    )
    assert recorder.params == {"verbose": 0, "epochs": 3, "steps": 6}


def test_the_plan_says_what_is_about_to_be_done():
    dataset, restoring = batches(), Restoring()
    epochs_of(dataset).next = 4
    make_model().fit(
        dataset, epochs=3, initial_epoch=1, verbose=0, callbacks=[restoring, Recorder()]
    )
    plan = restoring.plan
    assert (plan.start.epoch, plan.start.batch) == (1, 0)
    assert (plan.start.first_epoch, plan.start.first_order) == (1, 4)
    assert (plan.epochs, plan.batches, plan.resumes_within) == (3, 6, True)
    assert plan.description()["source"] == "by_epoch"


@pytest.mark.parametrize(
    ("x", "within"),
    [(batches(), True), (np.zeros((6, 1)), True), (tf.data.Dataset.range(6), False)],
)
def test_foreign_data_resume_at_epochs(x, within):
    restoring = Restoring()
    make_model().fit(x, verbose=0, callbacks=[restoring], shuffle=False)
    assert restoring.plan.resumes_within == within


def test_the_history_is_one():
    # Only the callback knows what was before; nothing of what follows is missing or double.
    _, whole, _ = recorded(batches())
    _, resumed, _ = recorded(batches(), restoring=Restoring(1, 0))
    assert resumed.epoch == [1, 2]
    assert resumed.history["mean"] == whole.history["mean"][1:]


def test_it_is_told_last():
    order = []

    class Last(Restoring):
        def on_epoch_end(self, epoch, logs=None):
            order.append(("restoring", len(self.model.history.epoch)))

    log = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: order.append(("other", None))
    )
    make_model().fit(batches(), epochs=1, verbose=0, callbacks=[Last(), log])
    assert order == [("other", None), ("restoring", 1)]


def test_a_training_that_is_stopped_in_the_rest_of_an_epoch_ends_once():
    def stop(batch, logs):
        model.stop_training = True

    model, recorder = make_model(), Recorder()
    stopping = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    model.fit(batches(), epochs=3, verbose=0, callbacks=[Restoring(1, 2), stopping, recorder])
    kinds = [event[:2] if len(event) == 3 else event[0] for event in recorder.events]
    assert kinds == [
        "train begins",
        ("epoch begins", 1),
        ("batch begins", 2),
        ("batch ends", 2),
        ("epoch ends", 1),
        "train ends",
    ]


def test_a_complete_training_only_begins_and_ends():
    events, history, model = recorded(batches(), restoring=Restoring(3, 0, 5.0))
    assert events == [("train begins", 5.0), ("train ends", 5.0)]
    assert history.history == {}
    assert model.total.numpy() == 5.0


def test_validation_follows_the_rest_of_an_epoch():
    x = tf.data.Dataset.range(6)
    _, history, _ = recorded(x, restoring=Restoring(1, 2), validation_data=x)
    assert len(history.history["val_mean"]) == 2


def test_the_progress_bar_counts_all_batches(capsys):
    make_model().fit(batches(), epochs=3, verbose=1, callbacks=[Restoring(1, 4)])
    printed = capsys.readouterr().out
    assert "Epoch 2/3" in printed
    assert "5/6" in printed
    assert "1/6" in printed.split("Epoch 3/3")[1]
    assert "1/6" not in printed.split("Epoch 3/3")[0]


def test_every_epoch_of_a_fit_has_the_order_of_its_number():
    dataset, seen = batches(), []
    # The data of the first batch of each epoch, after a total of zero.
    reset = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.total.assign(0.0),
        on_train_batch_end=lambda batch, logs: batch or seen.append(float(model.total.numpy())),
    )
    model = make_model()
    for epochs in (2, 1):
        model.fit(dataset, epochs=epochs, verbose=0, callbacks=[reset], validation_data=dataset)
    assert seen == [0.0, 100.0, 200.0]
    assert epochs_of(dataset).next == 3


def test_after_an_error_the_data_count_for_themselves_again():
    def fail(batch, logs):
        raise KeyboardInterrupt

    dataset = batches()
    with pytest.raises(KeyboardInterrupt):
        make_model().fit(
            dataset, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=fail)]
        )
    assert [int(next(iter(dataset))) for _ in range(2)] == [100, 200]


def test_the_order_on_two_replicas_is_that_of_one_device(forks):
    finished = forks.run(Path(__file__).with_name("order_under_replicas.py"))
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    images = Images(np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)).batches(2, seed=3)
    expected = []
    for _ in range(4):
        rows = np.array([np.rint((np.ravel(batch) + 1) * 127.5) for batch in images])
        expected += np.cumsum(np.sum(2**rows, axis=1)).astype(int).tolist()
    assert found["sums"] == expected
    assert found["numbers"] == [2, 4]


def refused(x, message, **fit):
    callbacks = fit.pop("callbacks", [Restoring()])
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        make_model().fit(x, verbose=0, callbacks=callbacks, **fit)
    assert str(error.value) == message


@pytest.mark.parametrize("other", [Restoring(), keras.callbacks.BackupAndRestore("unused")])
def test_only_one_callback_may_restore(other):
    refused(
        batches(),
        "Only one callback can say where a run resumes. Expected: at most one of them. Received: "
        f"Restoring, {type(other).__name__}. Leave the others out; kgan.callbacks.Backup resumes "
        "exactly.",
        callbacks=[other, Restoring()],
    )


@pytest.mark.parametrize("restoring", [None, Restoring()])
def test_steps_that_are_the_whole_dataset_begin_it_anew(restoring):
    # Without a callback that restores, these are Keras' own.
    _, whole, model = recorded(tf.data.Dataset.range(6))
    _, history, other = recorded(tf.data.Dataset.range(6), restoring=restoring, steps_per_epoch=6)
    assert history.history == whole.history
    assert other.total.numpy() == model.total.numpy()


def training_data(x, y=None, batch_size=1, *, shuffle=False):
    return TrainingData(x, y, batch_size, shuffle, 0.0, None, None)


def plan_of(x, y=None, batch_size=None, steps_per_epoch=None, **options):
    return Plan(training_data(x, y, batch_size, **options), 1, 0, steps_per_epoch)


def fives(epoch):
    """The epoch's number times a hundred, and the four numbers after it."""
    return tf.data.Dataset.range(100 * epoch, 100 * epoch + 5)


def seen(x, position, epochs, *, steps=None, first_epoch=0, first_order=0):
    """The batches from a position on, as Keras would take them, with the numbers they have."""
    batches, numbers = [], epochs_of(x)
    if numbers is not None:
        numbers.next = first_order
    parts = parts_of_fit(
        make_model(),
        training_data(x),
        epochs=epochs,
        initial_epoch=first_epoch,
        steps_per_epoch=steps,
        callbacks=[Restoring(*position)],
        verbose=0,
    )
    for part in parts:
        training = part["callbacks"]
        for epoch in range(part["initial_epoch"], part["epochs"]):
            training.on_epoch_begin(epoch)
            # Keras begins anew after as many steps as there are batches.
            iterator = (int(value) for value in part["x"])
            first = training.first_batch
            taken = itertools.islice(iterator, part["steps_per_epoch"])
            batches += [(epoch, first + number, value) for number, value in enumerate(taken)]
            # Keras begins passes that it throws away.
            iter(part["x"])
    return batches


def kinds():
    counted = by_epoch(fives, 5)
    plain = tf.data.Dataset.range(5)
    return {
        "counted": (counted, None, 5),
        "plain": (plain, None, 5),
        "twice an epoch": (by_epoch(fives, 5).repeat(2), None, 10),
        "counted, as long as an epoch": (by_epoch(fives, 5), 5, 5),
        "array": (np.arange(10), None, 10),
    }


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("first_epoch", [0, 2])
def test_from_any_position_follows_what_would_have_followed(kind, first_epoch):
    x, steps, length = kinds()[kind]
    options = {"steps": steps, "first_epoch": first_epoch, "first_order": 3}
    whole = seen(x, (first_epoch, 0), first_epoch + 3, **options)
    assert len(whole) == 3 * length
    # With epochs of 4, 5 and 10 batches, every third one is in all parts of them.
    for number in range(0, len(whole), 3):
        epoch, batch, _ = whole[number]
        assert seen(x, (epoch, batch), first_epoch + 3, **options) == whole[number:]


def test_nothing_follows_the_last_epoch():
    for x, steps, _ in kinds().values():
        assert seen(x, (3, 0), 3, steps=steps) == []
        # A shorter training than the one that was restored.
        assert seen(x, (5, 2), 3, steps=steps) == []


def test_every_epoch_has_its_own_order_and_the_next_training_goes_on():
    dataset = by_epoch(fives, 5)
    assert seen(dataset, (0, 0), 2, first_order=2)[::5] == [(0, 0, 200), (1, 0, 300)]
    assert epochs_of(dataset).next == 4
    assert [int(next(iter(dataset))) for _ in range(2)] == [400, 500]


def test_a_pass_that_is_begun_beside_does_not_change_the_order():
    dataset = by_epoch(fives, 5)
    plan = plan_of(dataset)
    plan.begin(plan.start)
    plan.begin_epoch(0)
    # A validation on the same data.
    assert next(iter(dataset)) == 0
    assert next(iter(dataset)) == 0
    plan.begin_epoch(1)
    assert next(iter(dataset)) == 100
    plan.end()
    assert epochs_of(dataset).next == 2


def test_a_dataset_that_is_repeated_within_an_epoch_has_other_orders_in_it():
    batches = seen(by_epoch(fives, 5).repeat(2), (0, 0), 2)
    assert [value for _, _, value in batches[::5]] == [0, 100, 200, 300]


@pytest.mark.parametrize(
    ("x", "steps", "length", "within"),
    [
        (tf.data.Dataset.range(7), None, 7, False),
        (tf.data.Dataset.range(7).repeat(), None, None, False),
        (tf.data.Dataset.range(7).filter(lambda value: value > 2), None, None, False),
        (tf.data.Dataset.range(7).repeat(), 3, 3, False),
        (by_epoch(fives, 5), None, 5, True),
        (by_epoch(fives, 5), 5, 5, True),
        (by_epoch(fives, 5), 3, 3, False),
        (by_epoch(fives, 5).map(lambda value: value), None, 5, True),
        (by_epoch(fives, 5).shuffle(5), None, 5, False),
        (np.zeros(7), None, 4, True),
        (tf.zeros(7), None, 4, True),
        (np.zeros(7), 3, 3, False),
        (iter([1]), None, None, False),
    ],
)
def test_how_long_an_epoch_is_and_whether_it_can_be_begun_in_its_middle(x, steps, length, within):
    plan = plan_of(x, None, 2, steps)
    assert plan.batches == length
    assert plan.resumes_within == within
    # Keras begins a dataset once for an epoch if it is told of its steps, else twice.
    assert plan.steps_per_epoch == (steps if isinstance(x, (np.ndarray, tf.Tensor)) else length)


def test_shuffled_arrays_cannot_be_begun_in_the_middle():
    assert not plan_of(np.zeros(7), None, 2, shuffle=True).resumes_within


def test_labels_beside_an_array_are_cut_like_it():
    rest = plan_of(np.arange(10), np.arange(10) * 10, 3).data_after(2)
    np.testing.assert_array_equal(rest["x"], np.arange(6, 10))
    np.testing.assert_array_equal(rest["y"], np.arange(60, 100, 10))


def test_descriptions_tell_data_apart():
    assert plan_of(tf.data.Dataset.range(5)).description() == {"batches": 5}
    assert plan_of(tf.data.Dataset.range(5).repeat()).description() == {"batches": None}
    counted = plan_of(by_epoch(fives, 5))
    assert counted.description() == {"batches": 5, "source": "by_epoch"}
    images, labels = np.ones((5, 2)), np.arange(5)
    described = {
        "batches": 3,
        "batch_size": 2,
        "shuffle": False,
        "validation_split": 0.0,
        "steps_per_epoch": None,
        "images": digest(images),
        "y": digest(labels),
    }
    assert plan_of(images, labels, 2).description() == described
    shuffled = plan_of(images, labels, 2, shuffle=True).description()
    assert shuffled == {**described, "shuffle": True}
    steps = plan_of(images, labels, 2, 4).description()
    assert steps == {**described, "batches": 4, "steps_per_epoch": 4}


def test_a_pydataset_is_no_array_whatever_attributes_it_has():
    class Shaped(keras.utils.PyDataset):
        shape = (7,)

        def __len__(self):
            return 7

    plan = plan_of(Shaped())
    assert (plan.batches, plan.resumes_within) == (None, False)
    assert plan.description() == {"batches": None}
