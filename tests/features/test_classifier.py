import itertools
import re
import warnings

import keras
import numpy as np
import pytest

from kgan.features import Extractor
from kgan.features import classifier
from kgan.features import classifier_model
from kgan.features import train_classifier

SIDE = 10
SHAPE = (SIDE, SIDE, 1)
STEPS = 40


def bars(count, seed=0):
    """Images of one bright bar each: the label is 1 for an upright one, 0 for one that lies."""
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=count)
    pixels = random.integers(40, size=(count, *SHAPE)).astype(np.uint8)
    for image, label, place in zip(pixels, labels, random.integers(SIDE, size=count), strict=True):
        image[(slice(None), place) if label else place] = 250
    return pixels, labels


def weights(extractor):
    return [keras.ops.convert_to_numpy(weight) for weight in extractor.model.weights]


def assert_same_weights(one, other):
    for left, right in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture
def made_up(monkeypatch):
    """The seeds of the trainings of a test, none of which takes its time."""
    seeds = []

    def fit(model, images, labels, *, seed, steps):
        seeds.append(seed)
        random = np.random.default_rng([seed, steps])
        for weight in model.weights:
            weight.assign(random.normal(size=weight.shape))

    monkeypatch.setattr(classifier, "fit_classifier", fit)
    monkeypatch.setattr(classifier, "accuracy_of", lambda *_: 0.95)
    return seeds


@pytest.mark.parametrize(
    ("image_shape", "num_classes"),
    [((28, 28, 1), 10), ((8, 8, 1), 2), ((32, 32, 3), 100), ((64, 40, 3), 5), ((9, 200, 4), 3)],
)
def test_the_model_makes_64_features_and_class_probabilities(image_shape, num_classes):
    model = classifier_model(image_shape, num_classes)
    assert model.input_shape == (None, *image_shape)
    assert model.output_shape == [(None, 64), (None, num_classes)]
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)


def test_the_number_of_weights_is_that_of_the_docstring():
    # Convolutions of 3x3 from 1 to 16, 32, 64 and 64 channels, 3x3x64 to 64 features, 10 classes.
    expected = sum(9 * a * b + b for a, b in [(1, 16), (16, 32), (32, 64), (64, 64), (64, 64)])
    assert classifier_model((28, 28, 1), 10).count_params() == expected + 64 * 10 + 10 == 97_802


def test_features_come_before_the_relu():
    model = classifier_model(SHAPE, 3)
    batch = np.random.default_rng(0).uniform(-1, 1, (50, *SHAPE)).astype(np.float32)
    features, probabilities = model.predict_on_batch(batch)
    assert (features < 0).any()
    kernel, bias = model.get_layer("logits").get_weights()
    exponentials = np.exp(np.maximum(features, 0) @ kernel + bias)
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)


def test_equal_seeds_give_equal_models_and_others_do_not():
    one, same, other = (classifier_model(SHAPE, 2, seed=seed).get_weights() for seed in (1, 1, 2))
    for left, right in zip(one, same, strict=True):
        np.testing.assert_array_equal(left, right)
    assert any((left != right).any() for left, right in zip(one, other, strict=True))


@pytest.mark.slow
def test_the_accuracy_is_that_of_the_held_out_tenth_and_printed(capsys, monkeypatch):
    used = []

    def fit(model, images, labels, **_):
        used.append(images)
        fit_classifier(model, images, labels, seed=0, steps=STEPS)

    fit_classifier = classifier.fit_classifier
    monkeypatch.setattr(classifier, "fit_classifier", fit)
    images, labels = bars(405)
    extractor = train_classifier(images, labels, name="bars")
    trained_on = {image.tobytes() for image in used[0]}
    held_out = [row for row, image in enumerate(images) if image.tobytes() not in trained_on]
    assert (len(held_out), len(used[0])) == (40, 365)
    seen = extractor(images[held_out] / np.float32(127.5) - 1).probabilities.argmax(axis=1)
    accuracy = (seen == labels[held_out]).mean()
    assert extractor.accuracy == accuracy > 0.9
    error = np.sqrt(accuracy * (1 - accuracy) / 40)
    assert capsys.readouterr().out == (
        f"extractor 'bars': right on {accuracy:.1%} of 40 held-out images "
        f"(standard error {error:.1%})\n"
    )
    fresh, fresh_labels = bars(300, seed=1)
    probabilities = extractor(fresh / np.float32(127.5) - 1).probabilities
    assert (probabilities.argmax(axis=1) == fresh_labels).mean() > 0.9
    assert (extractor.image_shape, extractor.num_classes) == (SHAPE, 2)


