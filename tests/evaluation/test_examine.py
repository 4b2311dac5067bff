"""Examinations of a tiny generator, whose every part is checked as data."""

import importlib
import json

import keras
import numpy as np
import pytest

from kgan import sampling
from kgan._utils.images import to_uint8
from kgan.data import Images
from kgan.evaluation import divide
from kgan.evaluation import examine
from kgan.evaluation.examine import linear_path
from kgan.evaluation.examine import spherical_path
from kgan.evaluation.usefulness import Usefulness
from kgan.features import Extractor
from kgan.metrics import SampleMetric

# The name kgan.evaluation.examine is the function's.
examine_module = importlib.import_module("kgan.evaluation.examine")

CLASSES = 3
SHAPE = (8, 8, 1)


def make_generator(*, conditional):
    """A generator whose latents and classes show in its images."""
    latents = keras.Input((4,))
    labels = keras.Input((), dtype="int32")
    start = keras.initializers.RandomNormal(seed=1)
    x = latents
    if conditional:
        embedded = keras.layers.Embedding(CLASSES, 4, embeddings_initializer=start)(labels)
        x = keras.layers.Concatenate()([latents, embedded])
    x = keras.layers.Dense(64, activation="tanh", kernel_initializer=start)(x)
    inputs = [latents, labels] if conditional else latents
    return keras.Model(inputs, keras.layers.Reshape(SHAPE)(x))


def make_extractor(*, classes=CLASSES):
    start = keras.initializers.RandomNormal(seed=2)
    inputs = keras.Input(SHAPE)
    features = keras.layers.Dense(5, kernel_initializer=start)(keras.layers.Flatten()(inputs))
    outputs = features
    if classes:
        classified = keras.layers.Dense(classes, activation="softmax", kernel_initializer=start)
        outputs = [features, classified(features)]
    return Extractor(keras.Model(inputs, outputs), "tiny")


def make_images(count, *, labels=True, seed=3):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, *SHAPE), dtype="uint8")
    classes = np.arange(count) % CLASSES if labels else None
    names = ["one", "two", "three"] if labels else None
    return Images(pixels, classes, class_names=names, name="noise")


class Brightness(SampleMetric):
    reads = "images"

    def values(self):
        return {"brightness": float(self.fake.all().mean() - self.real.all().mean())}


def look(reals, *, conditional=True, extractor=None, seed=7, repeats=1, **options):
    return examine(
        make_generator(conditional=conditional),
        reals,
        extractor or make_extractor(),
        latent_dim=4,
        num_classes=CLASSES if conditional else None,
        seed=seed,
        repeats=repeats,
        verbose=0,
        **options,
    )


@pytest.fixture(scope="module")
def conditional():
    """Findings on a conditional generator, against 40 of 80 images."""
    reals = divide(make_images(80))
    return reals, look(reals, repeats=2)


def test_the_numbers_are_those_of_the_evaluator_with_what_reals_score(conditional):
    _, findings = conditional
    keys = [number.key for number in findings.numbers.values()]
    assert keys[:3] == ["frechet_distance", "precision", "recall"]
    assert all(name.endswith("_tiny_40") for name in findings.numbers)
    assert all(number.sample_sets == 2 for number in findings.numbers.values())
    assert all(number.real is not None for number in findings.numbers.values())
    assert findings.reals.words() == "40 other training images of 'noise'"


def test_samples_and_their_requested_classes_belong_together(conditional):
    reals, findings = conditional
    generator = make_generator(conditional=True)
    # As often as among all training images, measured or not.
    shares = np.bincount(reals.training.labels, minlength=CLASSES) / len(reals.training.labels)
    labels = np.random.default_rng(7).choice(CLASSES, size=40, p=shares).astype("int32")
    expected = sampling.generate(
        generator, 40, latent_dim=4, num_classes=CLASSES, seed=7, labels=labels
    )
    np.testing.assert_array_equal(findings.samples, to_uint8(expected))
    assert findings.classes.requested.tolist() == np.bincount(labels, minlength=3).tolist()
    assert findings.classes.names == ["one", "two", "three"]


def test_neighbours_are_found_in_pixels_among_all_training_images(conditional):
    reals, findings = conditional
    by_pixels = findings.neighbours[0]
    everyone = reals.training.images.reshape(80, -1).astype(float)
    for sample, index in zip(findings.samples, by_pixels.fake.indices, strict=True):
        distances = np.linalg.norm(everyone - sample.reshape(-1), axis=1)
        assert index == distances.argmin()
    assert by_pixels.training_images == 80


