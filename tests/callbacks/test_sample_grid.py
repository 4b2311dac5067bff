import re
import threading
import time

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

import kgan
from kgan._utils import images
from kgan.callbacks import Curves
from kgan.callbacks import SampleGrid
from kgan.callbacks import sample_grid


def grids(folder) -> list[int]:
    """The numbers in the names of the grids."""
    return [int(path.stem.removeprefix("images-")) for path in sorted(folder.glob("images-*"))]


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def frames(path) -> int:
    with Image.open(path) as film:
        return film.n_frames


def test_a_grid_before_training_and_after_every_epoch(tmp_path, quick_gan, make_dataset):
    quick_gan().fit(make_dataset(40), epochs=3, verbose=0, callbacks=[SampleGrid(tmp_path / "new")])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "images-000000000.png",
        "images-000000040.png",
        "images-000000080.png",
        "images-000000120.png",
        "latest.png",
        "samples.webp",
    ]


def test_training_goes_on_while_a_grid_is_written_and_an_interrupt_waits_for_it(
    tmp_path, quick_gan, make_dataset, monkeypatch
):
    went_on, write = threading.Event(), SampleGrid._write

    def wait_and_write(grid, path, samples):
        assert grid.model.images_seen == 0 or went_on.wait(10)
        write(grid, path, samples)

    def interrupt(batch, logs):
        if gan.images_seen > 40:
            went_on.set()
            raise KeyboardInterrupt

    monkeypatch.setattr(SampleGrid, "_write", wait_and_write)
    gan = quick_gan()
    callbacks = [SampleGrid(tmp_path), keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)]
    with pytest.raises(KeyboardInterrupt):
        gan.fit(make_dataset(40), epochs=2, verbose=0, callbacks=callbacks)
    assert grids(tmp_path) == [0, 40]


def test_what_a_backup_keeps_lists_the_grid_that_is_being_written(
    tmp_path, quick_gan, make_dataset, monkeypatch
):
    kept, write = [], SampleGrid._write

    def write_late(grid, path, samples):
        time.sleep(0.2)
        write(grid, path, samples)

    def keep(epoch, logs):
        kept.append((grid.get_state()["pictures"], grids(tmp_path)))

    monkeypatch.setattr(SampleGrid, "_write", write_late)
    grid = SampleGrid(tmp_path, animation=None)
    callbacks = [grid, keras.callbacks.LambdaCallback(on_epoch_end=keep)]
    quick_gan().fit(make_dataset(40), epochs=1, verbose=0, callbacks=callbacks)
    assert kept == [(["images-000000000.png", "images-000000040.png"], [0, 40])]


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_a_grid_at_the_first_step_after_each_multiple_of_images(
    tmp_path, quick_gan, make_dataset, steps_per_execution
):
    grid = SampleGrid(tmp_path, every_n_images=40)
    gan = quick_gan(steps_per_execution=steps_per_execution)
    gan.fit(make_dataset(80, batch=8), epochs=2, verbose=0, callbacks=[grid])
    # Steps of 8 meet 40, 80, 120; two at a time pass 40 at 48 and 120 at 128.
    expected = {1: [0, 40, 80, 120, 160], 2: [0, 48, 80, 128, 160]}
    assert grids(tmp_path) == expected[steps_per_execution]


def test_short_batches_do_not_delay_a_grid(tmp_path, quick_gan, make_dataset):
    grid = SampleGrid(tmp_path, every_n_images=100)
    # Batches of 16, 16 and 2: 34 an epoch.
    quick_gan().fit(make_dataset(34), epochs=10, verbose=0, callbacks=[grid])
    ends = [34 * epoch + seen for epoch in range(10) for seen in (16, 32, 34)]
    expected = [min(end for end in ends if end >= due) for due in (100, 200, 300)]
    assert grids(tmp_path) == [0, *expected, 340]


def test_a_multiple_smaller_than_a_batch_means_every_step(tmp_path, quick_gan, make_dataset):
    grid = SampleGrid(tmp_path, every_n_images=1)
    quick_gan().fit(make_dataset(48), epochs=1, verbose=0, callbacks=[grid])
    assert grids(tmp_path) == [0, 16, 32, 48]


