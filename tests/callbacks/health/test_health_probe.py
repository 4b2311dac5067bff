"""What one look measures, against slow loops and closed forms."""

import math
from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

import kgan
from kgan import losses
from kgan.callbacks.health.probe import HealthProbe
from kgan.callbacks.health.probe import loss_range

SHAPE = (1, 2, 1)
LATENTS = np.array(keras.random.normal((64, 2), seed=0), "float64")
RANDOM = np.random.default_rng(5)


def make_gan(generator=None, num_classes=None, loss="wasserstein", steps=1, references=None):
    """A GAN whose samples are its latents, and whose logit is 3 times the first pixel less 1."""
    if generator is None:
        latents = keras.Input((2,))
        generator = keras.Model(latents, layers.Reshape(SHAPE)(Scale()(latents)))
    images = keras.Input(SHAPE)
    dense = layers.Dense(1, kernel_initializer=Columns(), bias_initializer="zeros")
    inputs, logits = images, dense(layers.Flatten()(images))
    if num_classes is not None:
        inputs = [images, keras.Input((), dtype="int32")]
    gan = kgan.GAN(
        generator,
        keras.Model(inputs, logits),
        latent_dim=2,
        num_classes=num_classes,
        seed=1,
    )
    gan.compile("sgd", "sgd", loss=loss, discriminator_steps=steps)
    gan.reference_images = references
    return gan


class Columns(keras.initializers.Initializer):
    """The kernel (3, -1)."""

    def __call__(self, shape, dtype=None):
        return ops.array([[3.0], [-1.0]])