def test_neighbours_are_found_by_features_among_those_that_were_looked_at(conditional):
    reals, findings = conditional
    by_features = findings.neighbours[1]
    extract = make_extractor()
    rows = np.concatenate([reals.measured, reals.other_rows])
    known = extract(reals.training.images[rows] / np.float32(127.5) - 1).features
    samples = extract(findings.samples / np.float32(127.5) - 1).features
    for sample, index in zip(samples, by_features.fake.indices, strict=True):
        assert index == rows[np.linalg.norm(known - sample, axis=1).argmin()]
    for place, index in enumerate(by_features.real.indices):
        distances = np.linalg.norm(known - known[place], axis=1)
        distances[place] = np.inf
        assert index == rows[distances.argmin()]


def test_a_grid_has_a_row_per_class(conditional):
    _, findings = conditional
    assert findings.grid.shape == (CLASSES, 10, *SHAPE)
    labels = np.repeat(np.arange(CLASSES), 10)
    expected = sampling.generate(
        make_generator(conditional=True), 30, latent_dim=4, num_classes=3, seed=7, labels=labels
    )
    np.testing.assert_array_equal(findings.grid.reshape(30, *SHAPE), to_uint8(expected))


def test_both_ways_between_latents_have_the_same_ends_and_only_those(conditional):
    _, findings = conditional
    linear, spherical = findings.linear, findings.spherical
    assert linear.shape == spherical.shape == (4, 10, *SHAPE)
    # The rounding of sines may move a pixel by one level.
    for end in (0, -1):
        np.testing.assert_allclose(linear[:, end].astype(int), spherical[:, end], atol=1)
    assert (linear[:, 5] != spherical[:, 5]).any()
    assert findings.path_labels.tolist() == [0, 0, 1, 2]


def test_the_same_seed_finds_the_same(conditional):
    reals, findings = conditional
    again, other = look(reals, repeats=2), look(reals, seed=8)
    assert again.as_dict() == findings.as_dict()
    np.testing.assert_array_equal(again.grid, findings.grid)
    name = next(iter(findings.numbers))
    assert other.numbers[name].mean != findings.numbers[name].mean
    assert (other.linear != findings.linear).any()


def test_the_numbers_can_be_written_as_json(conditional):
    found = json.loads(json.dumps(conditional[1].as_dict()))
    assert (found["num_images"], found["num_repeats"]) == (40, 2)
    assert (
        found["metrics"]["recall_tiny_40"]["value"] == conditional[1].numbers["recall_tiny_40"].mean
    )
    assert sum(found["classes"]["requested"]) == 40
    assert [space["space"] for space in found["neighbours"]] == ["pixels", "features of 'tiny'"]


def test_without_labels_held_out_images_or_classes_what_is_left_is_found():
    reals = divide(make_images(20, labels=False), num_images=20)
    extractor = make_extractor(classes=None)
    found = look(reals, conditional=False, extractor=extractor, metrics=["frechet_distance"])
    assert (found.classes, found.grid_labels, found.path_labels) == (None, None, None)
    assert [number.real for number in found.numbers.values()] == [None]
    assert found.grid.shape == (10, 10, *SHAPE)
    assert found.neighbours[1].training_images == 20
    assert found.as_dict()["classes"] is None


def test_without_extractor_what_needs_none_is_found(capsys):
    reals, options = divide(make_images(20)), {"latent_dim": 4, "num_classes": CLASSES}
    generator = make_generator(conditional=True)
    found = examine(generator, reals, None, **options)
    assert (found.numbers, found.extractor, found.classes) == ({}, None, None)
    assert [space.space for space in found.neighbours] == ["pixels"]
    assert found.grid.shape == (CLASSES, 10, *SHAPE)
    assert "Making 10 samples.\n" in capsys.readouterr().out
    # What reads pixels is measured all the same.
    seen = examine(generator, reals, None, metrics=[Brightness()], repeats=2, **options)
    (number,) = seen.numbers.values()
    assert (number.sample_sets, number.real is None) == (2, False)
    np.testing.assert_array_equal(seen.samples, found.samples)


def test_a_single_training_image_is_refused():
    with pytest.raises(ValueError, match=r"'noise' has one image\. Expected: two or more"):
        divide(make_images(1, labels=False))