def test_the_model_is_read_only_when_a_grid_may_be_due(tmp_path, quick_gan, make_dataset):
    class Counting(SampleGrid):
        reads = 0

        @property
        def images_seen(self):
            self.reads += 1
            return super().images_seen

    grid = Counting(tmp_path, every_n_images=320, animation=None)
    quick_gan().fit(make_dataset(640), epochs=1, verbose=0, callbacks=[grid])
    # 40 steps, 3 grids: at the writing of each, and between them whenever the steps have doubled.
    assert grids(tmp_path) == [0, 320, 640]
    assert grid.reads < 20


def test_the_grid_shows_what_generate_gives_for_its_seed(tmp_path, quick_gan, make_dataset):
    gan = quick_gan()
    grid = SampleGrid(tmp_path, rows=2, columns=3, seed=7, truncation=0.5)
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[grid])
    samples = gan.generate(6, seed=7, truncation=0.5)
    # Images 8 pixels wide are shown seven times as large.
    tiles = images.to_uint8(samples).repeat(7, axis=1).repeat(7, axis=2)
    np.testing.assert_array_equal(
        pixels(tmp_path / "images-000000032.png"), images.tile(tiles, 2, 3)[..., 0]
    )


def test_the_newest_grid_is_there_twice(tmp_path, quick_gan, make_dataset):
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[SampleGrid(tmp_path)])
    newest = (tmp_path / "images-000000032.png").read_bytes()
    assert (tmp_path / "latest.png").read_bytes() == newest
    assert (tmp_path / "images-000000000.png").read_bytes() != newest


def test_each_class_has_its_row(tmp_path, quick_gan, make_dataset):
    class Shades(keras.layers.Layer):
        def call(self, labels):
            return ops.cast(labels, "float32")[:, None, None, None] / 2 - 1

    gan = quick_gan(num_classes=4)
    latents, labels = gan.generator.inputs
    flat = keras.layers.UpSampling2D(8)(Shades()(labels))
    shades = keras.Model([latents, labels], flat)
    gan = kgan.GAN(shades, gan.discriminator, gan.latent_dim, num_classes=4)
    grid = SampleGrid(tmp_path, columns=3)
    grid.set_model(gan)
    grid.on_train_begin()
    grid.on_epoch_begin(0)
    picture = pixels(tmp_path / "latest.png")
    # Tiles of 56 with a gap of 2; shade (label / 2 - 1 + 1) * 127.5.
    assert picture.shape == (4 * 58 + 2, 3 * 58 + 2)
    shades = np.rint([0, 63.75, 127.5, 191.25])
    np.testing.assert_array_equal(picture[30::58, 30::58], np.repeat(shades[:, None], 3, axis=1))


def shades(levels, labels=None, **options) -> kgan.data.Images:
    """Images of 8 x 8, each of one shade of grey."""
    grey = np.array(levels, "uint8")[:, None, None, None]
    return kgan.data.Images(grey.repeat(8, axis=1).repeat(8, axis=2), labels, **options)


def write_reals(folder, gan, **options) -> np.ndarray:
    """The shade of each tile of `reals.png`, which is as large as the grid of samples."""
    grid = SampleGrid(folder, **options)
    grid.set_model(gan)
    grid.on_train_begin()
    grid.on_epoch_begin(0)
    reals = pixels(folder / "reals.png")
    assert reals.shape == pixels(folder / "latest.png").shape
    assert grids(folder) == [0]
    return reals[30::58, 30::58]


def test_real_images_lie_beside_the_first_grid_each_once(tmp_path, quick_gan):
    found = write_reals(tmp_path, quick_gan(), reals=shades(range(20)), rows=4, columns=5)
    assert sorted(found.flatten()) == list(range(20))
    # In an order of their own: folders come class by class.
    assert found.flatten().tolist() != list(range(20))
    # Of a few the first come again.
    few = write_reals(tmp_path, quick_gan(), reals=shades([3, 6, 9]), rows=1, columns=5)
    assert sorted(few[0, :3]) == [3, 6, 9]
    np.testing.assert_array_equal(few[0, 3:], few[0, :2])


