"""A GAN with penalties on its discriminator: the step, the logs, the state, every execution."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import penalties

LATENT_DIM = 2
ROWS = 8
IMAGES = np.random.default_rng(0).uniform(-1, 1, (3 * ROWS, 4, 4, 1)).astype("float32")
LABELS = np.arange(3 * ROWS, dtype="int32") % 3


def networks(num_classes=None, policy="float32"):
    keras.utils.set_random_seed(5)
    dense = keras.layers.Dense
    last = "float32" if policy.startswith("mixed") else policy
    inputs = latents = keras.Input((LATENT_DIM,))
    images = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(images)
    both = images
    if num_classes:
        labels = keras.Input((), dtype="int32")
        inputs, both = [latents, labels], [images, labels]
        one_hot = keras.layers.CategoryEncoding(num_classes, output_mode="one_hot")(labels)
        latents = keras.layers.Concatenate()([latents, one_hot])
        x = keras.layers.Concatenate()([x, one_hot])
    hidden = dense(6, "swish", dtype=policy)(latents)
    fakes = keras.layers.Reshape((4, 4, 1))(dense(16, "tanh", dtype=last)(hidden))
    x = dense(5, "swish", dtype=policy)(dense(6, "swish", dtype=policy)(x))
    return keras.Model(inputs, fakes), keras.Model(both, dense(1, dtype=last)(x))


def make_gan(penalties, num_classes=None, policy="float32", **compile_arguments):
    generator, discriminator = networks(num_classes, policy)
    gan = kgan.GAN(generator, discriminator, LATENT_DIM, num_classes=num_classes, seed=1)
    compile_arguments.setdefault("loss", "rpgan")
    # To trace a step takes as long as dozens of them.
    compile_arguments.setdefault("run_eagerly", True)
    gan.compile(
        keras.optimizers.SGD(0.1),
        keras.optimizers.SGD(0.1),
        penalties=penalties,
        **compile_arguments,
    )
    return gan


def every_penalty():
    return [
        penalties.R1(0.5),
        penalties.R2(0.25),
        penalties.GradientPenalty(0.3),
        penalties.DRAGAN(0.2),
        penalties.LeCam(0.1, decay=0.5, start=1),
    ]


def fitted(gan, epochs=1):
    data = (IMAGES, LABELS) if gan.num_classes else IMAGES
    batches = tf.data.Dataset.from_tensor_slices(data).batch(ROWS)
    return gan.fit(batches, epochs=epochs, verbose=0).history


@pytest.fixture
def fixed_latents(monkeypatch):
    """Without randomness: XLA draws other numbers."""
    # Drawn here, outside of any program.
    latents = tf.random.stateless_normal((ROWS, LATENT_DIM), seed=[1, 2])
    monkeypatch.setattr(keras.random, "normal", lambda shape, seed: latents[: shape[0]])


def weights_of(gan):
    return np.concatenate([np.ravel(weight) for weight in gan.get_weights()])


@pytest.mark.smoke
@pytest.mark.parametrize("num_classes", [pytest.param(None, marks=pytest.mark.slow), 3])
def test_a_discriminator_step_descends_loss_and_penalties_written_out(num_classes):
    options = {"loss": "non_saturating", "run_eagerly": False}
    gan = make_gan([penalties.R1(0.5), penalties.R2(0.25)], num_classes, **options)
    generator, discriminator = networks(num_classes)
    labels = [tf.constant(LABELS[:ROWS])] if num_classes else []
    latents = keras.random.normal((ROWS, LATENT_DIM), seed=keras.random.SeedGenerator(1))
    real, fake = tf.constant(IMAGES[:ROWS]), generator([latents, *labels] if labels else latents)

    def logits(images):
        return discriminator([images, *labels] if labels else images)

    def mean_squared_slope(images):
        with tf.GradientTape() as inner:
            inner.watch(images)
            value = tf.reduce_sum(logits(images))
        return tf.reduce_sum(inner.gradient(value, images) ** 2) / ROWS

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softplus(-logits(real)) + tf.nn.softplus(logits(fake)))
        r1, r2 = 0.25 * mean_squared_slope(real), 0.125 * mean_squared_slope(fake)
        total = loss + r1 + r2
    variables = discriminator.trainable_variables
    gradients = tape.gradient(total, [variable.value for variable in variables])
    expected = [w - 0.1 * g for w, g in zip(variables, gradients, strict=True)]

    images = (IMAGES[:ROWS], *labels)
    logs = gan.fit(tf.data.Dataset.from_tensors(images), verbose=0).history
    for weight, value in zip(gan.discriminator.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(weight, value, rtol=1e-4, atol=1e-6)
    for name, value in (("d_loss", loss), ("r1", r1), ("r2", r2)):
        np.testing.assert_allclose(logs[name][0], value, rtol=1e-5)


def of_a_pass_of_its_own(kind):
    """R1 or R2 that is given no gradients: it asks the discriminator anew."""
    return type(kind.__name__, (kind,), {"needs": ()})


def resting_gan(penalties):
    """Its latents are the same at every draw."""
    gan = make_gan(penalties, num_classes=3, policy="float64")
    latents = np.random.default_rng(1).normal(size=(ROWS, LATENT_DIM))
    gan.sample_latents = lambda n, seed: tf.constant(latents)
    return gan


def step_of(gan):
    """The sum of what the discriminator minimises, and how a step moves it, which is undone."""
    gan.reset_metrics()
    before, weights = gan.get_weights(), gan.discriminator.get_weights()
    gan.train_step((tf.constant(IMAGES[:ROWS], "float64"), tf.constant(LABELS[:ROWS])))
    pairs = zip(gan.discriminator.get_weights(), weights, strict=True)
    moves = [moved - weight for moved, weight in pairs]
    gan.set_weights(before)
    logged = {metric.name: float(metric.result()) for metric in gan.metrics}
    return sum(logged[name] for name in ("d_loss", "r1", "r2")), moves


@pytest.mark.usefixtures("float64")
def test_r1_and_r2_of_the_pass_of_the_loss_are_those_of_passes_of_their_own():
    kinds = penalties.R1, penalties.R2
    value, moves = step_of(resting_gan([kind(0.5) for kind in kinds]))
    expected, expected_moves = step_of(resting_gan([of_a_pass_of_its_own(k)(0.5) for k in kinds]))
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for one, other in zip(moves, expected_moves, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("float64")
def test_a_step_follows_finite_differences_of_loss_r1_and_r2():
    gan = resting_gan([penalties.R1(0.5), penalties.R2(0.25)])
    weights, moves = gan.discriminator.get_weights(), step_of(gan)[1]
    random = np.random.default_rng(2)
    directions = [random.normal(size=weight.shape) for weight in weights]
    values = []
    for h in (1e-5, -1e-5):
        pairs = zip(weights, directions, strict=True)
        gan.discriminator.set_weights([weight + h * to for weight, to in pairs])
        values.append(step_of(gan)[0])
    slope = (values[0] - values[1]) / 2e-5
    moved = sum(np.sum(move * to) for move, to in zip(moves, directions, strict=True))
    # By SGD with a rate of 0.1.
    np.testing.assert_allclose(moved, -0.1 * slope, rtol=1e-7)


def test_every_penalty_is_a_log_of_its_own_and_no_evaluation_has_one():
    gan = make_gan(every_penalty())
    logs = fitted(gan)
    penalties = ["r1", "r2", "gradient_penalty", "dragan", "lecam"]
    assert set(logs) == {"d_loss", "g_loss", "d_real", "d_fake", "d_auc", *penalties}
    assert all(np.all(np.array(logs[name]) > 0) for name in penalties)
    evaluated = gan.evaluate(IMAGES, verbose=0, return_dict=True)
    assert set(evaluated) == {"d_loss", "g_loss", "d_real", "d_fake", "d_auc"}
    assert len(gan.evaluate(IMAGES, verbose=0)) == 5
    validated = gan.fit(IMAGES, verbose=0, validation_data=IMAGES).history
    assert "r1" in validated
    assert "val_d_loss" in validated
    assert "val_r1" not in validated


def test_a_penalty_of_weight_zero_changes_nothing():
    with_penalty, without = make_gan(penalties.R1(0.0)), make_gan(None)
    fitted(with_penalty)
    fitted(without)
    np.testing.assert_allclose(weights_of(with_penalty), weights_of(without), rtol=1e-6)


# R1 and LeCam in test_execution.py are executed so by default.
@pytest.mark.slow
@pytest.mark.parametrize(
    "execution",
    [
        {"run_eagerly": True, "jit_compile": False},
        {"jit_compile": True},
        {"steps_per_execution": 3},
        {"steps_per_execution": 3, "jit_compile": True},
    ],
    ids=str,
)
@pytest.mark.usefixtures("fixed_latents")
def test_every_way_of_execution_takes_the_same_steps(execution):
    def train(**execution):
        gan = make_gan(
            [penalties.R1(0.5), penalties.R2(0.2), penalties.LeCam(start=0)],
            **{"run_eagerly": False, **execution},
        )
        logs = fitted(gan, epochs=2)
        return weights_of(gan), [logs[name][-1] for name in ("d_loss", "r1", "r2", "lecam")]

    for expected, found in zip(train(), train(**execution), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "execution",
    [
        {"run_eagerly": True},
        {"run_eagerly": False},
        {"run_eagerly": False, "jit_compile": True},
    ],
    ids=str,
)
@pytest.mark.usefixtures("fixed_latents")
def test_penalties_survive_16_bits(policy, execution):
    def penalties(**arguments):
        logs = fitted(make_gan(every_penalty()[:2], **arguments), epochs=2)
        return logs["r1"], logs["r2"]

    # The slope of a network that computes with 8 or 11 bits, over six updates.
    np.testing.assert_allclose(penalties(policy=policy, **execution), penalties(), rtol=0.05)


def test_penalties_see_float32_whatever_the_networks_compute_in():
    seen = {}

    class Spy(penalties.R1):
        def __call__(self, discriminator, *, real_images, fake_images, **others):
            penalty = super().__call__(discriminator, real_images=real_images)
            seen.update(real=real_images.dtype, fake=fake_images.dtype, penalty=penalty.dtype)
            return penalty

    generator, discriminator = networks(policy="mixed_float16")
    last = keras.layers.Activation("linear", dtype="float16")
    gan = kgan.GAN(keras.Sequential([generator, last]), discriminator, LATENT_DIM)
    gan.compile("sgd", "sgd", penalties=Spy(0.5), run_eagerly=True)
    half = tf.data.Dataset.from_tensor_slices(IMAGES.astype("float16")).batch(ROWS)
    gan.fit(half, verbose=0)
    assert seen == {"real": tf.float32, "fake": tf.float32, "penalty": tf.float32}


@pytest.mark.slow
def test_the_averages_of_lecam_are_saved_and_training_goes_on_with_equal_numbers(tmp_path):
    gan = make_gan(every_penalty())
    fitted(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert [r.name for r in loaded.penalties] == [r.name for r in gan.penalties]
    state, loaded_state = (
        [float(variable) for variable in model.state_beside_weights().values()]
        for model in (gan, loaded)
    )
    assert state == loaded_state
    # An epoch of three batches.
    assert state[-1] == 3
    assert fitted(gan) == fitted(loaded)
    np.testing.assert_array_equal(weights_of(gan), weights_of(loaded))


def test_one_object_given_to_two_gans_has_a_state_in_each():
    lecam = penalties.LeCam(start=0)
    first, second = make_gan(lecam), make_gan(lecam)
    fitted(first)
    assert float(first.state_beside_weights()["lecam_2"]) == 3
    assert float(second.state_beside_weights()["lecam_2"]) == 0


def test_penalties_see_the_discriminator_in_training_mode():
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, inputs, training=False):
            seen.append(training)
            return inputs

    generator, _ = networks()
    critic = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), Spy(), keras.layers.Dense(1)]
    )
    gan = kgan.GAN(generator, critic, LATENT_DIM)
    gan.compile("sgd", "sgd", penalties=["r1=1", "r2=1", "gradient_penalty"])
    seen.clear()
    gan.train_step(tf.constant(IMAGES[:ROWS]))
    # Reals and fakes for loss, R1 and R2, what lies between them, and the generator's fakes.
    assert seen == [True] * 4


@pytest.mark.slow
def test_weights_load_into_a_gan_with_other_penalties(tmp_path):
    gan = make_gan(penalties.LeCam())
    fitted(gan)
    gan.save_weights(tmp_path / "all.weights.h5")
    other = make_gan(None)
    other.load_weights(tmp_path / "all.weights.h5")
    np.testing.assert_array_equal(weights_of(gan), weights_of(other))
    other.save_weights(tmp_path / "fewer.weights.h5")
    gan.load_weights(tmp_path / "fewer.weights.h5")
    assert float(gan.state_beside_weights()["lecam_2"]) == 3


def test_penalties_that_mean_nothing_for_the_discriminator_are_refused_by_compile():
    generator, _ = networks()
    mixing = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    gan = kgan.GAN(generator, mixing, LATENT_DIM)
    with pytest.raises(ValueError, match="R1 needs a discriminator that judges every sample alone"):
        gan.compile("adam", "adam", penalties="r1=0.1")
    gan.compile("adam", "adam", penalties="lecam")


def test_compiling_again_starts_with_other_penalties():
    gan = make_gan(penalties.LeCam(), run_eagerly=False)
    fitted(gan)
    gan.compile("sgd", "sgd", penalties=[penalties.R2(0.1)])
    assert set(fitted(gan)) == {"d_loss", "g_loss", "d_real", "d_fake", "d_auc", "r2"}
    assert gan.state_beside_weights() == {}


@pytest.mark.parametrize("floatx", ["float64", "float16"])
def test_networks_may_have_another_precision_than_kerass_float(floatx):
    keras.config.set_floatx(floatx)
    try:
        gan = make_gan(every_penalty(), loss="ns")
        gan.train_step(IMAGES[:ROWS].astype("float64"))
        gan.train_step(IMAGES[:ROWS])
    finally:
        keras.config.set_floatx("float32")
    logged = {metric.name: float(metric.result()) for metric in gan.metrics}
    assert set(logged) > {penalty.name for penalty in every_penalty()}
    assert np.isfinite(list(logged.values())).all()
    assert min(logged[penalty.name] for penalty in every_penalty()) > 0
