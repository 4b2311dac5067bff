"""The ImageNet network as an extractor: with a small network in its place, or, slow, itself."""

import random
import re
import warnings

import keras
import numpy as np
import pytest
from keras import layers

from kgan.features import get
from kgan.features import imagenet
from kgan.features.extractor import Extractor

FETCHED = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
REMEDY = (
    f"Where there is internet, keras.applications fetches {FETCHED} (9 MB) into the folder models "
    "of KERAS_HOME, by default ~/.keras: copy it from there and give its path, as "
    "'imagenet:PATH', or choose another extractor."
)


def small_network(weights, *, include_top, pooling, input_shape):
    """What keras.applications makes, with one layer; random unless there is a file of weights."""
    assert (include_top, pooling, input_shape) == (False, "avg", (224, 224, 3))
    images = keras.Input(input_shape)
    features = layers.Conv2D(5, 3, activation="tanh", name="only")(images)
    network = keras.Model(images, layers.GlobalAveragePooling2D()(features))
    if weights not in (None, "imagenet"):
        network.load_weights(weights)
    return network


@pytest.fixture
def small(monkeypatch, tmp_path):
    """`small_network` in the place of MobileNetV2, and the path of its weights."""
    monkeypatch.setattr(keras.applications, "MobileNetV2", small_network)
    network = small_network(None, include_top=False, pooling="avg", input_shape=(224, 224, 3))
    path = tmp_path / "some.weights.h5"
    network.save_weights(path)
    return network, path


def pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def seen_by(network, colours):
    """What the network makes of pixels by hand."""
    resized = keras.ops.image.resize(colours, (224, 224), antialias=True)
    prepared = keras.applications.mobilenet_v2.preprocess_input(keras.ops.convert_to_numpy(resized))
    return keras.ops.convert_to_numpy(network(prepared, training=False))


@pytest.mark.parametrize("shape", [(20, 30, 3), (250, 240, 3), (24, 24, 1)])
def test_features_are_the_networks_own_of_resized_and_prepared_pixels(small, shape):
    network, path = small
    extractor = get(f"imagenet:{path}", image_shape=list(shape))
    # Named after its network, and not after the FID paper's.
    assert (extractor.name, extractor.dim, extractor.num_classes) == ("mobilenet_v2", 5, None)
    assert extractor.image_shape == shape
    seen = pixels(2, *shape)
    expected = seen_by(network, np.broadcast_to(seen, (*seen.shape[:3], 3)))
    found = extractor(seen / np.float32(127.5) - 1).features
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_without_a_path_the_weights_are_keras_own(monkeypatch):
    asked = []

    def network(weights, **options):
        asked.append(weights)
        return small_network(weights, **options)

    monkeypatch.setattr(keras.applications, "MobileNetV2", network)
    assert get("imagenet", image_shape=(8, 8, 3)).name == "mobilenet_v2"
    assert asked == ["imagenet"]


def test_a_users_policy_and_random_numbers_stay_and_features_are_float32(small):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        random.seed(3)
        extractor = imagenet((8, 8, 3), small[1])
        assert keras.config.dtype_policy().name == "mixed_float16"
        drawn = random.random()
    finally:
        keras.config.set_dtype_policy("float32")
    random.seed(3)
    assert random.random() == drawn
    assert {str(weight.dtype) for weight in extractor.model.weights} == {"float32"}
    assert extractor.model.outputs[0].dtype == "float32"


def refused(message, error=ValueError):
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "gone.weights.h5"
    message = (
        "The ImageNet weights of MobileNetV2 are not there: there is no file "
        f"{str(path)!r}. {REMEDY}"
    )
    with refused(message, FileNotFoundError):
        get(f"imagenet:{path}", image_shape=(8, 8, 3))


def test_weights_that_cannot_be_fetched(monkeypatch):
    def network(**options):
        raise Exception("URL fetch failure on https://x: None -- [Errno -2] Name not known")

    monkeypatch.setattr(keras.applications, "MobileNetV2", network)
    message = (
        "The ImageNet weights of MobileNetV2 are not there. Looked for them in Keras' folder of "
        "models, and then on the internet: URL fetch failure on https://x: None -- [Errno -2] "
        f"Name not known. {REMEDY}"
    )
    with refused(message, FileNotFoundError):
        get("imagenet", image_shape=(8, 8, 3))


@pytest.mark.parametrize("name", ["other.weights.h5", "junk.h5", "weights.npz"])
def test_a_file_of_something_else_is_refused_and_never_taken_in_part(small, name):
    path = small[1].with_name(name)
    path.write_text("no weights")
    if name.startswith("other"):
        inputs = keras.Input((4,))
        keras.Model(inputs, layers.Dense(2)(inputs)).save_weights(path)
    message = f"^{re.escape(repr(str(path)))} holds no weights of MobileNetV2 without classes: .+"
    with pytest.raises(ValueError, match=f"{message}{re.escape(REMEDY)}$"):
        imagenet((8, 8, 3), path)


def test_a_file_that_leaves_weights_random_is_refused(small, monkeypatch):
    def network(**options):
        warnings.warn("Skipping nested container at 'x': no matching group.", stacklevel=2)
        return small_network(**options)

    monkeypatch.setattr(keras.applications, "MobileNetV2", network)
    with pytest.raises(ValueError, match="without classes: Skipping nested container at 'x': no "):
        imagenet((8, 8, 3), small[1])


def test_images_of_two_channels():
    message = (
        "The ImageNet network takes images with 1 channel (grey) or 3 (red, green, blue). "
        "Received: image_shape=(8, 8, 2). Load the images with channels=3."
    )
    with refused(message):
        imagenet((8, 8, 2))


@pytest.mark.slow
def test_the_network_itself_takes_a_file_of_its_weights(tmp_path):
    options = {"include_top": False, "pooling": "avg", "input_shape": (224, 224, 3)}
    network = keras.applications.MobileNetV2(weights=None, **options)
    network.save_weights(tmp_path / "mine.weights.h5")
    extractor = imagenet((64, 64, 3), tmp_path / "mine.weights.h5")
    assert isinstance(extractor, Extractor)
    assert (extractor.dim, len(extractor.model.weights)) == (1280, len(network.weights))
    seen = pixels(2, 64, 64, 3)
    expected = seen_by(network, seen)
    found = extractor(seen / np.float32(127.5) - 1).features
    # Random weights make small features.
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
