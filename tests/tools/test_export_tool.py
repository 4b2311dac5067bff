import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import kgan
from kgan.images import to_uint8

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "export.py"


def build_networks():
    """A conditional pair for (4, 4, 1) images of 3 classes."""
    latents = keras.Input((5,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    joined = keras.layers.Concatenate()([latents, keras.layers.Embedding(3, 4)(labels)])
    pixels = keras.layers.Dense(16, activation="tanh")(joined)
    generator = keras.Model([latents, labels], keras.layers.Reshape((4, 4, 1))(pixels))
    images = keras.Input((4, 4, 1), name="images")
    features = keras.layers.Concatenate()(
        [keras.layers.Flatten()(images), keras.layers.Embedding(3, 4)(labels)]
    )
    discriminator = keras.Model([images, labels], keras.layers.Dense(1)(features))
    return generator, discriminator


def run_as_user(*arguments, folder, blocked=()):
    """Run the tool in a fresh process and a folder where some modules cannot be imported."""
    for name in blocked:
        (folder / f"{name}.py").write_text("raise AssertionError('imported too early')")
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(forks, tmp_path):
    """Run the tool in the test's folder; returns its exit code and what it printed."""

    def run(*arguments):
        return forks.run(TOOL, *arguments, folder=tmp_path)

    return run


def check_failed(found, message):
    """The tool's last line is the message, and it is all there is beside TensorFlow's own."""
    assert found.stderr.strip().splitlines()[-1] == f"export.py: {message}"
    assert "Traceback" not in found.stderr
    assert found.returncode == 1


def check_stops_at_once(*arguments, folder, message):
    """The tool says one line and stops before it has imported TensorFlow."""
    found = run_as_user(*arguments, folder=folder, blocked=("tensorflow", "keras", "kgan"))
    assert (found.stderr, found.stdout, found.returncode) == (f"export.py: {message}\n", "", 1)


@pytest.mark.parametrize("arguments", [[], ["--run_dir=runs/digits", "--model=gan.keras"]])
def test_exactly_one_source_must_be_given(tmp_path, arguments):
    message = "give either --run_dir=<run folder> or --model=<file.keras>."
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_what_is_no_flag_is_refused(tmp_path):
    message = (
        "everything is said by flags. Received: False. "
        "Booleans are --tflite or --notflite, other values follow a '='."
    )
    check_stops_at_once("--run_dir=r", "--tflite", "False", folder=tmp_path, message=message)


@pytest.mark.parametrize("flag", ["--version=0", "--version=-3", "--num_classes=0"])
def test_numbers_below_one_are_refused(tmp_path, flag):
    message = f"{flag.split('=')[0]} must be 1 or more. Received: {flag}."
    check_stops_at_once("--run_dir=runs/digits", flag, folder=tmp_path, message=message)


def test_a_run_without_a_model_says_what_is_there_and_how_to_train(tmp_path):
    (tmp_path / "runs" / "digits" / "samples").mkdir(parents=True)
    (tmp_path / "runs" / "digits" / "flags.txt").write_text("")
    message = (
        "there is no runs/digits/gan.keras. runs/digits holds flags.txt, samples. Train first: "
        "python tools/train.py --flagfile=recipes/digits.flags --run_dir=runs/digits"
    )
    check_stops_at_once("--run_dir=runs/digits", folder=tmp_path, message=message)


def test_a_run_folder_that_is_not_there_is_told(tmp_path):
    message = (
        "there is no runs/digits/gan.keras. There is no folder runs/digits either. Train first: "
        "python tools/train.py --flagfile=recipes/digits.flags --run_dir=runs/digits"
    )
    check_stops_at_once("--run_dir=runs/digits", folder=tmp_path, message=message)


def test_a_file_that_was_cut_short_is_told(tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "whole.keras")
    content = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "short.keras").write_bytes(content[: len(content) // 2])
    message = "short.keras is damaged or no .keras file: it is no whole zip archive. Copy it anew."
    check_stops_at_once("--model=short.keras", folder=tmp_path, message=message)


def test_an_archive_of_something_else_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    message = "other.keras is no .keras file: the archive holds no config.json."
    check_stops_at_once("--model=other.keras", folder=tmp_path, message=message)


def test_a_run_is_exported_and_its_version_kept(run, tmp_path):
    run_dir = tmp_path / "runs" / "digits"
    run_dir.mkdir(parents=True)
    gan = kgan.GAN(*build_networks(), latent_dim=5, num_classes=3, ema_halflife_images=100)
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    gan.save(run_dir / "gan.keras")

    first = run("--run_dir=runs/digits", "--version=4")
    assert first.returncode == 0, first.stderr
    base = tmp_path / "exported" / "digits"
    assert sorted(path.name for path in base.iterdir()) == ["4", "digits.tflite"]
    assert "exported/digits/4  SavedModel, " in first.stdout
    assert "exported/digits/digits.tflite  TFLite, " in first.stdout
    assert "python tools/sample.py --model=exported/digits --seed=0" in first.stdout
    assert f'docker run --rm -p 8501:8501 -v "{base}:/models/digits"' in first.stdout
    generate = tf.saved_model.load(str(base / "4")).signatures["generate"]
    found = generate(seed=tf.constant([8], tf.int64), label=tf.constant([2]))["images"].numpy()
    expected = to_uint8(gan.generate(1, seed=8, labels=2))
    # One level: a graph may round a sum to the other side of a half.
    assert abs(found.astype(int) - expected.astype(int)).max() <= 1

    second = run("--run_dir=runs/digits", "--version=4")
    check_failed(
        second,
        "exported/digits already holds version 4, and a version is never overwritten. "
        "Publish 5, or leave the version out to get the next free one.",
    )
    assert sorted(path.name for path in base.iterdir()) == ["4", "digits.tflite"]


def test_a_plain_generator_is_exported_with_the_classes_of_its_embedding(tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "mine.keras")
    found = run_as_user("--model=mine.keras", "--notflite", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert [path.name for path in (tmp_path / "exported" / "mine").iterdir()] == ["1"]
    generate = tf.saved_model.load(str(tmp_path / "exported" / "mine" / "1")).signatures["generate"]
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        generate(seed=tf.constant([8], tf.int64), label=tf.constant([3]))
    assert "label must be in [0, 3). Received:" in str(error.value)


class Unregistered(keras.layers.Layer):
    """A layer that only this file knows."""

    def call(self, inputs):
        return inputs


def test_what_fails_later_is_told_in_one_line(run, tmp_path):
    generator, discriminator = build_networks()
    generator.save(tmp_path / "mine.keras")
    discriminator.save(tmp_path / "discriminator.keras")
    latents = keras.Input((5,))
    keras.Model(latents, Unregistered()(latents)).save(tmp_path / "unregistered.keras")
    (tmp_path / "file").write_text("")

    check_failed(
        run("--model=mine.keras", "--output=file/digits"),
        f"[Errno {errno.ENOTDIR}] cannot write to file/digits: Not a directory. "
        "Choose another output folder",
    )
    check_failed(
        run("--model=discriminator.keras"),
        "The generator must take latents, (None, latent_dim), or latents and labels, "
        "[(None, latent_dim), (None,)]. Received inputs of shape: [(None, 4, 4, 1), (None,)].",
    )
    check_failed(
        run("--model=unregistered.keras"),
        "unregistered.keras cannot be loaded: Could not locate class 'Unregistered'. Make sure "
        "custom classes and functions are decorated with "
        "`@keras.saving.register_keras_serializable()`. If they are already decorated, make sure "
        "they are all imported so that the decorator is run before trying to load them.",
    )