@pytest.mark.slow
def test_training_depends_on_its_own_seed_and_not_on_the_global_one():
    def train(seed, global_seed):
        keras.utils.set_random_seed(global_seed)
        model = classifier_model(SHAPE, 2, seed=seed)
        classifier.fit_classifier(model, *bars(150), seed=seed, steps=3)
        return Extractor(model, "bars").fingerprint

    first = train(seed=3, global_seed=1)
    drawn = np.random.random()
    assert train(seed=3, global_seed=2) == first != train(seed=4, global_seed=1)
    keras.utils.set_random_seed(1)
    assert np.random.random() == drawn


def test_every_image_is_seen_once_before_any_is_seen_twice():
    random = np.random.default_rng(0)
    rows = np.arange(300)
    batches = classifier._batches(np.zeros((300, 3, 3, 1), np.uint8), rows, random)
    seen = np.concatenate([labels for _, labels in itertools.islice(batches, 7)])
    assert len(seen) == 7 * 128
    for start in (0, 300):
        np.testing.assert_array_equal(np.sort(seen[start : start + 300]), rows)


def test_images_are_shifted_by_at_most_a_28th_of_their_sides():
    random = np.random.default_rng(0)
    pixels = np.zeros((500, 28, 56, 1), np.uint8)
    pixels[:, 14, 28] = 255
    shifted = classifier._shifted(pixels, random)
    _, rows, columns, _ = np.nonzero(shifted)
    assert len(rows) == 500
    assert set(rows - 14) == {-1, 0, 1}
    assert set(columns - 28) == {-2, -1, 0, 1, 2}


def test_the_border_is_repeated_where_an_image_is_shifted():
    pixels = np.full((20, 28, 28, 3), 77, np.uint8)
    np.testing.assert_array_equal(classifier._shifted(pixels, np.random.default_rng(0)), pixels)


def test_a_kept_classifier_is_not_trained_again(tmp_path, made_up, capsys):
    images, labels = bars(150)
    first = train_classifier(images, labels, cache_dir=tmp_path)
    said = capsys.readouterr().out
    again = train_classifier(images, labels, cache_dir=tmp_path, name="other")
    assert len(made_up) == 1
    assert_same_weights(first, again)
    assert again.accuracy == first.accuracy == 0.95
    assert capsys.readouterr().out == said.replace("'classifier'", "'other'")
    assert len(list(tmp_path.iterdir())) == 1


def test_floats_are_the_bytes_they_stand_for(tmp_path, made_up):
    images, labels = bars(150)
    train_classifier(images, labels, cache_dir=tmp_path)
    for dtype in ("float32", "float64"):
        floats = (images / 127.5 - 1).astype(dtype)
        train_classifier(floats, labels, cache_dir=tmp_path)
    assert len(made_up) == 1


def test_nothing_is_kept_without_a_folder(tmp_path, monkeypatch, made_up):
    monkeypatch.chdir(tmp_path)
    train_classifier(*bars(150))
    train_classifier(*bars(150))
    assert len(made_up) == 2
    assert list(tmp_path.iterdir()) == []


