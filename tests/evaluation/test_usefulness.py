import re

import numpy as np
import pytest

from kgan.data import Images
from kgan.evaluation import divide
from kgan.evaluation import usefulness
from kgan.evaluation.shares import wilson_interval
from kgan.evaluation.usefulness import Usefulness
from kgan.evaluation.usefulness import measure_usefulness
from kgan.evaluation.usefulness import what_is_missing


def useful(real, samples, both):
    """Trainings by rows, held-out images by columns: 1 where the classifier was right."""
    right = [np.array(rows, bool) for rows in (real, samples, both)]
    return Usefulness(*right, num_images=5, steps=7, held_out="rest")


def test_a_worked_example():
    found = useful([[1, 1, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 1]] * 2, [[1, 1, 1, 0]] * 2)
    assert [found.accuracy(kind) for kind in ("real", "samples", "both")] == [0.375, 0.25, 0.75]
    assert found.interval("samples") == wilson_interval(0.25, 4)
    # The images gain 0, 0.5, 1 and 0, whose variance is (0.14 + 0.016 + 0.39 + 0.14) / 4.
    assert found.gain == 0.375
    width = 1.959964 * np.sqrt(0.171875 / 4)
    assert found.gain_interval == pytest.approx((0.375 - width, 0.375 + width))
    assert found.verdict == "open"
    assert found.as_dict()["accuracy_of_trained_on"] == {
        "real": 0.375,
        "samples": 0.25,
        "both": 0.75,
    }


def test_samples_help_or_hurt_only_where_chance_is_out_and_all_trainings_agree():
    low, high = [[0] * 50 + [1] * 50] * 3, [[0] * 30 + [1] * 70] * 3
    assert useful(low, low, high).verdict == "help"
    assert useful(high, low, low).verdict == "hurt"
    assert useful(low, high, low).verdict == "open"
    # One of three trainings has it the other way round.
    assert useful([*low[:2], high[0]], low, [*high[:2], low[0]]).verdict == "open"
    # Two of a hundred images are no difference that a hundred images can show.
    assert useful(low, low, [[0] * 48 + [1] * 52] * 3).verdict == "open"


def bars(count, seed):
    """Noise of 8 x 8 pixels with a bright upper half (class 0) or lower half (class 1)."""
    random = np.random.default_rng(seed)
    pixels, labels = random.integers(0, 100, (count, 8, 8, 1)), np.arange(count) % 2
    pixels[labels == 0, :4] += 100
    pixels[labels == 1, 4:] += 100
    return Images(pixels.astype("uint8"), labels, name=f"bars {seed}")


class Generator:
    """Makes the bars of the classes it is asked for, or of the others."""

    def __init__(self, *, swapped=False):
        self.swapped = swapped

    def __call__(self, inputs, training=False):
        labels = np.asarray(inputs[1])
        asked = 1 - labels if self.swapped else labels
        stock = bars(2 * len(labels), 7).images / np.float32(127.5) - 1
        return stock[2 * np.arange(len(labels)) + asked]


SOURCE = {"latent_dim": 2, "num_classes": 2, "seed": 0}


@pytest.mark.slow
def test_classifiers_learn_from_samples_what_they_show(monkeypatch):
    monkeypatch.setattr(usefulness, "_TRAININGS", 1)
    monkeypatch.setattr(usefulness, "_STEPS", 15)
    found = measure_usefulness(Generator(), divide(bars(40, 0), bars(30, 1)), **SOURCE)
    assert (found.accuracy("real"), found.accuracy("samples"), found.verdict) == (1, 1, "open")
    assert (found.num_images, found.steps, found.held_out) == (40, 15, "bars 1")


@pytest.fixture
def by_means(monkeypatch):
    """Classifiers that know the mean image of each class, in place of networks."""

    def fit(model, images, labels, *, seed, steps):
        model.means = [images[labels == label].mean(axis=0) for label in range(2)]

    def predicted(model, images):
        distances = [((images - mean) ** 2).sum(axis=(1, 2, 3)) for mean in model.means]
        return np.argmin(distances, axis=0)

    monkeypatch.setattr(usefulness, "fit_classifier", fit)
    monkeypatch.setattr(usefulness, "predicted_classes", predicted)


