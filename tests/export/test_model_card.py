import datetime
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kgan.export.interface import read_interface
from kgan.export.model_card import FILE
from kgan.export.model_card import weights_digest
from kgan.export.model_card import write_model_card
from kgan.export.saved_model import write_saved_model


@pytest.fixture(scope="module")
def interface(conditional_generator):
    return read_interface(conditional_generator, 3)


@pytest.fixture(scope="module")
def folder(conditional_generator, interface, tmp_path_factory):
    """The SavedModel of the conditional generator."""
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(conditional_generator, folder, interface)
    return folder


def card(folder, interface, **given):
    write_model_card(folder, name="digits", version=7, interface=interface, **given)
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def test_what_a_model_takes_and_gives(folder, interface):
    found = card(folder, interface)
    assert found["name"] == "digits"
    assert found["image_shape"] == [8, 8, 1]
    assert (found["latent_dim"], found["num_classes"]) == (5, 3)
    latents = {"dtype": "float32", "shape": [None, 5]}
    label = {"dtype": "int32", "shape": [None]}
    seed = {"dtype": "int64", "shape": [None]}
    truncation = {"dtype": "float32", "shape": [None]}
    pictures = {"images": {"dtype": "uint8", "shape": [None, 8, 8, 1]}}
    assert found["signatures"] == {
        "serving_default": {
            "inputs": {"latents": latents, "label": label},
            "outputs": {"images": {"dtype": "float32", "shape": [None, 8, 8, 1]}},
        },
        "generate": {"inputs": {"seed": seed, "label": label}, "outputs": pictures},
        "generate_truncated": {
            "inputs": {"seed": seed, "truncation": truncation, "label": label},
            "outputs": pictures,
        },
        "generate_png": {
            "inputs": {"seed": seed, "label": label},
            "outputs": {"png_bytes": {"dtype": "string", "shape": [None]}},
        },
        "classes": {
            "inputs": {"label": label},
            "outputs": {"one_hot": {"dtype": "uint8", "shape": [None, 3]}},
        },
    }


def test_the_number_of_weights_is_that_of_keras(conditional_generator, folder, interface):
    assert card(folder, interface)["weights"]["number"] == conditional_generator.count_params()


def test_the_versions_are_those_that_run(folder, interface):
    packages = card(folder, interface)["packages"]
    assert set(packages) == {"kgan", "keras", "tensorflow", "numpy", "python"}
    assert packages["tensorflow"] == tf.__version__
    assert packages["numpy"] == np.__version__


def test_the_date_is_now_in_utc(folder, interface):
    date = datetime.datetime.fromisoformat(card(folder, interface)["date"])
    assert date.utcoffset() == datetime.timedelta(0)
    assert abs(datetime.datetime.now(datetime.UTC) - date) < datetime.timedelta(minutes=1)


def test_the_digest_can_be_taken_by_hand_from_the_weights_of_keras(conditional_generator, folder):
    # Whatever order and names they have in the file, which differ from process to process.
    lines = []
    for values in conditional_generator.get_weights():
        shape = "[" + ", ".join(str(size) for size in values.shape) + "]"
        digest = hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()
        lines.append(f"float32 {shape} {digest}\n")
    expected = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    assert weights_digest(folder) == expected


def write_variable(folder, values):
    module = tf.Module()
    module.variable = tf.Variable(values)
    tf.saved_model.save(module, str(folder))


def test_equal_weights_have_one_digest_and_others_another(tmp_path):
    values = np.random.default_rng(0).standard_normal((3, 4), "float32")
    write_variable(tmp_path / "first", values)
    write_variable(tmp_path / "second", values)
    assert weights_digest(tmp_path / "first") == weights_digest(tmp_path / "second")
    next_number = values.copy()
    next_number[0, 0] = np.nextafter(values[0, 0], np.float32(np.inf))
    # The same bytes in another shape are other weights too.
    for name, other in (("third", next_number), ("fourth", values.reshape(4, 3))):
        write_variable(tmp_path / name, other)
        assert weights_digest(tmp_path / name) != weights_digest(tmp_path / "first")


