import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan.evaluation import Evaluator
from kgan.evaluation import Measurement
from kgan.evaluation.evaluator import get_all
from kgan.evaluation.protocol import value_names
from kgan.metrics import FrechetDistance
from kgan.metrics import KernelDistance
from kgan.metrics import ModeCount
from kgan.metrics import PrecisionRecall
from kgan.metrics.sample_metric import SampleMetric
from kgan.metrics.states import Rows

FRECHET = "frechet_distance_pixels"


class BrightnessDifference(SampleMetric):
    """Mean value of the fakes less that of the reals: a measure of pixels."""

    reads = "images"

    def __init__(self, extractor=None, *, name=None, digits=6):
        super().__init__(extractor, name=name)
        self.digits = digits

    def new_state(self):
        return Rows()

    def values(self):
        return {"brightness_difference": self.fake.all().mean() - self.real.all().mean()}


class Dots:
    """A generator: the first latent is the brightness of the first pixel, or the label is."""

    def __init__(self):
        self.labels = []

    def __call__(self, inputs, training=False):
        assert training is False
        latents, labels = inputs if isinstance(inputs, list) else (inputs, None)
        latents = np.asarray(latents)
        images = np.tile(np.tanh(latents[:, :1, None, None]), (1, 4, 4, 1))
        if labels is not None:
            self.labels.extend(np.asarray(labels).tolist())
            images[:, 0, 0, 0] = 2 * (np.asarray(labels) % 2) - 1
        return tf.constant(images, tf.float32)


def to_floats(pixels):
    return pixels.astype(np.float32) / 127.5 - 1


def test_reals_shifted_by_a_constant_have_its_squared_length_as_frechet_distance(
    make_pixels, make_extractor
):
    reals = make_pixels(50)
    # 10 levels in each of 16 pixels, and the same covariance.
    expected = 16 * (10 / 127.5) ** 2
    values = Evaluator(reals, make_extractor(), ["frechet_distance"])(reals + 10)
    assert list(values) == ["frechet_distance_pixels_50"]
    np.testing.assert_allclose(values["frechet_distance_pixels_50"], expected, rtol=1e-5)


def test_reals_measured_against_themselves_are_perfect(make_pixels, make_extractor):
    reals = make_pixels(50)
    values = Evaluator(reals, make_extractor())(reals)
    # float32 features of nearly 0 distance: an error of 1e-5 is far below any real one.
    np.testing.assert_allclose(values["frechet_distance_pixels_50"], 0, atol=1e-5)
    assert values["precision_pixels_50"] == values["recall_pixels_50"] == 1
    assert values["modes_pixels_50"] == 2


def test_values_are_those_of_the_measures_on_the_same_features(make_pixels, make_extractor):
    reals, fakes, extractor = make_pixels(40), make_pixels(30, seed=1) // 2, make_extractor()
    values = Evaluator(reals, extractor, batch_size=7)(fakes)
    expected = {}
    for metric in (FrechetDistance(), PrecisionRecall(), ModeCount()):
        real, fake = extractor(to_floats(reals)), extractor(to_floats(fakes))
        metric.update_state(getattr(real, metric.reads), getattr(fake, metric.reads))
        expected |= {f"{key}_pixels_30": value for key, value in metric.values().items()}
    assert list(values) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-6, err_msg=name)


def test_without_classes_the_default_counts_none(make_pixels, make_extractor):
    values = Evaluator(make_pixels(20), make_extractor(classes=False))(make_pixels(20, seed=1))
    names = ["frechet_distance_pixels_20", "precision_pixels_20", "recall_pixels_20"]
    assert list(values) == names


