"""kgan's callbacks beside Keras' own, in one fit."""

import csv

import keras
import pytest
from PIL import Image

from kgan.callbacks import Curves
from kgan.callbacks import SampleGrid
from kgan.callbacks import StopOnNonFinite

LOGS = ["d_auc", "d_fake", "d_loss", "d_real", "g_loss"]


def test_every_callback_of_one_fit_writes_what_it_should(tmp_path, make_gan, make_dataset):
    watch = StopOnNonFinite()
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    stopping = keras.callbacks.EarlyStopping(monitor="d_fake", mode="max", patience=9)
    make_gan(run_eagerly=False).fit(
        make_dataset(48),
        epochs=3,
        validation_data=make_dataset(16),
        verbose=0,
        callbacks=[
            SampleGrid(tmp_path / "samples"),
            Curves(tmp_path / "curves.png"),
            watch,
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.keras", monitor="val_d_loss", mode="min", save_best_only=True
            ),
            backup,
            stopping,
            keras.callbacks.EarlyStopping(monitor="d_loss", mode="min", patience=9),
        ],
    )
    assert len(list((tmp_path / "samples").glob("images-*.png"))) == 4
    assert (tmp_path / "samples" / "samples.webp").stat().st_size > 0
    assert (tmp_path / "curves.png").stat().st_size > 0
    assert watch.step is None
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert list(rows[0]) == ["epoch", *LOGS, *(f"val_{name}" for name in LOGS)]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for epoch in (1, 2, 3):
        loaded = keras.saving.load_model(tmp_path / f"{epoch}.keras")
        assert int(loaded.images_seen.numpy()) == epoch * 48
    assert (tmp_path / "best.keras").stat().st_size > 0
    assert list((tmp_path / "backup").iterdir())
    assert stopping.best == max(float(row["d_fake"]) for row in rows)


@pytest.mark.slow
def test_tensorboard_gets_the_logs(tmp_path, make_gan, make_dataset):
    pytest.importorskip("tensorboard")
    make_gan(run_eagerly=False).fit(
        make_dataset(48),
        epochs=2,
        validation_data=make_dataset(16),
        verbose=0,
        callbacks=[
            keras.callbacks.TensorBoard(tmp_path / "board", update_freq=1),
            SampleGrid(tmp_path / "samples", every_n_images=16),
            Curves(tmp_path / "curves.png"),
            StopOnNonFinite(),
        ],
    )
    for part in ("train", "validation"):
        (events,) = (tmp_path / "board" / part).glob("events.*")
        content = events.read_bytes()
        for name in LOGS:
            assert f"epoch_{name}".encode() in content or f"evaluation_{name}".encode() in content
    assert len(list((tmp_path / "samples").glob("images-*.png"))) == 7


def test_early_stopping_ends_a_run_and_its_pictures_are_complete(tmp_path, quick_gan, make_dataset):
    # No d_fake grows by 2: the second epoch is the last.
    stopping = keras.callbacks.EarlyStopping(monitor="d_fake", mode="max", min_delta=2, patience=1)
    quick_gan().fit(
        make_dataset(32), epochs=9, verbose=0, callbacks=[SampleGrid(tmp_path), stopping]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "images-000000000.png",
        "images-000000032.png",
        "images-000000064.png",
        "latest.png",
        "samples.webp",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("backup_first", [True, False])
def test_a_run_that_was_killed_goes_on_with_its_pictures(
    tmp_path, quick_gan, make_dataset, backup_first
):
    def callbacks():
        own = [SampleGrid(tmp_path / "samples"), Curves(tmp_path / "curves.png")]
        backup = [keras.callbacks.BackupAndRestore(tmp_path / "backup")]
        return backup + own if backup_first else own + backup

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick_gan().fit(make_dataset(32), epochs=3, verbose=0, callbacks=[*callbacks(), Kill()])
    first = (tmp_path / "samples" / "images-000000000.png").read_bytes()
    quick_gan().fit(make_dataset(32), epochs=3, verbose=0, callbacks=callbacks())

    quick_gan().fit(
        make_dataset(32),
        epochs=3,
        verbose=0,
        callbacks=[SampleGrid(tmp_path / "whole"), Curves(tmp_path / "whole.png")],
    )
    resumed = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert resumed == sorted(path.name for path in (tmp_path / "whole").iterdir())
    for name in resumed:
        assert (tmp_path / "samples" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()
    assert (tmp_path / "samples" / "images-000000000.png").read_bytes() == first
    # The lines may differ by a shade: a picture keeps six digits of its points.
    assert points(tmp_path / "curves.png") == points(tmp_path / "whole.png")


def points(path):
    with Image.open(path) as picture:
        return picture.text["kgan-curves"]