@pytest.mark.usefixtures("by_means")
def test_samples_of_the_right_classes_teach_as_reals_do_and_those_of_wrong_ones_mislead():
    reals = divide(bars(40, 0), bars(30, 1))
    good = measure_usefulness(Generator(), reals, **SOURCE)
    assert [good.accuracy(kind) for kind in ("real", "samples", "both")] == [1, 1, 1]
    assert (good.verdict, good.both.shape) == ("open", (3, 30))
    assert (good.num_images, good.held_out) == (40, "bars 1")
    bad = measure_usefulness(Generator(swapped=True), reals, **SOURCE)
    assert [bad.accuracy(kind) for kind in ("real", "samples")] == [1, 0]


@pytest.fixture
def trained_on(monkeypatch):
    """What the classifiers would be trained on, one after the other, in place of it."""
    calls = []

    def fit(model, images, labels, *, seed, steps):
        calls.append((images, labels, seed, steps, model.get_weights()))

    monkeypatch.setattr(usefulness, "fit_classifier", fit)
    monkeypatch.setattr(usefulness, "predicted_classes", lambda model, images: 0)
    monkeypatch.setattr(usefulness, "_TRAININGS", 2)
    return calls


def test_all_kinds_are_trained_alike_on_images_of_equal_classes(trained_on, monkeypatch):
    monkeypatch.setattr(usefulness, "_MOST", 30)
    reals = divide(bars(40, 0), bars(30, 1))
    found = measure_usefulness(Generator(), reals, **SOURCE | {"seed": 5})
    assert found.accuracy("real") == 0.5
    assert [call[2:4] for call in trained_on] == [(5, 1000)] * 3 + [(6, 1000)] * 3
    for real, samples, both in (trained_on[:3], trained_on[3:]):
        for weights in zip(real[4], samples[4], both[4], strict=True):
            assert np.ptp(np.stack(weights), axis=0).max() == 0
        np.testing.assert_array_equal(both[0], np.concatenate([real[0], samples[0]]))
        np.testing.assert_array_equal(both[1], np.concatenate([real[1], samples[1]]))
        np.testing.assert_array_equal(real[1], samples[1])
        # Each sample shows the class that it was asked for.
        np.testing.assert_array_equal(samples[0][:, 0, 0, 0] < 100, samples[1])
        assert {image.tobytes() for image in real[0]} < {
            image.tobytes() for image in reals.training.images
        }
    # The first kernel.
    assert (trained_on[0][4][0] != trained_on[3][4][0]).all()


def without_labels(images):
    return Images(images.images)


@pytest.mark.parametrize(
    ("training", "held_out", "num_classes", "missing"),
    [
        (bars(40, 0), bars(30, 1), 2, ""),
        (bars(40, 0), bars(30, 1), None, "a generator with classes, for each sample needs a label"),
        (bars(40, 0), None, 2, "real images that were held out from the training"),
        (
            without_labels(bars(40, 0)),
            bars(30, 1),
            2,
            "training images with labels of the generator's 2 classes",
        ),
        (
            bars(40, 0),
            without_labels(bars(30, 1)),
            2,
            "held-out images with labels of the generator's 2 classes",
        ),
        (
            Images(bars(40, 0).images[:, :7], np.arange(40) % 2),
            Images(bars(40, 1).images[:, :7], np.arange(40) % 2),
            2,
            "images of 8 pixels a side, for its classifier",
        ),
    ],
)
def test_what_is_missing_is_said(training, held_out, num_classes, missing):
    reals = divide(training, held_out)
    assert what_is_missing(reals, num_classes) == missing
    if missing:
        message = f"^Whether samples help .+ cannot be measured. It takes {re.escape(missing)}. "
        with pytest.raises(ValueError, match=message):
            measure_usefulness(Generator(), reals, **SOURCE | {"num_classes": num_classes})