@pytest.mark.parametrize(
    "form",
    [
        lambda pixels: pixels,
        lambda pixels: tf.constant(pixels),
        lambda pixels: to_floats(pixels),
        lambda pixels: to_floats(pixels).astype(np.float64),
        lambda pixels: tf.constant(to_floats(pixels)),
        lambda pixels: kgan.data.Images(pixels),
        lambda pixels: kgan.data.Images(pixels).batches(7, shuffle=False, drop_remainder=False),
        lambda pixels: tf.data.Dataset.from_tensor_slices(pixels).batch(9),
        lambda pixels: [(pixels[:3], np.zeros(3, int)), (pixels[3:], np.zeros(17, int))],
        lambda pixels: (batch for batch in (pixels[:19], to_floats(pixels[19:]))),
    ],
)
def test_images_of_every_form_measure_the_same(make_pixels, make_extractor, form):
    reals, fakes = make_pixels(20), make_pixels(20, seed=1)
    expected = Evaluator(reals, make_extractor())(fakes)
    assert Evaluator(form(reals), make_extractor())(form(fakes)) == expected


def test_what_a_picture_file_would_not_keep_is_not_measured(make_pixels, make_extractor):
    reals, fakes = make_pixels(20), to_floats(make_pixels(20, seed=1))
    evaluator = Evaluator(reals, make_extractor())
    # Less than half a level, 1/255.
    between = np.random.default_rng(0).uniform(-0.0038, 0.0038, fakes.shape)
    assert evaluator(fakes + between) == evaluator(fakes)
    assert evaluator(fakes + 0.0042) != evaluator(fakes)


def test_the_extractor_looks_at_every_image_once_for_all_measures(make_pixels, make_extractor):
    extractor = make_extractor()
    metrics = ["frechet_distance", KernelDistance(subset_size=5), "precision_recall", "mode_count"]
    evaluator = Evaluator(make_pixels(20), extractor, metrics, batch_size=8)
    assert extractor.looked_at == 20
    evaluator(make_pixels(30))
    assert extractor.looked_at == 50


def test_no_measurement_leaves_a_trace_in_the_next(make_pixels, make_extractor):
    evaluator = Evaluator(make_pixels(20), make_extractor())
    first = evaluator(make_pixels(20, seed=1))
    assert evaluator(make_pixels(20, seed=2)) != first
    assert evaluator(make_pixels(20, seed=1)) == first


def test_a_measurement_that_failed_leaves_no_trace_in_the_next(make_pixels, make_extractor):
    evaluator = Evaluator(make_pixels(20), make_extractor(), ["precision_recall", "mode_count"])
    expected = evaluator(make_pixels(20, seed=1))
    with pytest.raises(ValueError, match="Too few fake features"):
        evaluator(make_pixels(3))
    assert evaluator(make_pixels(20, seed=1)) == expected


def test_one_measure_given_to_two_evaluators_counts_in_each_for_itself(make_pixels, make_extractor):
    metric, fakes = FrechetDistance(), make_pixels(20, seed=1)
    first = Evaluator(make_pixels(20), make_extractor(), [metric])
    expected = first(fakes)
    Evaluator(make_pixels(20, seed=2), make_extractor(), [metric])
    assert first(fakes) == expected
    assert metric.real.count == metric.fake.count == 0


def test_images_extracted_before_measure_the_same(make_pixels, make_extractor):
    extractor, fakes = make_extractor(), make_pixels(20, seed=1)
    evaluator = Evaluator(make_pixels(20), extractor)
    extracted = evaluator.extract(fakes)
    seen = extractor.looked_at
    values = evaluator.measure(fakes, extracted)
    assert extractor.looked_at == seen
    assert values == evaluator(fakes)


@pytest.mark.parametrize("of", [lambda all_of: all_of, lambda all_of: all_of.features])
def test_features_of_other_images_are_refused(make_pixels, make_extractor, of):
    evaluator = Evaluator(make_pixels(20), make_extractor())
    extracted = of(evaluator.extract(make_pixels(5)))
    with pytest.raises(ValueError, match=r"Expected: rows for 20 images\. Received: "):
        evaluator.measure(make_pixels(20), extracted)


