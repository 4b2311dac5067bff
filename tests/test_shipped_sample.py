"""exported/digits_small is what its README says: small, whole, and digits."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kgan import features
from kgan.export.graph_checks import check_operations
from kgan.export.graph_checks import check_paths
from kgan.export.interface import Interface
from kgan.export.loaded import load_exported
from kgan.export.model_card import FILE
from kgan.export.model_card import write_model_card

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "exported" / "digits_small"
VERSION = SAMPLE / "1"


@pytest.fixture(scope="module")
def card():
    return json.loads((VERSION / FILE).read_text(encoding="utf-8"))


def test_it_is_small_and_complete():
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 1_500_000
    assert {str(path.relative_to(SAMPLE)) for path in files} == {
        "1/assets.extra/model_card.json",
        "1/assets.extra/tf_serving_warmup_requests",
        "1/fingerprint.pb",
        "1/saved_model.pb",
        "1/variables/variables.data-00000-of-00001",
        "1/variables/variables.index",
        "digits_small.tflite",
    }


def test_git_keeps_all_of_it():
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git repository")
    listed = subprocess.run(
        ["git", "check-ignore", "--no-index", *map(str, SAMPLE.rglob("*"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.stdout == ""


def test_its_card_says_how_it_was_made(card):
    flags = (ROOT / "recipes" / "digits_small.flags").read_text()
    assert (card["name"], card["version"], card["num_classes"]) == ("digits_small", 1, 10)
    assert card["data"] == {"dataset": "digits"}
    assert f"--latent_dim={card['recipe']['latent_dim']}\n" in flags
    assert card["command"] == "kgan export --run_dir=runs/digits_small"
    assert card["metrics"]["extractor"] == "digits"
    tflite = (SAMPLE / "digits_small.tflite").read_bytes()
    assert card["files"]["digits_small.tflite"]["sha256"] == hashlib.sha256(tflite).hexdigest()
    assert str(Path.home()) not in json.dumps(card)


def test_its_card_describes_the_model_beside_it(card, tmp_path):
    copy = shutil.copytree(VERSION, tmp_path / "1")
    interface = Interface(card["latent_dim"], tuple(card["image_shape"]), card["num_classes"])
    write_model_card(copy, name="digits_small", version=1, interface=interface)
    anew = json.loads((copy / FILE).read_text(encoding="utf-8"))
    assert (card["signatures"], card["weights"]) == (anew["signatures"], anew["weights"])


def test_a_server_would_take_it(read_warmup):
    check_operations(VERSION)
    check_paths(VERSION)
    loaded = tf.saved_model.load(str(VERSION))
    requests = dict(read_warmup(VERSION))
    assert set(requests) == set(loaded.signatures)
    assert loaded.signatures["classes"].structured_outputs["one_hot"].shape[1] == 10
    for name, inputs in requests.items():
        tensors = {key: tf.constant(values) for key, values in inputs.items()}
        (answer,) = loaded.signatures[name](**tensors).values()
        assert len(answer) == 1


def test_the_tflite_file_gives_the_images_of_the_saved_model():
    latents = np.random.default_rng(0).standard_normal((10, 16), "float32")
    of_server, of_device = (
        load_exported(path)([latents, np.arange(10)])
        for path in (VERSION, SAMPLE / "digits_small.tflite")
    )
    np.testing.assert_allclose(of_device, of_server, rtol=0, atol=1e-4)


def test_it_makes_the_digits_that_are_asked_for():
    generate = tf.saved_model.load(str(VERSION)).signatures["generate"]
    labels = np.arange(200, dtype="int32") % 10
    pixels = generate(seed=tf.range(200, dtype=tf.int64), label=tf.constant(labels))["images"]
    seen = features.digits()(pixels.numpy() / np.float32(127.5) - 1).probabilities.argmax(axis=1)
    # Of the real digits the extractor names 99 in 100, of the samples of the recipe 98.
    assert np.mean(seen == labels) > 0.9
