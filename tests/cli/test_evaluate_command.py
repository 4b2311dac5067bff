"""kgan evaluate: numbers and a page of a generator in any file, and errors in one line."""

import json
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
from kgan.cli import evaluate as command
from kgan.cli import generators
from kgan.cli import real_images
from kgan.cli.command import Flags
from kgan.cli.run_folder import RunFolder
from kgan.export import export_generator

TOOL = Path(__file__).parents[2] / "tools" / "evaluate.py"
CLASSES, LATENT_DIM = 3, 5


def build_generator(*, activation="tanh"):
    """A conditional generator of (8, 8, 1) images."""
    latents = keras.Input((LATENT_DIM,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    joined = keras.layers.Concatenate()([latents, keras.layers.Embedding(CLASSES, 4)(labels)])
    pixels = keras.layers.Dense(64, activation=activation)(joined)
    return keras.Model([latents, labels], keras.layers.Reshape((8, 8, 1))(pixels))


def build_gan():
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    joined = [keras.layers.Flatten()(images), keras.layers.Embedding(CLASSES, 4)(labels)]
    logits = keras.layers.Dense(1)(keras.layers.Concatenate()(joined))
    gan = kgan.GAN(
        build_generator(),
        keras.Model([images, labels], logits),
        latent_dim=LATENT_DIM,
        num_classes=CLASSES,
        # The average is what is measured and exported.
        ema_halflife_images=100,
    )
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    return gan


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with pictures of 3 classes, a run trained on them, its exports, an extractor."""
    folder = tmp_path_factory.mktemp("work")
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    for number in range(60):
        path = folder / "pictures" / f"class{number % CLASSES}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), "uint8")).save(path)
    gan = build_gan()
    run = folder / "runs" / "mine"
    run.mkdir(parents=True)
    gan.save(run / "gan.keras")
    (run / "flags.txt").write_text(f"--conditional\n--dataset=folder:{folder}/pictures\n--seed=0\n")
    export_generator(gan.sampling_generator(), folder / "exported" / "mine", num_classes=CLASSES)
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Dense(6)(keras.layers.Flatten()(inputs))
    probabilities = keras.layers.Dense(CLASSES, activation="softmax")(features)
    keras.Model(inputs, [features, probabilities]).save(folder / "eye.keras")
    return folder


@pytest.fixture
def evaluate(kgan_command, work, tmp_path):
    """Run the command; returns its exit status and what it printed."""

    def evaluate(*arguments):
        words = ["evaluate", f"--cache_dir={work}/cache", *arguments]
        return kgan_command(*words, folder=tmp_path)

    return evaluate


def values(folder):
    found = json.loads((folder / "metrics.json").read_text())
    return {name: metric["value"] for name, metric in found["metrics"].items()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --model=<run folder, exported folder or file> or --run_dir=<run folder>"),
        (["--run_dir=r", "--model=m"], "give either --model="),
        (["--run_dir=r"], "error: There is no generator in r. Expected: a run folder with gan.ker"),
        (["--model=a.keras"], "error: Against which real images? Give --dataset=digits, --dataset"),
        (["--model=a.keras", "--dataset=folder:gone"], "There is no folder gone."),
        (
            ["--model=a.keras", "--dataset=digits", "--metrics=frechet_distance,fid"],
            "Received: 'fid'.",
        ),
        (
            ["--model=a.keras", "--dataset=digits", "--output=kept"],
            "--output must be a new or empty folder. Received: --output=kept, which holds "
            "metrics.json. Nothing was changed.",
        ),
        (
            ["--model=a.keras", "--dataset=digits"],
            "a.keras is damaged or no archive. Copy it",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(refused, arguments, message, tmp_path):
    (tmp_path / "a.keras").write_text("not an archive")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "metrics.json").touch()
    refused("evaluate", *arguments, message=message, folder=tmp_path)


def test_a_run_is_measured_against_its_own_data(evaluate, work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work / "runs" / "mine", run)
    found = evaluate(f"--run_dir={run}", f"--extractor={work}/eye.keras", "--num_repeats=2")
    stdout = found.stdout
    assert found.returncode == 0, found.stderr
    assert f"{run}/gan.keras against 60 images of pictures, by the extractor 'eye'." in stdout
    assert "frechet_distance_eye_30" in stdout
    assert "class0  " in stdout
    assert "by features of 'eye'" in stdout
    assert stdout.count(command.HOLD_OUT) == 1
    assert sorted(path.name for path in (run / "evaluation").iterdir()) == [
        "metrics.json",
        "report.html",
    ]
    found = json.loads((run / "evaluation" / "metrics.json").read_text())
    assert found["command"] == (
        f"kgan evaluate --cache_dir={work}/cache --extractor={work}/eye.keras --num_repeats=2 "
        f"--run_dir={run}"
    )
    assert (found["num_images"], found["num_repeats"], found["seed"]) == (30, 2, 0)
    assert found["metrics"]["recall_eye_30"]["uncertainty_is"] == (
        "standard deviation over 2 sample sets"
    )
    assert found["metrics"]["recall_eye_30"]["real_images"] is not None
    assert len(found["extractor_sha256"]) == len(found["generator_sha256"]) == 64
    assert sum(found["classes"]["requested"]) == 30
    assert [space["space"] for space in found["neighbours"]] == ["pixels", "features of 'eye'"]
    page = (run / "evaluation" / "report.html").read_text()
    assert "<h2>Between two latents</h2>" in page
    assert "PrecisionRecall(k=3) on the 6 features" in page


@pytest.mark.parametrize(
    ("dataset", "split", "held_out", "names"),
    [
        ("folder", "train", None, ["pictures train", "pictures test"]),
        ("folder", None, None, ["pictures"]),
        ("folder", "test", None, ["pictures test"]),
        ("folder", None, "digits", ["pictures", "digits"]),
        ("folder", "test", "split:train", ["pictures test", "pictures train"]),
    ],
)
def test_what_a_run_left_out_of_a_folder_is_held_out(work, dataset, split, held_out, names):
    options = dict.fromkeys(real_images.DATA_FLAGS) | {"split": split, "image_size": 8}
    options["dataset"] = f"{dataset}:{work}/pictures"
    found = real_images.load_images(options, held_out)
    assert [images.name for images in found if images is not None] == names


def test_a_second_evaluation_gets_the_next_folder(evaluate, work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work / "runs" / "mine", run)
    for name in ("evaluation", "evaluation-2", "evaluation-3"):
        held_out = f"--held_out=folder:{work}/pictures"
        options = ["--metrics=frechet_distance", "--num_repeats=1", held_out]
        # The file in the run finds the run's data and folder too.
        found = evaluate(f"--model={run}/gan.keras", f"--extractor={work}/eye.keras", *options)
        assert found.returncode == 0, found.stderr
        assert (run / name / "report.html").is_file()
        # What could be asked for, with these images.
        assert found.stdout.count(command.NOT_TRAINED) == 1


@pytest.mark.slow
def test_every_format_of_a_generator_gives_the_same_numbers(evaluate, work, tmp_path):
    run, exported = work / "runs" / "mine", work / "exported" / "mine"
    gan = keras.saving.load_model(run / "gan.keras", compile=False)
    gan.sampling_generator().save(tmp_path / "plain.keras")
    paths = [run / "gan.keras", tmp_path / "plain.keras", exported, exported / "mine.tflite"]
    numbers = {}
    for path in paths:
        output = tmp_path / f"of-{path.name}"
        found = evaluate(
            f"--model={path}",
            f"--dataset=folder:{work}/pictures",
            f"--extractor={work}/eye.keras",
            f"--output={output}",
        )
        assert found.returncode == 0, found.stderr
        numbers[path.name] = values(output)
    expected = numbers.pop("gan.keras")
    assert len(expected) == 6
    assert len(numbers) == len(paths) - 1
    for of_format in numbers.values():
        assert of_format.keys() == expected.keys()
        for name, value in of_format.items():
            # Rounding may move a pixel by one level, and with it one sample of 30 out of a ball.
            tolerance = {"abs": 0.04} if "precision" in name or "recall" in name else {"rel": 1e-3}
            assert value == pytest.approx(expected[name], **tolerance), name


def test_images_outside_their_range_are_told_in_one_line(refused, work, tmp_path):
    generator = build_generator(activation=None)
    generator.set_weights([3 * np.ones_like(weight) for weight in generator.get_weights()])
    generator.save(tmp_path / "loud.keras")
    refused(
        "evaluate",
        f"--model={tmp_path}/loud.keras",
        f"--dataset=folder:{work}/pictures",
        f"--extractor={work}/eye.keras",
        f"--output={tmp_path}/out",
        message="must lie in [-1, 1]",
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("default:The Frechet distance:UserWarning")
def test_what_is_doubtful_is_told_and_kept(evaluate, work, tmp_path):
    found = evaluate(
        f"--run_dir={work}/runs/mine",
        f"--extractor={work}/eye.keras",
        f"--output={tmp_path}/out",
        "--num_images=6",
        "--metrics=frechet_distance",
    )
    assert found.returncode == 0, found.stderr
    # Three sets of samples warn of the same.
    (line,) = [line for line in found.stderr.splitlines() if "warning: " in line]
    assert line.startswith("warning: The Frechet distance of 6 real and 6 fake rows")
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [f"warning: {warning}" for warning in found["warnings"]] == [line]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Warning: The Frechet distance of 6 real and 6 fake rows" in page


@pytest.mark.filterwarnings("default:The Frechet distance:UserWarning")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--extractor=digits"], "error: The extractor 'digits' does not fit the images."),
        (
            ["--extractor=imagenet:gone.h5"],
            "error: The ImageNet weights of MobileNetV2 are not there: there is no file 'gone.h5'.",
        ),
        (
            ["--extractor=eye.keras", "--train_on_samples"],
            "cannot be measured. It takes real images that were held out from the training.",
        ),
        (
            ["--extractor=eye.keras", "--num_images=3"],
            "error: Too few real features for 3 neighbours of each.",
        ),
        (
            ["--dataset=folder:pictures", "--image_size=9"],
            "The generator makes images (8, 8, 1), and those of 'pictures' are (9, 9, 1). Name the "
            "data set that it was trained on, and its size: --dataset, --image_size.",
        ),
        (
            ["--dataset=folder:two"],
            "runs/mine/gan.keras has 3 classes. Expected: 2, those of the data set, or of "
            "--num_classes.",
        ),
    ],
)
def test_what_does_not_fit_the_generator_is_told(refused, work, tmp_path, arguments, message):
    if not (work / "two").exists():
        shutil.copytree(work / "pictures", work / "two")
        shutil.rmtree(work / "two" / "class2")
    output = f"--output={tmp_path}/out"
    refused("evaluate", "--run_dir=runs/mine", *arguments, output, message=message, folder=work)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["mine/1", "mine/mine.tflite"])
def test_an_export_knows_how_many_classes_it_has(work, name):
    flags = Flags()
    generators.define(flags, "run_dir", "a folder")
    flags(["evaluate", "--model=m"])
    path = work / "exported" / name
    found = generators.open_generator(path, flags)
    assert (found.num_classes, found.latent_dim, found.image_shape) == (CLASSES, 5, (8, 8, 1))
    with pytest.raises(ValueError, match=r"has 3 classes\. Expected: 2"):
        generators.open_generator(path, flags, 2)


@pytest.mark.parametrize("folder", ["pictures/class0", "labelled"])
def test_where_no_extractor_is_at_hand_the_page_has_what_needs_none(
    evaluate, work, tmp_path, folder
):
    latents = keras.Input((LATENT_DIM,))
    pixels = keras.layers.Dense(64, activation="tanh")(latents)
    keras.Model(latents, keras.layers.Reshape((8, 8, 1))(pixels)).save(tmp_path / "a.keras")
    # Labels of too few images for a classifier.
    for number in "01":
        shutil.copytree(work / "pictures/class0", work / "labelled" / number, dirs_exist_ok=True)
    arguments = [f"--model={tmp_path}/a.keras", f"--dataset=folder:{work}/{folder}"]
    found = evaluate(*arguments, f"--output={tmp_path}/out")
    assert found.returncode == 0, found.stderr
    (line,) = [line for line in found.stderr.splitlines() if "warning: " in line]
    assert "no distances, precision, recall and classes. For these give --extractor=<path>." in line
    assert "by their pixels alone" in found.stdout
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["metrics"], found["extractor"], found["num_repeats"]) == ({}, None, 1)
    assert [f"warning: {warning}" for warning in found["warnings"]] == [line]
    assert [space["space"] for space in found["neighbours"]] == ["pixels"]
    page = (tmp_path / "out" / "report.html").read_text()
    for title in ("Nearest training images", "Between two latents"):
        assert f"<h2>{title}</h2>" in page
    # As the line says: a saved Keras model that makes features of such images.
    found = evaluate(*arguments, f"--extractor={work}/eye.keras", "--metrics=frechet_distance")
    assert found.returncode == 0, found.stderr


def test_measures_and_a_classifier_that_cannot_be_are_refused(refused, work, tmp_path):
    run = ["--run_dir=runs/mine", "--dataset=folder:pictures/class0", f"--output={tmp_path}/out"]
    message = "error: PrecisionRecall reads features. Expected: an extractor that makes them."
    refused("evaluate", *run, "--metrics=precision_recall", message=message, folder=work)
    others = "For these give --extractor=<path>.keras, a saved Keras model"
    message = "error: 'class0' has no labels, so no classifier can be trained to look at its images"
    run.append("--extractor=classifier")
    refused("evaluate", *run, message=f"{message}. {others}", folder=work)


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ((8, 8, 1), ["<path>.keras"]),
        ((28, 28, 1), ["digits", "<path>.keras"]),
        ((28, 28, 3), ["imagenet", "inception:<path>", "<path>.keras"]),
    ],
)
def test_only_extractors_for_images_of_a_shape_are_recommended(shape, kinds):
    advice = real_images.other_extractors(shape)
    assert re.findall(r"digits\b|imagenet|inception:<path>|<path>\.keras", advice) == kinds


def test_ctrl_c_leaves_nothing_behind(forks, work, tmp_path):
    arguments = [f"--run_dir={work}/runs/mine", f"--extractor={work}/eye.keras"]
    more = ["--cache_dir=cache", "--output=out", "--num_repeats=100000"]
    forks.start(TOOL, *arguments, *more, folder=tmp_path)
    # The first line of an evaluation that has begun.
    while "against 60 images" not in forks.printed():
        time.sleep(0.1)
    time.sleep(0.5)
    forks.send(signal.SIGINT)
    done = forks.finish()
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "Interrupted. Nothing was written."
    assert not (tmp_path / "out").exists()
    assert not list((work / "runs" / "mine").glob("evaluation*"))


def test_of_two_evaluations_at_once_each_has_its_folder(tmp_path, monkeypatch):
    run, here = RunFolder(tmp_path), []

    def write_into(folder, *found):
        (folder / "metrics.json").write_text(str(found))
        if not here:
            # The other one chooses its folder meanwhile, and is done first.
            here.append(folder)
            assert command.write("second", {}, [], choose) == tmp_path / "evaluation"

    def choose():
        return command.new_folder(None, tmp_path / "gan.keras", run)

    monkeypatch.setattr(command, "write_into", write_into)
    assert command.write("first", {}, [], choose) == tmp_path / "evaluation-2"
    texts = {path.parent.name: path.read_text() for path in tmp_path.glob("*/metrics.json")}
    assert texts == {"evaluation": "('second', {}, [])", "evaluation-2": "('first', {}, [])"}
    assert len(list(tmp_path.iterdir())) == 2
