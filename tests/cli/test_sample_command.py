"""kgan sample: the same images of a seed from every file and server, and errors in one line."""

import base64
import contextlib
import io
import runpy
import socket
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kgan
from kgan.cli.sample import grid
from kgan.cli.served import decode
from kgan.export import export_generator

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
    """A folder of versions, the newest of which is that of the run folder `run` beside it."""
    generator = build_generator()
    base = tmp_path_factory.mktemp("exported") / "digits"
    (base / "9").mkdir(parents=True)
    (base / "9" / "saved_model.pb").touch()
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


@pytest.fixture
def sample(kgan_command, tmp_path):
    """Run the command in the test's folder; returns its exit status and what it printed."""

    def sample(*arguments):
        found = kgan_command("sample", *arguments, folder=tmp_path)
        assert found.returncode == 0, found.stderr
        return found

    return sample


def cell(path, row, column):
    """The image at a place of the grid in a PNG file."""
    pixels = np.asarray(Image.open(path)).astype(int)
    top, left = GAP + row * (6 + GAP), GAP + column * (4 + GAP)
    return pixels[top : top + 6, left : left + 4]


def test_a_grid_has_a_row_for_each_class_and_an_image_for_each_seed(sample, exported, tmp_path):
    arguments = [f"--model={exported}", "--seed=40", "--num_images=7", "--output=new/grid.png"]
    found = sample(*arguments)
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


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_grid_without_rows_of_classes_is_in_reading_order_and_white_elsewhere(channels):
    whole = grid(np.zeros((3, 1, 1, channels), "uint8"), None)
    # Two columns of two rows, each image one pixel between gaps of two; the last place is free.
    black = np.zeros((8, 8), bool)
    black[[2, 2, 5], [2, 5, 2]] = True
    np.testing.assert_array_equal((whole == 0).all(-1), black)
    np.testing.assert_array_equal((whole == 255).all(-1), ~black)


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("more", [[], ["--truncation=0.5"]], ids=["all", "truncated"])
def test_a_run_its_exports_and_a_server_give_the_same_images(
    sample, exported, served, tmp_path, more
):
    address, model = served
    model.asked.clear()
    places = {
        "run": f"--model={exported.with_name('run')}",
        "export": f"--model={exported}",
        "tflite": f"--model={exported / 'digits.tflite'}",
        "server": f"--server={address}",
    }
    # Past 32 images, which are made at a time.
    arguments = ["--seed=11", "--num_images=40", *more]
    for name, place in places.items():
        sample(place, *arguments, f"--output={name}.png")
    expected = pixels(tmp_path / "export.png")
    for name in places:
        # One level: Keras and the graph sum in another order.
        np.testing.assert_allclose(pixels(tmp_path / f"{name}.png"), expected, rtol=0, atol=1)
    # The images alone, 32 and 8: how many classes there are is read from the metadata.
    assert model.asked == (["generate_truncated"] * 2 if more else ["generate_png"] * 2)


def test_a_smaller_truncation_brings_images_nearer_to_the_middle_one(sample, exported, tmp_path):
    def spread(truncation):
        output = f"{truncation}.png"
        arguments = [f"--truncation={truncation}", "--label=0", f"--output={output}"]
        sample(f"--model={exported}", *arguments)
        images = [cell(tmp_path / output, row, column) for row in range(10) for column in range(10)]
        return np.std(images, axis=0).mean()

    assert spread(0.01) < 2 < spread(0.5) < spread(100)