@pytest.mark.parametrize("make", [lambda extractor: Evaluator([], extractor), FrechetDistance])
@pytest.mark.parametrize("extractor", [keras.Sequential(name="mine"), 3])
def test_what_is_no_extractor_is_refused(make, extractor):
    message = (
        "extractor must be a kgan.features.Extractor, such as kgan.features.digits(), or None. "
        f"Received: {type(extractor).__name__} {getattr(extractor, 'name', extractor)!r}. Wrap a "
        "Keras model: kgan.features.Extractor(model, 'its_name')."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(extractor)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(10, dtype="int32"), "Labels must have the shape (10,). Received: (10, 10)."),
        ([0.0, 1.0], "Labels must be integers. Received: dtype float64."),
        ([], "Labels must have the shape (1,). Received: (0,)."),
        (3, "Labels must have the shape (1,). Received: ()."),
        ([0, -1], "Labels must lie in 0..0, since num_classes=1. Received: -1."),
    ],
)
def test_training_labels_are_checked_at_once(make_pixels, labels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Evaluator(make_pixels(4), None, [], training_labels=labels)


def test_measures_of_pixels_need_no_extractor_and_their_values_name_none(make_pixels):
    reals = make_pixels(20)
    values = Evaluator(reals, None, BrightnessDifference(), batch_size=7)(reals[:10] + 20)
    expected = to_floats(reals[:10] + 20).mean() - to_floats(reals).mean()
    assert list(values) == ["brightness_difference_10"]
    np.testing.assert_allclose(values["brightness_difference_10"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("key", "reads", "extractor", "name"),
    [
        ("frechet_distance", "features", "digits", "frechet_distance_digits_10000"),
        ("frechet_distance", "features", "inception", "fid_10000"),
        ("kernel_distance", "features", "inception", "kid_10000"),
        ("kernel_distance_std", "features", "inception", "kid_std_10000"),
        ("kernel_distance_std", "features", "inception_2", "kernel_distance_std_inception_2_10000"),
        ("precision", "features", "inception", "precision_inception_10000"),
        ("modes", "probabilities", "digits", "modes_digits_10000"),
        ("ms_ssim", "images", "digits", "ms_ssim_10000"),
        ("ms_ssim", "images", None, "ms_ssim_10000"),
    ],
)
def test_names_carry_extractor_and_count_and_only_inception_is_fid(key, reads, extractor, name):
    extractor = extractor and SimpleNamespace(name=extractor)
    assert value_names(key, reads, extractor, 10_000)[1] == name


def test_of_an_iterable_the_first_images_are_taken_and_no_batch_more(make_pixels, make_extractor):
    pixels = make_pixels(20)

    def endless():
        yield pixels[:8]
        yield pixels[8:16]
        raise AssertionError("asked for more than 12")

    evaluator = Evaluator(endless(), make_extractor(), num_images=12)
    assert evaluator.num_images == 12
    np.testing.assert_array_equal(
        evaluator.real.features, make_extractor()(to_floats(pixels[:12])).features
    )


def test_of_stored_images_the_same_random_ones_are_taken_whatever_their_order(make_extractor):
    # Class by class, as a folder of folders is; the brightness is the class.
    labels = np.repeat(np.arange(10), 100)
    pixels = np.tile(labels[:, None, None, None] * 25, (1, 4, 4, 1)).astype(np.uint8)
    images = kgan.data.Images(pixels, labels)
    first = Evaluator(images, make_extractor(), num_images=200)
    second = Evaluator(pixels, make_extractor(), num_images=200)
    np.testing.assert_array_equal(first.real.features, second.real.features)
    np.testing.assert_array_equal(to_floats(25 * first.labels), first.real.features[:, 0])
    # 20 of each class are expected, with a standard deviation of 3.8.
    assert np.abs(np.bincount(first.labels) - 20).max() < 4 * 3.8


def test_fewer_images_than_asked_for_are_told(make_pixels, make_extractor, capsys):
    evaluator = Evaluator(make_pixels(9), make_extractor(), num_images=1_000)
    assert evaluator.num_images == 9
    expected = "There are 9 real images to measure against, not 1,000.\n"
    assert capsys.readouterr().out == expected
    Evaluator(make_pixels(9), make_extractor(), num_images=1_000, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_second_evaluator_reads_the_features_of_the_first(tmp_path, make_pixels, make_extractor):
    fakes = make_pixels(20, seed=1)
    expected = Evaluator(make_pixels(20), make_extractor(), cache_dir=tmp_path)(fakes)
    extractor = make_extractor()
    evaluator = Evaluator(to_floats(make_pixels(20)), extractor, cache_dir=tmp_path)
    assert extractor.looked_at == 0
    assert evaluator(fakes) == expected


def test_other_images_or_another_extractor_find_no_features(tmp_path, make_pixels, make_extractor):
    Evaluator(make_pixels(20), make_extractor(), cache_dir=tmp_path)
    for pixels, extractor in (
        (make_pixels(20, seed=1), make_extractor()),
        (make_pixels(20), make_extractor(scale=2.0)),
    ):
        Evaluator(pixels, extractor, cache_dir=tmp_path)
        assert extractor.looked_at == 20
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[200:]])
def test_damaged_features_are_made_again(tmp_path, make_pixels, make_extractor, damage):
    fakes = make_pixels(20, seed=1)
    expected = Evaluator(make_pixels(20), make_extractor(), cache_dir=tmp_path)(fakes)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    extractor = make_extractor()
    with pytest.warns(UserWarning, match="not used but made again") as warned:
        evaluator = Evaluator(make_pixels(20), extractor, cache_dir=tmp_path)
    (file_of_warning,) = {w.filename for w in warned if "made again" in str(w.message)}
    assert file_of_warning == __file__
    assert extractor.looked_at == 20
    assert evaluator(fakes) == expected
    assert Evaluator(make_pixels(20), make_extractor(), cache_dir=tmp_path)(fakes) == expected


def test_a_generator_is_measured_by_independent_sample_sets(make_pixels, make_extractor):
    evaluator = Evaluator(make_pixels(30), make_extractor(), ["frechet_distance"])
    measured = evaluator.evaluate(Dots(), latent_dim=2, seed=7, repeats=3)
    sets = [
        evaluator(kgan.sampling.generate(Dots(), 30, latent_dim=2, seed=seed))[f"{FRECHET}_30"]
        for seed in (7, 8, 9)
    ]
    assert list(measured) == [f"{FRECHET}_30"]
    measurement = measured[f"{FRECHET}_30"]
    assert len(set(sets)) == 3
    np.testing.assert_allclose(measurement.mean, sum(sets) / 3, rtol=1e-12)
    spread = (sum((value - measurement.mean) ** 2 for value in sets) / 2) ** 0.5
    np.testing.assert_allclose(measurement.std, spread, rtol=1e-12)
    assert measurement.sample_sets == 3
    assert measurement.num_real == measurement.num_fake == 30
    assert measurement.protocol == (
        "FrechetDistance() on the 16 features of 'pixels', 30 real images against 30 generated, "
        "all in 256 levels, mean and standard deviation of 3 sample sets, seeds 7 to 9."
    )
    assert evaluator.evaluate(Dots(), latent_dim=2, seed=7, repeats=3) == measured


def test_for_json_a_number_says_what_its_uncertainty_is():
    number = Measurement("recall", 0.5, 0.012, 3, 100, 100, "How.", 0.75)
    assert number.as_dict() == {
        "value": 0.5,
        "uncertainty": 0.012,
        "uncertainty_is": "standard deviation over 3 sample sets",
        "real_images": 0.75,
        "sample_sets": 3,
        "num_real": 100,
        "num_fake": 100,
        "protocol": "How.",
    }
    alone = number._replace(mean=float("inf"), std=None).as_dict()
    # JSON has no infinity.
    assert (alone["value"], alone["uncertainty_is"]) == ("inf", None)


def test_one_sample_set_has_no_spread(make_pixels, make_extractor):
    reals = kgan.data.Images(make_pixels(30), np.arange(30) % 2, name="dots")
    evaluator = Evaluator(reals, make_extractor(), [PrecisionRecall(k=4), "mode_count"])
    measured = evaluator.evaluate(Dots(), latent_dim=2, num_classes=2)
    assert {measurement.std for measurement in measured.values()} == {None}
    assert measured["recall_pixels_30"].protocol == (
        "PrecisionRecall(k=4) on the 16 features of 'pixels', 30 real images of 'dots' against 30 "
        "generated, all in 256 levels, labels drawn as often as among the reals, one sample set of "
        "seed 0."
    )
    assert measured["modes_pixels_30"].protocol.startswith(
        "ModeCount(min_samples=1) on the 2 classes of 'pixels', 30 real images"
    )


def test_labels_are_as_frequent_as_among_the_reals(make_pixels, make_extractor):
    labels = np.repeat([0, 2], [150, 50])
    evaluator = Evaluator(kgan.data.Images(make_pixels(200), labels), make_extractor())
    drawn = evaluator.draw_labels(4, seed=0)
    assert (drawn.dtype, drawn.shape) == (np.int32, (200,))
    counts = np.bincount(drawn, minlength=4)
    assert counts[1] == counts[3] == 0
    # Binomial, of standard deviation 6.1.
    assert abs(counts[2] - 50) < 4 * 6.1
    generator = Dots()
    evaluator.evaluate(generator, latent_dim=2, num_classes=4)
    assert generator.labels == drawn.tolist()


def test_labels_come_as_in_the_training_data_where_those_are_known(make_pixels, make_extractor):
    # The measured reals are chance; what a perfect generator learned are the shares of all.
    images = kgan.data.Images(make_pixels(6), [0, 0, 0, 0, 0, 1], num_classes=2)
    training = np.repeat([0, 1], 500)
    evaluator = Evaluator(images, make_extractor(), num_images=6, training_labels=training)
    labels = np.concatenate([evaluator.draw_labels(2, seed) for seed in range(500)])
    # 3,000 tosses of a coin have a standard deviation of 0.009.
    assert labels.mean() == pytest.approx(0.5, abs=4 * 0.0092)


def test_labels_of_a_choice_come_as_in_all_there_is_to_choose_from(make_pixels, make_extractor):
    images = kgan.data.Images(make_pixels(100), np.repeat([0, 1], [99, 1]), num_classes=2)
    evaluator = Evaluator(images, make_extractor(), num_images=10)
    labels = np.concatenate([evaluator.draw_labels(2, seed) for seed in range(400)])
    # 4,000 draws of 0.01 have a standard deviation of 0.0016.
    assert labels.mean() == pytest.approx(0.01, abs=4 * 0.0016)


def test_labels_are_uniform_where_those_of_the_reals_are_not_known(make_pixels, make_extractor):
    attributes = tf.zeros((200, 7), tf.int32)
    evaluator = Evaluator([(make_pixels(200), attributes)], make_extractor())
    assert evaluator.labels is None
    drawn = evaluator.draw_labels(4, seed=0)
    # Binomial, of standard deviation 6.1.
    assert np.abs(np.bincount(drawn, minlength=4) - 50).max() < 4 * 6.1
    assert (
        "labels drawn uniformly, one sample set"
        in next(iter(evaluator.evaluate(Dots(), latent_dim=2, num_classes=4).values())).protocol
    )
    assert evaluator.draw_labels(None, seed=0) is None


def test_a_generator_without_some_of_the_classes_is_refused(make_pixels, make_extractor):
    images = kgan.data.Images(make_pixels(10), np.arange(10))
    message = (
        "The real images have labels from 0 to 9, and the generator knows 0..2, since "
        "num_classes=3. Measure against images of the classes that it was trained on."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(images, make_extractor()).evaluate(Dots(), latent_dim=2, num_classes=3)


def test_keras_generators_are_measured(make_pixels, make_extractor):
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="tanh"),
            keras.layers.Reshape((4, 4, 1)),
        ]
    )
    evaluator = Evaluator(make_pixels(30), make_extractor())
    measured = evaluator.evaluate(generator, latent_dim=2)
    values = evaluator(kgan.sampling.generate(generator, 30, latent_dim=2, seed=0))
    assert {name: measurement.mean for name, measurement in measured.items()} == values


