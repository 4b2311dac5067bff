import json
import math
import re

import keras
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from kgan.callbacks import Curves
from kgan.callbacks.pictures.curve_points import CurvePoints


def points(path, part: str) -> CurvePoints:
    """The points that a picture carries: of "steps" or of "epochs"."""
    with Image.open(path) as picture:
        assert picture.size == (1100, 400)
        return CurvePoints(**json.loads(picture.text["kgan-curves"])[part])


def draw_nothing(*points, **options):
    figure = Figure(figsize=(11, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure


@pytest.fixture(autouse=True)
def without_lines(monkeypatch):
    """What is drawn has tests of its own, and takes longer than all the rest."""
    monkeypatch.setattr("kgan.callbacks.curves.draw_curves", draw_nothing)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "curves.png"


def test_the_picture_of_every_epoch_is_there_before_a_backup(path, quick_gan, make_dataset):
    seen, curves = [], Curves(path)

    def look(epoch, logs):
        curves.get_state()
        seen.append(points(path, "epochs").curve("d_loss"))

    callbacks = [curves, keras.callbacks.LambdaCallback(on_epoch_end=look)]
    quick_gan().fit(make_dataset(40), epochs=2, verbose=0, callbacks=callbacks)
    assert [images for images, _ in seen] == [[40], [40, 80]]
    assert [file.name for file in path.parent.iterdir()] == ["curves.png"]


def test_epochs_are_the_logs_of_fit_by_images_seen(path, quick_gan, make_dataset):
    history = quick_gan().fit(
        make_dataset(48),
        epochs=3,
        validation_data=make_dataset(16),
        validation_freq=2,
        verbose=0,
        callbacks=[Curves(path)],
    )
    for name in ("d_loss", "g_loss", "d_real", "d_fake"):
        images, values = points(path, "epochs").curve(name)
        assert images == [48, 96, 144]
        np.testing.assert_allclose(values, history.history[name], rtol=1e-5)
    images, values = points(path, "epochs").curve("val_d_loss")
    assert images == [96]
    np.testing.assert_allclose(values, history.history["val_d_loss"], rtol=1e-5)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_a_short_training_has_a_point_for_each_step(
    path, quick_gan, make_dataset, steps_per_execution
):
    gan = quick_gan(steps_per_execution=steps_per_execution)
    gan.fit(make_dataset(64), epochs=2, verbose=0, callbacks=[Curves(path)])
    images, _ = points(path, "steps").curve("d_loss")
    assert images == list(range(16 * steps_per_execution, 129, 16 * steps_per_execution))


def test_the_points_of_the_steps_are_what_each_step_alone_would_log(path, quick_gan, make_dataset):
    quick_gan().fit(make_dataset(64), epochs=1, verbose=0, callbacks=[Curves(path)])
    # One step an epoch: the logs of an epoch are those of its step.
    dataset = make_dataset(64).repeat()
    alone = quick_gan().fit(dataset, epochs=4, steps_per_epoch=1, verbose=0)
    for name in ("d_loss", "g_loss", "d_real", "d_fake"):
        _, values = points(path, "steps").curve(name)
        # The float32 running mean of four values of size 1 is subtracted from itself.
        np.testing.assert_allclose(values, alone.history[name], rtol=1e-4, atol=1e-5)


def test_the_points_of_a_long_training_are_few_and_their_mean_is_that_of_the_epoch(path, quick_gan):
    gan, curves = quick_gan(), Curves(path)
    curves.set_model(gan)
    curves.on_train_begin()
    curves.on_epoch_begin(0)
    losses = np.random.default_rng(0).uniform(0, 2, 1202)
    for batch, mean in enumerate(losses.cumsum() / np.arange(1, 1203)):
        gan.images_seen.assign(2 * (batch + 1))
        curves.on_train_batch_end(batch, {"d_loss": float(mean)})
    curves.on_epoch_end(0, {"d_loss": losses.mean()})
    curves.on_train_end()
    images, values = points(path, "steps").curve("d_loss")
    steps = np.diff([0, *images]) // 2
    # Past 500 points they count at least two steps each, past 1000 four; an odd one joins another.
    assert set(steps[:-1]) <= {4, 5, 6, 7}
    assert steps.sum() == 1202
    # Six digits of each are kept.
    np.testing.assert_allclose(np.average(values, weights=steps), losses.mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("non_saturating", True), ("minimax", True), ("least_squares", False), ("wasserstein", False)],
)
def test_the_line_at_one_half_is_for_losses_with_probabilities(
    path, quick_gan, monkeypatch, loss, expected
):
    drawn = []

    def spy(steps, epochs, *, probabilities):
        drawn.append(probabilities)
        return draw_nothing()

    monkeypatch.setattr("kgan.callbacks.curves.draw_curves", spy)
    curves = Curves(path)
    curves.set_model(quick_gan(loss=loss))
    curves.on_train_begin()
    curves.on_epoch_begin(0)
    curves.on_epoch_end(0, {"d_loss": 0.0})
    curves.on_train_end()
    assert drawn == [expected]


@pytest.mark.parametrize("same_object", [True, False])
def test_a_second_fit_continues_the_curve(path, quick_gan, make_dataset, same_object):
    gan, curves = quick_gan(), Curves(path)
    gan.fit(make_dataset(32), epochs=2, verbose=0, callbacks=[curves])
    first = points(path, "epochs").curve("g_loss")[1]
    curves = curves if same_object else Curves(path)
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[curves])
    images, values = points(path, "epochs").curve("g_loss")
    assert images == [32, 64, 96]
    assert values[:2] == first
    assert points(path, "steps").curve("g_loss")[0] == [16, 32, 48, 64, 80, 96]


