import re
import resource
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import kgan
from kgan._utils.arrays_file import ArraysFile
from kgan.backend import replicas
from kgan.callbacks import Backup
from kgan.callbacks import Curves
from kgan.callbacks import Evaluation
from kgan.callbacks import Health
from kgan.callbacks import SampleGrid
from kgan.callbacks import StopOnNonFinite
from kgan.data.epochs import epochs_of
from kgan.features import Extractor

# Batches in an epoch of `make_batches`, 4 images each.
STEPS = 6


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """A backup at every step would wait for the disk most of the time."""
    monkeypatch.setattr("kgan._utils.files.flush_to_disk", lambda path: None)


class KilledError(Exception):
    """What ends a training at once."""


class Kill(keras.callbacks.Callback):
    """End a training at the end of its n-th step of this process, after all other callbacks."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.step -= 1
        if self.step == 0:
            raise KilledError


def make_images(seed=0):
    shape = (4 * STEPS + 1, 8, 8, 1)
    return kgan.data.Images(np.random.default_rng(seed).integers(0, 256, shape).astype("uint8"))


def make_batches(rows=4, seed=0):
    return make_images(seed).batches(rows, seed=3)


def state_of(gan):
    """All variables, as arrays."""
    beside = gan.state_beside_weights().values()
    variables = [*gan.variables, *gan.optimizer.variables, *gan.metrics_variables, *beside]
    return [ops.convert_to_numpy(variable) for variable in variables]


def assert_same_state(gan, other):
    for array, expected in zip(state_of(gan), state_of(other), strict=True):
        np.testing.assert_array_equal(array, expected)


def headers(folder):
    """The headers of all backups, from the oldest to the newest."""
    found = []
    for path in sorted(folder.glob("backup-*.npz")):
        with ArraysFile(path) as snapshot:
            found.append(snapshot.header)
    return found


def positions(folder):
    return [
        (header["position"]["epoch"], header["position"]["batch"]) for header in headers(folder)
    ]


def fit(gan, folder, *, data=None, epochs=3, kill=None, callbacks=(), options=None, **arguments):
    """Train with backups at every step, unless told otherwise.

    Returns:
        The history; None for a run that was killed.
    """
    backup = Backup(folder, **({"every_n_images": 4} if options is None else options))
    ending = [] if kill is None else [Kill(kill)]
    try:
        return gan.fit(
            make_batches() if data is None else data,
            epochs=epochs,
            verbose=0,
            callbacks=[backup, *callbacks, *ending],
            **arguments,
        ).history
    except KilledError:
        return None


def make_callbacks(run):
    """Callbacks of all kinds that know something, and write into a folder."""
    run.mkdir(exist_ok=True)
    images = keras.Input((8, 8, 1))
    blocks = keras.layers.Flatten(name="means")(keras.layers.AveragePooling2D(4)(images))
    network = keras.Model(images, blocks)
    network.run_eagerly = True
    measure = kgan.metrics.FrechetDistance()
    reals = make_images().images
    return [
        Evaluation(reals, Extractor(network, "blocks"), [measure], every_n_epochs=2),
        Health(4, patience=2),
        StopOnNonFinite(),
        SampleGrid(run / "samples", every_n_images=20),
        Curves(run / "curves.png"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        keras.callbacks.ReduceLROnPlateau(monitor="d_loss", mode="min", patience=1, min_delta=1),
        keras.callbacks.EarlyStopping(
            monitor="g_loss", mode="min", patience=9, restore_best_weights=True
        ),
        keras.callbacks.ModelCheckpoint(
            run / "best.weights.h5",
            monitor="d_loss",
            mode="max",
            save_best_only=True,
            save_weights_only=True,
        ),
        keras.callbacks.CSVLogger(run / "log.csv", append=True),
    ]


def files_of(run):
    """The content of all pictures and logs of a run."""
    paths = sorted(path for path in run.rglob("*") if path.suffix in (".png", ".webp", ".csv"))
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Train without interruption, once: (gan, history, run folder)."""
    done = []

    def train(make_gan):
        if not done:
            run, gan = tmp_path_factory.mktemp("undisturbed"), make_gan()
            history = fit(gan, run / "backup", callbacks=make_callbacks(run))
            done.append((gan, history, run))
        return done[0]

    return train


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Train with nothing but backups, once: (gan, history, folder of the backups)."""
    done = []

    def train(quick_gan):
        if not done:
            folder, gan = tmp_path_factory.mktemp("alone"), quick_gan()
            done.append((gan, fit(gan, folder), folder))
        return done[0]

    return train


@pytest.fixture
def one_epoch(tmp_path, tmp_path_factory, quick_gan):
    """Give a folder with the backups of one epoch, which was trained once for all tests."""
    made = tmp_path_factory.getbasetemp() / "one_epoch"
    if not made.exists():
        fit(quick_gan(), made, epochs=1)
    return shutil.copytree(made, tmp_path / "one_epoch")


# Killed before the first backup, within an epoch, at its last batch, at the next one's first, twice
# at one place, and long after the last backup, with an epoch's end between.
@pytest.mark.parametrize(
    ("kills", "every"),
    [
        ([8, 1, 4], 4),
        pytest.param([14], 20, marks=pytest.mark.slow),
        *(pytest.param([kill], 4, marks=pytest.mark.slow) for kill in (1, 3, STEPS, STEPS + 1)),
    ],
)
def test_what_a_killed_training_leaves_is_what_it_would_have_left(
    tmp_path, make_gan, undisturbed, kills, every
):
    expected, history, run = undisturbed(make_gan)
    options = {"every_n_images": every}
    for kill in kills:
        callbacks = make_callbacks(tmp_path)
        killed = fit(
            make_gan(), tmp_path / "backup", kill=kill, callbacks=callbacks, options=options
        )
        assert killed is None
    gan = make_gan()
    # The callbacks of a process that begins.
    found = fit(gan, tmp_path / "backup", callbacks=make_callbacks(tmp_path))
    assert found == history
    assert_same_state(gan, expected)
    assert files_of(tmp_path) == files_of(run)
    np.testing.assert_array_equal(gan.generate(3, seed=0), expected.generate(3, seed=0))


def test_backups_do_not_change_the_training(make_gan, tmp_path):
    gan, other = make_gan(), make_gan()
    history = fit(gan, tmp_path)
    assert other.fit(make_batches(), epochs=3, verbose=0).history == history
    assert_same_state(gan, other)


@pytest.mark.smoke
def test_what_is_restored_is_all_that_was_there(tmp_path, make_gan):
    gan = make_gan()
    assert fit(gan, tmp_path / "backup", kill=4) is None
    restored, seen = make_gan(), []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append((batch, state_of(restored)))
    )
    fit(restored, tmp_path / "backup", callbacks=[look])
    batch, state = seen[0]
    # The kill came before the backup of the fourth step, after that of the third.
    assert batch == 3
    before = make_gan()
    before.fit(make_batches().take(3), verbose=0)
    for array, expected in zip(state, state_of(before), strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_backups_are_kept_and_the_last_is_at_the_end(tmp_path, quick_gan, keep):
    fit(quick_gan(), tmp_path, epochs=1, options={"every_n_images": 4, "keep": keep})
    assert positions(tmp_path) == [(0, 4), (0, 5), (1, 0)][-keep:]
    names = sorted(path.name for path in tmp_path.glob("*.npz"))
    assert names[-1] == "backup-000000000024.npz"
    assert len(names) == keep


@pytest.mark.parametrize(
    ("every", "expected"), [(12, [(0, 3), (1, 0), (1, 3)]), (20, [(0, 5), (1, 4)])]
)
def test_a_backup_at_the_first_step_after_each_multiple_of_images(
    tmp_path, quick_gan, every, expected
):
    options = {"every_n_images": every, "keep": 9}
    fit(quick_gan(), tmp_path, epochs=2, options=options)
    assert positions(tmp_path) == [(0, 0), *expected, (2, 0)]


def test_a_backup_after_so_many_minutes(tmp_path, quick_gan, monkeypatch):
    # Every step takes a minute.
    clock = iter(range(0, 10**6, 60))
    now = [0.0]
    monkeypatch.setattr("kgan.callbacks.backup.backup.time.monotonic", lambda: now[0])
    tick = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: now.__setitem__(0, next(clock) + 60.0)
    )
    options = {"every_n_minutes": 4, "keep": 9}
    fit(quick_gan(), tmp_path, epochs=2, options=options, callbacks=[tick])
    # After 4, 8 and 12 minutes: the last is the end.
    assert positions(tmp_path) == [(0, 0), (0, 4), (1, 2), (2, 0)]


def test_a_short_training_has_backups_of_its_beginning_and_end(tmp_path, quick_gan):
    fit(quick_gan(), tmp_path, options={})
    assert positions(tmp_path) == [(0, 0), (3, 0)]


@pytest.mark.slow
def test_lines_of_other_trainings_stay_in_the_log_and_its_own_are_there_once(tmp_path, make_gan):
    log = tmp_path / "log.csv"
    earlier = "epoch,d_auc,d_fake,d_loss,d_real,g_loss\n0,1,1,1,1,1\n1,2,2,2,2,2\n"
    log.write_text(earlier)
    # Killed in the second epoch, long before the first minute is over.
    for kill in (STEPS + 2, None):
        logger = keras.callbacks.CSVLogger(log, append=True)
        fit(make_gan(), tmp_path / "backup", kill=kill, callbacks=[logger], options={}, epochs=2)
    text = log.read_bytes().decode().replace("\r\n", "\n")
    assert text.startswith(earlier)
    assert [line.split(",")[0] for line in text[len(earlier) :].splitlines()] == ["0", "1"]


def test_the_log_of_a_complete_training_is_left_to_the_one_after_it(tmp_path, quick_gan, capsys):
    log = tmp_path / "log.csv"

    def train(folder, epochs):
        logger = keras.callbacks.CSVLogger(log, append=True)
        fit(quick_gan(), tmp_path / folder, epochs=epochs, callbacks=[logger], options={})

    train("first", 1)
    train("second", 2)
    both = log.read_bytes()
    # The script of the first once more.
    train("first", 1)
    assert log.read_bytes() == both
    # It repeats no step, and has nothing to say about the log.
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_checksums_are_read_once_in_a_restart(tmp_path, quick_gan, monkeypatch):
    checked, testzip = [], zipfile.ZipFile.testzip
    fit(quick_gan(), tmp_path, kill=3)
    monkeypatch.setattr(
        zipfile.ZipFile, "testzip", lambda archive: checked.append(archive) or testzip(archive)
    )
    fit(quick_gan(), tmp_path, epochs=1)
    assert len(checked) == 1


@pytest.mark.smoke
def test_a_complete_training_is_not_repeated(quick_gan, alone, capsys):
    def written():
        return {path: path.stat().st_mtime_ns for path in folder.iterdir()}

    first, history, folder = alone(quick_gan)
    second, dataset, before = quick_gan(), make_batches(), written()
    assert fit(second, folder, data=dataset) == history
    assert_same_state(second, first)
    assert written() == before
    assert epochs_of(dataset).next == 3
    path = folder / "backup-000000000072.npz"
    assert capsys.readouterr().out == (
        f"Backup: this run is complete, after 72 images, from {path}.\n"
    )


@pytest.mark.smoke
def test_with_more_epochs_a_complete_training_goes_on(quick_gan, alone, one_epoch, capsys):
    longer, history, _ = alone(quick_gan)
    gan = quick_gan()
    assert fit(gan, one_epoch) == history
    assert_same_state(gan, longer)
    path = one_epoch / "backup-000000000024.npz"
    assert capsys.readouterr().out == (
        f"Backup: the run resumes at epoch 2, batch 1, after 24 images, from {path}.\n"
    )


def test_a_second_fit_of_the_same_process_goes_on(tmp_path, quick_gan, alone):
    longer, history, _ = alone(quick_gan)
    gan, dataset = quick_gan(), make_batches()
    for epochs in (1, 3):
        found = fit(gan, tmp_path, data=dataset, epochs=epochs)
    assert found == history
    assert_same_state(gan, longer)


def test_a_training_that_was_stopped_stays_so_until_more_epochs_are_asked_for(
    tmp_path, quick_gan, capsys
):
    def stop(epoch, logs):
        gan.stop_training = epoch == 1

    stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    gan = quick_gan()
    history = fit(gan, tmp_path / "backup", callbacks=[stopping])
    assert len(history["d_loss"]) == 2
    again = quick_gan()
    assert fit(again, tmp_path / "backup") == history
    assert_same_state(again, gan)
    path = tmp_path / "backup" / "backup-000000000048.npz"
    assert capsys.readouterr().out == (
        f"Backup: a callback has stopped this run, after 48 images, from {path}. Pass more "
        "than epochs=3 to continue.\n"
    )
    assert len(fit(quick_gan(), tmp_path / "backup", epochs=4)["d_loss"]) == 4


def test_a_damaged_backup_is_passed_over_for_the_one_before(quick_gan, alone, one_epoch):
    whole, history, _ = alone(quick_gan)
    gan, newest = quick_gan(), max(one_epoch.glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:-100])
    assert fit(gan, one_epoch) == history
    assert_same_state(gan, whole)
    assert positions(one_epoch) == [(2, 5), (3, 0)]


def test_a_state_that_is_not_finite_is_never_kept(tmp_path, quick_gan, make_dataset, capsys):
    images = make_dataset(64, batch=16, nan_in_batch=2)
    data = kgan.data.by_epoch(lambda epoch: images, 4)
    fit(quick_gan(), tmp_path, data=data, epochs=1, options={"every_n_images": 16})
    assert positions(tmp_path) == [(0, 1), (0, 2)]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert re.fullmatch(
        r"Backup: none was written after 48 images: \w+ is not finite\. The backups before are "
        r"still there\.",
        printed[0],
    )


def test_a_weight_that_is_not_finite_is_seen_before_the_logs_show_it(tmp_path, make_gan, capsys):
    def spoil(batch, logs):
        if batch == 2:
            kernel = gan.generator.trainable_variables[0]
            kernel.assign(ops.full(kernel.shape, np.inf))
            gan.stop_training = False

    gan = make_gan()
    spoiling = keras.callbacks.LambdaCallback(on_train_batch_end=spoil)
    fit(gan, tmp_path, epochs=1, callbacks=[spoiling])
    assert positions(tmp_path) == [(0, 1), (0, 2)]
    name = gan.generator.trainable_variables[0].path
    assert f"after 12 images: {name} is not finite." in capsys.readouterr().out


def test_an_optimizer_that_is_not_finite_is_seen_before_its_weights_are(tmp_path, make_gan, capsys):
    def spoil(batch, logs):
        if batch == 2:
            moment.assign(ops.full(moment.shape, np.nan))

    gan = make_gan()
    moment = gan.optimizer.g_optimizer.variables[-1]
    spoiling = keras.callbacks.LambdaCallback(on_train_batch_end=spoil)
    fit(gan, tmp_path, epochs=1, callbacks=[spoiling])
    assert positions(tmp_path) == [(0, 1), (0, 2)]
    assert f"after 12 images: {moment.path} is not finite." in capsys.readouterr().out


def test_a_loss_scale_may_be_infinite(tmp_path, make_gan):
    gan = make_gan()
    adams = (keras.optimizers.Adam(0.1) for _ in range(2))
    gan.compile(*(keras.optimizers.LossScaleOptimizer(adam) for adam in adams), run_eagerly=True)
    gan.optimizer.g_optimizer.dynamic_scale.assign(np.inf)
    fit(gan, tmp_path, kill=1)
    assert positions(tmp_path) == [(0, 0)]


def test_a_full_disk_leaves_the_last_good_file_and_the_training_goes_on(
    tmp_path, quick_gan, alone, capsys
):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(batch, logs):
        # From the fourth step to the ninth no file can grow beyond 10 kB.
        full = 3 <= int(gan.optimizer.iterations.numpy()) - 1 < 9
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000 if full else soft, hard))

    gan = quick_gan()
    filling = keras.callbacks.LambdaCallback(on_train_batch_end=fill)
    try:
        history = fit(gan, tmp_path, callbacks=[filling], options={"every_n_images": 12})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert history == alone(quick_gan)[1]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(": [")[0] for line in printed] == [
        "Backup: none was written after 24 images",
        "Backup: none was written after 36 images",
    ]
    assert "File too large" in printed[0]
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == [
        "backup-000000000060.npz",
        "backup-000000000072.npz",
    ]


@pytest.mark.parametrize("full", [False, True])
def test_a_training_of_which_no_backup_can_be_written_does_not_begin(tmp_path, make_gan, full):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Nobody can make a folder there.
    folder = tmp_path / "backup" if full else Path("/proc/missing/backup")
    gan, reason = make_gan(), "File too large" if full else "No such file or directory"
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000 if full else soft, hard))
        with pytest.raises(OSError, match="no backup can be written") as raised:
            fit(gan, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(raised.value).partition("] ")[2] == (
        f"no backup can be written to {folder}: {reason}. Nothing was trained. Make room there, or "
        "choose another folder"
    )
    assert int(gan.optimizer.iterations.numpy()) == 0
    assert list(folder.glob("*.npz")) == []


def test_of_a_state_that_is_not_finite_from_the_beginning_none_is_said_to_be_there(
    tmp_path, make_gan, capsys
):
    gan = make_gan()
    kernel = gan.generator.trainable_variables[0]
    kernel.assign(ops.full(kernel.shape, np.inf))
    fit(gan, tmp_path, kill=1)
    assert capsys.readouterr().out == (
        f"Backup: none was written after 0 images: {kernel.path} is not finite.\n"
    )


@pytest.mark.parametrize(("kind", "kill"), [("steps", 8), ("array", 3), ("plain", 9)])
def test_other_data_whose_order_is_always_the_same_go_on_exactly(tmp_path, quick_gan, kind, kill):
    images = np.random.default_rng(1).uniform(-1, 1, (24, 8, 8, 1)).astype("float32")

    def train(gan, folder, kill=None):
        arguments = {
            "steps": {"data": make_batches(), "steps_per_epoch": STEPS},
            "array": {"data": images, "batch_size": 4, "shuffle": False},
            "plain": {"data": tf.data.Dataset.from_tensor_slices(images).batch(4)},
        }[kind]
        return fit(gan, folder, epochs=2, kill=kill, **arguments)

    gan, whole = quick_gan(), quick_gan()
    history = train(whole, tmp_path / "whole")
    assert train(quick_gan(), tmp_path / "backup", kill) is None
    assert train(gan, tmp_path / "backup") == history
    assert_same_state(gan, whole)


def test_foreign_data_resume_at_the_beginning_of_an_epoch_and_say_so(
    tmp_path, quick_gan, make_dataset, capsys
):
    options = {"every_n_images": 16, "keep": 9}
    fit(quick_gan(), tmp_path, data=make_dataset(32), kill=3, options=options)
    assert positions(tmp_path) == [(0, 0), (1, 0)]
    capsys.readouterr()
    fit(quick_gan(), tmp_path, data=make_dataset(32), epochs=2, options=options)
    path = tmp_path / "backup-000000000032.npz"
    assert capsys.readouterr().out == (
        f"Backup: the run resumes at epoch 2, batch 1, after 32 images, from {path}.\n"
        "Backup: the order of these data does not follow from the epoch's number, or their length "
        "is unknown, so that the run resumes at the beginning of an epoch. For bit by bit see "
        "kgan.data.by_epoch, or pass arrays with shuffle=False.\n"
    )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_of_unknown_length_resume_at_whole_epochs(tmp_path, quick_gan, make_dataset):
    data = make_dataset(64).filter(lambda images: True)
    fit(quick_gan(), tmp_path, data=data, options={"every_n_images": 16, "keep": 9})
    assert positions(tmp_path) == [(0, 0), (1, 0), (2, 0), (3, 0)]


def refused(folder, gan, message, error=ValueError, **arguments):
    with pytest.raises(error, match=re.escape(message)) as raised:
        fit(gan, folder, **arguments)
    assert str(raised.value) == message


def another_training(folder, difference):
    return (
        f"The backups in {folder} are of another run: {difference}. Resume with what it was, or "
        "choose another folder for a new run."
    )


def test_another_training_is_refused(one_epoch, quick_gan):
    gan = quick_gan()
    gan.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1), discriminator_steps=2)
    before = state_of(gan)
    message = another_training(one_epoch, "run_eagerly was true and is false now")
    with pytest.raises(ValueError, match="discriminator_steps was 1 and is 2 now"):
        fit(gan, one_epoch)
    refused(one_epoch, quick_gan(run_eagerly=False), message)
    for array, expected in zip(before, state_of(gan), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_other_data_are_refused(one_epoch, quick_gan):
    message = another_training(one_epoch, "data.rows was 4 and is 3 now")
    with pytest.raises(ValueError, match=r"data\.batches was 6 and is 8 now; data\.rows was"):
        fit(quick_gan(), one_epoch, data=make_batches(rows=3))
    with pytest.raises(ValueError, match=r"data\.images was "):
        fit(quick_gan(), one_epoch, data=make_batches(seed=1))
    message = another_training(one_epoch, "data.seed was 3 and is 4 now")
    refused(one_epoch, quick_gan(), message, data=make_images().batches(4, seed=4))


def test_other_arrays_are_refused_also_where_keras_shuffles_them(tmp_path, quick_gan):
    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype("float32")
    fit(quick_gan(), tmp_path, data=images, epochs=1)
    with pytest.raises(ValueError, match=r"data\.images was "):
        fit(quick_gan(), tmp_path, data=-images, epochs=1)
    # What is only begun anew is the same.
    assert fit(quick_gan(), tmp_path, data=images.copy(), epochs=1)


def test_other_networks_are_refused(one_epoch, quick_gan):
    other = kgan.GAN(
        kgan.models.small_mlp_generator((8, 8, 1), 3, width=2),
        kgan.models.small_mlp_discriminator((8, 8, 1), width=2),
        latent_dim=3,
        seed=2,
    )
    other.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1), run_eagerly=True)
    with pytest.raises(ValueError, match=r"of another run: .*generator.*Resume with what it was"):
        fit(other, one_epoch)


def test_callbacks_that_would_get_in_the_way_are_refused(tmp_path, make_gan):
    path = tmp_path / "log.csv"
    refused(
        tmp_path / "backup",
        make_gan(),
        f"CSVLogger would begin its file anew whenever the run resumes. Received: "
        f"CSVLogger({str(path)!r}) beside Backup. Pass append=True: it begins a file that is not "
        "there.",
        callbacks=[keras.callbacks.CSVLogger(path)],
    )
    refused(
        tmp_path / "backup",
        make_gan(),
        "Only one callback can say where a run resumes. Expected: at most one of them. Received: "
        "Backup, BackupAndRestore. Leave the others out; kgan.callbacks.Backup resumes exactly.",
        callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "keras")],
    )


def test_a_callback_whose_state_could_not_be_given_back_is_refused(tmp_path, make_gan):
    class Keeping(keras.callbacks.Callback):
        def get_state(self):
            return {"x": object()}

    refused(
        tmp_path,
        make_gan(),
        "Backup asks Keeping.get_state() for what it keeps, and could not give it back. Expected: "
        "Keeping.set_state(state). Received: a Keeping without one. Define both, or neither: then "
        "nothing of it is kept.",
        callbacks=[Keeping()],
    )
    Keeping.set_state = lambda callback, state: None
    gan = make_gan()
    with pytest.raises(ValueError, match=r"^Keeping\.get_state\(\) must return numbers"):
        fit(gan, tmp_path, callbacks=[Keeping()])
    assert int(gan.optimizer.iterations.numpy()) == 0


def test_several_workers_need_a_pace_that_does_not_depend_on_clocks(
    tmp_path, make_gan, monkeypatch
):
    monkeypatch.setattr(replicas, "worker", lambda gan: (0, 2))
    refused(
        tmp_path,
        make_gan(),
        "Workers must write and read at the same steps, and their clocks differ. Received: Backup "
        "without every_n_images, and 2 workers. Pass every_n_images.",
        options={},
    )


def test_only_the_first_worker_writes(one_epoch, quick_gan, monkeypatch, capsys):
    temporary = one_epoch / ".backup-000000000012-abc.npz"
    temporary.touch()
    left = sorted(one_epoch.iterdir())
    monkeypatch.setattr(replicas, "worker", lambda gan: (1, 2))
    capsys.readouterr()
    fit(quick_gan(), one_epoch, epochs=2)
    assert sorted(one_epoch.iterdir()) == left
    assert capsys.readouterr().out == ""


def test_workers_that_found_different_backups_do_not_begin(tmp_path, make_gan, monkeypatch):
    asked = []
    monkeypatch.setattr(
        replicas, "same_everywhere", lambda gan, integers: bool(asked.append(integers))
    )
    fit_arguments = {"options": {"every_n_images": 4}}
    refused(
        tmp_path,
        make_gan(),
        f"The workers found different backups in {tmp_path}. This one would resume at epoch "
        "1, batch 1. Put the folder on a disk that all workers share.",
        **fit_arguments,
    )
    assert asked == [[0, 0, 0]]


def test_two_cannot_train_in_one_folder_at_once(one_epoch, quick_gan, monkeypatch):
    message = (
        f"Another process is training in {one_epoch} now, and two would write over each other's "
        "backups. Wait until it ends, or end it; or choose another folder."
    )
    other = quick_gan()
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: refused(one_epoch, other, message)
    )
    # Ctrl-C in the second epoch, and then on in the same process with another object.
    assert fit(quick_gan(), one_epoch, epochs=2, callbacks=[look], kill=2) is None
    fit(quick_gan(), one_epoch, epochs=2)


def test_another_version_is_told(one_epoch, quick_gan, monkeypatch, capsys):
    monkeypatch.setattr("kgan.callbacks.backup.fingerprint.__version__", "9.9")
    fit(quick_gan(), one_epoch, epochs=1)
    assert capsys.readouterr().out.splitlines()[-1] == (
        f'Backup: kgan was "{kgan.__version__}" and is "9.9" now: numbers may differ from those of '
        "an uninterrupted run."
    )
    # What a version calls in another way is another training.
    message = another_training(one_epoch, "run_eagerly was true and is false now") + (
        f' kgan was "{kgan.__version__}" and is "9.9" now: that may be the reason.'
    )
    refused(one_epoch, quick_gan(run_eagerly=False), message)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_minutes_must_be_positive(minutes):
    message = f"every_n_minutes must be a finite number > 0. Received: every_n_minutes={minutes}."
    with pytest.raises(ValueError, match=re.escape(message)):
        Backup("unused", minutes)


@pytest.mark.parametrize("name", ["every_n_images", "keep"])
def test_counts_must_be_positive_integers(name):
    message = f"{name} must be a positive integer. Received: {name}=0."
    with pytest.raises(ValueError, match=re.escape(message)):
        Backup("unused", **{name: 0})


def test_only_a_gan_is_backed_up(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="no_gan")
    with pytest.raises(TypeError, match=r"Backup watches a kgan\.GAN"):
        Backup(tmp_path).set_model(model)