BAD_IMAGES = [
    (
        np.zeros((5, 4), np.float32),
        "Images to measure must have the shape (images, height, width, channels), at least one of "
        "them. Received: (5, 4). Measure samples that are no images with the functions of "
        "kgan.metrics.",
    ),
    (
        np.zeros((5, 4, 4), np.uint8),
        "Images to measure must have the shape (images, height, width, channels), at least one of "
        "them. Received: (5, 4, 4). Add an axis that is missing: images[..., None] for the "
        "channel of grey images, images[None] or .batch() for the batch.",
    ),
    (
        np.zeros((0, 4, 4, 1), np.uint8),
        "Images to measure must have the shape (images, height, width, channels), at least one of "
        "them. Received: (0, 4, 4, 1). Add an axis that is missing: images[..., None] for the "
        "channel of grey images, images[None] or .batch() for the batch.",
    ),
    (
        np.zeros((5, 4, 4, 1), np.int64),
        "Images must be uint8 in [0, 255], or floats in [-1, 1]. Received: dtype int64. "
        "Convert integers in [0, 255] with .astype('uint8').",
    ),
    (
        np.full((5, 4, 4, 1), [[[[0.0]]], [[[0.0]]], [[[np.nan]]], [[[np.inf]]], [[[0.0]]]]),
        "The images hold NaN or infinity, first in row 2. A generator that makes such images has "
        "diverged: go back to an earlier checkpoint.",
    ),
    (
        np.linspace(0, 255, 16, dtype="float32").reshape(1, 4, 4, 1),
        "Images must lie in [-1, 1]. Received: values from 0 to 255. Scale them with images / "
        "127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they lie in [0, 1].",
    ),
    (
        "photos",
        "Images to measure are an array (images, height, width, channels), a kgan.data.Images, or "
        "a dataset or another iterable of batches of images or of (images, labels). Received: "
        "'photos'. kgan.data.load makes an Images of a folder or a name.",
    ),
    (
        {"image": np.zeros((5, 4, 4, 1), np.uint8)},
        "Images to measure are an array (images, height, width, channels), a kgan.data.Images, or "
        "a dataset or another iterable of batches of images or of (images, labels). Received: "
        "{'image': array([[[[0],..., dtype=uint8)}. kgan.data.load makes an Images of a folder or "
        "a name.",
    ),
    (
        [{"image": 1, "label": 2}],
        "A batch to measure must be images or (images, labels). Received: a dict with the keys "
        "['image', 'label']. Take its parts by name, for example dataset.map(lambda row: "
        "row['image']).",
    ),
    (
        [],
        "There are no images to measure: the iterable is empty. A Python generator is used up "
        "after one pass; give a list of batches, a tf.data.Dataset or an array.",
    ),
]