def test_a_folder_gets_a_file_for_each_seed(sample, exported, tmp_path):
    arguments = [f"--model={exported}", "--seed=7", "--num_images=4"]
    for output in ("grid.png", "new/images/"):
        found = sample(*arguments, f"--output={output}")
    assert found.stdout == f"new/images/: 4 images of {exported / '10'}, seeds from 7.\n"
    files = sorted((tmp_path / "new" / "images").iterdir())
    assert [file.name for file in files] == [f"seed-{seed:08d}.png" for seed in range(7, 11)]
    for image, file in enumerate(files):
        # Three classes in turn, a row each.
        shown = cell(tmp_path / "grid.png", row=image % 3, column=image // 3)
        np.testing.assert_array_equal(pixels(file), shown)


def test_a_picture_that_cannot_be_written_leaves_the_one_that_was_there(
    sample, refused, exported, tmp_path, monkeypatch
):
    sample(f"--model={exported}", "--num_images=1")
    before = (tmp_path / "samples.png").read_bytes()

    def full(self, file, format):
        Path(file).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    arguments = [f"--model={exported}", "--num_images=2"]
    refused("sample", *arguments, message="error: no space left", folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["samples.png"]
    assert (tmp_path / "samples.png").read_bytes() == before


@pytest.fixture
def check_server_says(refused, tmp_path):
    """Check that of a server the command says one line, and writes nothing."""

    def check(server, *arguments, message):
        words = [f"--server={server}", *arguments]
        refused("sample", *words, message=f"error: {message}", folder=tmp_path)
        assert list(tmp_path.iterdir()) == []

    return check


def test_a_label_or_a_model_that_is_not_served_is_told(check_server_says, served):
    message = "--label must be from 0 to 2. Received: --label=7."
    check_server_says(served[0], "--label=7", message=message)
    other = served[0].replace("digits", "faces")
    message = f"{other}/metadata answers 404: "
    check_server_says(other, message=message)


def test_requests_larger_than_the_servers_batch_are_told(check_server_says, exported):
    model = SERVED["ServedModel"](exported / "10", "digits", max_batch_size=16)
    with SERVED["serve"](model.answer) as host:
        address = f"{host}/v1/models/digits"
        message = f"{address}:predict answers 400: "
        check_server_says(address, message=message)


def test_a_server_that_is_not_there_is_told(check_server_says):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1/models/digits"
    message = (
        f"{address}/metadata cannot be reached: [Errno 111] Connection refused. Is the server "
        "running, and is this its port for REST, 8501 if nothing else was said?"
    )
    check_server_says(address, message=message)


# The last are of a shape that is not known, and of none.
@pytest.mark.parametrize("dimensions", [None, [], ["-1", "-1"], ["-1", "0"]])
def test_a_model_that_does_not_say_how_many_classes_it_has_is_told(
    check_server_says, served, dimensions
):
    def answer(path, body):
        found = served[1].answer(path, body)
        signatures = found["metadata"]["signature_def"]["signature_def"]
        if dimensions is None:
            del signatures["classes"]
        else:
            shape = {"dim": [{"size": size} for size in dimensions]}
            signatures["classes"]["outputs"]["one_hot"]["tensor_shape"] = shape
        return found

    with SERVED["serve"](answer) as host:
        address = f"{host}/v1/models/digits"
        problem = "takes labels, and does not say how many classes there are. Export the generator"
        check_server_says(address, message=f"{address} {problem} anew.")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"<html>", "/metadata answers, but not as TensorFlow Serving does. Expected: a JSON obje"),
        (b"[" * 10**5, "/metadata answers, but not as TensorFlow Serving does."),
        (b" " * (2**22 + 1), "/metadata answers, but not as TensorFlow Serving does."),
        ([1], "/metadata answers, but not as TensorFlow Serving does."),
        ({}, " has no signature 'generate' of seeds: kgan has not exported it."),
    ],
)
def test_another_server_or_model_is_told(check_server_says, answer, problem):
    with SERVED["serve"](lambda path, body: answer) as host:
        address = f"{host}/v1/models/digits"
        check_server_says(address, message=f"{address}{problem}")


def signatures(*sizes):
    """The metadata of a generator without classes whose images have these sizes."""
    shape = {"dim": [{"size": str(size)} for size in (-1, *sizes)]}
    generate = {"inputs": {"seed": {}}, "outputs": {"images": {"tensor_shape": shape}}}
    return {"metadata": {"signature_def": {"signature_def": {"generate": generate}}}}


@pytest.mark.parametrize("sizes", [(12_000, 1, 1), (0, 1, 1), (8, 8, 2), (8, 8), ("a", 8, 1)])
def test_a_server_of_other_images_is_told(check_server_says, sizes):
    with SERVED["serve"](lambda path, body: signatures(*sizes)) as host:
        address = f"{host}/v1/models/digits"
        message = f"{address} does not say that its images are of one size, of at most 4096 pixels"
        check_server_says(address, message=message)


