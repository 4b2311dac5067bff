"""kgan toy: pictures and numbers in a run folder, and errors in one line."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from kgan import toys
from kgan.cli import toy
from kgan.cli.command import Flags

# As little as a training can be.
TINY = ["--steps=6", "--moments=3", "--width=4", "--g_depth=1", "--d_depth=1", "--batch_size=8"]


def results_of(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def grid(kgan_command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys") / "grid"
    done = kgan_command(
        "toy",
        *TINY,
        "--toy=grid",
        "--loss=hinge",
        "--penalty=lecam=0.5",
        "--discriminator_steps=2",
        "--ema_halflife_images=0",
        "--num_seeds=2",
        f"--run_dir={folder}",
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_mixture_leaves_flags_numbers_strip_and_film(grid):
    folder, printed = grid
    names = {path.name for path in folder.iterdir()}
    assert names == {"flags.txt", "results.json", "strip.png", "animation.webp"}
    assert f"Left in {folder}: animation.webp, flags.txt, results.json, strip.png" in printed
    results = results_of(folder)
    assert results["toy"] == "grid"
    settings = results["settings"]
    assert settings["loss"] == "hinge"
    assert settings["penalties"] == ["lecam=0.5"]
    assert settings["ema_halflife_images"] is None
    assert (settings["steps"], settings["width"], settings["discriminator_steps"]) == (6, 4, 2)
    # What no flag says is the toy's own.
    assert settings["g_learning_rate"] == 6e-3


def test_every_seed_is_looked_at_from_the_first_to_the_last_step(grid):
    folder, printed = grid
    seeds = results_of(folder)["seeds"]
    assert [seed["seed"] for seed in seeds] == [0, 1]
    for seed in seeds:
        assert [look["step"] for look in seed["moments"]] == [0, 2, 4, 6]
        assert "d_loss" not in seed["moments"][0]
        last = seed["moments"][-1]
        assert {"d_loss", "g_loss", "lecam", "modes"} <= set(last)
        row = f"{seed['seed']:4}  {last['modes']:2}/25  {last['high_quality']:12.1%}"
        assert row in printed
    assert seeds[0]["moments"][-1]["d_loss"] != seeds[1]["moments"][-1]["d_loss"]


def test_the_pictures_show_all_moments(grid):
    folder, _ = grid
    with Image.open(folder / "strip.png") as strip:
        # Four moments fit into one strip.
        assert strip.size == (4 * 260, 310)
    with Image.open(folder / "animation.webp") as film:
        assert film.n_frames == 4


@pytest.mark.slow
def test_the_same_flags_give_the_same_numbers(kgan_command, grid, tmp_path):
    folder, _ = grid
    again = tmp_path / "again"
    done = kgan_command("toy", f"--flagfile={folder / 'flags.txt'}", f"--run_dir={again}")
    assert done.returncode == 0, done.stderr
    for first, second in zip(results_of(folder)["seeds"], results_of(again)["seeds"], strict=True):
        np.testing.assert_equal(first["moments"], second["moments"])


def test_the_gaussian_is_looked_at_printed_and_drawn():
    settings = dataclasses.replace(toys.PRESETS["gaussian"], width=4, g_depth=1, d_depth=1)
    looked = toy.Gaussian()
    moment = looked.look(toys.build_gan(settings, 1, 0), 0)
    numbers = looked.numbers(moment)
    assert numbers["step"] == 0
    assert f"{numbers['value']:.4f}  {numbers['jensen_shannon']:.4f}" in looked.row(moment)
    # Every column under its name.
    assert len(looked.row(moment)) == len(looked.header.splitlines()[-1]) - len("seed    seconds")
    panels = len(looked.strip([moment, moment]).axes)
    assert panels == 2 * len(looked.strip([moment]).axes)
    assert looked.frame(moment, [moment]).axes


@pytest.mark.slow
def test_the_gaussian_leaves_figure_1_and_its_numbers(kgan_command, tmp_path):
    folder = tmp_path / "gaussian"
    done = kgan_command("toy", *TINY, "--toy=gaussian", "--penalty=", f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in folder.iterdir()}
    assert names == {"flags.txt", "results.json", "strip.png", "animation.webp"}
    (seed,) = results_of(folder)["seeds"]
    assert [look["step"] for look in seed["moments"]] == [0, 2, 4, 6]
    last = seed["moments"][-1]
    assert f"{last['value']:.4f}  {last['jensen_shannon']:.4f}" in done.stdout
    assert {"mean_real", "largest_gap", "lower_bound", "d_loss"} <= set(last)


@pytest.mark.slow
def test_a_loss_without_probabilities_has_no_value(kgan_command, tmp_path):
    folder = tmp_path / "gaussian"
    done = kgan_command("toy", *TINY, "--toy=gaussian", "--loss=wasserstein", f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    last = results_of(folder)["seeds"][0]["moments"][-1]
    assert last["value"] is None
    assert last["largest_gap"] is None
    assert "   0        -  " in done.stdout


@pytest.mark.slow
def test_saturation_leaves_curves_and_a_picture(kgan_command, tmp_path):
    folder = tmp_path / "saturation"
    done = kgan_command("toy", "--toy=saturation", "--steps=30", f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {"flags.txt", "results.json", "strip.png"}
    results = results_of(folder)
    assert results["steps"][-1] == 30
    assert set(results["curves"]) == {"minimax", "non_saturating", "least_squares"}
    last = results["curves"]["minimax"]["gradient_norm"][-1]
    assert f"     30  {results['curves']['minimax']['fake_score'][-1]:12.6f}  {last:17.6f}" in (
        done.stdout
    )


@pytest.mark.slow
@pytest.mark.parametrize("player", ["d", "g"])
def test_trainings_that_diverge_are_told_and_kept(kgan_command, player, tmp_path):
    done = kgan_command(
        "toy",
        *TINY,
        "--toy=ring",
        "--loss=kl",
        "--penalty=",
        "--optimizer=sgd",
        "--num_seeds=2",
        f"--{player}_learning_rate=1e30",
        f"--run_dir={tmp_path / 'run'}",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("diverged: NaN or infinity after step") == 2
    for seed in results_of(tmp_path / "run")["seeds"]:
        assert seed["moments"][0]["step"] == 0
        assert seed["moments"][-1]["step"] < 6
    assert (tmp_path / "run" / "strip.png").exists()


class Trainer:
    """Stands in for one whose losses, or whose samples, are no longer finite after some steps."""

    def __init__(self, losses_until, samples_until):
        self.until = losses_until
        self.samples_until = samples_until
        self.gan = self

    def restart(self, seed):
        self.step = 0

    def advance(self, steps):
        self.step += steps
        return {"d_loss": 1.0 if self.step <= self.until else np.nan}

    def look(self, gan, step):
        if step > self.samples_until:
            raise ValueError("not finite")
        return step

    def numbers(self, moment):
        return {"step": moment}


@pytest.mark.parametrize(
    ("losses_until", "samples_until", "last"), [(9, 9, 6), (3, 9, 2), (9, 4, 4), (0, 0, 0)]
)
def test_a_training_ends_at_its_last_finite_moment(losses_until, samples_until, last):
    flags = Flags()
    toy.define(flags)
    flags(["toy", "--toy=ring", "--run_dir=r", "--moments=3"])
    trainer = Trainer(losses_until, samples_until)
    moments, numbers = toy.moments_of(flags, trainer, trainer, 6, seed=0)
    assert moments == list(range(0, last + 1, 2))
    assert numbers[0] == {"step": 0}
    assert numbers[1:] == [{"step": step, "d_loss": 1.0} for step in moments[1:]]


def test_no_step_is_looked_at_twice_however_many_moments_are_asked_for():
    flags = Flags()
    toy.define(flags)
    flags(["toy", "--toy=ring", "--run_dir=r", "--moments=1000000000"])
    trainer = Trainer(9, 9)
    assert toy.moments_of(flags, trainer, trainer, 6, seed=0)[0] == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--toy=moons"], "--toy=moons: value should be one of <gaussian|ring|grid|saturation>"),
        (
            ["--toy=ring", "--loss=kll"],
            "error: Unknown GAN loss. Expected a kgan.losses.Loss,",
        ),
        (["--toy=ring", "--penalty=r1"], "error: r1 needs gamma, which has no default"),
        (["--toy=ring", "--penalty=r1=-1"], "error: gamma of R1 must be a finite number >= 0"),
        (["--toy=ring", "--g_learning_rate=0"], "error: g_learning_rate must be a finite number >"),
        (["--toy=ring", "--steps=0"], "error: steps must be an integer from 1"),
        (["--toy=ring", "--moments=0"], "moments=0: 0 is not a positive integer"),
        (["--toy=saturation", "--steps=0"], "error: steps must be a positive integer"),
        (
            ["--toy=saturation", "--loss=hinge", "--nodecay", "--penalty=", "--num_seeds=5"],
            "error: --toy=saturation has settings of its own. Expected: --steps, --seed and "
            "--run_dir. Received: --decay, --loss, --num_seeds, --penalty.",
        ),
        (["--toy=ring", "--seed=4294967295"], "is not an integer in the range [0, 4294957295]"),
        (["--toy=ring", "nonsense"], "error: Everything is said by flags. Received: nonsense."),
    ],
)
def test_errors_are_told_and_no_run_folder_is_made(refused, arguments, message, tmp_path):
    refused("toy", *arguments, "--run_dir=run", message=message, folder=tmp_path)
    assert not (tmp_path / "run").exists()
