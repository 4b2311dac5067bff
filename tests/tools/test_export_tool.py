import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import kgan
from kgan._utils.images import to_uint8

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


@pytest.mark.parametrize(
    "arguments",
    [[], ["--model="], ["--run_dir="], ["--run_dir=runs/digits", "--model=gan.keras"]],
)
def test_exactly_one_source_must_be_given(tmp_path, arguments):
    message = "give either --run_dir=<run folder> or --model=<file.keras>."
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_what_is_no_flag_is_refused(tmp_path):
    message = (
        "everything is said by flags. Received: False. "
        "Booleans are --onnx or --noonnx, other values follow a '='."
    )
    check_stops_at_once("--run_dir=r", "--tflite", "False", folder=tmp_path, message=message)


@pytest.mark.parametrize("flag", ["--version=0", "--version=-3", "--num_classes=0", "--keep=0"])
def test_numbers_below_one_are_refused(tmp_path, flag):
    message = f"{flag.split('=')[0]} must be 1 or more. Received: {flag}."
    check_stops_at_once("--run_dir=runs/digits", flag, folder=tmp_path, message=message)


@pytest.mark.parametrize("value", ["", "int4", "float32,int4"])
def test_an_unknown_quantisation_is_refused(tmp_path, value):
    message = (
        "--quantize must be some of float32,float16,dynamic,int8. "
        f"Received: --quantize={value}. For no TFLite file say --notflite."
    )
    check_stops_at_once("--run_dir=r", f"--quantize={value}", folder=tmp_path, message=message)


def test_an_address_is_no_folder(tmp_path):
    message = (
        "--output must be a folder of this machine: a version appears by one rename, which no "
        "store behind an address has. Received: --output=gs://bucket/digits. Export to a folder "
        "and copy it (docs/serving.md)."
    )
    check_stops_at_once(
        "--model=a.keras", "--output=gs://bucket/digits", folder=tmp_path, message=message
    )


