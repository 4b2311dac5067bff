"""Two workers on the loopback interface take the steps of one process, and end together."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kgan

ROOT = Path(__file__).parents[2]
TRAINING = [sys.executable, str(Path(__file__).with_name("multi_worker_training.py"))]
LAUNCH = [sys.executable, str(ROOT / "tools" / "launch_local.py"), "--num_workers=2"]
# Sums of float32 in another order, over fifteen steps.
# What float32 rounds differently when two processes add up halves of a batch: 3e-6 to 6e-6 by the
# machine. In float64 replicas differ by less than 1e-13 (test_replication.py).
TOLERANCE = 1e-5

pytestmark = pytest.mark.slow


def run(*command):
    return subprocess.run(
        [*map(str, command)],
        # Nobody answers there: workers that asked a proxy for each other would wait in vain.
        env={**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module", params=[1, 3], ids=["every step", "three steps at once"])
def steps_per_execution(request):
    """Five steps make an epoch: three at once do not divide them."""
    return request.param


@pytest.fixture(scope="module")
def folders(steps_per_execution, tmp_path_factory):
    """What one process, worker 0 and worker 1 have left after equal trainings."""
    folder = tmp_path_factory.mktemp("trainings")
    for command in (
        [*TRAINING, "one_device", folder / "one", steps_per_execution],
        [*LAUNCH, "--", *TRAINING, "multi_worker", folder / "two", steps_per_execution],
    ):
        done = run(*command)
        assert done.returncode == 0, done.stderr
    return folder / "one" / "worker0", folder / "two" / "worker0", folder / "two" / "worker1"


def state(folder):
    arrays = np.load(folder / "state.npz")
    return [arrays[name] for name in arrays.files]


def checkpoint(folder, epoch):
    gan = keras.saving.load_model(folder / f"epoch_{epoch}.keras")
    assert isinstance(gan, kgan.GAN)
    return [np.array(variable) for variable in (*gan.variables, *gan.optimizer.variables)]


def log(folder):
    with open(folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def assert_close(arrays, expected):
    for together, alone in zip(arrays, expected, strict=True):
        # Of each variable, by its largest entry: of a small one cancellation leaves less.
        scale = np.abs(alone).max(initial=0)
        np.testing.assert_allclose(together, alone, rtol=0, atol=TOLERANCE * scale)


def test_weights_slots_averages_and_seeds_equal_those_of_one_process(folders):
    one, two, _ = folders
    assert_close(state(two), state(one))
    # As they were after all steps, before Keras put the weights of the second epoch back.
    assert_close(*(checkpoint(folder, epoch=3) for folder in (two, one)))


def test_both_workers_have_bitwise_the_same(folders):
    _, first, second = folders
    for mine, other in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(mine, other)
    for name in ("log.csv", "evaluated.json"):
        assert (first / name).read_text() == (second / name).read_text()
    for name in ("predicted.npy", "generated.npy"):
        np.testing.assert_array_equal(np.load(first / name), np.load(second / name))


def test_the_logs_of_training_and_validation_equal_those_of_one_process(folders):
    one, two, _ = map(log, folders)
    assert one.keys() == two.keys()
    assert {"d_loss", "g_loss", "d_auc", "val_d_loss", "val_d_auc"} <= one.keys()
    for name, alone in one.items():
        np.testing.assert_allclose(two[name], alone, rtol=1e-5, err_msg=name)


def test_evaluate_predict_and_generate_equal_those_of_one_process(folders):
    one, two, _ = folders
    alone, together = (json.loads((folder / "evaluated.json").read_text()) for folder in (one, two))
    assert together == pytest.approx(alone, rel=1e-5)
    for name in ("predicted.npy", "generated.npy"):
        np.testing.assert_allclose(np.load(two / name), np.load(one / name), atol=1e-6)


def test_what_a_worker_saves_is_loaded_and_trained_on_without_the_others(folders):
    for folder in folders[1:]:
        gan = keras.saving.load_model(folder / "gan.keras")
        variables = [*gan.variables, *gan.optimizer.variables]
        saved = state(folder)
        assert len(saved) == len(variables)
        for variable, array in zip(variables, saved, strict=True):
            np.testing.assert_array_equal(variable, array)
        generated = gan.generate(4, seed=0, labels=1)
        np.testing.assert_allclose(generated, np.load(folder / "generated.npy"), atol=1e-6)
        images = np.linspace(-1, 1, 16 * 8 * 8, dtype="float32").reshape(16, 8, 8, 1)
        gan.fit(images, np.zeros(16, int), batch_size=16, verbose=0)


def test_every_worker_keeps_its_own_checkpoints(folders):
    for folder in folders:
        assert {path.name for path in folder.glob("epoch_*")} == {
            f"epoch_{epoch}.keras" for epoch in (1, 2, 3)
        }


def test_the_rates_of_a_schedule_and_of_a_plateau_are_taken_by_every_worker(folders):
    for folder in folders:
        # Halved for the second epoch by the schedule and after it by the plateau, then times four.
        np.testing.assert_allclose(log(folder)["learning_rate"], [2e-3, 1e-3, 2e-3], rtol=1e-6)
        gan = keras.saving.load_model(folder / "gan.keras")
        d_rate, g_rate = (
            float(one.learning_rate)
            for one in (gan.optimizer.d_optimizer, gan.optimizer.g_optimizer)
        )
        # The plateau has halved them once more, and their ratio is what it was.
        assert (d_rate, g_rate) == pytest.approx((0.025, 1e-3))


def test_early_stopping_gives_every_worker_the_weights_of_the_best_epoch_back(folders):
    for folder in folders:
        second, last, final = (
            keras.saving.load_model(folder / f"{name}.keras").get_weights()
            for name in ("epoch_2", "epoch_3", "gan")
        )
        for weight, best in zip(final, second, strict=True):
            np.testing.assert_array_equal(weight, best)
        assert any((weight != other).any() for weight, other in zip(final, last, strict=True))


@pytest.fixture(scope="module")
def disturbed(steps_per_execution, tmp_path_factory):
    """The folder of a training in which worker 1 was killed, and what the launcher said."""
    folder = tmp_path_factory.mktemp("disturbed")
    # After two backups and in the middle of the second epoch. The survivor is to end by itself, so
    # it has far longer than the half minute that is promised.
    done = run(
        *[*LAUNCH, "--restarts=1", "--grace_seconds=120", "--"],
        *[*TRAINING, "multi_worker", folder, steps_per_execution, 16 * 8],
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_a_worker_that_is_killed_ends_the_other_with_a_message_within_half_a_minute(disturbed):
    folder, errors = disturbed
    assert "launch: worker 1 was ended by SIGKILL.\n" in errors
    (message,) = (line for line in errors.splitlines() if line.startswith("[0] error: "))
    assert message.startswith(
        "[0] error: Another worker has ended, and this one cannot go on without it, nor can the "
        "other come back. Start all of them again. TensorFlow says: "
    )
    assert "task:1" in message
    death, end = (folder / f"worker{index}" / name for index, name in ((1, "death"), (0, "end")))
    # The heartbeats of TensorFlow's workers may miss ten seconds.
    assert 0 < float(end.read_text()) - float(death.read_text()) < 30


def test_started_again_both_go_on_and_end_bitwise_as_if_none_had_been_killed(disturbed, folders):
    folder, errors = disturbed
    assert "launch: Starting all again, 1 of 1.\n" in errors
    for after, undisturbed in zip(("worker0", "worker1"), folders[1:], strict=True):
        for mine, expected in zip(state(folder / after), state(undisturbed), strict=True):
            np.testing.assert_array_equal(mine, expected)
        name = "evaluated.json"
        assert (folder / after / name).read_text() == (undisturbed / name).read_text()
        mine, expected = log(folder / after), log(undisturbed)
        assert mine.keys() == expected.keys()
        for name in expected:
            # The mean of the interrupted epoch is a sum over replicas, part of which is now one.
            np.testing.assert_allclose(mine[name], expected[name], rtol=1e-6, err_msg=name)