def test_a_training_that_restarts_drops_what_it_will_repeat(path, quick_gan, make_dataset):
    gan = quick_gan()
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[Curves(path)])
    gan.save(path.parent / "gan.keras")
    gan.fit(make_dataset(32), epochs=3, verbose=0, callbacks=[Curves(path)])
    restored = keras.saving.load_model(path.parent / "gan.keras")
    restored.fit(make_dataset(16), epochs=1, verbose=0, callbacks=[Curves(path)])
    assert points(path, "epochs").curve("d_loss")[0] == [32, 48]
    assert points(path, "steps").curve("d_loss")[0] == [16, 32, 48]


def test_a_new_model_begins_an_empty_picture(path, quick_gan, make_dataset):
    for _ in range(2):
        quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[Curves(path)])
    assert points(path, "epochs").curve("d_loss")[0] == [32]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_of_curves_is_replaced(path, quick_gan, make_dataset, content):
    path.parent.mkdir()
    path.write_bytes(content)
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[Curves(path)])
    assert points(path, "epochs").curve("d_loss")[0] == [32]


def test_a_picture_without_points_is_replaced(path, quick_gan, make_dataset):
    path.parent.mkdir()
    Image.new("L", (3, 3)).save(path)
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[Curves(path)])
    assert points(path, "epochs").curve("d_loss")[0] == [32]


@pytest.mark.filterwarnings("error:::kgan")
def test_a_training_on_nan_is_drawn_and_kept(path, quick_gan, make_dataset):
    gan = quick_gan()
    gan.fit(make_dataset(64, nan_in_batch=2), epochs=2, verbose=0, callbacks=[Curves(path)])
    images, values = points(path, "steps").curve("d_loss")
    assert images == list(range(16, 129, 16))
    assert [math.isnan(value) for value in values] == [False, False] + [True] * 6


def test_an_epoch_without_a_step_adds_no_step(path, quick_gan):
    curves = Curves(path)
    curves.set_model(quick_gan())
    curves.on_train_begin()
    curves.on_epoch_begin(0)
    curves.on_epoch_end(0, {"d_loss": 0.0})
    curves.on_train_end()
    assert points(path, "steps").curve("d_loss") == ([], [])


def test_what_is_not_drawn_is_not_kept(path, quick_gan, make_dataset):
    def add(epoch, logs):
        logs["learning_rate"] = np.float32(0.1)
        logs["confusion"] = np.eye(2)

    other = keras.callbacks.LambdaCallback(on_epoch_end=add)
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[other, Curves(path)])
    assert points(path, "epochs").curve("learning_rate") == ([], [])


def test_another_suffix_is_refused(tmp_path):
    message = (
        f"Curves writes a PNG. Expected a path with .png. Received: {tmp_path / 'curves.jpg'}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Curves(tmp_path / "curves.jpg")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    folder = tmp_path / "run.png"
    folder.mkdir()
    message = (
        f"A file was expected. Received: {folder}, which is a folder. Name a file in it, or move "
        "it away."
    )
    with pytest.raises(IsADirectoryError, match=f"^{re.escape(message)}$"):
        Curves(folder)
