import contextlib
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kgan
from kgan._utils.images import to_uint8
from kgan.export import export_generator
from kgan.export.tflite import run_tflite

TOOL = Path(__file__).parents[2] / "tools" / "sample.py"
SERVED = runpy.run_path(str(Path(__file__).parents[1] / "served_model.py"))
# Pixels of the gap between the images of a grid.
GAP = 2


def build_generator():
    """A generator of (6, 4, 1) images of 3 classes."""
    latents = keras.Input((5,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = keras.layers.Embedding(3, 4, embeddings_initializer="orthogonal")(labels)
    joined = keras.layers.Concatenate()([latents, embedded])
    pixels = keras.layers.Dense(24, activation="tanh")(joined)
    return keras.Model([latents, labels], keras.layers.Reshape((6, 4, 1))(pixels))


def build_discriminator():
    """A discriminator of such images."""
    images = keras.Input((6, 4, 1))
    labels = keras.Input((), dtype="int32")
    features = [keras.layers.Flatten()(images), keras.layers.Embedding(3, 4)(labels)]
    logits = keras.layers.Dense(1)(keras.layers.Concatenate()(features))
    return keras.Model([images, labels], logits)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder of versions: 9 gives grey alone, 10 is that of the run folder `run` beside it."""
    generator = build_generator()
    blank = keras.models.clone_model(generator)
    blank.set_weights([weight * 0 for weight in blank.get_weights()])
    base = tmp_path_factory.mktemp("exported") / "digits"
    export_generator(blank, base, num_classes=3, version=9, tflite=())
    export_generator(generator, base, num_classes=3, version=10)
    run = base.with_name("run")
    run.mkdir()
    gan = kgan.GAN(generator, build_discriminator(), latent_dim=5, num_classes=3)
    gan.save(run / "gan.keras")
    return base


@pytest.fixture(scope="module")
def served(exported):
    """Version 10 behind HTTP: the address of the model, and what answers."""
    model = SERVED["ServedModel"](exported / "10", "digits")
    with SERVED["serve"](model.answer) as address:
        yield f"{address}/v1/models/digits", model


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


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("more", [[], ["--truncation=0.5"]], ids=["all", "truncated"])
def test_a_run_its_export_and_a_server_give_the_same_images(
    forks, exported, served, tmp_path, more
):
    address, model = served
    model.asked.clear()
    places = {
        "run": f"--model={exported.with_name('run')}",
        "export": f"--model={exported}",
        "server": f"--server={address}",
    }
    # Past 32 images, which are made at a time.
    arguments = ["--seed=11", "--num_images=40", *more]
    for name, place in places.items():
        found = forks.run(TOOL, place, *arguments, f"--output={name}.png", folder=tmp_path)
        assert found.returncode == 0, found.stderr
    expected = pixels(tmp_path / "export.png")
    for name in places:
        # One level: Keras and the graph sum in another order.
        np.testing.assert_allclose(pixels(tmp_path / f"{name}.png"), expected, rtol=0, atol=1)
    # Labels are found out one by one, and then come the images: 32 and 8.
    last = ["generate_truncated"] * 2 if more else ["generate_png"] * 2
    assert model.asked[-2:] == last


def test_what_the_generator_refuses_is_told(forks, exported, tmp_path):
    # As a float32 this is 0.
    arguments = [f"--model={exported}", "--truncation=1e-60", "--num_images=2", "--label=0"]
    found = forks.run(TOOL, *arguments, folder=tmp_path)
    assert (
        "sample.py: the generator refuses: assertion failed: [truncation is the largest absolute "
        "value of a latent and must be above 0. Received:] [0 0]\n"
    ) in found.stderr


def test_a_smaller_truncation_brings_images_nearer_to_the_middle_one(forks, exported, tmp_path):
    def spread(truncation):
        output = f"{truncation}.png"
        arguments = [f"--truncation={truncation}", "--label=0", f"--output={output}"]
        found = forks.run(TOOL, f"--model={exported}", *arguments, folder=tmp_path)
        assert found.returncode == 0, found.stderr
        images = [cell(tmp_path / output, row, column) for row in range(10) for column in range(10)]
        return np.std(images, axis=0).mean()

    assert spread(0.01) < 2 < spread(0.5) < spread(100)


def test_a_folder_gets_a_file_for_each_seed(forks, exported, tmp_path):
    arguments = [f"--model={exported}", "--seed=7", "--num_images=4"]
    for output in ("grid.png", "new/images/"):
        found = forks.run(TOOL, *arguments, f"--output={output}", folder=tmp_path)
        assert found.returncode == 0, found.stderr
    assert found.stdout == f"new/images/: 4 images of {exported / '10'}, seeds from 7.\n"
    files = sorted((tmp_path / "new" / "images").iterdir())
    assert [file.name for file in files] == [f"seed-{seed:08d}.png" for seed in range(7, 11)]
    for image, file in enumerate(files):
        # Three classes in turn, a row each.
        shown = cell(tmp_path / "grid.png", row=image % 3, column=image // 3)
        np.testing.assert_array_equal(pixels(file), shown)


def test_a_server_is_sampled_without_any_package_but_absl_and_pillow(exported, served, tmp_path):
    address, _ = served
    place = f"{address}/versions/10"
    arguments = [f"--server={place}", "--num_images=6"]
    blocked = ["kgan", "keras", "tensorflow", "numpy"]
    found = run_without(blocked, *arguments, folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout == f"samples.png: 6 images of {place}, seeds from 0.\n"
    generate = tf.saved_model.load(str(exported / "10")).signatures["generate"]
    images = generate(seed=tf.range(6, dtype=tf.int64), label=tf.range(6) % 3)["images"]
    for image in range(6):
        shown = cell(tmp_path / "samples.png", row=image % 3, column=image // 3)
        np.testing.assert_allclose(shown, images[image, ..., 0], rtol=0, atol=1)


def check_server_says(server, *arguments, folder, message):
    """The tool says one line and nothing more."""
    check_stops_at_once(f"--server={server}", *arguments, folder=folder, message=message)
    assert not (folder / "samples.png").exists()


def test_a_label_or_a_model_that_is_not_served_is_told(served, tmp_path):
    message = "--label must be from 0 to 2. Received: --label=7."
    check_server_says(served[0], "--label=7", folder=tmp_path, message=message)
    other = served[0].replace("digits", "faces")
    message = f"{other}/metadata answers 404: Servable not found for request: Latest(faces)"
    check_server_says(other, folder=tmp_path, message=message)


def test_requests_larger_than_the_servers_batch_are_told(exported, tmp_path):
    model = SERVED["ServedModel"](exported / "10", "digits", max_batch_size=16)
    with SERVED["serve"](model.answer) as host:
        address = f"{host}/v1/models/digits"
        message = (
            f"the generator refuses: {address}:predict answers 400: Task size 32 is larger than "
            "maximum input batch size 16"
        )
        check_server_says(address, folder=tmp_path, message=message)


def test_a_server_that_is_not_there_is_told(tmp_path):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1/models/digits"
    message = (
        f"{address}/metadata cannot be reached: [Errno 111] Connection refused. Is the server "
        "running, and is this its port for REST, 8501 if nothing else was said?"
    )
    check_server_says(address, folder=tmp_path, message=message)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"<html>", "/metadata answers, but not as TensorFlow Serving does."),
        ({}, " has no signature 'generate' of seeds: kgan has not exported it."),
    ],
)
def test_another_server_or_model_is_told(tmp_path, answer, problem):
    with SERVED["serve"](lambda path, body: answer) as host:
        address = f"{host}/v1/models/digits"
        check_server_says(address, folder=tmp_path, message=f"{address}{problem}")


@pytest.mark.parametrize(
    ("predictions", "problem"),
    [
        ([[[[0]]]], " answers with 1 images. Asked for: 2."),
        ([[], []], " answers with something else than images."),
        ([[[[0]]], {"b64": "AAAA"}], " answers with something else than images."),
    ],
)
def test_an_answer_that_is_no_images_is_told(tmp_path, predictions, problem):
    inputs = {"seed": {}}
    signatures = {
        "metadata": {"signature_def": {"signature_def": {"generate": {"inputs": inputs}}}}
    }
    answers = {True: {"predictions": predictions}, False: signatures}
    with SERVED["serve"](lambda path, body: answers[path.endswith(":predict")]) as host:
        address = f"{host}/v1/models/digits"
        arguments = (address, "--num_images=2")
        check_server_says(*arguments, folder=tmp_path, message=f"{address}{problem}")


def test_an_onnx_file_is_sampled_with_latents_of_numpy(forks, tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    write_onnx(onnx, tmp_path / "small.onnx")
    found = forks.run(TOOL, "--model=small.onnx", "--num_images=4", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    for image in range(4):
        label = image % 2
        latents = np.random.default_rng(image).standard_normal(24, "float32")
        expected = to_uint8(np.tanh(latents + label)).reshape(6, 4).astype(int)
        shown = cell(tmp_path / "samples.png", row=label, column=image // 2)
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1)


def write_onnx(onnx, path):
    """A generator of (6, 4, 1) images tanh(latents + label) of 2 classes."""
    helper = onnx.helper
    float32, int32, int64 = (
        getattr(onnx.TensorProto, name) for name in ("FLOAT", "INT32", "INT64")
    )
    nodes = [
        helper.make_node("Gather", ["classes", "label"], ["class"]),
        helper.make_node("Add", ["latents", "class"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["images"]),
    ]
    inputs = [
        helper.make_tensor_value_info("latents", float32, ["n", 24]),
        helper.make_tensor_value_info("label", int32, ["n"]),
    ]
    outputs = [helper.make_tensor_value_info("images", float32, ["n", 6, 4, 1])]
    constants = [
        helper.make_tensor("classes", float32, [2, 1], [0.0, 1.0]),
        helper.make_tensor("shape", int64, [4], [-1, 6, 4, 1]),
    ]
    graph = helper.make_graph(nodes, "small", inputs, outputs, constants)
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), path)


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "small.onnx").touch()
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError(name='onnxruntime')")
    message = "small.onnx needs the package onnxruntime. Install it."
    check_stops_at_once("--model=small.onnx", folder=tmp_path, message=message)


def test_a_damaged_file_is_told(forks, tmp_path):
    (tmp_path / "digits.tflite").write_bytes(b"no model")
    found = forks.run(TOOL, "--model=digits.tflite", folder=tmp_path)
    assert (
        found.stderr.strip()
        .splitlines()[-1]
        .startswith("sample.py: digits.tflite cannot be loaded: ")
    )
    assert "Traceback" not in found.stderr
    assert found.returncode == 1


def test_a_truncation_that_a_file_cannot_apply_is_told(forks, exported, tmp_path):
    arguments = [f"--model={exported / 'digits.tflite'}", "--truncation=0.5"]
    found = forks.run(TOOL, *arguments, folder=tmp_path)
    assert found.stderr.strip().splitlines()[-1] == (
        "sample.py: --truncation applies to a .keras file, and to a SavedModel or a server with "
        "the signature generate_truncated. Leave it out, or export anew."
    )


def test_a_generator_that_does_not_say_how_many_classes_it_has_is_told(forks, tmp_path):
    latents = keras.Input((5,))
    labels = keras.Input((), dtype="int32")
    one_hot = keras.layers.CategoryEncoding(3, output_mode="one_hot")(labels[:, None])
    flat = keras.layers.Dense(24)(keras.layers.Concatenate()([latents, one_hot]))
    model = keras.Model([latents, labels], keras.layers.Reshape((6, 4, 1))(flat))
    model.save(tmp_path / "plain.keras")
    found = forks.run(TOOL, "--model=plain.keras", folder=tmp_path)
    assert found.stderr.strip().splitlines()[-1] == (
        "sample.py: plain.keras takes labels, and how many there are cannot be read from its 0 "
        "embeddings. Export it with --num_classes=<number>."
    )


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--seed=-1", "--seed must be from 0 to 4294967295. Received: --seed=-1."),
        ("--num_images=0", "--num_images must be from 1 to 10000. Received: --num_images=0."),
        ("--label=-1", "--label must be from 0 to 2147483647. Received: --label=-1."),
        ("--truncation=nan", "--truncation must be above 0. Received: --truncation=nan."),
        (
            "--output=grid.jpg",
            "--output must end in .png, or in / for a folder with a file for each image. "
            "Received: --output=grid.jpg.",
        ),
        (
            "--server=http://localhost:8501/v1/models/digits",
            "give either --model=<run folder, exported folder or file> or "
            "--server=http://<host>:8501/v1/models/<name>.",
        ),
    ],
)
def test_flags_out_of_range_are_refused(tmp_path, flag, message):
    check_stops_at_once("--model=exported/digits", flag, folder=tmp_path, message=message)


def test_a_model_or_a_server_must_be_given(tmp_path):
    message = (
        "give either --model=<run folder, exported folder or file> or "
        "--server=http://<host>:8501/v1/models/<name>."
    )
    check_stops_at_once(folder=tmp_path, message=message)


@pytest.mark.parametrize(
    "address", ["grpc://localhost:8500", "localhost:8501", "http://localhost:8501/digits"]
)
def test_an_address_that_is_no_models_is_told(tmp_path, address):
    message = (
        "--server must be http://<host>:<port>/v1/models/<name>, the server's port for REST, with "
        "/versions/<number> or /labels/<label> after it for another version than the newest. "
        f"Received: --server={address}."
    )
    check_stops_at_once(f"--server={address}", folder=tmp_path, message=message)


def test_a_folder_without_a_version_is_told(tmp_path):
    (tmp_path / "exported" / "digits" / "1.tmp").mkdir(parents=True)
    message = (
        "exported/digits is no .keras, .tflite or .onnx file and no run folder, and it holds no "
        "exported version, <number>/saved_model.pb. Export first: python tools/export.py "
        "--run_dir=<run folder>"
    )
    check_stops_at_once("--model=exported/digits", folder=tmp_path, message=message)