def test_whatever_the_weights_depend_on_has_a_file_of_its_own(tmp_path, monkeypatch, made_up):
    images, labels = bars(150)

    def train(images=images, labels=labels, **options):
        return train_classifier(images, labels, **options, cache_dir=tmp_path)

    changed = images.copy()
    changed[140, 3, 3] += 1
    relabelled = labels.copy()
    relabelled[140] = 1 - relabelled[140]
    train()
    train(images=changed)
    train(labels=relabelled)
    train(seed=1)
    train(steps=31)
    train(num_classes=3)
    monkeypatch.setattr(classifier, "__version__", "next")
    train()
    assert len(list(tmp_path.iterdir())) == len(made_up) == 7


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("harm", [damage, cut])
def test_a_damaged_file_is_not_used_but_made_again_and_said_so(tmp_path, harm, made_up):
    images, labels = bars(150)
    first = train_classifier(images, labels, cache_dir=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    harm(path)
    start = re.escape(f"{path} is damaged: ")
    end = re.escape(". It is not used: the classifier is trained again.")
    with pytest.warns(UserWarning, match=f"^{start}.*{end}$") as caught:
        again = train_classifier(images, labels, cache_dir=tmp_path)
    assert caught[0].filename == __file__
    assert len(made_up) == 2
    assert_same_weights(first, again)
    assert path.read_bytes() == whole


def test_a_file_under_another_ones_name_is_not_used(tmp_path, made_up):
    images, labels = bars(150)
    first = train_classifier(images, labels, cache_dir=tmp_path / "a")
    train_classifier(images, labels, cache_dir=tmp_path / "b", seed=1)
    (right,), (wrong,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    right.write_bytes(wrong.read_bytes())
    with pytest.warns(UserWarning, match="belongs to something else"):
        again = train_classifier(images, labels, cache_dir=tmp_path / "a")
    assert_same_weights(first, again)
    assert made_up == [0, 1, 0]


def test_a_classifier_that_has_learned_nothing_is_warned_of(made_up, monkeypatch):
    images, _ = bars(1000)
    # Of 100 held-out images of two equal classes 60 are right by chance once in 20 times or so.
    labels = np.empty(1000, int)
    labels[np.random.default_rng([0, 1]).permutation(1000)] = np.arange(1000) % 2
    message = (
        "The classifier 'bars' is right on 60.0% of the held-out images, and 50.0% of them are of "
        "one class: it has learned next to nothing, and its features tell little. Check that the "
        "labels belong to the images, or raise steps."
    )
    monkeypatch.setattr(classifier, "accuracy_of", lambda *_: 0.6)
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        train_classifier(images, labels, name="bars")
    assert caught[0].filename == __file__
    monkeypatch.setattr(classifier, "accuracy_of", lambda *_: 0.61)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_classifier(images, labels, name="bars")


def refused(message):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


def test_images_too_small_to_halve():
    message = (
        "The small classifier takes images of 8 pixels a side and more. "
        "Received: image_shape=(7, 28, 1)."
    )
    with refused(message):
        classifier_model((7, 28, 1), 10)


@pytest.mark.parametrize("shape", [(99, *SHAPE), (200, SIDE, SIDE), (0,)])
def test_too_few_images_or_none(shape, made_up):
    message = (
        "A classifier is trained on at least 100 images, (images, height, width, channels). "
        f"Received: an array of shape {shape}."
    )
    with refused(message):
        train_classifier(np.zeros(shape, np.uint8), np.zeros(shape[0], int))


def test_labels_of_one_class(made_up):
    images, _ = bars(100)
    message = "A classifier needs images of two classes at least. Received: 4 for all 100."
    with refused(message):
        train_classifier(images, np.full(100, 4))


def test_labels_that_do_not_fit(made_up):
    images, labels = bars(100)
    with refused(
        "Labels must have the shape (100,). Received: (99,). Give one class number per image: "
        "take labels[:, 0] of a column, numpy.argmax(labels, axis=-1) of one-hot labels."
    ):
        train_classifier(images, labels[:99])
    message = (
        "Labels must be integers. Received: dtype float64. Convert them with .astype('int32')."
    )
    with refused(message):
        train_classifier(images, labels.astype(float))
    with pytest.raises(ValueError, match=re.escape("Labels must lie in 0..1, since num_classes=2")):
        train_classifier(images, labels + 1, num_classes=2)
    with pytest.raises(ValueError, match=re.escape("Received: -1.")):
        train_classifier(images, labels - 1)


def test_images_that_are_neither_bytes_nor_floats(made_up):
    images, labels = bars(100)
    message = (
        "Images must be uint8 in [0, 255], or floats in [-1, 1]. Received: dtype int32. "
        "Convert integers in [0, 255] with .astype('uint8')."
    )
    with refused(message):
        train_classifier(images.astype("int32"), labels)


def test_floats_outside_the_range_or_not_finite(made_up):
    images, labels = bars(100)
    with pytest.raises(ValueError, match=re.escape("Images must lie in [-1, 1]. Received: values")):
        train_classifier(images.astype("float32"), labels)
    floats = images / np.float32(127.5) - 1
    floats[60, 0, 0] = np.nan
    with pytest.raises(ValueError, match="hold NaN or infinity, first in row 60"):
        train_classifier(floats, labels)


def test_a_name_of_kgans_own(made_up):
    with pytest.raises(ValueError, match="The name 'inception' is kept for kgan's own extractor"):
        train_classifier(*bars(100), name="inception")
