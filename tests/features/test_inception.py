"""The extractor that may say FID and KID: what it takes, what it refuses, and what it measures."""

import importlib
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from kgan.features.inception import inception
from kgan.features.inception_weights import FILES

# The name kgan.features.inception is the function's.
module = importlib.import_module("kgan.features.inception")


@pytest.fixture
def zeros(inception_model, monkeypatch) -> dict:
    """Tensors that fit the network, which are read in place of any file."""
    tensors = {"softmax/kernel": np.zeros((2048, 1008), "float32")}
    for layer in inception_model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            tensors[f"{layer.name}/kernel"] = np.zeros(layer.kernel.shape, "float32")
            for part in ("beta", "mean", "variance"):
                tensors[f"{layer.name}/{part}"] = np.zeros(layer.filters, "float32")
    monkeypatch.setattr(module, "read_tensors", lambda path: tensors)
    return tensors


@pytest.mark.slow
def test_the_fid_papers_tensors_make_the_extractor_inception(zeros, monkeypatch):
    monkeypatch.setattr(module, "are_fid_tensors", lambda tensors: tensors is zeros)
    del zeros["softmax/kernel"]
    extractor = inception("weights.npz", [32, 48, 3])
    assert extractor.name == "inception"
    assert extractor.image_shape == (32, 48, 3)
    assert (extractor.dim, extractor.num_classes) == (2048, None)


@pytest.fixture
def built(inception_model, monkeypatch) -> list:
    """The arguments of the networks asked for, all of which are one that is there already."""
    built = []

    def network(*arguments):
        built.append(arguments)
        return inception_model

    monkeypatch.setattr(module, "inception_network", network)
    return built


def test_class_weights_give_probabilities_too(zeros, built, monkeypatch):
    monkeypatch.setattr(module, "are_fid_tensors", lambda tensors: tensors is zeros)
    assert inception("weights.npz", (20, 30, 3)).num_classes == 1008
    assert built == [((20, 30, 3), 1008)]


def test_refuses_every_other_training(zeros, built):
    message = (
        "The tensors of 'weights.npz' fit InceptionV3 but are not those of the FID paper (the "
        "graph of 2015-12-05, in float32). Features of another training, such as torchvision's or "
        "keras.applications', make numbers that compare with no FID. Expected one of: "
        f"{FILES}. For a measure of another name, give any model to kgan.features.Extractor."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inception("weights.npz", (20, 30, 3))


@pytest.mark.parametrize("channels", [1, 4])
def test_refuses_images_without_three_colours(channels):
    message = (
        "The FID paper's InceptionV3 takes images with 3 channels: red, green and blue. Received: "
        f"image_shape=(28, 28, {channels}). It has seen colour photographs only, and an FID of "
        "grey images means nothing, not even with the channel repeated. Use "
        "kgan.features.digits() for digits, or train an extractor on your own labelled images with "
        "kgan.features.train_classifier."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inception("weights.npz", (28, 28, channels))


def test_refuses_an_image_shape_that_is_none():
    with pytest.raises(ValueError, match=r"^image_shape must be \(height, width, channels\)\."):
        inception("weights.npz", (28, 28))


@pytest.fixture(scope="module")
def real_extractor():
    """The FID paper's network, for images of its own size."""
    path = Path(os.environ.get("KGAN_DATA", ""), "fid_inception", "fid_inception_f32.npz")
    if not path.is_file():
        pytest.skip("KGAN_DATA names no folder with fid_inception/fid_inception_f32.npz")
    return inception(path, (299, 299, 3))


@pytest.fixture(scope="module")
def documented(real_extractor):
    """The images of torchmetrics' doctests, and the state of torch's random numbers after them.

    Their generator starts from 42, and the metric builds its network before the images are drawn.
    """
    torch = pytest.importorskip("torch")
    torch.manual_seed(42)
    for layer in real_extractor.model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            torch.nn.Conv2d(inputs, outputs, (height, width), bias=False)
    torch.nn.Linear(2048, 1008)
    real = torch.randint(0, 200, (100, 3, 299, 299), dtype=torch.uint8)
    fake = torch.randint(100, 255, (100, 3, 299, 299), dtype=torch.uint8)
    in_range = [
        images.permute(0, 2, 3, 1).numpy() / np.float32(127.5) - 1 for images in (real, fake)
    ]
    return *in_range, torch.get_rng_state()


@pytest.mark.slow
def test_fid_of_64_features_is_the_one_in_torchmetrics_documentation(real_extractor, documented):
    from kgan.metrics.frechet import frechet_distance

    real, fake, _ = documented
    model = real_extractor.model
    features = keras.layers.GlobalAveragePooling2D()(model.get_layer("pool").output)
    first_pool = keras.Model(model.input, features)
    distance = frechet_distance(
        first_pool.predict(real, batch_size=20, verbose=0),
        first_pool.predict(fake, batch_size=20, verbose=0),
    )
    # tensor(12.6388)
    assert round(distance, 4) == 12.6388


@pytest.mark.slow
def test_kid_is_the_one_in_torchmetrics_documentation(real_extractor, documented):
    from kgan.metrics.kernel import squared_mmd

    torch = pytest.importorskip("torch")
    real, fake, random_state = documented
    real = real_extractor(real).features
    fake = real_extractor(fake).features
    torch.set_rng_state(random_state)
    # 100 subsets of 50, drawn as torchmetrics draws them.
    distances = [
        squared_mmd(real[torch.randperm(100)[:50].numpy()], fake[torch.randperm(100)[:50].numpy()])
        for _ in range(100)
    ]
    # (tensor(0.0312), tensor(0.0025))
    assert round(np.mean(distances), 4) == 0.0312
    assert round(np.std(distances), 4) == 0.0025