def test_held_out_images_are_what_samples_are_compared_with():
    training, held_out = make_images(30), make_images(30, seed=4)
    found = look(divide(training, held_out))
    assert [space.real_images for space in found.neighbours] == ["held-out images"] * 2
    assert [space.training_images for space in found.neighbours] == [30, 30]
    everyone = training.images.reshape(30, -1).astype(float)
    for image, index in zip(held_out.images, found.neighbours[0].real.indices, strict=True):
        assert index == np.linalg.norm(everyone - image.reshape(-1), axis=1).argmin()


def test_a_few_held_out_images_are_compared_with_while_training_images_score():
    training, held_out = make_images(30), make_images(5, seed=4)
    found = look(divide(training, held_out))
    assert [space.real_images for space in found.neighbours] == ["held-out images"] * 2
    assert [len(space.real.distances) for space in found.neighbours] == [5, 5]
    assert found.reals.words() == "15 other training images of 'noise'"
    # By features among those that samples are measured against, and those that score.
    assert [space.training_images for space in found.neighbours] == [30, 30]


def test_usefulness_is_measured_if_asked_for_and_possible(monkeypatch):
    calls = []

    def measure(generator, reals, **options):
        calls.append(options)
        return Usefulness(*np.ones((3, 2, 4), bool), num_images=30, steps=5, held_out="rest")

    monkeypatch.setattr(examine_module, "measure_usefulness", measure)
    reals = divide(make_images(30), make_images(30, seed=4))
    found = look(reals)
    assert (found.usefulness, found.usefulness_takes, calls) == (None, "", [])
    assert found.as_dict()["usefulness"] is None
    found = look(reals, train_on_samples=True).as_dict()
    assert calls == [{"latent_dim": 4, "num_classes": CLASSES, "seed": 7, "verbose": 0}]
    assert json.loads(json.dumps(found))["usefulness"]["samples"] == "open"


def test_usefulness_that_cannot_be_measured_is_refused_before_the_work():
    def generator(inputs, training=False):
        pytest.fail("A sample was made.")

    with pytest.raises(ValueError, match="It takes real images that were held out from the train"):
        examine(
            generator,
            make_images(30),
            None,
            latent_dim=4,
            num_classes=CLASSES,
            train_on_samples=True,
        )
    found = look(make_images(30))
    assert found.usefulness_takes == "real images that were held out from the training"


def test_the_classes_of_an_extractor_for_other_data_are_not_shown():
    assert look(make_images(40), extractor=make_extractor(classes=5)).classes is None


def test_copies_are_told(capsys):
    training = make_images(60)
    first = training.images[:30] / np.float32(127.5) - 1

    def copier(latents, training=False):
        return first[np.arange(len(latents)) % len(first)]

    found = examine(copier, training, make_extractor(), latent_dim=4, repeats=1)
    assert [space.close_share for space in found.neighbours] == [1, 1]
    assert not found.neighbours[0].ratios.any()
    assert capsys.readouterr().out.startswith("Looking at 30 real images.\nMaking 30 samples and")


def test_a_line_goes_in_equal_steps_from_one_end_to_the_other():
    path = linear_path(np.array([0.0, 4.0]), np.array([2.0, 0.0]), 5)
    np.testing.assert_allclose(path, [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])
    assert path.dtype == np.float32


def test_a_great_circle_goes_in_equal_angles_and_keeps_the_length():
    path = spherical_path(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 4)
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(path, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)


def test_between_ends_of_two_lengths_a_great_circle_still_meets_both():
    start, end = np.random.default_rng(0).standard_normal((2, 64))
    path = spherical_path(start, 3 * end, 7)
    np.testing.assert_allclose(path[[0, -1]], [start, 3 * end], rtol=1e-6)


def test_half_way_between_two_latents_only_the_line_is_too_short():
    ends = np.random.default_rng(0).standard_normal((2, 10_000))
    line, circle = (path(*ends, 3)[1] for path in (linear_path, spherical_path))
    # Two draws of N(0, I) are nearly orthogonal and sqrt(10,000) long, up to a few per cent.
    np.testing.assert_allclose(np.linalg.norm(line), 100 / np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(np.linalg.norm(circle), 100, rtol=0.05)


def test_where_there_is_no_great_circle_the_line_takes_its_place():
    start = np.array([1.0, 1.0])
    for end in (start, 2 * start, -start):
        np.testing.assert_array_equal(spherical_path(start, end, 5), linear_path(start, end, 5))
