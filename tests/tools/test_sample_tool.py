import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kgan.export import export_generator
from kgan.export.tflite import run_tflite
from kgan.images import to_uint8

TOOL = Path(__file__).parents[2] / "tools" / "sample.py"
# Pixels of the gap between the images of a grid.
GAP = 2


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported generator of (6, 4, 1) images of 3 classes; its version 9 gives grey alone."""
    latents = keras.Input((5,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = keras.layers.Embedding(3, 4, embeddings_initializer="orthogonal")(labels)
    joined = keras.layers.Concatenate()([latents, embedded])
    pixels = keras.layers.Dense(24, activation="tanh")(joined)
    generator = keras.Model([latents, labels], keras.layers.Reshape((6, 4, 1))(pixels))
    blank = keras.models.clone_model(generator)
    blank.set_weights([weight * 0 for weight in blank.get_weights()])
    base = tmp_path_factory.mktemp("exported") / "digits"
    export_generator(blank, base, num_classes=3, version=9, tflite=False)
    export_generator(generator, base, num_classes=3, version=10)
    return base


def run_without(blocked, *arguments, folder):
    """Run the tool in a fresh process, in a folder where some modules cannot be imported."""
    for name in blocked:
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} is blocked')")
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def check_stops_at_once(*arguments, folder, message):
    """The tool says one line and stops before it has imported TensorFlow."""
    found = run_without(["tensorflow"], *arguments, folder=folder)
    assert (found.stderr, found.stdout, found.returncode) == (f"sample.py: {message}\n", "", 1)


def cell(path, row, column):
    """The image at a place of the grid in a PNG file."""
    pixels = np.asarray(Image.open(path)).astype(int)
    top, left = GAP + row * (6 + GAP), GAP + column * (4 + GAP)
    return pixels[top : top + 6, left : left + 4]


def test_a_saved_model_is_sampled_where_neither_kgan_nor_keras_can_be_imported(exported, tmp_path):
    arguments = [f"--model={exported}", "--seed=40", "--num_images=7", "--output=new/grid.png"]
    found = run_without(["kgan", "keras"], *arguments, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout == f"new/grid.png: 7 images of {exported / '10'}, seeds from 40.\n"
    # Seven images of three classes, a row each, need three columns.
    width, height = 3 * (4 + GAP) + GAP, 3 * (6 + GAP) + GAP
    assert Image.open(tmp_path / "new" / "grid.png").size == (width, height)
    generate = tf.saved_model.load(str(exported / "10")).signatures["generate"]
    for image in range(7):
        label = image % 3
        inputs = {"seed": tf.constant([40 + image], tf.int64), "label": tf.constant([label])}
        expected = generate(**inputs)["images"].numpy()[0, ..., 0].astype(int)
        shown = cell(tmp_path / "new" / "grid.png", row=label, column=image // 3)
        # One level: one row alone takes other kernels than seven, which sum in another order.
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1)
    assert (cell(tmp_path / "new" / "grid.png", row=1, column=2) == 255).all()


def test_a_tflite_file_is_sampled_with_latents_of_numpy(forks, exported, tmp_path):
    path = exported / "digits.tflite"
    arguments = [f"--model={path}", "--label=2", "--num_images=3"]
    found = forks.run(TOOL, *arguments, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout == f"samples.png: 3 images of {path}, seeds from 0.\n"
    for image, (row, column) in enumerate([(0, 0), (0, 1), (1, 0)]):
        latents = np.random.default_rng(image).standard_normal((1, 5), "float32")
        images = run_tflite(path.read_bytes(), latents, np.array([2], "int32"))
        expected = to_uint8(images)[0, ..., 0].astype(int)
        shown = cell(tmp_path / "samples.png", row=row, column=column)
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1)


def test_a_label_that_the_generator_does_not_know_is_told(forks, exported, tmp_path):
    found = forks.run(TOOL, f"--model={exported / '10'}", "--label=3", folder=tmp_path)
    assert found.stderr.strip().splitlines()[-1] == (
        "sample.py: --label must be from 0 to 2. Received: --label=3."
    )
    assert "Traceback" not in found.stderr
    assert found.returncode == 1
    assert not (tmp_path / "samples.png").exists()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--seed=-1", "--seed must be from 0 to 4294967295. Received: --seed=-1."),
        ("--num_images=0", "--num_images must be from 1 to 10000. Received: --num_images=0."),
        ("--label=-1", "--label must be from 0 to 2147483647. Received: --label=-1."),
        ("--output=grid.jpg", "--output must end in .png. Received: --output=grid.jpg."),
    ],
)
def test_flags_out_of_range_are_refused(tmp_path, flag, message):
    check_stops_at_once("--model=exported/digits", flag, folder=tmp_path, message=message)


def test_a_model_must_be_given(tmp_path):
    message = "give --model=<exported folder or .tflite file>."
    check_stops_at_once(folder=tmp_path, message=message)


def test_a_folder_without_a_version_is_told(tmp_path):
    (tmp_path / "exported" / "digits" / "1.tmp").mkdir(parents=True)
    message = (
        "exported/digits is no .tflite file and holds no exported version, "
        "<number>/saved_model.pb. Export first: "
        "python tools/export.py --run_dir=<run folder>"
    )
    check_stops_at_once("--model=exported/digits", folder=tmp_path, message=message)