def test_real_images_of_a_class_fill_its_row(tmp_path, quick_gan):
    reals = shades([10, 11, 12, 20, 40], [0, 0, 0, 1, 3], num_classes=5)
    found = write_reals(tmp_path, quick_gan(num_classes=4), reals=reals, columns=3)
    assert sorted(found[0]) == [10, 11, 12]
    # Class 2 has no images.
    np.testing.assert_array_equal(found[1:], [[20] * 3, [255] * 3, [40] * 3])


@pytest.mark.parametrize(
    ("reals", "received"),
    [
        (kgan.data.Images(np.arange(98, dtype="uint8").reshape(2, 7, 7, 1)), "(7, 7, 1) of 0"),
        (shades([0, 1, 2], [0, 1, 2]), "(8, 8, 1) of 3"),
    ],
)
def test_real_images_that_are_not_the_data_are_refused(tmp_path, quick_gan, reals, received):
    grid = SampleGrid(tmp_path, reals=reals)
    grid.set_model(quick_gan(num_classes=4))
    message = (
        "reals are the data that this GAN learns from. Expected: images (8, 8, 1) of 4 classes. "
        f"Received: images {received} classes. Pass the kgan.data.Images whose batches fit is "
        "given, or leave reals out."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        grid.on_train_begin()


@pytest.mark.parametrize(
    ("num_classes", "options", "shape"),
    [
        (None, {}, (10, 10)),
        (None, {"columns": 4}, (4, 4)),
        (None, {"rows": 2}, (2, 10)),
        (3, {}, (3, 10)),
        (3, {"rows": 2, "columns": 1}, (2, 1)),
        (30, {}, (20, 10)),
        (30, {"rows": 30}, (30, 10)),
    ],
)
def test_rows_and_columns_have_sensible_defaults(tmp_path, quick_gan, num_classes, options, shape):
    grid = SampleGrid(tmp_path, **options)
    grid.set_model(quick_gan(num_classes=num_classes))
    grid.on_train_begin()
    grid.on_epoch_begin(0)
    expected = tuple(count * 58 + 2 for count in shape)
    assert pixels(tmp_path / "latest.png").shape == expected


@pytest.mark.parametrize(("width", "columns"), [(128, 10), (256, 5), (1024, 4), (None, 10)])
def test_large_images_get_fewer_columns(tmp_path, quick_gan, width, columns):
    grid, gan = SampleGrid(tmp_path), quick_gan()
    gan.image_shape = (8, width, 1)
    grid.set_model(gan)
    grid.on_train_begin()
    assert grid._shape[:2] == (columns, columns)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_grey_colour_and_opacity_can_be_shown(tmp_path, quick_gan, channels, mode):
    grid = SampleGrid(tmp_path)
    grid.set_model(quick_gan(channels=channels))
    grid.on_train_begin()
    grid.on_epoch_begin(0)
    grid.on_train_end()
    with Image.open(tmp_path / "latest.png") as picture:
        assert picture.mode == mode
    assert frames(tmp_path / "samples.webp") == 1


@pytest.mark.parametrize("animation", ["webp", "gif"])
def test_all_grids_become_one_animation(tmp_path, quick_gan, make_dataset, animation):
    grid = SampleGrid(tmp_path, animation=animation)
    quick_gan().fit(make_dataset(32), epochs=3, verbose=0, callbacks=[grid])
    assert frames(tmp_path / f"samples.{animation}") == 4


def test_no_animation_if_none_is_wanted(tmp_path, quick_gan, make_dataset):
    grid = SampleGrid(tmp_path, animation=None)
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[grid])
    assert {path.suffix for path in tmp_path.iterdir()} == {".png"}


def test_training_that_goes_on_continues_the_animation(tmp_path, quick_gan, make_dataset):
    gan = quick_gan()
    for _ in range(2):
        gan.fit(make_dataset(32), epochs=2, verbose=0, callbacks=[SampleGrid(tmp_path)])
    assert grids(tmp_path) == [0, 32, 64, 96, 128]
    assert frames(tmp_path / "samples.webp") == 5