class Scale(layers.Layer):
    """Multiplies by one weight, at first 1."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return inputs * self.factor


class OfLabel(layers.Layer):
    """One point per label, whatever the latents, with a jitter of their size times `jitter`."""

    def __init__(self, jitter):
        super().__init__()
        self.jitter = jitter

    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, latents, labels):
        points = ops.stack([ops.cast(labels, "float32"), ops.zeros(ops.shape(labels))], axis=1)
        return self.factor * points + self.jitter * latents


class Seen(NamedTuple):
    """What a classifier says."""

    probabilities: np.ndarray


def conditional_generator(jitter):
    latents, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    points = OfLabel(jitter)(latents, labels)
    return keras.Model([latents, labels], layers.Reshape(SHAPE)(points))


def pictures(points):
    return np.float32(points).reshape(-1, *SHAPE)


def mean_distance(first, second=None):
    """The mean over all pairs, of different rows if there is one sample, in a slow loop."""
    pairs = [
        math.dist(x, y)
        for i, x in enumerate(first)
        for j, y in enumerate(first if second is None else second)
        if second is not None or i != j
    ]
    return sum(pairs) / len(pairs)


def nearest(points):
    return [
        min(math.dist(x, y) for j, y in enumerate(points) if j != i) for i, x in enumerate(points)
    ]


def test_samples_are_compared_with_references_by_their_distances():
    reals = RANDOM.normal(0.5, 2.0, (40, 2))
    evidence = HealthProbe(make_gan(references=pictures(reals))).look()
    fakes, reals = np.float32(LATENTS).astype("float64"), np.float32(reals).astype("float64")
    within_fakes, within_reals = mean_distance(fakes), mean_distance(reals)
    between = mean_distance(fakes, reals)
    assert evidence["diversity"] == pytest.approx(within_fakes / within_reals, rel=1e-6)
    energy = 2 * between - within_fakes - within_reals
    assert evidence["distance"] == pytest.approx(energy / (2 * between), rel=1e-6)
    close = 0.1 * np.median(nearest(reals))
    expected = np.mean([distance < close for distance in nearest(fakes)])
    assert evidence["duplicates"] == expected
    assert expected > 0
    assert evidence["saturated"] == np.mean(np.abs(fakes) > 0.99)


def test_samples_of_the_data_are_as_varied_and_at_no_distance():
    # Unbiased: with other points of one distribution the three are 1, small and 0 on average.
    values = [
        HealthProbe(make_gan(references=pictures(RANDOM.standard_normal((64, 2))))).look()
        for _ in range(3)
    ]
    assert np.mean([value["diversity"] for value in values]) == pytest.approx(1, abs=0.1)
    assert np.mean([value["distance"] for value in values]) == pytest.approx(0, abs=0.02)
    assert np.mean([value["duplicates"] for value in values]) < 0.05


def test_a_generator_that_makes_two_pictures_makes_duplicates_only():
    latents = keras.Input((2,))
    signs = layers.Lambda(lambda x: ops.sign(x[:, :1]) * ops.ones_like(x))(latents)
    generator = keras.Model(latents, layers.Reshape(SHAPE)(Scale()(signs)))
    references = pictures(RANDOM.standard_normal((64, 2)))
    evidence = HealthProbe(make_gan(generator, references=references)).look()
    assert evidence["duplicates"] == 1
    assert evidence["diversity"] > 0.5


def test_diversity_is_within_a_class():
    # Classes lie 10 apart; in a class, reals and fakes are N(0, 1) and N(0, 0.1^2).
    labels = RANDOM.integers(3, size=64)
    reals = RANDOM.standard_normal((64, 2)) + 10 * np.stack([labels, 0 * labels], axis=1)
    gan = make_gan(conditional_generator(0.1), num_classes=3, references=pictures(reals))
    gan.reference_labels = labels
    evidence = HealthProbe(gan).look()
    assert evidence["diversity"] == pytest.approx(0.1, rel=0.2)


def test_classes_of_which_the_references_have_too_few_are_compared_with_all_of_them():
    # 16 classes, each seen once but for three: fewer than ten pairs of one class.
    labels = np.r_[np.arange(16), 0, 1, 2]
    reals = RANDOM.standard_normal((19, 2))
    gan = make_gan(conditional_generator(0.1), num_classes=1000, references=pictures(reals))
    gan.reference_labels = labels
    evidence = HealthProbe(gan).look()
    within = [0.1 * mean_distance(LATENTS[start : start + 4]) for start in range(0, 64, 4)]
    expected = np.mean(within) / mean_distance(reals)
    assert evidence["diversity"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("num_classes", "seen", "expected"),
    [
        # Of the most frequent classes in the data, else of the first ones; as many of each.
        (5, [4, 2, 2, 4, 4, 2, 4], [4] * 32 + [2] * 32),
        (5, None, np.repeat(np.arange(5), 12)),
        (1000, None, np.repeat(np.arange(16), 4)),
    ],
)
def test_labels_are_of_few_classes_several_times_each(num_classes, seen, expected):
    class ThousandthOfLabel(layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(shape=(), initializer="ones")

        def call(self, latents, labels):
            return self.factor * ops.cast(labels[:, None], "float32") / 1000 + 0 * latents

    latents, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    pixels = ThousandthOfLabel()(latents, labels)
    generator = keras.Model([latents, labels], layers.Reshape(SHAPE)(pixels))
    gan = make_gan(generator, num_classes=num_classes)
    if seen is not None:
        gan.reference_labels = np.array(seen)
        gan.reference_images = pictures(RANDOM.standard_normal((len(seen), 2)))
    given = []
    probe = HealthProbe(gan, lambda images: given.append(images) or Seen(np.float32([[1, 0]])))
    probe.look()
    np.testing.assert_allclose(given[0][:, 0, 0, 0] * 1000, expected, rtol=1e-5)


@pytest.mark.parametrize("rows", [64, 10])
@pytest.mark.parametrize("steps", [1, 2])
def test_the_gradient_is_that_of_the_generators_loss(rows, steps):
    # The loss -mean(3 w x - w y) has the derivative -mean(3 x - y) by w = 1.
    references = pictures(RANDOM.standard_normal((rows, 2)))
    evidence = HealthProbe(make_gan(references=references, steps=steps)).look()
    # As many samples as a minibatch has rows.
    x, y = LATENTS[: rows // steps].T
    assert evidence["g_gradient"] == pytest.approx(abs(np.mean(3 * x - y)), rel=1e-5)
    assert len(LATENTS) == 64
    assert {"diversity", "duplicates", "distance"} <= set(evidence)


def test_the_gradient_of_a_loss_that_saturates_vanishes_with_the_logits():
    # -mean(softplus(f)), f = 3 w x - w y, has the derivative -mean(sigmoid(f) (3 x - y)).
    evidence = HealthProbe(make_gan(loss="minimax")).look()
    slopes = LATENTS @ [3, -1]
    expected = np.mean(slopes / (1 + np.exp(-slopes)))
    assert evidence["g_gradient"] == pytest.approx(abs(expected), rel=1e-5)


def test_a_loss_that_compares_with_reals_is_given_the_references():
    # mean(softplus(r - f)) has the derivative -mean(sigmoid(r - f) (3 x - y)).
    reals = RANDOM.standard_normal((20, 2))
    gan = make_gan(loss="relativistic_paired", references=pictures(reals))
    slopes = LATENTS[:20] @ [3, -1]
    expected = np.mean(slopes / (1 + np.exp(slopes - reals @ [3, -1])))
    assert HealthProbe(gan).look()["g_gradient"] == pytest.approx(abs(expected), rel=1e-5)


def test_without_references_only_the_samples_themselves_are_measured():
    assert set(HealthProbe(make_gan()).look()) == {"g_gradient", "saturated"}
    relativistic = make_gan(loss="relativistic_paired")
    assert set(HealthProbe(relativistic).look()) == {"saturated"}


def test_references_that_are_all_alike_are_no_scale():
    references = np.ones((8, *SHAPE), "float32")
    evidence = HealthProbe(make_gan(references=references)).look()
    assert set(evidence) == {"g_gradient", "saturated"}


def test_samples_that_are_not_finite_are_said_to_be():
    gan = make_gan(loss="minimax", references=pictures(RANDOM.standard_normal((8, 2))))
    gan.generator.trainable_variables[0].assign(math.nan)
    evidence = HealthProbe(gan).look()
    assert math.isnan(evidence["diversity"])
    assert math.isnan(evidence["g_gradient"])


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        # All classes equally frequent, in doubt or not; half of four classes; one class.
        (np.full((64, 4), 0.25), 1.0),
        (np.tile(np.eye(4), (16, 1)), 1.0),
        (np.tile(np.eye(4)[:2], (32, 1)), 0.5),
        (np.eye(4)[np.zeros(64, int)], 0.0),
        # 64 samples cannot be of more than 64 classes.
        (np.eye(1000)[:64], 1.0),
    ],
)
def test_class_entropy_is_that_of_the_classes_over_the_largest(probabilities, expected):
    given = []
    evidence = HealthProbe(
        make_gan(), lambda images: given.append(images) or Seen(np.float32(probabilities))
    ).look()
    assert evidence["class_entropy"] == pytest.approx(expected, abs=1e-6)
    # A classifier is promised images in [-1, 1], and these latents go beyond.
    assert np.abs(LATENTS).max() > 1
    np.testing.assert_allclose(given[0], np.clip(pictures(LATENTS), -1, 1), rtol=1e-6)


def test_large_pictures_are_compared_by_pixels_of_a_grid():
    latents = keras.Input((2,))
    x = layers.UpSampling2D((130, 65), interpolation="nearest")(
        layers.Reshape((1, 2, 1))(Scale()(latents))
    )
    references = RANDOM.standard_normal((16, 1, 2, 1)).astype("float32")
    small = make_gan(references=references)
    judge = keras.Sequential(
        [keras.Input((130, 130, 1)), layers.GlobalAveragePooling2D(), layers.Dense(1)]
    )
    gan = kgan.GAN(keras.Model(latents, x), judge, latent_dim=2)
    gan.compile("sgd", "sgd", loss="wasserstein")
    gan.reference_images = references.repeat(130, axis=1).repeat(65, axis=2)
    probe = HealthProbe(gan)
    # Every third pixel of 130 is 44 of them.
    assert probe._reals.shape == (16, 44 * 44)
    # Pictures of two colours differ by them alone, each 22 columns wide.
    expected = HealthProbe(small).look()
    for name in ("diversity", "duplicates", "distance"):
        assert probe.look()[name] == pytest.approx(expected[name], rel=1e-6)


def test_references_of_another_fit_are_taken_without_compiling_anew():
    first, second = (pictures(RANDOM.standard_normal((20, 2)) * scale) for scale in (1, 5))
    latents, calls = keras.Input((2,)), []
    counted = layers.Lambda(lambda x: calls.append(1) or x)(Scale()(latents))
    gan = make_gan(keras.Model(latents, layers.Reshape(SHAPE)(counted)), references=first)
    probe = HealthProbe(gan)
    before = probe.look()
    gan.reference_images = second
    probe.take_references()
    traced = len(calls)
    now = probe.look()
    assert len(calls) == traced
    assert now["diversity"] < before["diversity"] / 3
    assert now == HealthProbe(gan).look()
    assert probe.is_of(gan)
    assert not probe.is_of(make_gan())
    gan.compile("sgd", "sgd", loss="hinge")
    assert not probe.is_of(gan)


def test_a_look_leaves_random_numbers_and_weights_as_they_were():
    class Noise(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = keras.random.SeedGenerator(2)

        def call(self, inputs):
            return inputs + keras.random.normal(ops.shape(inputs), seed=self.seeds)

    latents = keras.Input((2,))
    x = layers.BatchNormalization()(Noise()(Scale()(latents)))
    gan = make_gan(keras.Model(latents, layers.Reshape(SHAPE)(x)))
    before = [np.array(variable) for variable in gan.variables]
    HealthProbe(gan).look()
    for variable, value in zip(gan.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


@pytest.mark.parametrize(
    ("loss", "coin", "best"),
    [
        (losses.NonSaturating(), math.log(4), 0),
        (losses.Minimax(), math.log(4), 0),
        # D* = 0.9 / 2 at p = q; where there are reals alone the entropy of 0.9 is left.
        (
            losses.NonSaturating(label_smoothing=0.1),
            -0.9 * math.log(0.45) - 1.1 * math.log(0.55),
            -0.9 * math.log(0.9) - 0.1 * math.log(0.1),
        ),
        (losses.LeastSquares(), 1 / 4, 0),
        (losses.LeastSquares.pearson(), 1, 0),
        (losses.Hinge(), 2, 0),
        (losses.RelativisticPaired(), math.log(2), 0),
        (losses.FDivergence("gan"), math.log(4), 0),
        (losses.FDivergence("jensen_shannon"), 0, -2 * math.log(2)),
        (losses.FDivergence("squared_hellinger"), 0, -2),
        (losses.FDivergence("total_variation"), 0, -1),
    ],
)
def test_losses_with_a_bound_have_a_coins_loss_and_a_best_one(loss, coin, best):
    # The best one is approached: the square root of the ratio 1e9 is left of it at worst.
    assert loss_range(loss) == pytest.approx((coin, best), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        losses.Wasserstein(),
        losses.RelativisticAverage(),
        losses.FDivergence("kl"),
        losses.FDivergence("reverse_kl"),
        losses.FDivergence("pearson_chi_square"),
        losses.Loss(),
    ],
)
def test_losses_without_a_bound_have_none(loss):
    assert loss_range(loss) is None


def test_training_images_are_ranked_over_held_out_ones_in_a_slow_loop():
    reals, held_out = RANDOM.normal(0.5, 1, (40, 2)), RANDOM.normal(0, 1, (32, 2))
    gan = make_gan(references=pictures(reals))
    assert "memorised" not in HealthProbe(gan).look()
    gan.held_out_images = pictures(held_out)
    ranks = [3 * x[0] - x[1] > 3 * y[0] - y[1] for x in reals for y in held_out]
    assert HealthProbe(gan).look()["memorised"] == pytest.approx(np.mean(ranks))
    gan.held_out_images = pictures(held_out[:31])
    assert "memorised" not in HealthProbe(gan).look()