@pytest.mark.parametrize(("images", "message"), BAD_IMAGES)
def test_images_that_cannot_be_measured(make_pixels, make_extractor, images, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(images, make_extractor())
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(make_pixels(10), make_extractor())(images)


def test_images_beside_labels_are_not_taken_for_two_batches(make_pixels, make_extractor):
    message = (
        "Images and labels as two arrays would be taken for two batches. Received: a tuple of "
        "arrays (8, 4, 4, 1) and (8,). Pass kgan.data.from_arrays(images, labels)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator((make_pixels(8), np.zeros(8, int)), make_extractor())


def test_reals_between_0_and_1_are_refused_and_such_fakes_measured(make_pixels, make_extractor):
    images = to_floats(make_pixels(20)) / 2 + 0.5
    message = (
        "None of the 20 real images has a negative value. Expected: floats in [-1, 1]. Received: "
        "images that look like [0, 1]. Scale them with 2 * images - 1."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(images, make_extractor())
    assert Evaluator(make_pixels(20), make_extractor())(images)


def test_reals_that_do_not_fit_the_extractor(make_extractor):
    message = "The images do not fit the extractor 'pixels'. Expected: (images, 4, 4, 1)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Evaluator(np.zeros((9, 5, 4, 1), np.uint8), make_extractor())


def test_fakes_of_another_shape_than_the_reals(make_pixels, make_extractor):
    fakes = np.zeros((9, 5, 4, 1), np.uint8)
    message = "Expected: (images, 4, 4, 1) with at least one image. Received: (9, 5, 4, 1)."
    with pytest.raises(ValueError, match=re.escape(message)):
        Evaluator(make_pixels(9), make_extractor())(fakes)
    message = (
        "compares rows of one shape. Expected: (4, 4, 1), as those before. Received: (5, 4, 1)"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Evaluator(make_pixels(9), None, BrightnessDifference())(fakes)


@pytest.mark.parametrize(
    ("classes", "extractor", "metrics", "message"),
    [
        (
            False,
            True,
            ["mode_count"],
            "ModeCount reads probabilities. Expected: an extractor that makes them. Received: "
            "extractor='pixels', which makes features. kgan.features.digits() and "
            "kgan.features.fashion() make both features and class probabilities.",
        ),
        (
            True,
            False,
            ["frechet_distance"],
            "FrechetDistance reads features. Expected: an extractor that makes them. Received: "
            "extractor=None, which makes none. kgan.features.digits() and kgan.features.fashion() "
            "make both features and class probabilities.",
        ),
        (
            True,
            False,
            None,
            "The default measures compare features. Pass an extractor, such as "
            "kgan.features.digits(), or metrics that read images.",
        ),
    ],
)
def test_measures_that_the_extractor_cannot_serve(
    make_pixels, make_extractor, classes, extractor, metrics, message
):
    extractor = make_extractor(classes=classes) if extractor else None
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(make_pixels(9), extractor, metrics)


@pytest.mark.parametrize("argument", ["num_images", "batch_size"])
@pytest.mark.parametrize("value", [0, 2.0])
def test_counts_must_be_positive_integers(make_pixels, make_extractor, argument, value):
    message = f"{argument} must be a positive integer. Received: {argument}={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Evaluator(make_pixels(9), make_extractor(), **{argument: value})


def test_without_an_extractor_there_are_no_features(make_pixels):
    evaluator = Evaluator(make_pixels(9), None, BrightnessDifference())
    assert evaluator.real is None
    message = "This Evaluator has no extractor. Give it one to extract features."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        evaluator.extract(make_pixels(9))


def test_several_are_copies_without_rows_in_their_order(make_extractor):
    counted = ModeCount(min_samples=3)
    counted.update_state(fake=[[0.0, 1.0]])
    found = get_all([counted, "frechet_distance"], make_extractor())
    assert [type(metric) for metric in found] == [ModeCount, FrechetDistance]
    assert found[0].min_samples == 3
    assert (found[0].fake.count, counted.fake.count) == (0, 1)


@pytest.mark.parametrize("identifiers", ["mode_count", ["mode_count"], ("mode_count",)])
def test_one_needs_no_list(make_extractor, identifiers):
    (metric,) = get_all(identifiers, make_extractor())
    assert type(metric) is ModeCount


@pytest.mark.parametrize(
    ("identifiers", "received"),
    [
        ([], "[]"),
        (["mode_count", ModeCount(min_samples=2)], "['ModeCount', 'ModeCount']"),
    ],
)
def test_none_or_two_of_a_kind(identifiers, received, make_extractor):
    message = (
        "An evaluation takes at least one measure, and no two of one kind, whose values would have "
        f"the same names. Received: {received}. Make an Evaluator for each."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get_all(identifiers, make_extractor())


def test_a_measure_with_an_extractor_of_its_own():
    class Named:
        name = "digits"

        def __call__(self, images):
            return images

    message = (
        "FrechetDistance has an extractor of its own, 'digits'. An evaluation runs one extractor "
        "once for all measures. Leave it out of the measure and pass it to the Evaluator."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        get_all(FrechetDistance(Named()), None)