def test_a_new_model_does_not_show_the_grids_of_another(tmp_path, quick_gan, make_dataset):
    quick_gan().fit(make_dataset(32), epochs=3, verbose=0, callbacks=[SampleGrid(tmp_path)])
    quick_gan().fit(make_dataset(32), epochs=1, verbose=0, callbacks=[SampleGrid(tmp_path)])
    assert frames(tmp_path / "samples.webp") == 2


def test_other_pictures_in_the_folder_are_not_shown(tmp_path, quick_gan, make_dataset):
    gan = quick_gan()
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[SampleGrid(tmp_path)])
    (tmp_path / "latest.png").rename(tmp_path / "images--my-favourite.png")
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[SampleGrid(tmp_path)])
    assert frames(tmp_path / "samples.webp") == 3


def test_training_is_the_same_with_and_without_a_grid(tmp_path, make_gan, make_dataset):
    alone, watched = make_gan(), make_gan()
    alone.fit(make_dataset(32), verbose=0)
    grid = SampleGrid(tmp_path, every_n_images=16)
    watched.fit(make_dataset(32), verbose=0, callbacks=[grid])
    for expected, received in zip(alone.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)


def test_an_interrupted_training_leaves_whole_pictures(tmp_path, quick_gan, make_dataset):
    def interrupt(epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    interruption = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: interrupt(epoch)
    )
    with pytest.raises(KeyboardInterrupt):
        quick_gan().fit(
            make_dataset(32), epochs=3, verbose=0, callbacks=[SampleGrid(tmp_path), interruption]
        )
    assert grids(tmp_path) == [0, 32]
    for path in tmp_path.iterdir():
        assert pixels(path).any()


def test_grids_of_steps_that_are_taken_again_are_removed(tmp_path, quick_gan, make_dataset):
    grid, gan = SampleGrid(tmp_path, animation=None), quick_gan()
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[grid])
    state = grid.get_state()
    # After the backup, in the middle of an epoch: Ctrl-C and on_train_end by hand.
    gan.images_seen.assign(48)
    grid.on_train_end()
    assert grids(tmp_path) == [0, 32, 48]
    gan.images_seen.assign(32)
    again = SampleGrid(tmp_path, animation=None)
    again.set_model(gan)
    again.on_train_begin()
    again.set_state(state)
    # The training may be complete, and another one may have gone on in the folder.
    assert grids(tmp_path) == [0, 32, 48]
    again.on_epoch_begin(1)
    assert grids(tmp_path) == [0, 32]
    assert (tmp_path / "latest.png").exists()


# Of another name with grids of the same numbers, and of the same name with others.
@pytest.mark.parametrize(
    ("name", "numbers"), [("precious", [0, 32, 1000]), ("other/samples", [10, 1000])]
)
def test_a_folder_of_which_the_state_is_not_keeps_all_its_grids(
    tmp_path, quick_gan, make_dataset, name, numbers
):
    grid, gan = SampleGrid(tmp_path / "samples", animation=None), quick_gan()
    gan.fit(make_dataset(32), epochs=1, verbose=0, callbacks=[grid])
    folder = tmp_path / name
    folder.mkdir(parents=True)
    for number in numbers:
        (folder / f"images-{number:09d}.png").touch()
    other = SampleGrid(folder, animation=None, every_n_images=16)
    expected = sorted({*numbers, 32})
    other.set_model(gan)
    other.on_train_begin()
    other.set_state(grid.get_state())
    other.on_epoch_begin(1)
    # As when the state comes again, for an epoch in which the run resumes.
    other.set_state(grid.get_state())
    other.on_epoch_end(1)
    other.on_train_end()
    assert grids(folder) == expected


