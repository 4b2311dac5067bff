"""kgan export: a run or a file to verified files, and errors in one line."""

import hashlib
import json
import zipfile

import keras
import pytest
import tensorflow as tf

import kgan
from kgan._utils.images import to_uint8
from kgan.cli import export as export_command
from kgan.cli.command import Flags


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


@pytest.fixture
def export(kgan_command, tmp_path):
    """Run the command in the test's folder; returns its exit status and what it printed."""

    def export(*arguments):
        return kgan_command("export", *arguments, folder=tmp_path)

    return export


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --model=<run folder, exported folder or file> or --run_dir=<run folder>"),
        (["--run_dir=r", "--model=gan.keras"], "give either --model="),
        (
            ["--run_dir=r", "--tflite", "False"],
            "error: Everything is said by flags. Received: False. Booleans are --flag or --noflag",
        ),
        (["--run_dir=r", "--version=0"], "--version=0"),
        (
            ["--run_dir=r", "--quantize=int4"],
            "must be some of float32,float16,dynamic,int8. For",
        ),
        (["--run_dir=r", "--quantize="], "must be some of float32,float16,dynamic,int8. For"),
        (["--run_dir=r", "--output=gs://bucket/digits"], "must be a folder of this machine: a ver"),
        (
            ["--run_dir=r"],
            "There is no generator in r. Expected: a run folder with gan.keras, an exported "
            "version, <number>/saved_model.pb, or a .keras, .tflite or .onnx file. r holds "
            "flags.txt, samples. Train first: kgan train --flagfile=recipes/digits.flags",
        ),
        (["--run_dir=runs/digits"], "runs holds nothing, for it is not there. Train first: kgan"),
        (["--model=exported/digits"], "Only a .keras file can be exported. Received: exported/dig"),
        (["--model=short.keras"], "short.keras is damaged or no archive. Copy it anew."),
        (
            ["--model=other.keras"],
            "other.keras is no .keras file. Expected: an archive that Keras has saved.",
        ),
        (
            ["--model=mine.keras", "--output=a_file/digits"],
            "cannot write to a_file/digits: Not a directory. Choose another output folder",
        ),
        (
            ["--model=mine.keras", "--num_classes=3", "--quantize=int8", "--dataset=digits"],
            "error: The package has no extractor for --dataset=digits. Give one: --extractor=..., "
            "as for kgan evaluate.",
        ),
        (
            ["--model=mine.keras", "--quantize=int8", "--dataset=digits", "--extractor=digits"],
            "The generator makes images (4, 4, 1), and those of 'digits' are (28, 28, 1). Name the",
        ),
        (
            ["--model=gan.keras", "--num_classes=4"],
            "gan.keras has 3 classes. Expected: 4, those of the data set, or of --num_classes.",
        ),
        (
            ["--model=discriminator.keras"],
            "The generator must take latents, (None, latent_dim), or latents and labels, "
            "[(None, latent_dim), (None,)]. Received inputs of shape: [(None, 4, 4, 1), (None,)].",
        ),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(refused, files, arguments, message):
    refused("export", *arguments, message=message, folder=files)
    assert sorted(path.name for path in (files / "exported").iterdir()) == ["digits"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with what can, and what cannot, be exported."""
    folder = tmp_path_factory.mktemp("files")
    generator, discriminator = build_networks()
    generator.save(folder / "mine.keras")
    discriminator.save(folder / "discriminator.keras")
    kgan.GAN(generator, discriminator, latent_dim=5, num_classes=3).save(folder / "gan.keras")
    content = (folder / "mine.keras").read_bytes()
    (folder / "short.keras").write_bytes(content[: len(content) // 2])
    with zipfile.ZipFile(folder / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "no model")
    (folder / "r" / "samples").mkdir(parents=True)
    (folder / "r" / "flags.txt").touch()
    (folder / "a_file").touch()
    (folder / "exported" / "digits" / "1").mkdir(parents=True)
    (folder / "exported" / "digits" / "1" / "saved_model.pb").touch()
    return folder


def card_of(version):
    return json.loads((version / "assets.extra" / "model_card.json").read_text())


def test_a_run_is_exported_with_what_its_folder_knows_and_its_version_kept(
    export, refused, tmp_path
):
    run_dir = tmp_path / "runs" / "digits"
    run_dir.mkdir(parents=True)
    gan = kgan.GAN(*build_networks(), latent_dim=5, num_classes=3, ema_halflife_images=100)
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    gan.save(run_dir / "gan.keras")
    flags = "--dataset=digits\n--loss=hinge\n--run_dir=runs/digits\n"
    (run_dir / "flags.txt").write_text(flags)
    measured = {"num_images": 5, "num_repeats": 3, "extractor": "digits", "metrics": {"fd": 1.5}}
    digest = hashlib.sha256((run_dir / "gan.keras").read_bytes()).hexdigest()
    found = {**measured, "date": "2020-01-01", "generator_sha256": digest}
    (run_dir / "evaluation").mkdir()
    (run_dir / "evaluation" / "metrics.json").write_text(json.dumps(found))

    first = export("--run_dir=runs/digits", "--version=4")
    assert first.returncode == 0, first.stderr
    base = tmp_path / "exported" / "digits"
    assert sorted(path.name for path in base.iterdir()) == ["4", "digits.tflite"]
    assert "exported/digits/4  SavedModel, " in first.stdout
    assert "exported/digits/digits.tflite  TFLite float32, " in first.stdout
    assert "kgan sample --model=exported/digits --seed=0" in first.stdout
    assert f'docker run --rm -p 8501:8501 -v "{base}:/models/digits:ro"' in first.stdout
    generate = tf.saved_model.load(str(base / "4")).signatures["generate"]
    found = generate(seed=tf.constant([8], tf.int64), label=tf.constant([2]))["images"].numpy()
    expected = to_uint8(gan.generate(1, seed=8, labels=2))
    # One level: a graph may round a sum to the other side of a half.
    assert abs(found.astype(int) - expected.astype(int)).max() <= 1

    card = card_of(base / "4")
    assert card["data"] == {"dataset": "digits"}
    assert card["recipe"] == {"loss": "hinge"}
    assert card["metrics"] == measured
    assert card["command"] == "kgan export --run_dir=runs/digits --version=4"
    assert str(tmp_path) not in json.dumps(card)

    message = "exported/digits already holds version 4, and a version is never overwritten."
    refused("export", "--run_dir=runs/digits", "--version=4", message=message, folder=tmp_path)
    assert sorted(path.name for path in base.iterdir()) == ["4", "digits.tflite"]


@pytest.mark.slow
def test_a_plain_generator_has_the_classes_of_its_embedding_and_old_versions_make_room(
    export, tmp_path
):
    generator, _ = build_networks()
    generator.save(tmp_path / "mine.keras")
    base = tmp_path / "exported" / "mine"
    (base / "1").mkdir(parents=True)
    (base / "1" / "saved_model.pb").touch()
    (base / "mine-int8.tflite").touch()
    # Twice.
    found = export("--model=mine.keras", "--quantize=float16,float16", "--keep=1")
    assert found.returncode == 0, found.stderr
    assert sorted(path.name for path in base.iterdir()) == [
        "2",
        "mine-float16.tflite",
        "mine-int8.tflite",
    ]
    assert list(card_of(base / "2")["files"]) == ["mine-float16.tflite"]
    assert "exported/mine/mine-float16.tflite  TFLite float16, 0.0" in found.stdout
    assert (
        "exported/mine/mine-int8.tflite is left as it was, of a version before this one."
        in found.stdout
    )
    assert "Removed: 1 (--keep)." in found.stdout
    assert (
        "The Frechet distance of the smaller files is not measured: Against which real images? "
        "Give --dataset=digits, "
    ) in found.stderr
    generate = tf.saved_model.load(str(base / "2")).signatures["generate"]
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        generate(seed=tf.constant([8], tf.int64), label=tf.constant([3]))
    assert "label must be in [0, 3). Received:" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["--run_dir=runs/digits/"], "exported/digits"),
        (["--run_dir=."], "exported/here"),
        (["--model=files/mine.keras"], "exported/mine"),
        (["--run_dir=r", "--output=elsewhere/digits"], "elsewhere/digits"),
    ],
)
def test_an_export_is_named_after_its_run_or_file(tmp_path, monkeypatch, arguments, output):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    flags = Flags()
    export_command.define(flags)
    flags(["export", *arguments])
    assert str(export_command.output_folder(flags)) == output
    flags(["export", *arguments, "--output=."])
    assert export_command.output_folder(flags) == tmp_path / "here"


@pytest.mark.slow
def test_a_smaller_file_is_held_to_the_runs_own_images(export, tmp_path):
    latents = keras.Input((5,))
    pixels = keras.layers.Dense(28 * 28, activation="tanh")(latents)
    keras.Model(latents, keras.layers.Reshape((28, 28, 1))(pixels)).save(tmp_path / "gan.keras")
    (tmp_path / "flags.txt").write_text("--dataset=digits\n")
    found = export("--run_dir=.", "--output=exported/mine", "--quantize=float16")
    assert found.returncode == 0, found.stderr
    assert "Frechet" not in found.stderr
    distance = card_of(tmp_path / "exported" / "mine" / "1")["files"]["mine-float16.tflite"]
    assert distance["frechet_distance"] > 0
    assert f" Frechet distance {distance['frechet_distance']:.2f}, Keras' " in found.stdout
