import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

import kgan
from kgan.export import export_generator
from kgan.export.onnx_file import convert_to_onnx

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"
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


@pytest.fixture(scope="module")
def tool():
    """The tool as a module, for what would wait for TensorFlow's import in every process."""
    sys.path.insert(0, str(TOOLS))
    spec = importlib.util.spec_from_file_location("evaluate", TOOLS / "evaluate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(TOOLS))
    return module


@pytest.fixture
def run_here(tool, work, monkeypatch):
    """Run the tool in this process; returns its exit code."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tools/evaluate.py", *arguments])
        with flagsaver.flagsaver():
            flags.FLAGS(["evaluate.py", f"--cache_dir={work}/cache", *arguments])
            return tool.main(["evaluate.py"])

    return run


def start(*arguments, folder, blocked=()):
    """Start the tool in a folder, where the modules in `blocked` cannot be imported."""
    for name in blocked:
        (folder / f"{name}.py").write_text("raise AssertionError('imported too early')")
    return subprocess.Popen(
        [sys.executable, str(TOOLS / "evaluate.py"), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_stops_at_once(*arguments, folder, message):
    """The tool says one line and stops before it has imported TensorFlow."""
    process = start(*arguments, folder=folder, blocked=("tensorflow", "keras", "kgan"))
    stdout, stderr = process.communicate()
    assert (stderr, stdout, process.returncode) == (f"error: {message}\n", "", 1)


def values(folder):
    found = json.loads((folder / "metrics.json").read_text())
    return {name: metric["value"] for name, metric in found["metrics"].items()}


@pytest.mark.parametrize("arguments", [[], ["--run_dir=runs/mine", "--model=gan.keras"]])
def test_exactly_one_source_must_be_given(tmp_path, arguments):
    message = (
        "Give either --run_dir=<run folder> or --model=<exported folder, or .keras, .tflite or "
        ".onnx file>."
    )
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_what_is_no_flag_is_refused(tmp_path):
    message = "Everything is said by flags. Received: runs/mine."
    check_stops_at_once("runs/mine", folder=tmp_path, message=message)


def test_an_unknown_measure_is_refused(tmp_path):
    message = (
        "--metrics must be some of frechet_distance, kernel_distance, precision_recall, "
        "density_coverage, mode_count, inception_score, classifier_two_sample, ms_ssim. "
        "Received: fid."
    )
    arguments = ["--run_dir=runs/mine", "--metrics=frechet_distance,fid"]
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_a_run_without_a_model_says_what_is_there_and_how_to_train(tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "flags.txt").write_text("")
    message = (
        "There is no runs/mine/gan.keras. runs/mine holds flags.txt. Train first: "
        "python tools/train.py --flagfile=recipes/digits.flags"
    )
    check_stops_at_once("--run_dir=runs/mine", folder=tmp_path, message=message)


@pytest.fixture
def empty_model(tmp_path):
    """A file that looks like a .keras file from outside."""
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    return "--model=a.keras"


def test_a_generator_without_a_run_needs_a_data_set(tmp_path, empty_model):
    message = (
        "Against which real images? Give --dataset=digits, --dataset=folder:<path> or the name of "
        "a TensorFlow Datasets set, the one that the generator was trained on."
    )
    check_stops_at_once(empty_model, folder=tmp_path, message=message)


@pytest.mark.parametrize("flag", ["--dataset", "--held_out"])
def test_a_folder_that_is_not_there_is_told(tmp_path, empty_model, flag):
    arguments = [empty_model, "--dataset=digits", f"{flag}=folder:gone"]
    message = "There is no folder gone. Received: folder:gone."
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_an_extractor_that_is_not_there_is_told(tmp_path, empty_model):
    for name in ("eye.keras", "inception:inception.npz"):
        message = f"There is no {name.rpartition(':')[2]}. Received: --extractor={name}."
        arguments = [empty_model, "--dataset=digits", f"--extractor={name}"]
        check_stops_at_once(*arguments, folder=tmp_path, message=message)
    message = (
        "--extractor must be 'digits', 'fashion', 'inception:<path>', '<path>.keras' or "
        "'classifier'. Received: --extractor=vgg."
    )
    arguments = [empty_model, "--dataset=digits", "--extractor=vgg"]
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_an_evaluation_is_never_overwritten(tmp_path, empty_model):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "metrics.json").write_text("{}")
    message = (
        "--output must be new or empty. Received: --output=kept, which holds something. Nothing "
        "was changed. Choose another folder."
    )
    arguments = [empty_model, "--dataset=digits", "--output=kept"]
    check_stops_at_once(*arguments, folder=tmp_path, message=message)


def test_a_file_that_was_cut_short_is_told(tmp_path, work):
    content = (work / "runs" / "mine" / "gan.keras").read_bytes()
    (tmp_path / "short.keras").write_bytes(content[: len(content) // 2])
    message = "short.keras is damaged or no .keras file: it is no whole zip archive. Copy it anew."
    check_stops_at_once("--model=short.keras", folder=tmp_path, message=message)


def test_a_run_is_measured_against_its_own_data_again_and_again(work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work / "runs" / "mine", run)
    arguments = [f"--run_dir={run}", f"--extractor={work}/eye.keras", "--cache_dir=cache"]
    process = start(*arguments, "--num_repeats=2", folder=tmp_path)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert f"{run}/gan.keras against 60 images of pictures, by the extractor 'eye'." in stdout
    assert "frechet_distance_eye_30" in stdout
    assert "class0  " in stdout
    assert "by features of 'eye'" in stdout
    assert sorted(path.name for path in (run / "evaluation").iterdir()) == [
        "metrics.json",
        "report.html",
    ]
    found = json.loads((run / "evaluation" / "metrics.json").read_text())
    assert found["command"].startswith("python ")
    assert found["command"].endswith(" ".join([*arguments, "--num_repeats=2"]))
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


def test_a_second_evaluation_gets_the_next_folder(run_here, work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work / "runs" / "mine", run)
    for name in ("evaluation", "evaluation-2", "evaluation-3"):
        options = ["--metrics=frechet_distance", "--num_repeats=1"]
        # The file in the run finds the run's data and folder too.
        code = run_here(f"--model={run}/gan.keras", f"--extractor={work}/eye.keras", *options)
        assert code == 0
        assert (run / name / "report.html").is_file()


def test_every_format_of_a_generator_gives_the_same_numbers(run_here, work, tmp_path):
    run, exported = work / "runs" / "mine", work / "exported" / "mine"
    gan = keras.saving.load_model(run / "gan.keras", compile=False)
    gan.sampling_generator().save(tmp_path / "plain.keras")
    paths = [run / "gan.keras", tmp_path / "plain.keras", exported, exported / "mine.tflite"]
    if importlib.util.find_spec("tf2onnx"):
        paths.append(tmp_path / "mine.onnx")
        paths[-1].write_bytes(convert_to_onnx(exported / "1"))
    found = {}
    for path in paths:
        output = tmp_path / f"of-{path.name}"
        code = run_here(
            f"--model={path}",
            f"--dataset=folder:{work}/pictures",
            f"--extractor={work}/eye.keras",
            f"--output={output}",
        )
        assert code == 0
        found[path.name] = values(output)
    expected = found.pop("gan.keras")
    assert len(expected) == 6
    assert len(found) == len(paths) - 1
    for numbers in found.values():
        assert numbers.keys() == expected.keys()
        for name, value in numbers.items():
            # Rounding may move a pixel by one level, and with it one sample of 30 out of a ball.
            tolerance = {"abs": 0.04} if "precision" in name or "recall" in name else {"rel": 1e-3}
            assert value == pytest.approx(expected[name], **tolerance), name


def check_refused(code, capsys, message):
    assert code == 1
    assert capsys.readouterr().err.strip().splitlines()[-1] == f"error: {message}"


def test_a_folder_without_an_export_is_told(run_here, tmp_path, capsys):
    folder = tmp_path / "exported"
    (folder / "1.tmp").mkdir(parents=True)
    code = run_here(f"--model={folder}")
    message = (
        f"{folder} holds no exported version, <number>/saved_model.pb. {folder} holds 1.tmp. Of a "
        "run folder say --run_dir, of a file its name."
    )
    check_refused(code, capsys, message)


def test_images_outside_their_range_are_told_in_one_line(run_here, work, tmp_path, capsys):
    generator = build_generator(activation=None)
    generator.set_weights([3 * np.ones_like(weight) for weight in generator.get_weights()])
    generator.save(tmp_path / "loud.keras")
    code = run_here(
        f"--model={tmp_path}/loud.keras",
        f"--dataset=folder:{work}/pictures",
        f"--extractor={work}/eye.keras",
        f"--output={tmp_path}/out",
    )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 1
    assert error.startswith("error: ")
    assert "must lie in [-1, 1]" in error
    assert not (tmp_path / "out").exists()


def test_an_extractor_that_does_not_fit_is_told_in_one_line(run_here, work, tmp_path, capsys):
    arguments = [f"--run_dir={work}/runs/mine", f"--output={tmp_path}/out"]
    code = run_here(*arguments, "--extractor=digits")
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 1
    assert error.startswith("error: The extractor 'digits' does not fit the images.")


@pytest.mark.filterwarnings("default:The Frechet distance:UserWarning")
def test_what_is_doubtful_is_told_and_kept(run_here, work, tmp_path, capsys):
    code = run_here(
        f"--run_dir={work}/runs/mine",
        f"--extractor={work}/eye.keras",
        f"--output={tmp_path}/out",
        "--num_images=6",
        "--metrics=frechet_distance",
    )
    assert code == 0
    # Three sets of samples warn of the same.
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning: " in line]
    assert line.startswith("warning: The Frechet distance of 6 real and 6 fake rows")
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [f"warning: {warning}" for warning in found["warnings"]] == [line]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Warning: The Frechet distance of 6 real and 6 fake rows" in page


@pytest.mark.filterwarnings("default:The Frechet distance:UserWarning")
def test_too_few_samples_are_told_in_one_line(run_here, work, tmp_path, capsys):
    arguments = [f"--run_dir={work}/runs/mine", f"--extractor={work}/eye.keras"]
    code = run_here(*arguments, f"--output={tmp_path}/out", "--num_images=3")
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 1
    assert error.startswith("error: Too few real features for 3 neighbours of each.")
    assert not (tmp_path / "out").exists()


def test_images_of_another_size_are_told(run_here, work, tmp_path, capsys):
    code = run_here(
        f"--model={work}/runs/mine/gan.keras", "--dataset=digits", f"--output={tmp_path}/out"
    )
    message = (
        "The generator makes images (8, 8, 1), and those of 'digits' are (28, 28, 1). Name the "
        "data set that it was trained on, and its --image_size."
    )
    check_refused(code, capsys, message)


def test_an_export_of_other_classes_is_told(run_here, work, tmp_path, capsys):
    shutil.copytree(work / "pictures", tmp_path / "pictures")
    shutil.rmtree(tmp_path / "pictures" / "class2")
    for name in ("mine/1", "mine/mine.tflite"):
        path = work / "exported" / name
        code = run_here(
            f"--model={path}", f"--dataset=folder:{tmp_path}/pictures", f"--output={tmp_path}/out"
        )
        message = (
            f"{path} was not exported with the 2 classes of the data set. Evaluate it against the "
            "data set that it was trained on."
        )
        check_refused(code, capsys, message)


def test_a_data_set_without_labels_needs_a_named_extractor(run_here, work, tmp_path, capsys):
    latents = keras.Input((LATENT_DIM,))
    pixels = keras.layers.Dense(64, activation="tanh")(latents)
    keras.Model(latents, keras.layers.Reshape((8, 8, 1))(pixels)).save(tmp_path / "a.keras")
    code = run_here(
        f"--model={tmp_path}/a.keras",
        f"--dataset=folder:{work}/pictures/class0",
        f"--output={tmp_path}/out",
    )
    message = (
        "'class0' has no labels, so no classifier can be trained to look at its images. Name one: "
        "--extractor=inception:<path> for colour, digits or fashion for 28x28 grey images, or a "
        ".keras file."
    )
    check_refused(code, capsys, message)


def test_ctrl_c_leaves_nothing_behind(forks, work, tmp_path):
    arguments = [f"--run_dir={work}/runs/mine", f"--extractor={work}/eye.keras"]
    more = ["--cache_dir=cache", "--output=out", "--num_repeats=100000"]
    forks.start(TOOLS / "evaluate.py", *arguments, *more, folder=tmp_path)
    # The first line of an evaluation that has begun.
    while "against 60 images" not in forks.printed():
        time.sleep(0.1)
    time.sleep(0.5)
    forks.send(signal.SIGINT)
    done = forks.finish()
    stderr = done.stderr
    assert done.returncode == 130, stderr
    assert stderr.strip().splitlines()[-1] == "Interrupted. Nothing was written."
    assert not (tmp_path / "out").exists()
    assert not list((work / "runs" / "mine").glob("evaluation*"))


def test_the_tool_knows_every_measure_by_name(tool):
    from kgan import metrics

    assert [metrics.get(name).name for name in tool.METRICS[:-1]] == list(tool.METRICS[:-1])
    assert metrics.get(tool.METRICS[-1]).name == "multi_scale_ssim"
