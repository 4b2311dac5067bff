import functools
import re

import keras
import numpy as np
import pytest

from kgan.features import by_name
from kgan.features import get

SHAPE = (4, 4, 1)


@pytest.fixture
def saved(tmp_path):
    """The path of a Keras model whose features are the pixels."""
    inputs = keras.Input(SHAPE)
    path = tmp_path / "my model.v2.keras"
    keras.Model(inputs, keras.layers.Flatten()(inputs)).save(path)
    return path


def refused(message, error=ValueError):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_shipped_classifiers_go_by_their_names(name):
    extractor = get(name, image_shape=[28, 28, 1])
    assert (extractor.name, extractor.num_classes) == (name, 10)


def test_inception_is_given_its_path_and_the_image_shape(monkeypatch):
    calls = []

    @functools.wraps(by_name.inception)
    def record(path, image_shape):
        calls.append((path, image_shape))
        return by_name.digits()

    monkeypatch.setattr(by_name, "inception", record)
    get("inception:/tensors/a:b.npz", image_shape=(28, 28, 1))
    assert calls == [("/tensors/a:b.npz", (28, 28, 1))]


def test_a_saved_model_goes_by_its_path_and_is_named_after_its_file(saved):
    extractor = get(str(saved), image_shape=SHAPE)
    assert (extractor.name, extractor.dim) == ("my_model_v2", 16)
    batch = np.linspace(-1, 1, 32, dtype=np.float32).reshape(2, *SHAPE)
    np.testing.assert_array_equal(extractor(batch).features, batch.reshape(2, 16))


def test_an_extractor_of_images_of_another_shape():
    message = (
        "The extractor 'digits' does not fit the images. Expected: images of the shape "
        "(28, 28, 1). Received: (32, 32, 3). Resize them, or train an extractor for their shape "
        "with kgan.features.train_classifier."
    )
    with refused(message):
        get("digits", image_shape=(32, 32, 3))


@pytest.mark.parametrize(
    "name", ["", "mnist", "inception", "inception:", "imagenet:", "model.h5", None, 3]
)
def test_names_that_name_nothing(name):
    message = (
        "An extractor is named 'digits', 'fashion', 'imagenet', 'imagenet:PATH', 'inception:PATH' "
        f"or 'PATH.keras'. Received: {name!r}."
    )
    with refused(message):
        get(name, image_shape=SHAPE)


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "missing.keras"
    message = f"There is no file {path}. Expected: a Keras model, saved with model.save."
    with refused(message, FileNotFoundError):
        get(str(path), image_shape=SHAPE)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_damaged_model(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"^{re.escape(str(saved))} cannot be loaded as a Keras "):
        get(str(saved), image_shape=SHAPE)


def test_a_model_with_an_unknown_layer_is_told_without_its_config(tmp_path):
    class Unknown(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    images = keras.Input(SHAPE)
    keras.Model(images, keras.layers.Flatten()(Unknown()(images))).save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match=r"known here \(Could not locate class 'Unknown'") as error:
        get(str(tmp_path / "a.keras"), image_shape=SHAPE)
    assert "config" not in str(error.value)


@pytest.mark.parametrize("name", ["inception", "digits", "fashion", "mobilenet_v2"])
def test_a_saved_model_under_a_name_of_kgans_own(saved, name):
    path = saved.rename(saved.with_name(f"{name}.keras"))
    message = (
        f"The name {name!r} is kept for kgan's own extractor, so that numbers of one name compare "
        "with each other. Choose another name."
    )
    with refused(message):
        get(str(path), image_shape=SHAPE)