def test_what_the_caller_gives_is_taken_as_it_is(folder, interface):
    given = {
        "data": {"name": "digits", "images": 10_000, "licence": "CC BY-SA 3.0"},
        "recipe": {"ema": True, "seed": None, "betas": [0.5, 0.999]},
        "metrics": {"frechet": {"value": 3.25, "samples": 10_000}, "paper": "arXiv 1406.2661"},
    }
    found = card(folder, interface, **given)
    assert {key: found[key] for key in given} == given
    assert found["command"] is None
    typed = "kgan train --run_dir='two words'"
    assert card(folder, interface, command=typed)["command"] == typed
    words = ["kgan", "train", "--run_dir", "two words", "--seed", 3]
    shown = "kgan train --run_dir 'two words' --seed 3"
    assert card(folder, interface, command=words)["command"] == shown


def test_numbers_of_numpy_become_numbers(folder, interface):
    metrics = {"distance": np.float32(0.5), "samples": np.int64(10), "both": (np.True_, 1)}
    found = card(folder, interface, metrics=metrics)["metrics"]
    assert json.dumps(found) == '{"distance": 0.5, "samples": 10, "both": [true, 1]}'


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.float32(np.inf), {1, 2}, b"bytes"])
def test_what_is_no_json_is_refused(folder, interface, value):
    plain = value.item() if isinstance(value, np.generic) else value
    message = (
        "A model card holds texts, finite numbers, booleans, None, and lists and dicts of them. "
        f"Received at metrics.frechet[1]: {plain!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        card(folder, interface, metrics={"frechet": [1.0, value]})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/home/alice/runs/digits", ".../digits"),
        ("/home/alice/my runs/digits/", ".../digits"),
        ("--run_dir=/home/alice/my runs/digits", "--run_dir=.../digits"),
        ("from /home/alice/runs/digits to exported/digits", "from .../digits to exported/digits"),
        ("a:/home/alice/a,/home/alice/b", "a:.../a,.../b"),
        ("file:///home/alice/a.png", ".../a.png"),
        ("//home/alice/a.png", ".../a.png"),
        (r"C:\Users\alice\runs\digits", ".../digits"),
        ("('/home/alice/a')", "('.../a')"),
        (Path("/home/alice/runs/digits"), ".../digits"),
        ("~alice/runs/digits", ".../digits"),
        ("--data_dir=../../home/alice/data", "--data_dir=.../data"),
        ("https://alice:secret@example.org/digits", "https://example.org/digits"),
        ("from s3://key:secret@bucket/digits on", "from s3://bucket/digits on"),
        ("runs/digits", "runs/digits"),
        ("../digits", "../digits"),
        ("~/runs", "~/runs"),
        ("https://example.org/datasets/digits", "https://example.org/datasets/digits"),
        ("real/fake, 1/2, and/or, 3 / 4", "real/fake, 1/2, and/or, 3 / 4"),
    ],
)
def test_absolute_paths_are_shortened(folder, interface, given, kept):
    found = card(folder, interface, recipe={"run": [given]}, data={str(given): 1})
    assert found["recipe"] == {"run": [kept]}
    assert found["data"] == {kept: 1}


def test_the_command_is_one_that_a_shell_takes(folder, interface):
    command = ["/opt/tools/export.py", "--run_dir=/home/alice/my runs/digits", "--title=a b"]
    found = card(folder, interface, command=command)["command"]
    assert found == ".../export.py --run_dir=.../digits '--title=a b'"


def test_the_card_lies_beside_the_model_and_begins_with_its_name(folder, interface):
    files = {"digits.tflite": {"bytes": 3, "decibels": None}}
    write_model_card(folder, name="digits", version=7, interface=interface, files=files)
    found = json.loads((folder / "assets.extra" / "model_card.json").read_text())
    assert list(found)[:2] == ["name", "version"]
    assert (found["name"], found["version"], found["files"]) == ("digits", 7, files)