def test_of_many_grids_some_stay_evenly_and_a_resumed_training_keeps_the_same(
    tmp_path, quick_gan, make_dataset, monkeypatch
):
    monkeypatch.setattr(sample_grid, "_MOST_GRIDS", 6)
    states, begun = {}, []

    def train(folder, epochs, state=None, images_seen=0):
        gan = quick_gan()
        grid = SampleGrid(folder / "samples", rows=1, columns=1, animation=None)
        gan.images_seen.assign(images_seen)

        class Restoring(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                if state is not None:
                    grid.set_state(state)

            def on_epoch_begin(self, epoch, logs=None):
                begun.append(len(grids(folder / "samples")))

            def on_epoch_end(self, epoch, logs=None):
                states[epoch] = grid.get_state()

        options = {"initial_epoch": images_seen // 16, "verbose": 0}
        gan.fit(make_dataset(16), epochs=epochs, callbacks=[grid, Restoring()], **options)
        return [number // 16 for number in grids(folder / "samples")]

    # In turn 1, 3, 5 and 7 make room, whose neighbours are 2 apart, then 8, of which they are 3.
    assert train(tmp_path / "again", 10) == [0, 2, 4, 6, 9, 10]
    # From a backup of the fifth epoch, whose list has grids that have made room since.
    state = states[4]
    assert len(state["pictures"]) == 6
    begun.clear()
    assert train(tmp_path / "again", 10, state, 80) == [0, 2, 4, 6, 9, 10]
    # Those of steps that were taken again were removed: 0, 2 and 4 were left.
    assert begun[0] == 3


def test_a_training_without_an_epoch_writes_nothing(tmp_path, quick_gan, make_dataset):
    callbacks = [SampleGrid(tmp_path), Curves(tmp_path / "curves.png")]
    quick_gan().fit(make_dataset(32), initial_epoch=3, epochs=3, verbose=0, callbacks=callbacks)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_generator_can_still_be_looked_at(tmp_path, quick_gan):
    gan = quick_gan()
    gan.generator.set_weights([np.full_like(w, np.nan) for w in gan.generator.get_weights()])
    grid = SampleGrid(tmp_path)
    grid.set_model(gan)
    grid.on_train_begin()
    grid.on_epoch_begin(0)
    assert (pixels(tmp_path / "latest.png")[30::58, 30::58] == 0).all()


@pytest.mark.parametrize("name", ["rows", "columns", "every_n_images"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_counts_must_be_positive_integers(tmp_path, name, value):
    message = f"{name} must be a positive integer. Received: {name}={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SampleGrid(tmp_path, **{name: value})


def test_an_unknown_animation_is_refused(tmp_path):
    message = 'animation must be "webp", "gif" or None. Received: animation=\'mp4\'.'
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SampleGrid(tmp_path, animation="mp4")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "samples"
    path.touch()
    message = f"SampleGrid writes many pictures and needs a folder. Received: {path}, a file."
    with pytest.raises(NotADirectoryError, match=f"^{re.escape(message)}$"):
        SampleGrid(path)


def test_two_in_one_folder_are_refused_before_training(tmp_path, quick_gan, make_dataset):
    (tmp_path / "b").mkdir()
    gan, both = quick_gan(), [SampleGrid(tmp_path / "a"), SampleGrid(tmp_path / "b" / ".." / "a")]
    with pytest.raises(ValueError, match="Two SampleGrids would write over each other's pictures"):
        gan.fit(make_dataset(16), verbose=0, callbacks=both)
    assert int(gan.images_seen.numpy()) == 0
    assert not (tmp_path / "a").exists()


def test_more_rows_than_classes_are_refused(tmp_path, quick_gan):
    grid = SampleGrid(tmp_path, rows=4)
    grid.set_model(quick_gan(num_classes=3))
    message = (
        "SampleGrid shows one class in each row, and this GAN has 3 classes. Received: rows=4. "
        "Take more columns to see more samples of a class."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        grid.on_train_begin()


def test_channels_that_cannot_be_shown_are_refused_before_training(tmp_path, quick_gan):
    grid = SampleGrid(tmp_path)
    grid.set_model(quick_gan(channels=2))
    message = (
        "Only images with 1 (grey), 3 (red, green, blue) or 4 channels (and opacity) can be shown "
        "as a picture. Received 2 channels."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        grid.on_train_begin()


def test_samples_that_are_no_images_are_refused_before_training(tmp_path, quick_gan):
    grid, gan = SampleGrid(tmp_path), quick_gan()
    gan.image_shape = (2,)
    grid.set_model(gan)
    message = (
        "SampleGrid shows images of shape (height, width, channels). "
        "This GAN makes samples of shape (2,). Leave the callback out."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        grid.on_train_begin()
