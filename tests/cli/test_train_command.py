"""kgan train: a run folder with everything in it, and errors in one line."""

import csv
import errno
import os
import re
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kgan
from kgan._utils import files
from kgan.cli import RunFolder
from kgan.cli import real_images
from kgan.cli import train
from kgan.cli.command import Flags

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.flags"))
TOOL = ROOT / "tools" / "train.py"
# As little as a run can be: 16 pictures of 8 x 8, an epoch a pass.
TINY = [
    "--epoch_images=1",
    "--width=4",
    "--latent_dim=3",
    "--batch_size=4",
    "--noconditional",
    "--model=small_mlp",
]
PENALTIES = ["--penalty=lecam=0.5"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir()
        for number in range(8):
            pixels = random.integers(256, size=(8, 8, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def finished(kgan_command, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = kgan_command(
        "train",
        # What comes later counts, also where it replaces something else.
        f"--flagfile={ROOT / 'recipes' / 'digits.flags'}",
        *TINY[:4],
        "--model=small_mlp",
        *PENALTIES,
        "--augment=adaptive(transforms='translation')",
        f"--dataset=folder:{pictures}",
        f"--run_dir={folder}",
        "--loss=least_squares",
        "--discriminator_steps=2",
        "--ema_halflife_images=20",
        "--images=33",
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_run_leaves_model_samples_curves_log_and_flags(finished):
    folder, printed = finished
    names = {path.name for path in folder.iterdir()}
    # And of the backups the last, from which a longer run goes on.
    assert names == {"flags.txt", "gan.keras", "samples", "curves.png", "log.csv", "end"}
    assert [path.name for path in (folder / "end").glob("*.npz")] == ["backup-000000000048.npz"]
    for name in names - {"samples", "end"}:
        assert str(folder / name) in printed
    assert f"kgan export --run_dir={folder}" in printed
    with (
        Image.open(folder / "samples" / "latest.png") as grid,
        Image.open(folder / "samples" / "reals.png") as reals,
    ):
        assert reals.size == grid.size
    with open(folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    # 33 images are rounded up to three epochs of 16.
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert set(rows[0]) >= {"epoch", "d_loss", "g_loss", "d_real", "d_fake"}
    assert {"lecam", "augment_p"} <= set(rows[0])
    lines = (folder / "flags.txt").read_text().splitlines()
    assert [line for line in lines if "penalty" in line] == PENALTIES
    assert "" not in lines


def test_a_log_file_gets_plain_lines(finished):
    _, printed = finished
    assert "\b" not in printed
    assert "\r" not in printed
    assert "Epoch 3/3" in printed


def test_the_saved_gan_is_the_one_the_flags_describe(finished):
    gan = keras.saving.load_model(finished[0] / "gan.keras")
    assert isinstance(gan, kgan.GAN)
    assert gan.image_shape == (8, 8, 3)
    assert gan.num_classes == 2
    assert gan.latent_dim == 3
    assert gan.ema_halflife_images == 20
    assert gan.discriminator_steps == 2
    assert isinstance(gan.loss, kgan.losses.LeastSquares)
    assert gan.augment.transforms == "translation"
    assert int(gan.images_seen) == 48


@pytest.mark.slow
def test_the_written_flags_repeat_the_run(kgan_command, finished, tmp_path):
    folder, _ = finished
    again = tmp_path / "again"
    done = kgan_command("train", f"--flagfile={folder / 'flags.txt'}", f"--run_dir={again}")
    assert done.returncode == 0, done.stderr
    assert (again / "log.csv").read_text() == (folder / "log.csv").read_text()
    first, second = (keras.saving.load_model(run / "gan.keras") for run in (folder, again))
    for weight, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(weight, other)


def test_a_folder_with_another_run_is_left_alone(refused, finished):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    message = f"error: --run_dir must be a new or empty folder. Received: --run_dir={folder}, which"
    refused("train", "--epochs=1", f"--run_dir={folder}", message=message)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_of_a_complete_run_nothing_is_trained_and_that_is_success(
    kgan_command, finished, monkeypatch
):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    # A worker that is started again alone would wait for the others in vain.
    monkeypatch.setattr(kgan.distribution, "strategy", None)
    # Other backups are no other run.
    flags = [f"--flagfile={folder / 'flags.txt'}", "--backup_minutes=5", "--backup_images=4"]
    done = kgan_command("train", *flags, f"--run_dir={folder}{os.sep}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"This run is complete: {folder / 'gan.keras'}. To train longer, give a larger --images or "
        "--epochs; for another one, another --run_dir.\n"
    )
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def assert_equal_runs(one, other):
    """Everything in two run folders is the same, bit by bit."""
    files = [
        {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
        for run in (one, other)
    ]
    assert files[0] == files[1]
    # The flags name the folder, and a .keras file and a backup the time.
    for name in files[0]:
        if not name.endswith(("flags.txt", ".keras", ".npz")):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    gans = [keras.saving.load_model(run / "gan.keras") for run in (one, other)]
    states = [[*gan.variables, *gan.optimizer.variables] for gan in gans]
    for a, b in zip(*states, strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))


@pytest.mark.slow
def test_a_complete_run_that_is_made_longer_leaves_what_it_would_have_left_in_one_go(
    kgan_command, finished, tmp_path
):
    longer, at_once = tmp_path / "longer", tmp_path / "at_once"
    shutil.copytree(finished[0], longer)
    for run in (longer, at_once):
        flags = f"--flagfile={finished[0] / 'flags.txt'}", "--images=80", f"--run_dir={run}"
        done = kgan_command("train", *flags)
        assert done.returncode == 0, done.stderr
        assert "--images=80" in (run / "flags.txt").read_text().splitlines()
        assert ("Backup: the run resumes at epoch 4, batch 1" in done.stdout) is (run == longer)
    assert_equal_runs(longer, at_once)


def test_a_run_that_is_not_complete_is_not_made_shorter_than_it_is(refused, pictures, tmp_path):
    run = tmp_path / "run"
    flags = [*TINY, f"--dataset=folder:{pictures}", f"--run_dir={run}"]
    (run / "backup").mkdir(parents=True)
    (run / "flags.txt").write_text("\n".join(flags_of(*flags, "--epochs=3").lines()))
    (run / "backup" / "backup-000000000032.npz").touch()
    message = (
        f"error: The run in {run} has seen 32 images, and is to see 16. Nothing was changed. Give "
        "a larger --images or --epochs."
    )
    refused("train", *flags, "--epochs=1", message=message)


def test_a_run_begins_with_the_weights_of_another_unless_it_has_its_own(
    kgan_command, finished, tmp_path, monkeypatch
):
    begun = []
    monkeypatch.setattr(train, "train", lambda flags, gan, *rest: begun.append(gan) or 0)
    source, run = keras.saving.load_model(finished[0] / "gan.keras"), tmp_path / "run"
    given = f"--flagfile={finished[0] / 'flags.txt'}", f"--init_from={finished[0]}"
    done = kgan_command("train", *given, "--seed=1", "--noconditional", f"--run_dir={run}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"It begins with the weights of {finished[0] / 'gan.keras'}.\n"
    taken = begun[0].discriminator.get_layer("hidden").kernel
    np.testing.assert_array_equal(taken, source.discriminator.get_layer("hidden").kernel)
    assert int(begun[0].images_seen) == 0
    # Begun: its weights are in its backup, and the other run may be gone.
    flags = flags_of(*given, "--init_from=gone", f"--run_dir={run}")
    (run / "backup").mkdir(parents=True)
    (run / "backup" / "backup-000000000000.npz").touch()
    (run / "flags.txt").write_text("\n".join(flags.lines()))
    done = kgan_command("train", *given, "--init_from=gone", f"--run_dir={run}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs=1"], "error: --run_dir is missing. Give --run_dir=<value>."),
        (["--run_dir=r"], "give --images or --epochs."),
        (
            ["--run_dir=r", "--epochs=1", "--conditional", "False"],
            "error: Everything is said by flags. Received: False. Booleans are --flag or --noflag",
        ),
        (
            ["--run_dir=a_file/r", "--epochs=1"],
            "error: The folder cannot be made. Received: --run_dir=a_file/r, but ",
        ),
        (["--run_dir=r", "--epochs=1", "--batch_size=-4"], "--batch_size=-4"),
        (["--run_dir=r", "--epochs=1", "--g_learning_rate=-0.1"], "--g_learning_rate=-0.1"),
        (["--run_dir=r", "--epochs=1", "--beta_1=1"], "--beta_1=1"),
        (["--run_dir=r", "--epochs=1", "--model=stylegan"], "value should be one of <dcgan|mlp|"),
        (
            ["--run_dir=r", "--epochs=1", "--model=mlp", "--d_normalization=batch"],
            "only --model=dcgan has a --d_normalization to choose.",
        ),
        (
            ["--run_dir=r", "--epochs=1", "--share_fakes", "--discriminator_steps=2"],
            "--share_fakes is for --discriminator_steps=1.",
        ),
        (
            ["--run_dir=r", "--epochs=1", "--freeze_d_blocks=1"],
            "--freeze_d_blocks keeps what --init_from names.",
        ),
        (["--run_dir=r", "--epochs=1", "--init_from=gone"], "There is no generator in gone."),
        (["--run_dir=r", "--epochs=1", "--dataset=folder:gone"], "gone"),
        (["--run_dir=r", "--epochs=1", "--loss=lsgna"], "Unknown GAN loss. Expected a kgan.losses"),
        (["--run_dir=r", "--epochs=1", "--penalty=r1"], "r1 needs gamma, which has no default"),
        (
            # Before the data are looked for.
            ["--run_dir=r", "--epochs=1", "--penalty=r1=1", "--dataset=folder:gone"],
            "R1 needs a discriminator that judges every sample alone.",
        ),
        (
            ["--run_dir=r", "--epochs=1", "--augment=mixup"],
            "Unknown augmentation. Expected a kgan.",
        ),
        (
            [
                *("--run_dir=r", "--epochs=1", "--augment=adaptive", "--loss=wgan"),
                "--dataset=nothing",
            ],
            "Adaptive asks whether the discriminator takes reals for real.",
        ),
        (
            # At 8 pixels there is one convolution, and no norm.
            ["--run_dir=r", "--epochs=1", "--penalty=r1=1", "--image_size=8", "--dataset=nothing"],
            "nothing",
        ),
        (
            ["--run_dir=r", "--epochs=1", "--batch_size=20000"],
            "'digits' has 10000 images, too few for one batch.",
        ),
    ],
)
def test_errors_are_one_line_and_no_run_folder_is_made(refused, flags, message, tmp_path):
    (tmp_path / "a_file").touch()
    refused("train", *flags, message=message, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


def test_ctrl_c_leaves_a_usable_gan_and_says_so(forks, tmp_path):
    folder = tmp_path / "run"
    # Steps that take a while: Ctrl-C may be lost in C code that calls Python, as HDF5's does.
    arguments = ["--model=dcgan", "--batch_size=100", f"--run_dir={folder}", "--epochs=100000"]
    forks.start(TOOL, *TINY, *arguments)
    deadline = time.monotonic() + 240
    while not (folder / "gan.keras").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    forks.send(signal.SIGINT)
    done = forks.finish()
    assert done.returncode == 130, done.stderr
    printed = done.stdout
    assert f"Interrupted. The GAN as it was is saved in {folder / 'gan.keras'}." in printed
    assert "kgan export --run_dir=" in printed
    gan = keras.saving.load_model(folder / "gan.keras")
    assert f"Trained on {int(gan.images_seen):,} images" in printed
    # The last grid and the film are of the moment of the interrupt.
    assert (folder / "samples" / f"images-{int(gan.images_seen):09d}.png").exists()
    assert (folder / "samples" / "samples.webp").exists()


@pytest.mark.parametrize("when", ["in the save", "in the film"])
def test_a_second_ctrl_c_says_what_is_saved(kgan_command, pictures, tmp_path, monkeypatch, when):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(kgan.GAN, "fit", interrupt)
    if when == "in the save":
        monkeypatch.setattr(kgan.GAN, "save", interrupt)
    else:
        monkeypatch.setattr(kgan.callbacks.SampleGrid, "on_train_end", interrupt)
    run = tmp_path / "run"
    flags = f"--dataset=folder:{pictures}", "--epochs=2", f"--run_dir={run}"
    done = kgan_command("train", *TINY, *flags)
    assert done.returncode == 130
    said = {
        "in the save": f"The GAN as it was is not saved: {run / 'gan.keras'} was not written.",
        "in the film": f"The GAN as it was is saved in {run / 'gan.keras'}.",
    }
    assert (
        f"\nInterrupted. Interrupted again. {said[when]} The same command resumes the run from the "
        "last backup.\n"
    ) in done.stdout
    assert "Nothing was written" not in done.stdout + done.stderr


def test_a_full_disk_is_said_keeps_the_backups_and_the_same_command_ends_the_run(
    kgan_command, pictures, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    flags = *TINY, f"--dataset=folder:{pictures}", "--epochs=2", f"--run_dir={run}"
    flush = files.flush_to_disk

    def full(path):
        # From the first grid on, and for all but the backups.
        begun = (run / "samples" / "latest.png").exists()
        if begun and Path(path).suffix in (".keras", ".png", ".webp"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "flush_to_disk", full)
        done = kgan_command("train", *flags)
    assert done.returncode == 1
    lost = "cannot be written: No space left on device. What was there is as it was. Make room"
    assert done.stderr.splitlines()[-1] == (
        f"error: The disk is full: {run / 'gan.keras'} {lost} on that disk, or write elsewhere. "
        f"The backups in {run / 'backup'} are kept: make room, and the same command resumes the "
        "run from the last one."
    )
    assert done.stderr.count(f"warning: {run / 'gan.keras'} {lost}") == 2
    # Each once, however often.
    for callback, file in (("SampleGrid", "images-"), ("Curves", "curves.png")):
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"{callback}: "))
        assert file in line
        assert line.endswith("The training goes on without it.")
    again = kgan_command("train", *flags)
    assert again.returncode == 0, again.stderr
    assert "Backup: this run is complete" in again.stdout
    assert int(keras.saving.load_model(run / "gan.keras").images_seen) == 32
    assert not (run / "backup").exists()
    assert not [path for path in run.rglob("*") if path.name[0] == "."]


@pytest.mark.slow
def test_a_killed_run_is_resumed_by_the_same_command_and_leaves_the_same(forks, pictures, tmp_path):
    # Three passes an epoch.
    arguments = [f"--dataset=folder:{pictures}", "--epochs=10", "--backup_images=4", *TINY]
    arguments += ["--model=dcgan", "--epoch_images=40", "--flip"]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert forks.run(TOOL, *arguments, f"--run_dir={undisturbed}").returncode == 0
    forks.start(TOOL, *arguments, f"--run_dir={killed}")
    deadline = time.monotonic() + 240
    # The first is of the beginning.
    while not any(killed.glob("backup/backup-*[1-9]*.npz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    forks.send(signal.SIGKILL)
    assert forks.finish().returncode == -signal.SIGKILL
    again = forks.run(TOOL, *arguments, "--backup_images=8", f"--run_dir={killed}")
    assert again.returncode == 0, again.stderr
    assert "Backup: " in again.stdout
    assert_equal_runs(undisturbed, killed)


def test_a_nan_stops_the_run_names_the_step_and_keeps_the_last_finite_gan(
    kgan_command, pictures, tmp_path
):
    folder = tmp_path / "run"
    done = kgan_command(
        "train",
        *TINY,
        f"--dataset=folder:{pictures}",
        f"--run_dir={folder}",
        "--loss=wasserstein",
        "--optimizer=sgd",
        "--d_learning_rate=10",
        "--g_learning_rate=10",
        "--epochs=100",
    )
    assert done.returncode == 1
    message = re.fullmatch(
        r"error: .*(d_loss|g_loss).* became NaN or infinite by step (\d+)\. "
        rf"{re.escape(str(folder / 'gan.keras'))} holds the last finite epoch\. "
        r"Lower the learning rates, or choose another loss\.",
        done.stderr.splitlines()[-1],
    )
    assert message
    gan = keras.saving.load_model(folder / "gan.keras")
    assert all(np.isfinite(np.array(weight)).all() for weight in gan.weights)
    # Four steps an epoch: the file is of the end of the epoch before.
    assert int(gan.optimizer.iterations) == (int(message.group(2)) - 1) // 4 * 4


@pytest.mark.parametrize("chosen", ["spectral", "none", "layer"])
def test_the_discriminator_is_normalised_as_chosen_and_then_takes_r1(chosen):
    flags = flags_of("--epochs=1", "--run_dir=r", "--penalty=r1=0.1", f"--d_normalization={chosen}")
    train.check_objective(flags)
    found = train.build_discriminator(flags, (16, 16, 3), width=4, num_classes=2)
    expected = kgan.models.dcgan_discriminator(
        (16, 16, 3), width=4, num_classes=2, normalization=None if chosen == "none" else chosen
    )
    assert [(weight.name, weight.shape) for weight in found.weights] == [
        (weight.name, weight.shape) for weight in expected.weights
    ]


def flags_of(*words):
    """The flags of a command line, as a run takes them."""
    flags = Flags()
    train.define(flags)
    assert flags(["train", *words]) == ["train"]
    train.settle(flags)
    return flags


def test_the_central_part_of_every_picture_is_taken(pictures):
    flags = flags_of("--epochs=1", "--run_dir=r", f"--dataset=folder:{pictures}", "--crop=4")
    images, _ = real_images.load_images(real_images.data_options(flags, None))
    assert images.image_shape == (4, 4, 3)
    with Image.open(pictures / "cat" / "0.png") as first:
        np.testing.assert_array_equal(images.images[0], np.asarray(first)[2:6, 2:6])


@pytest.mark.parametrize(
    ("count", "batch_size", "passes"),
    [
        # 10,000 images or more: one pass an epoch, as the digits have.
        (10_000, 64, 1),
        (60_000, 100, 1),
        # A pass over 600 takes 9 batches of 64: 17 are 9,792 images.
        (600, 64, 17),
        (7_000, 70, 1),
        (6_000, 60, 2),
    ],
)
def test_short_passes_over_the_data_are_joined_to_epochs_of_about_10_000_images(
    count, batch_size, passes, monkeypatch, tmp_path, capsys
):
    def fit(gan, batches, **options):
        assert len(batches) == count // batch_size * passes
        assert options["epochs"] == -(-100_000 // (len(batches) * batch_size))
        raise RuntimeError("it would fit")

    monkeypatch.setattr(kgan.GAN, "fit", fit)
    run = ("--model=small_mlp", "--width=1", f"--batch_size={batch_size}", f"--run_dir={tmp_path}")
    flags = flags_of("--images=100000", *run)
    images = kgan.data.Images(np.arange(count * 4, dtype="uint8").reshape(count, 2, 2, 1))
    with pytest.raises(RuntimeError, match="it would fit"):
        train.train(flags, train.build_gan(flags, images), images, RunFolder(tmp_path))
    assert (f", {passes} passes each." in capsys.readouterr().out) is (passes > 1)


def test_epochs_are_passes_over_the_data_and_rounded_up(monkeypatch, tmp_path):
    # 40 pictures in batches of 4 are joined to epochs of 250 passes.
    def fit(gan, batches, **options):
        assert options["epochs"] == 2
        raise RuntimeError("it would fit")

    monkeypatch.setattr(kgan.GAN, "fit", fit)
    flags = flags_of(
        *("--model=small_mlp", "--width=1", "--batch_size=4", f"--run_dir={tmp_path}"),
        "--epochs=251",
    )
    images = kgan.data.Images(np.arange(160, dtype="uint8").reshape(40, 2, 2, 1))
    with pytest.raises(RuntimeError, match="it would fit"):
        train.train(flags, train.build_gan(flags, images), images, RunFolder(tmp_path))


def built(*words):
    """The GAN of a command line, for four pictures of 8 pixels, and the flags it leaves."""
    flags = flags_of(*words, "--width=4", "--latent_dim=3", "--epochs=1", "--run_dir=r")
    images = kgan.data.from_arrays(np.arange(256, dtype="uint8").reshape(4, 8, 8, 1))
    return train.build_gan(flags, images), flags.lines()


def test_what_is_unset_is_the_familys_own_and_is_written_down():
    gan, lines = built("--model=resnet")
    assert isinstance(gan.loss, kgan.losses.Hinge)
    assert gan.discriminator_steps == 5
    assert gan.optimizer.d_optimizer.beta_2 == 0.9
    written = {
        "--loss=hinge",
        "--discriminator_steps=5",
        "--beta_1=0.0",
        "--d_learning_rate=0.0002",
    }
    assert written <= {*lines}
    gan, _ = built("--model=residual", "--g_learning_rate=0.001")
    assert [penalty.name for penalty in gan.penalties] == ["r1", "r2"]
    assert gan.optimizer.schedules == {}
    assert float(gan.optimizer.g_optimizer.learning_rate) == pytest.approx(1e-3)
    assert float(gan.optimizer.d_optimizer.learning_rate) == pytest.approx(2e-4)
    gan, _ = built("--model=residual", "--penalty=", "--loss=hinge", "--beta_1=0.5")
    assert gan.penalties == ()
    assert isinstance(gan.loss, kgan.losses.Hinge)
    assert gan.optimizer.d_optimizer.beta_1 == 0.5


def test_initial_weights_follow_from_the_seed_the_generator_first():
    gan, _ = built("--model=small_mlp", "--seed=5")
    keras.utils.set_random_seed(5)
    pair = kgan.models.get("small_mlp")
    generator = pair.generator((8, 8, 1), 3, width=4)
    discriminator = pair.discriminator((8, 8, 1), width=4)
    for one, other in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for weight, expected in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(weight, expected)


def test_the_familys_schedules_are_written_down_too():
    gan, lines = built("--model=residual")
    assert [*gan.optimizer.schedules] == ["learning_rate", "beta_2"]
    assert "--schedule=beta_2=cosine(0.9, 0.99, until=20000000)" in lines
    gan, _ = built("--model=residual", "--schedule=")
    assert gan.optimizer.schedules == {}


def test_a_run_of_before_families_had_defaults_is_known_by_the_same_flags():
    _, lines = built("--model=small_mlp")
    before = "--loss=non_saturating --discriminator_steps=1 --beta_1=0.5 --d_learning_rate=0.0002"
    assert {*before.split(), "--g_learning_rate=0.0002"} <= {*lines}
    assert not [line for line in lines if "penalty" in line]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_name_known_flags_their_command_paper_time_and_score(recipe):
    text = recipe.read_text()
    assert f"kgan train --flagfile=recipes/{recipe.name}" in text
    assert "arXiv" in text
    assert "# Expected on two cores: " in text
    assert flags_of(f"--flagfile={recipe}").run_dir == f"runs/{recipe.stem}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [(["--model=small_mlp"], 5), (["--model=mlp"], 1), (["--steps_per_execution=3"], 3)],
)
def test_small_networks_take_several_steps_a_call(given, expected):
    flags = flags_of("--model=small_mlp", *given, "--width=4", "--epochs=1", "--run_dir=r")
    images = kgan.data.from_arrays(np.arange(256, dtype="uint8").reshape(4, 8, 8, 1))
    assert train.build_gan(flags, images).steps_per_execution == expected
