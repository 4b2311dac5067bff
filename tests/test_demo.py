"""The README's demo keeps its promise. Trains for minutes."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from benchmarks import recognition

ROOT = Path(__file__).parent.parent


def kgan(*words):
    subprocess.run([sys.executable, "-m", "kgan", *words], check=True)


@pytest.mark.slow
def test_the_digits_recipe_makes_digits_that_are_recognised_and_vary(tmp_path):
    run = tmp_path / "digits"
    kgan("train", f"--flagfile={ROOT / 'recipes' / 'digits.flags'}", f"--run_dir={run}")
    kgan("export", f"--run_dir={run}", f"--output={tmp_path / 'exported'}")
    kgan("sample", f"--model={tmp_path / 'exported'}", f"--output={tmp_path / 'served.png'}")
    kgan("evaluate", f"--run_dir={run}", f"--cache_dir={tmp_path / 'cache'}")
    measured = json.loads((run / "evaluation" / "metrics.json").read_text())["metrics"]
    # A run of half the length is at 10, 0.77 and 0.63; real digits at 2.3, 0.89 and 0.89.
    assert measured["frechet_distance_digits_5000"]["value"] < 15
    assert measured["precision_digits_5000"]["value"] > 0.65
    assert measured["recall_digits_5000"]["value"] > 0.5
    images, labels, source = recognition.real_digits()
    judge = recognition.train_judge(images, labels)
    gan = keras.saving.load_model(run / "gan.keras")
    result = recognition.recognition(gan, judge, images, labels)
    print(f"judge trained on {source}: {result}")
    assert result["recognised"] >= 0.95
    # A class that has collapsed onto one picture is recognised too; real digits have 1.
    assert 0.8 < result["diversity"] < 1.2