def png(size, mode="L", kind="PNG"):
    """A row with a black picture."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return {"b64": base64.b64encode(file.getvalue()).decode()}


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ([[[[0]]]], "1 of them"),
        ([[], []], "float64 of the shape (2, 0)"),
        ([[[[0], [0]]], [[[0]]]], "setting an array element with a sequence."),
        ([[[[0], [256]]], [[[0], [0]]]], "values from 0 to 256"),
        ([[[[0], [0.5]]], [[[0], [0]]]], "float64 of the shape (2, 1, 2, 1)"),
        ([png((2, 1)), [[[0]]]], "list indices must be integers"),
        ([png((2, 1)), {"b64": "AAAA"}], "cannot identify image file"),
        ([png((2, 1)), png((1, 2))], "a picture L of 1 x 2"),
        ([png((2, 1)), png((12_000, 12_000))], "a picture L of 12000 x 12000"),
        ([png((2, 1)), png((2, 1), "RGB")], "a picture RGB of 2 x 1"),
        ([png((2, 1)), png((2, 1), "RGB", "EPS")], "cannot identify image file"),
        (None, "object of type 'NoneType' has no len()"),
    ],
)
def test_an_answer_that_is_no_images_is_told(check_server_says, outputs, problem):
    answers = {True: {"outputs": outputs}, False: signatures(1, 2, 1)}
    with SERVED["serve"](lambda path, body: answers[path.endswith(":predict")]) as host:
        address = f"{host}/v1/models/digits"
        message = f"{address} answers with something else than 2 images of the shape (1, 2, 1): "
        check_server_says(address, "--num_images=2", message=message + problem)


def test_lists_and_pictures_are_the_same_images():
    expected = np.arange(12).reshape(2, 2, 1, 3).astype("uint8")
    np.testing.assert_array_equal(decode(expected.tolist(), expected.shape), expected)
    rows = []
    for image in expected:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        rows.append({"b64": base64.b64encode(file.getvalue()).decode()})
    np.testing.assert_array_equal(decode(rows, expected.shape), expected)


def test_a_server_that_never_ends_its_answer_is_left(check_server_says, monkeypatch):
    monkeypatch.setattr("kgan.cli.served.PATIENCE_IN_ALL", 0.2)
    with SERVED["serve"](lambda path, body: time.sleep(1) or b"{}") as host:
        address = f"{host}/v1/models/digits"
        message = f"{address}/metadata cannot be reached: no whole answer came in 0.2 s. Is the "
        check_server_says(address, message=message)


def test_what_a_server_says_of_an_error_is_short_and_spelt(check_server_says):
    def refuse(path, body):
        raise SERVED["RefusedError"](400, "\x9b2J" + 10**6 * "a")

    with SERVED["serve"](refuse) as host:
        address = f"{host}/v1/models/digits"
        # In JSON an escape is spelt; this is what follows `{"error": "`.
        start = r'{"error": "\u009b2J'
        message = f"{address}/metadata answers 400: {start}{(1000 - len(start)) * 'a'}"
        check_server_says(address, message=message)


def test_a_generator_that_does_not_say_how_many_classes_it_has_is_told(refused, tmp_path):
    latents = keras.Input((5,))
    labels = keras.Input((), dtype="int32")
    one_hot = keras.layers.CategoryEncoding(3, output_mode="one_hot")(labels[:, None])
    flat = keras.layers.Dense(24)(keras.layers.Concatenate()([latents, one_hot]))
    model = keras.Model([latents, labels], keras.layers.Reshape((6, 4, 1))(flat))
    model.save(tmp_path / "plain.keras")
    message = (
        "error: plain.keras takes labels, and how many there are cannot be read from its 0 "
        "embeddings. Export it with --num_classes=<number>."
    )
    refused("sample", "--model=plain.keras", message=message, folder=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --model=<run folder, exported folder or file> or --server=http://<host>"),
        (["--model=m", "--server=http://localhost:8501/v1/models/digits"], "give either --model="),
        (["--model=m", "--seed=-1"], "--seed=-1"),
        (["--model=m", "--num_images=0"], "--num_images=0"),
        (["--model=m", "--truncation=nan"], "must be a finite number."),
        (["--model=m", "--truncation=0"], "must be above 0."),
        (["--model=m", "--output="], "must end in .png, or in / for a folder with a file"),
        # Before the model is opened.
        (["--model=m", "--output=digits.tflite/a.png"], "digits.tflite is no folder that you may"),
        (["--model=m", "--output=digits.tflite/"], "digits.tflite is no folder that you may"),
        (["--server=http://[::1/v1/models/digits"], "cannot be reached: Invalid IPv6 URL. Is the"),
        (["--model=m", "--output=grid.jpg"], "must end in .png, or in / for a folder with a file"),
        (["--server=grpc://localhost:8500"], "must be http://<host>:<port>/v1/models/<name>, the "),
        (["--server=localhost:8501"], "must be http://<host>:<port>/v1/models/<name>, the server"),
        (["--server=http://localhost:8501/digits"], "must be http://<host>:<port>/v1/models/<nam"),
        (["--model=exported"], "There is no generator in exported. Expected: a run folder with"),
        (["--model=digits.tflite"], "error: digits.tflite cannot be opened: "),
    ],
)
def test_what_cannot_be_is_told_in_one_line(refused, tmp_path, arguments, message):
    (tmp_path / "exported" / "1.tmp").mkdir(parents=True)
    (tmp_path / "digits.tflite").write_bytes(b"no model")
    refused("sample", *arguments, message=message, folder=tmp_path)


def test_a_label_that_the_generator_does_not_know_is_told(refused, exported, tmp_path):
    message = "error: --label must be from 0 to 2. Received: --label=3."
    arguments = [f"--model={exported / '10'}", "--label=3"]
    refused("sample", *arguments, message=message, folder=tmp_path)
