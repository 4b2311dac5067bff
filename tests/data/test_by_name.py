import functools
import re

import numpy as np
import pytest
from PIL import Image

from kgan.data import by_name
from kgan.data import load


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "a.png")
    return tmp_path


@pytest.fixture
def tfds_calls(monkeypatch):
    calls = []

    @functools.wraps(by_name.from_tfds)
    def record(*arguments, **options):
        calls.append((arguments, options))

    monkeypatch.setattr(by_name, "from_tfds", record)
    return calls


def test_digits_are_the_embedded_ones():
    images = load("digits")
    assert (images.name, len(images), images.image_shape) == ("digits", 10_000, (28, 28, 1))


def test_digits_can_be_resized():
    assert load("digits", image_size=20, crop=24).image_shape == (20, 20, 1)


def test_a_folder_is_named_by_its_path(folder):
    assert load(f"folder:{folder}").image_shape == (8, 8, 1)
    assert load(f"folder:{folder}", image_size=4, channels=3).image_shape == (4, 4, 3)


def test_every_other_name_is_one_of_tfds(tfds_calls):
    load("mnist", split="test", image_size=32)
    load("my_set/small:1.0.0")
    assert tfds_calls == [
        (("mnist",), {"split": "test", "image_size": 32}),
        (("my_set/small:1.0.0",), {}),
    ]


def test_options_that_are_none_are_not_given(tfds_calls, folder):
    load("mnist", split=None, data_dir=None, image_size=None)
    assert tfds_calls == [(("mnist",), {})]
    assert load(f"folder:{folder}", split=None).image_shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("name", "options", "known"),
    [
        ("digits", ["split"], "image_size, crop, channels"),
        ("folder:photos", ["data_dir"], "image_size, crop, channels, split, memory_limit"),
        (
            "mnist",
            ["folder"],
            "split, image_size, crop, channels, data_dir, manual_dir, memory_limit",
        ),
    ],
)
def test_options_that_do_not_apply(name, options, known):
    message = (
        f"{', '.join(options)} does not apply to the dataset {name!r}. Its options are {known}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load(name, **dict.fromkeys(options, "x"))


@pytest.mark.parametrize("name", ["/data/pics", "./pics", "../pics", "~/pics"])
def test_a_bare_path_is_answered_with_the_name_of_its_folder(name):
    with pytest.raises(ValueError, match=re.escape(f"Received: {name!r}. Say 'folder:{name}'.")):
        load(name)


@pytest.mark.parametrize("name", ["", "folder:", "idx:", None])
def test_names_that_name_nothing(name):
    message = (
        "A dataset is named 'digits', 'folder:PATH', 'idx:PATH' or by its name in TFDS, such "
        f"as 'mnist'. Received: {name!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        load(name)
