"""The drawn photos: always the same, of all kinds, and no two alike."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kgan

SCRIPT = str(Path(__file__).parents[1] / "benchmarks" / "draw_flowers.py")
DRAWN = runpy.run_path(SCRIPT)
KINDS = ["ball", "daisy", "poppy", "rose", "sunflower", "tulip"]


def write(monkeypatch, folder, *options):
    """Run the script."""
    monkeypatch.setattr(sys, "argv", ["draw_flowers.py", str(folder), "--size=16", *options])
    runpy.run_path(SCRIPT, run_name="__main__")


def test_a_seed_draws_the_same_pictures_in_every_set(tmp_path, monkeypatch):
    write(monkeypatch, tmp_path / "few", "--count=7", "--seed=2")
    for number in range(7):
        with Image.open(tmp_path / "few" / f"{number:05d}.png") as picture:
            np.testing.assert_array_equal(picture, DRAWN["draw"](number, 16, seed=2))
    first, second = (DRAWN["draw"](0, 16, seed=seed) for seed in (0, 1))
    assert (first != second).any()


def test_kinds_come_in_turn_and_are_classes_if_asked_for(tmp_path, monkeypatch):
    assert list(DRAWN["KINDS"]) == KINDS
    write(monkeypatch, tmp_path / "kinds", "--count=12", "--classes")
    pictures = kgan.data.from_folder(tmp_path / "kinds")
    assert pictures.image_shape == (16, 16, 3)
    assert pictures.class_names == tuple(KINDS)
    assert pictures.labels.tolist() == np.repeat(range(6), 2).tolist()


def test_no_two_pictures_of_a_kind_are_alike():
    daisies = np.array([DRAWN["draw"](6 * number + 1, 16) for number in range(8)], float)
    apart = np.abs(daisies[:, None] - daisies).mean(axis=(2, 3, 4))
    # Noise alone is below 4 of 255 levels.
    assert apart[~np.eye(8, dtype=bool)].min() > 8


def test_a_folder_that_is_there_is_left_alone(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        write(monkeypatch, tmp_path)
    assert f"{tmp_path} is there already. Name a new folder." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