def test_a_missing_package_for_onnx_is_told_before_anything_is_done(tmp_path):
    # A fresh process sees no package at all but what is beside it.
    script = (
        "import importlib.util, runpy, sys; found = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name: None if name == 'tf2onnx' else found(name);"
        "sys.argv = ['export.py', '--model=a.keras', '--onnx'];"
        f"sys.path.insert(0, {str(TOOL.parent)!r});"
        f"runpy.run_path({str(TOOL)!r}, run_name='__main__')"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.stderr == (
        "export.py: --onnx needs tf2onnx, not installed: pip install 'kgan[onnx]'.\n"
    )


def test_what_was_exported_is_not_exported_again(tmp_path):
    message = "--model must be a .keras file. Received: --model=exported/digits."
    check_stops_at_once("--model=exported/digits", folder=tmp_path, message=message)


def test_a_run_without_a_model_says_what_is_there_and_how_to_train(tmp_path):
    (tmp_path / "runs" / "digits" / "samples").mkdir(parents=True)
    (tmp_path / "runs" / "digits" / "flags.txt").write_text("")
    message = (
        "There is no runs/digits/gan.keras. runs/digits holds flags.txt, samples. Train first: "
        "python tools/train.py --flagfile=recipes/digits.flags"
    )
    check_stops_at_once("--run_dir=runs/digits", folder=tmp_path, message=message)


def test_a_run_folder_that_is_not_there_is_told(tmp_path):
    message = (
        "There is no runs/digits/gan.keras. There is no folder runs/digits either. Train first: "
        "python tools/train.py --flagfile=recipes/digits.flags"
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
    assert "exported/digits/digits.tflite  TFLite float32, " in first.stdout
    assert "python tools/sample.py --model=exported/digits --seed=0" in first.stdout
    assert f'docker run --rm -p 8501:8501 -v "{base}:/models/digits:ro"' in first.stdout
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


def card_of(version):
    return json.loads((version / "assets.extra" / "model_card.json").read_text())


def test_the_model_card_tells_what_the_run_folder_knows(run, tmp_path):
    generator, _ = build_networks()
    folder = tmp_path / "runs" / "digits"
    folder.mkdir(parents=True)
    (folder / "flags.txt").write_text("--dataset=digits\n--loss=hinge\n--run_dir=runs/digits\n")
    generator.save(folder / "gan.keras")
    measured = {"num_images": 5, "num_repeats": 3, "extractor": "digits", "metrics": {"fd": 1.5}}
    digest = hashlib.sha256((folder / "gan.keras").read_bytes()).hexdigest()
    for place, date, sha256, metrics in (
        ("evaluation", "2020-01-01", digest, {"fd": 7.5}),
        ("evaluation-2", "2020-01-02", digest, {"fd": 1.5}),
        # Of a file that has been trained on since.
        ("evaluation-3", "2020-01-03", "another", {"fd": 0.5}),
    ):
        (folder / place).mkdir()
        found = {**measured, "metrics": metrics, "date": date, "generator_sha256": sha256}
        (folder / place / "metrics.json").write_text(json.dumps(found))
    assert run("--run_dir=runs/digits", "--notflite").returncode == 0
    card = card_of(tmp_path / "exported" / "digits" / "1")
    assert card["data"] == {"dataset": "digits"}
    assert card["recipe"] == {"loss": "hinge"}
    assert card["metrics"] == measured
    assert card["command"].endswith("export.py --run_dir=runs/digits --notflite")
    assert card["files"] == {}
    assert str(tmp_path) not in json.dumps(card)


def test_every_quantisation_is_written_and_old_versions_make_room(run, tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "mine.keras")
    first = run("--model=mine.keras")
    assert first.returncode == 0, first.stderr
    assert "Frechet" not in first.stderr
    # In an order of its own, and twice.
    found = run("--model=mine.keras", "--quantize=int8,float16,int8", "--keep=1")
    assert found.returncode == 0, found.stderr
    base = tmp_path / "exported" / "mine"
    assert sorted(path.name for path in base.iterdir()) == [
        "2",
        "mine-float16.tflite",
        "mine-int8.tflite",
        "mine.tflite",
    ]
    assert list(card_of(base / "2")["files"]) == ["mine-float16.tflite", "mine-int8.tflite"]
    assert "exported/mine/mine-int8.tflite  TFLite int8, 0.0" in found.stdout
    assert (
        "exported/mine/mine.tflite is left as it was, of a version before this one." in found.stdout
    )
    assert "Removed: 1 (--keep)." in found.stdout
    assert (
        "The Frechet distance of the smaller files is not measured. For that give --dataset, the "
        "one that it was trained on.\n"
    ) in found.stderr


def test_a_data_set_without_an_extractor_is_refused_where_it_was_asked_for(run, tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "mine.keras")
    check_failed(
        run("--model=mine.keras", "--quantize=int8", "--dataset=nonsense"),
        "The package has no extractor for --dataset=nonsense. Give one: --extractor=..., as for "
        "tools/evaluate.py.",
    )
    assert not (tmp_path / "exported").exists()


def test_the_classes_of_a_gan_are_its_own(run, tmp_path):
    gan = kgan.GAN(*build_networks(), latent_dim=5, num_classes=3)
    gan.save(tmp_path / "gan.keras")
    check_failed(
        run("--model=gan.keras", "--num_classes=4"),
        "gan.keras has num_classes=3. Received: --num_classes=4. Leave it out: a kgan.GAN knows "
        "its classes.",
    )


def test_the_run_folder_can_be_the_current_one(run, tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "gan.keras")
    assert run("--run_dir=.", "--notflite").returncode == 0
    assert (tmp_path / "exported" / tmp_path.name / "1").is_dir()


NAN = """{"generator_sha256": "0", "date": "2020-01-01", "num_images": 5, "num_repeats": 3,
"extractor": "digits", "metrics": {"fd": NaN}}"""


def test_a_damaged_evaluation_is_told_and_left_out(run, tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "gan.keras")
    (tmp_path / "flags.txt").write_text("--dataset=digits\n")
    for name, content in (("evaluation", "{"), ("evaluation-2", "[1]"), ("evaluation-3", NAN)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(content)
    found = run("--run_dir=.", "--output=exported/mine", "--notflite")
    assert found.returncode == 0, found.stderr
    assert card_of(tmp_path / "exported" / "mine" / "1")["metrics"] is None
    for name in ("evaluation", "evaluation-2", "evaluation-3"):
        told = f"{name}/metrics.json is damaged or of another program: not on the model card."
        assert told in found.stderr


def test_the_frechet_distance_needs_images_of_the_generators_size(run, tmp_path):
    generator, _ = build_networks()
    generator.save(tmp_path / "mine.keras")
    check_failed(
        run("--model=mine.keras", "--quantize=int8", "--dataset=digits", "--extractor=digits"),
        "The generator makes images (4, 4, 1), and those of 'digits' are (28, 28, 1). Name the "
        "data set that it was trained on: --dataset=...",
    )
    assert not (tmp_path / "exported").exists()


OWN_LAYER = """
import keras


@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""


def test_own_layers_are_imported_from_a_file(forks, run, tmp_path):
    (tmp_path / "own_layers.py").write_text(OWN_LAYER)
    # In a process of its own, so that no other knows the layer.
    (tmp_path / "make.py").write_text(
        "import keras, own_layers; z = keras.Input((5,));"
        "x = keras.layers.Reshape((2, 2, 1))(keras.layers.Dense(4)(own_layers.Doubled()(z)));"
        "keras.Model(z, x).save('mine.keras')"
    )
    assert forks.run(tmp_path / "make.py", folder=tmp_path).returncode == 0
    check_failed(
        run("--model=mine.keras"),
        "mine.keras cannot be loaded: it needs 'Doubled', which is not registered. Decorate its "
        "definition with @keras.saving.register_keras_serializable() and name the module or file "
        "that holds it: --imports=<module or file.py>.",
    )
    check_failed(
        run("--model=mine.keras", "--imports=other_layers.py"),
        "--imports=other_layers.py cannot be imported: FileNotFoundError: [Errno 2] No such file "
        f"or directory: '{tmp_path}/other_layers.py'",
    )
    found = run("--model=mine.keras", "--imports=own_layers.py", "--notflite")
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "exported" / "mine" / "1").is_dir()


def test_python_code_in_a_file_runs_only_if_asked_for(run, tmp_path):
    latents = keras.Input((4,))
    images = keras.layers.Reshape((2, 2, 1))(keras.layers.Lambda(lambda x: 2 * x)(latents))
    keras.Model(latents, images).save(tmp_path / "mine.keras")
    check_failed(
        run("--model=mine.keras"),
        "mine.keras cannot be loaded: it brings Python code, which loading would run. Write the "
        "layer as a class instead of a lambda; or, if the file is your own, say --nosafe_mode.",
    )
    found = run("--model=mine.keras", "--nosafe_mode", "--notflite")
    assert found.returncode == 0, found.stderr


def test_what_fails_later_is_told_in_one_line(run, tmp_path):
    generator, discriminator = build_networks()
    generator.save(tmp_path / "mine.keras")
    discriminator.save(tmp_path / "discriminator.keras")
    (tmp_path / "file").write_text("")

    check_failed(
        run("--model=mine.keras", "--output=file/digits"),
        "cannot write to file/digits: Not a directory. Choose another output folder",
    )
    check_failed(
        run("--model=discriminator.keras"),
        "The generator must take latents, (None, latent_dim), or latents and labels, "
        "[(None, latent_dim), (None,)]. Received inputs of shape: [(None, 4, 4, 1), (None,)].",
    )


@pytest.mark.slow
def test_a_smaller_file_is_held_to_the_runs_own_images(run, tmp_path):
    latents = keras.Input((5,))
    pixels = keras.layers.Dense(28 * 28, activation="tanh")(latents)
    keras.Model(latents, keras.layers.Reshape((28, 28, 1))(pixels)).save(tmp_path / "gan.keras")
    (tmp_path / "flags.txt").write_text("--dataset=digits\n")
    found = run("--run_dir=.", "--output=exported/mine", "--quantize=float16")
    assert found.returncode == 0, found.stderr
    assert "Frechet" not in found.stderr
    distance = card_of(tmp_path / "exported" / "mine" / "1")["files"]["mine-float16.tflite"]
    assert distance["frechet_distance"] > 0
    assert f" Frechet distance {distance['frechet_distance']:.2f}, Keras' " in found.stdout
