"""kgan train as two workers leaves what one process does, also after one has been killed."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

import kgan

TRAIN = [sys.executable, "-m", "kgan", "train"]
LAUNCH = [sys.executable, "-m", "kgan", "launch", "--num_workers=2"]
PICTURES, ROWS_OF_A_STEP = 160, 16
# Ten steps an epoch, and a backup every second step.
FLAGS = [
    # Several workers have no fast kernels.
    "--nofast_kernels",
    "--epoch_images=1",
    *("--width=4", "--latent_dim=3", "--batch_size=8", "--discriminator_steps=2", "--epochs=4"),
    *("--ema_halflife_images=50", f"--backup_images={2 * ROWS_OF_A_STEP}"),
]
# Sums of float32 in another order, over forty steps.
TOLERANCE = 1e-5
# Becomes the command behind it; worker 1 says first which process it is.
TELL = 'case "$TF_CONFIG" in *\'"index": 1\'*) echo $$ > "$0";; esac; exec "$@"'

pytestmark = pytest.mark.slow


def start(*command):
    return subprocess.Popen(
        [*map(str, command)],
        # Nobody answers there: workers that asked a proxy for each other would wait in vain.
        env={**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Wait for what was started. Returns what it has printed on stdout and stderr."""
    try:
        printed, errors = process.communicate(timeout=240)
    finally:
        # On Linux the workers go with the launcher.
        process.kill()
    assert process.returncode == 0, errors
    return printed, errors


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """The flags of a small training on labelled pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(PICTURES):
        path = folder / ("cat" if number % 2 else "dog") / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(256, size=(8, 8, 3), dtype="uint8")).save(path)
    return [f"--dataset=folder:{folder}", *FLAGS]


@pytest.fixture(scope="module")
def runs(flags, tmp_path_factory):
    """The run folders of one process and of two workers, with the same flags."""
    folder = tmp_path_factory.mktemp("runs")
    finish(start(*TRAIN, *flags, "--strategy=one_device", f"--run_dir={folder / 'one'}"))
    together = [*TRAIN, *flags, "--strategy=multi_worker", f"--run_dir={folder / 'two'}"]
    finish(start(*LAUNCH, "--restarts=1", "--", *together))
    return folder / "one", folder / "two"


@pytest.fixture(scope="module")
def disturbed(flags, tmp_path_factory):
    """The run folder of two workers, one of which was killed, and what they and their tool said."""
    folder = tmp_path_factory.mktemp("disturbed")
    run, number = folder / "run", folder / "number"
    together = [*TRAIN, *flags, "--strategy=multi_worker", f"--run_dir={run}"]
    # tests/gan/test_multi_worker.py has a survivor that ends by itself, which takes half a minute.
    options = ["--restarts=1", "--grace_seconds=1"]
    tool = start(*LAUNCH, *options, "--", "sh", "-c", TELL, number, *together)
    try:
        # In the second of four epochs.
        wait_for_backup(run, after_images=PICTURES + ROWS_OF_A_STEP)
        os.kill(int(number.read_text()), signal.SIGKILL)
    except BaseException:
        tool.terminate()
        raise
    finally:
        printed = finish(tool)
    return run, *printed


def wait_for_backup(run, after_images, seconds=120):
    deadline = time.monotonic() + seconds
    while not any(
        int(path.stem.partition("-")[2]) > after_images
        for path in (run / "backup").glob("backup-*.npz")
    ):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def state(run):
    """All that a run has learned, by name: weights, statistics, averages, seeds, and slots."""
    gan = keras.saving.load_model(run / "gan.keras")
    assert isinstance(gan, kgan.GAN)
    return [(v.path, np.array(v)) for v in (*gan.variables, *gan.optimizer.variables)]


def log(run):
    with open(run / "log.csv") as file:
        rows = list(csv.DictReader(file))
    # Keras' word for what a validation would have measured.
    return {
        name: np.array([float(row[name].replace("NA", "nan")) for row in rows]) for name in rows[0]
    }


def files(run):
    return {str(path.relative_to(run)) for path in run.rglob("*")}


def assert_logs_equal(run, other, tolerance):
    mine, expected = log(run), log(other)
    assert mine.keys() == expected.keys()
    assert len(expected["epoch"]) == 4
    for name, values in expected.items():
        np.testing.assert_allclose(mine[name], values, rtol=tolerance, err_msg=name)


def test_two_workers_leave_what_one_process_does(runs):
    one, two = runs
    for (name, alone), (_, together) in zip(state(one), state(two), strict=True):
        # Of each variable, by its largest entry: of a small one cancellation leaves less.
        atol = TOLERANCE * np.abs(alone).max(initial=0)
        np.testing.assert_allclose(together, alone, rtol=0, atol=atol, err_msg=name)
    assert_logs_equal(two, one, 1e-5)
    assert files(two) == files(one)


def test_a_killed_worker_is_started_again_with_the_other_from_the_last_backup(disturbed):
    _, printed, errors = disturbed
    assert "launch: worker 1 was ended by SIGKILL.\n" in errors
    assert "launch: Starting all again, 1 of 1.\n" in errors
    # On a busy machine the kill may come later than in the second epoch.
    assert re.search(
        r"^\[0\] Backup: the run resumes at epoch [234], batch ", printed, re.MULTILINE
    )


def test_after_a_kill_the_run_is_what_it_would_have_been(disturbed, runs):
    run, two = disturbed[0], runs[1]
    for (name, after), (_, undisturbed) in zip(state(run), state(two), strict=True):
        np.testing.assert_array_equal(after, undisturbed, err_msg=name)
    # The mean of the interrupted epoch is a sum over replicas, part of which is now one.
    assert_logs_equal(run, two, 1e-6)
    assert files(run) == files(two)
