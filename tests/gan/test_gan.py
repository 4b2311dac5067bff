"""The training step is Algorithm 1, and a GAN is a full citizen of Keras."""

import copy
import json
import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import kgan
from kgan import models

SHAPE = (8, 8, 1)
LATENT_DIM = 3
# For what a graph may do otherwise than Python; test_execution.py shows that both take equal steps.
GRAPH = {"run_eagerly": False}


def images_and_labels(rows, num_classes=4, seed=0):
    random = np.random.default_rng(seed)
    images = random.uniform(-1, 1, (rows, *SHAPE)).astype("float32")
    return images, random.integers(num_classes, size=rows, dtype="int32")


def dataset(rows, batch, num_classes=None, drop_remainder=True):
    images, labels = images_and_labels(rows, num_classes or 4)
    data = tf.data.Dataset.from_tensor_slices(images if num_classes is None else (images, labels))
    return data.batch(batch, drop_remainder=drop_remainder)


def make_gan(num_classes=None, family="small_mlp", seed=3, ema=None, **compile_arguments):
    keras.utils.set_random_seed(11)
    pair = models.get(family)
    gan = kgan.GAN(
        pair.generator(SHAPE, LATENT_DIM, width=4, num_classes=num_classes),
        pair.discriminator(SHAPE, width=4, num_classes=num_classes),
        latent_dim=LATENT_DIM,
        num_classes=num_classes,
        ema_halflife_images=ema,
        seed=seed,
    )
    compile_arguments.setdefault("d_optimizer", keras.optimizers.SGD(0.1))
    compile_arguments.setdefault("g_optimizer", keras.optimizers.SGD(0.2))
    # To trace a step takes as long as dozens of them.
    compile_arguments.setdefault("run_eagerly", True)
    gan.compile(**compile_arguments)
    return gan


def state(gan):
    """Weights, averages, batch-norm statistics, random states and both optimizers."""
    variables = gan.variables + gan.optimizer.variables
    return [(variable.name, np.array(variable)) for variable in variables]


def assert_equal_states(first, second):
    for (name, value), (other_name, other_value) in zip(first, second, strict=True):
        assert name == other_name
        np.testing.assert_array_equal(value, other_value, err_msg=name)


def algorithm_1(gan, batches, k, d_rate, g_rate):
    """The written-out algorithm: plain gradient descent, one line of the paper at a time."""
    generator = keras.models.clone_model(gan.generator)
    generator.set_weights(gan.generator.get_weights())
    discriminator = keras.models.clone_model(gan.discriminator)
    discriminator.set_weights(gan.discriminator.get_weights())
    seeds = keras.random.SeedGenerator(gan.seed)
    logs = {"d_loss": [], "g_loss": [], "d_real": [], "d_fake": [], "d_auc": []}

    def descend(loss, tape, network, rate):
        gradients = tape.gradient(loss, [w.value for w in network.trainable_variables])
        for weight, gradient in zip(network.trainable_variables, gradients, strict=True):
            # An embedding's gradient comes as rows; made dense here.
            weight.assign(weight - rate * tf.convert_to_tensor(gradient))

    def call(network, samples, labels):
        return network(samples if labels is None else [samples, labels], training=True)

    for images, labels in batches:
        m = len(images) // k
        labels = None if labels is None else tf.constant(labels)
        latents = keras.random.normal((k * m, gan.latent_dim), seed=seeds)
        fakes = call(generator, latents, labels)
        for step in range(k):
            rows = [j for j in range(k * m) if j % k == step]
            own = None if labels is None else tf.gather(labels, rows)
            with tf.GradientTape() as tape:
                real = call(discriminator, tf.gather(images, rows), own)
                fake = call(discriminator, tf.gather(fakes, rows), own)
                loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))
            descend(loss, tape, discriminator, d_rate)
            logs["d_loss"].append(loss)
            logs["d_real"].append(tf.reduce_mean(tf.sigmoid(real)))
            logs["d_fake"].append(tf.reduce_mean(tf.sigmoid(fake)))
            logs["d_auc"].append(np.mean([r > f for r, f in zip(real, fake, strict=True)]))
        latents = keras.random.normal((m, gan.latent_dim), seed=seeds)
        with tf.GradientTape() as tape:
            fake = call(discriminator, call(generator, latents, own), own)
            loss = tf.reduce_mean(tf.nn.softplus(-fake))
        descend(loss, tape, generator, g_rate)
        logs["g_loss"].append(loss)
    return generator, discriminator, {name: np.mean(values) for name, values in logs.items()}


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("k", "num_classes"),
    [
        (1, None),
        (3, 4),
        pytest.param(1, 4, marks=pytest.mark.slow),
        pytest.param(3, None, marks=pytest.mark.slow),
    ],
)
def test_fit_is_algorithm_1_written_out(k, num_classes):
    gan = make_gan(num_classes, discriminator_steps=k, **GRAPH)
    images, labels = images_and_labels(4 * 5 * k)
    batches = [
        (images[rows], labels[rows] if num_classes else None)
        for rows in np.split(np.arange(4 * 5 * k), 4)
    ]
    expected = algorithm_1(gan, batches, k, d_rate=0.1, g_rate=0.2)
    history = gan.fit(dataset(4 * 5 * k, 5 * k, num_classes), verbose=0).history
    for network, reference in zip((gan.generator, gan.discriminator), expected[:2], strict=True):
        for weight, value in zip(network.weights, reference.weights, strict=True):
            # Graph and eager execution round differently.
            np.testing.assert_allclose(weight, value, rtol=1e-4, atol=1e-6)
    assert {name: pytest.approx(float(v), rel=1e-5) for name, v in expected[2].items()} == {
        name: values[0] for name, values in history.items()
    }


def test_logs_are_the_two_losses_the_two_scores_and_their_ranking_and_nothing_else():
    gan = make_gan()
    logs = gan.fit(dataset(12, 4), verbose=0, validation_data=dataset(8, 4)).history
    names = {"d_loss", "g_loss", "d_real", "d_fake", "d_auc"}
    assert set(logs) == names | {f"val_{name}" for name in names}
    assert set(gan.evaluate(dataset(8, 4), verbose=0, return_dict=True)) == names


def test_images_seen_counts_real_images_over_all_fits():
    gan = make_gan(discriminator_steps=2)
    gan.fit(dataset(12, 4), verbose=0)
    gan.fit(dataset(9, 4, drop_remainder=False), verbose=0)
    assert int(gan.images_seen) == 12 + 9
    assert int(gan.optimizer.iterations) == 3 + 3
    assert int(gan.optimizer.d_optimizer.iterations) == 2 * (3 + 3)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_short_last_batch_leaves_no_nan(run_eagerly):
    gan = make_gan(family="dcgan", discriminator_steps=3, run_eagerly=run_eagerly)
    for last in (1, 2, 4):
        logs = gan.fit(dataset(6 + last, 6, drop_remainder=False), verbose=0).history
        assert np.isfinite(list(logs.values())).all()
        assert all(np.isfinite(np.array(weight)).all() for weight in gan.weights)


class Relativistic(kgan.losses.Loss):
    """A loss of the generator that needs real logits."""

    compares_with_reals = True

    def discriminator_loss(self, real_logits, fake_logits):
        return keras.ops.softplus(fake_logits - real_logits)

    def generator_loss(self, real_logits, fake_logits):
        return keras.ops.softplus(real_logits - fake_logits)


def test_a_loss_that_compares_with_reals_gets_their_logits():
    # With a discriminator at rest g_loss is E softplus(D(x) - D(G(z))).
    gan = make_gan(loss=Relativistic(), d_optimizer=keras.optimizers.SGD(0.0))
    images, _ = images_and_labels(4)
    seeds = keras.random.SeedGenerator(3)
    keras.random.normal((4, LATENT_DIM), seed=seeds)
    fakes = gan.generator(keras.random.normal((4, LATENT_DIM), seed=seeds))
    real, fake = gan.discriminator(tf.constant(images)), gan.discriminator(fakes)
    expected = float(tf.reduce_mean(tf.nn.softplus(real - fake)))
    logs = gan.fit(dataset(4, 4), verbose=0).history
    np.testing.assert_allclose(logs["g_loss"], expected, rtol=1e-5)
    assert np.isfinite(gan.evaluate(dataset(4, 4), verbose=0)).all()


class Noise(keras.layers.Layer):
    """Noise that is always on, as some generators have it."""

    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(2)

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.seeds)


def noisy_gan(kind=kgan.GAN):
    keras.utils.set_random_seed(1)
    latents = keras.Input((LATENT_DIM,))
    x = Noise()(keras.layers.Dense(16)(latents))
    images = keras.layers.Reshape(SHAPE)(keras.layers.Dense(64, "tanh")(x))
    gan = kind(
        keras.Model(latents, images),
        models.small_mlp_discriminator(SHAPE, width=4),
        latent_dim=LATENT_DIM,
        seed=3,
    )
    rates = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.2)
    gan.compile(*rates, run_eagerly=True)
    return gan


def test_sampling_and_evaluating_leave_a_noisy_generator_alone():
    gan, undisturbed = noisy_gan(), noisy_gan()
    np.testing.assert_array_equal(gan.generate(3, seed=0), gan.generate(3, seed=0))
    gan.evaluate(dataset(8, 4), verbose=0)
    for model in (gan, undisturbed):
        model.fit(dataset(8, 4), verbose=0)
    for weight, value in zip(gan.weights, undisturbed.weights, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_what_a_training_draws_meanwhile_is_not_taken_back():
    """Another thread trains while samples are made and losses measured."""

    class Disturbed(kgan.GAN):
        def sample_latents(self, n, seed):
            thread = threading.Thread(target=draw)
            thread.start()
            thread.join()
            return super().sample_latents(n, seed)

    gan = noisy_gan(Disturbed)
    states = gan.training_seeds.state, gan.generator.layers[2].seeds.state
    before = [np.array(state) for state in states]

    def draw():
        for state in states:
            state.assign_add([0, 1])

    gan.generate(2, seed=0)
    gan.evaluate(dataset(8, 4), verbose=0)
    gan.predict(np.zeros((4, LATENT_DIM), "float32"), batch_size=2, verbose=0)
    # Once for the samples, and for either batch of an evaluation.
    for state, value in zip(states, before, strict=True):
        np.testing.assert_array_equal(state - value, [0, 3])


def test_every_batch_of_an_evaluation_has_noise_of_its_own():
    gan, noisy = noisy_gan(), []
    images = gan.predict(np.zeros((4, LATENT_DIM), "float32"), batch_size=2, verbose=0)
    assert np.abs(images[:2] - images[2:]).min() > 0
    gan.sample_latents = lambda n, seed: 0 * kgan.GAN.sample_latents(gan, n, seed)
    layer = gan.generator.layers[2]

    def call(inputs, call=layer.call):
        noisy.append(call(inputs))
        return noisy[-1]

    layer.call = call
    gan.evaluate(dataset(8, 4), verbose=0)
    assert np.abs(noisy[0] - noisy[1]).min() > 0
    # Nothing of it is left in a file.
    np.testing.assert_array_equal(gan.evaluation_seeds.state, [3, 0])


@pytest.mark.smoke
def test_the_average_has_the_stated_half_life_and_holds_batch_norm_statistics():
    gan = make_gan(4, family="dcgan", ema=8.0, discriminator_steps=2)
    expected = [np.array(weight) for weight in gan.generator.weights]
    for _ in range(3):
        gan.fit(dataset(4, 4, 4), verbose=0)
        # Four real images of a half-life of eight: the old average keeps 2^(-1/2).
        kept = 0.5 ** (4 / 8)
        expected = [
            kept * average + (1 - kept) * np.array(weight)
            for average, weight in zip(expected, gan.generator.weights, strict=True)
        ]
    statistics = [w for w in gan.ema_generator.weights if "moving_variance" in w.path]
    assert statistics
    for average, value in zip(gan.ema_generator.weights, expected, strict=True):
        np.testing.assert_allclose(average, value, rtol=2e-6, atol=1e-7)


def test_without_an_average_the_generator_itself_samples():
    gan = make_gan()
    assert gan.sampling_generator() is gan.generator


def test_samples_come_from_the_average():
    gan = make_gan(ema=1e9)
    before = gan.generate(2, seed=0)
    gan.fit(dataset(12, 4), verbose=0)
    # With so long a half-life the average has hardly moved; the generator has.
    np.testing.assert_allclose(gan.generate(2, seed=0), before, atol=1e-5)
    latents = keras.random.normal((2, LATENT_DIM), seed=0)
    np.testing.assert_allclose(gan(latents), before, atol=1e-5)
    np.testing.assert_allclose(gan.predict(latents, verbose=0), before, atol=1e-5)
    assert np.abs(np.array(gan.generator(latents)) - before).max() > 1e-3


@pytest.mark.smoke
def test_evaluate_repeats_itself_and_leaves_training_alone():
    gan, undisturbed = make_gan(), make_gan()
    gan.fit(dataset(12, 4), verbose=0)
    undisturbed.fit(dataset(12, 4), verbose=0)
    first = gan.evaluate(dataset(10, 4, drop_remainder=False), verbose=0, return_dict=True)
    gan.generate(3)
    assert first == gan.evaluate(dataset(10, 4, drop_remainder=False), verbose=0, return_dict=True)
    assert gan.fit(dataset(12, 4), verbose=0).history == (
        undisturbed.fit(dataset(12, 4), verbose=0).history
    )


def test_evaluate_measures_both_players_on_all_the_rows():
    gan = make_gan(4, ema=10.0)
    images, labels = images_and_labels(10)
    logs = gan.evaluate(dataset(10, 10, 4), verbose=0, return_dict=True)
    latents = keras.random.normal((10, LATENT_DIM), seed=keras.random.SeedGenerator(3))
    images, labels = tf.constant(images), tf.constant(labels)
    real = gan.discriminator([images, labels])
    fake = gan.discriminator([gan.ema_generator([latents, labels]), labels])
    expected = {
        "d_loss": tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(fake)),
        "g_loss": tf.reduce_mean(tf.nn.softplus(-fake)),
        "d_real": tf.reduce_mean(tf.sigmoid(real)),
        "d_fake": tf.reduce_mean(tf.sigmoid(fake)),
        "d_auc": np.mean(np.array(real) > np.array(fake)),
    }
    assert logs == {name: pytest.approx(float(v), rel=1e-5) for name, v in expected.items()}


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("family", "num_classes", "ema"),
    [
        ("mlp", 4, 9.0),
        pytest.param("dcgan", 4, None, marks=pytest.mark.slow),
        pytest.param("dcgan", 4, 9.0, marks=pytest.mark.slow),
    ],
)
def test_a_loaded_gan_has_everything_and_trains_on_with_equal_numbers(
    tmp_path, family, num_classes, ema
):
    # The mlp's dropout has random state of its own; Adam and RMSprop have slots.
    gan = make_gan(
        num_classes,
        family=family,
        ema=ema,
        d_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        g_optimizer=keras.optimizers.RMSprop(2e-3),
        loss=kgan.losses.LeastSquares.pearson(),
        discriminator_steps=2,
    )
    gan.fit(dataset(8, 4, num_classes), verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert_equal_states(state(gan), state(loaded))
    assert loaded.loss.get_config() == {"a": -1.0, "b": 1.0, "c": 0.0}
    assert loaded.discriminator_steps == 2
    histories = [
        model.fit(dataset(8, 4, num_classes), verbose=0).history for model in (gan, loaded)
    ]
    assert histories[0] == histories[1]
    assert_equal_states(state(gan), state(loaded))


@pytest.mark.smoke
def test_save_weights_keeps_the_same_state(tmp_path):
    gan = make_gan(family="mlp", ema=9.0, d_optimizer="adam", g_optimizer="adam")
    gan.fit(dataset(8, 4), verbose=0)
    gan.save_weights(tmp_path / "gan.weights.h5")
    other = make_gan(family="mlp", ema=9.0, d_optimizer="adam", g_optimizer="adam")
    other.load_weights(tmp_path / "gan.weights.h5")
    assert_equal_states(state(gan), state(other))


@pytest.mark.smoke
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    gan = make_gan()
    gan.save(tmp_path / "gan.keras")
    before = (tmp_path / "gan.keras").read_bytes()

    def fail(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        gan.save(tmp_path / "gan.keras")
    assert (tmp_path / "gan.keras").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["gan.keras"]


@pytest.mark.parametrize("path", ["gan.h5", "gan"])
def test_other_file_formats_are_refused(tmp_path, path):
    with pytest.raises(ValueError, match=r"Expected: a path that ends in \.keras\. Received: "):
        make_gan().save(tmp_path / path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_keeps_the_same_state(tmp_path):
    gan = make_gan(d_optimizer="adam")
    gan.fit(dataset(8, 4), verbose=0)
    gan.save(tmp_path / "gan", zipped=False)
    assert_equal_states(state(gan), state(keras.saving.load_model(tmp_path / "gan")))


def test_configs_round_trip():
    gan = make_gan(4, ema=10.0, discriminator_steps=3, loss="lsgan", steps_per_execution=2)
    copied = kgan.GAN.from_config(copy.deepcopy(gan.get_config()))
    copied.compile_from_config(copy.deepcopy(gan.get_compile_config()))
    assert json.dumps(copied.get_config()) == json.dumps(gan.get_config())
    assert json.dumps(copied.get_compile_config()) == json.dumps(gan.get_compile_config())
    assert gan.get_compile_config()["jit_compile"] == "auto"


def test_an_uncompiled_gan_can_be_saved_and_sampled(tmp_path):
    pair = models.get("small_mlp")
    gan = kgan.GAN(
        pair.generator(SHAPE, 3, width=4), pair.discriminator(SHAPE, width=4), latent_dim=3
    )
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(2, seed=1), gan.generate(2, seed=1))
    assert loaded.compiled is False


# Smaller networks in test_execution.py are executed so by default.
@pytest.mark.slow
@pytest.mark.parametrize(
    "execution",
    [{"run_eagerly": True}, {"jit_compile": True, **GRAPH}, {"steps_per_execution": 3, **GRAPH}],
)
def test_every_way_of_execution_takes_the_same_steps(execution):
    gan = make_gan(4, family="dcgan", ema=20.0, discriminator_steps=2, **execution)
    gan.fit(dataset(24, 4, 4), verbose=0)
    assert int(gan.optimizer.iterations) == 6
    assert int(gan.images_seen) == 24
    if "jit_compile" not in execution:  # XLA draws other random numbers.
        reference = make_gan(4, family="dcgan", ema=20.0, discriminator_steps=2, **GRAPH)
        reference.fit(dataset(24, 4, 4), verbose=0)
        for weight, value in zip(gan.weights, reference.weights, strict=True):
            # Rounding differs between execution modes and grows through batch norm.
            np.testing.assert_allclose(weight, value, rtol=1e-3, atol=1e-4)


def test_mixed_float16_scales_both_losses_and_keeps_logits_in_float32(tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = make_gan(family="dcgan", d_optimizer="adam", g_optimizer="adam", **GRAPH)
        gan.fit(dataset(12, 4), verbose=0)
        gan.save(tmp_path / "gan.keras")
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
    finally:
        keras.config.set_dtype_policy(policy)
    for model in (gan, loaded):
        for optimizer in (model.optimizer.d_optimizer, model.optimizer.g_optimizer):
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            assert int(optimizer.iterations) == 3
    assert_equal_states(state(gan), state(loaded))
    assert gan.discriminator.output.dtype == "float32"
    assert gan.generate(2, seed=0).dtype == np.float32


def test_one_layer_in_float16_has_both_losses_scaled():
    # Also where the policy is the layer's alone, or was another one when the model was loaded.
    half = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(4, dtype="float16")]
    nested = keras.Sequential([keras.Sequential(half), keras.layers.Dense(1, dtype="float32")])
    for discriminator, is_scaled in (
        (nested, True),
        (models.small_mlp_discriminator(SHAPE, width=4), False),
    ):
        gan = kgan.GAN(models.small_mlp_generator(SHAPE, 3, width=4), discriminator, latent_dim=3)
        gan.compile("sgd", "adam")
        for optimizer in (gan.optimizer.d_optimizer, gan.optimizer.g_optimizer):
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == is_scaled


def test_losses_see_float32_whatever_the_networks_compute_in():
    seen = []

    class Spy(kgan.losses.LeastSquares):
        def discriminator_loss(self, real_logits, fake_logits):
            seen.extend([real_logits.dtype, fake_logits.dtype])
            return super().discriminator_loss(real_logits, fake_logits)

    half = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(1, dtype="float16")]
    gan = kgan.GAN(
        models.small_mlp_generator(SHAPE, 3, width=4), keras.Sequential(half), latent_dim=3
    )
    gan.compile("sgd", "adam", loss=Spy(), run_eagerly=True)
    gan.fit(dataset(4, 4), verbose=0)
    assert set(seen) == {tf.float32}


def test_weight_clip_bounds_every_weight_of_the_critic_after_each_step():
    keras.utils.set_random_seed(0)
    clip = kgan.constraints.WeightClip(0.01)
    for family in ("dcgan", "mlp", "small_mlp"):
        pair = models.get(family)
        gan = kgan.GAN(
            pair.generator(SHAPE, 3, width=4, num_classes=4),
            pair.discriminator(SHAPE, width=4, num_classes=4, weight_constraint=clip),
            latent_dim=3,
            num_classes=4,
        )
        gan.compile("rmsprop", "rmsprop", "wasserstein", discriminator_steps=2, run_eagerly=True)
        gan.fit(dataset(4, 4, 4), verbose=0)
        largest = max(np.abs(np.array(w)).max() for w in gan.discriminator.trainable_variables)
        np.testing.assert_allclose(largest, 0.01, rtol=1e-6)
        assert max(np.abs(np.array(w)).max() for w in gan.generator.trainable_variables) > 0.02


def test_the_summary_lists_both_networks(capsys):
    make_gan().summary()
    printed = capsys.readouterr().out
    assert "generator" in printed
    assert "discriminator" in printed


@pytest.mark.smoke
def test_arrays_can_be_fitted_and_evaluated():
    gan = make_gan(4)
    images, labels = images_and_labels(12)
    gan.fit(images, labels, batch_size=4, verbose=0)
    assert int(gan.optimizer.iterations) == 3
    assert len(gan.evaluate(images, labels, batch_size=4, verbose=0)) == 5


def test_a_learning_rate_schedule_reaches_both_players():
    gan = make_gan(**GRAPH)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    gan.fit(dataset(8, 4), epochs=2, verbose=0, callbacks=[schedule])
    np.testing.assert_allclose(float(gan.optimizer.g_optimizer.learning_rate), 0.05, rtol=1e-6)
    np.testing.assert_allclose(float(gan.optimizer.d_optimizer.learning_rate), 0.025, rtol=1e-6)


def test_validation_data_are_iterated_over_once_an_epoch():
    images, _ = images_and_labels(8)
    opened = []

    def rows():
        opened.append(1)
        yield from images

    spec = tf.TensorSpec(SHAPE, tf.float32)
    validation = tf.data.Dataset.from_generator(rows, output_signature=spec).batch(4)
    make_gan().fit(dataset(8, 4), epochs=3, verbose=0, validation_data=validation)
    # And once for the look before the first step.
    assert len(opened) == 4


@pytest.mark.smoke
def test_a_callback_that_waits_in_vain_is_refused_before_the_first_step():
    gan = make_gan()
    with pytest.raises(ValueError, match="TerminateOnNaN waits for 'loss', which this training"):
        gan.fit(dataset(8, 4), verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert int(gan.images_seen) == 0


def test_a_healthy_fit_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make_gan(**GRAPH).fit(dataset(8, 4), verbose=0)


def test_no_retracing_after_the_first_epoch():
    gan = make_gan(**GRAPH)
    traces = []
    step = gan.train_step
    gan.train_step = lambda data: traces.append(1) or step(data)
    gan.fit(dataset(12, 4), epochs=3, verbose=0)
    assert len(traces) == 1


@pytest.mark.slow
def test_a_whole_step_compiles_for_xla_with_static_shapes():
    """What can be known of a TPU without one: k = 3, penalties, labels and the average."""
    # Convolutions, since they are what a TPU is for; of a size at which they compile quickly.
    family = models.get("dcgan")
    gan = kgan.GAN(
        family.generator(SHAPE, LATENT_DIM, width=2, num_classes=4),
        family.discriminator(SHAPE, width=2, num_classes=4, normalization="spectral"),
        latent_dim=LATENT_DIM,
        num_classes=4,
        ema_halflife_images=20,
    )
    penalties = ["gradient_penalty=1", "lecam"]
    gan.compile("adam", "adam", discriminator_steps=3, penalties=penalties)
    batch = tf.zeros((6, *SHAPE)), tf.zeros((6,), "int32")
    step = tf.function(gan.train_step, jit_compile=True)
    program = step.experimental_get_compiler_ir(batch)(stage="hlo")
    assert "convolution(" in program
    # A bounded dynamic dimension is written <=n; a call out of the program is one to the host.
    for absent in ("<=", "custom-call", "f64[", "while(", "outfeed"):
        assert absent not in program, absent


def test_arguments_of_compile_that_numpy_made_are_kept_as_pythons():
    gan = make_gan(
        d_optimizer=keras.optimizers.Adam,
        g_optimizer=keras.optimizers.Adam(0.1),
        steps_per_execution=np.int64(2),
        discriminator_steps=np.int64(1),
        run_eagerly=np.True_,
        jit_compile=np.False_,
    )
    json.dumps(gan.get_compile_config())
    for name, value in (
        ("jit_compile", "yes"),
        ("run_eagerly", "no"),
        ("steps_per_execution", 2.0),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be .*. Received: {name}={value!r}"):
            gan.compile("adam", "adam", **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generator", models.small_mlp_generator(SHAPE, LATENT_DIM, width=4)),
        ("discriminator", models.small_mlp_discriminator(SHAPE, width=4)),
        ("latent_dim", 5),
        ("num_classes", 4),
        ("condition_shape", (2,)),
        ("ema_halflife_images", 10.0),
    ],
)
def test_what_a_gan_is_made_of_is_not_replaced(name, value):
    gan = make_gan()
    before = getattr(gan, name)
    with pytest.raises(ValueError, match=f"^{name} of a GAN cannot be replaced: .* Build a new"):
        setattr(gan, name, value)
    assert getattr(gan, name) is before
    # What is no replacement passes.
    setattr(gan, name, before)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_other_weights_to_train_than_those_of_compile_are_refused(player):
    gan = make_gan()
    images = images_and_labels(4)[0]
    gan.fit(images, verbose=0)
    before = state(gan)
    layer = next(part for part in getattr(gan, player).layers if part.weights)
    layer.trainable = False
    message = (
        f"What the {player} trains has changed since compile, and fit would go on as it was. "
        "Expected: the 4 weights of compile. Received: 2 weights, 0 of them others. Call compile"
    )
    for train in (gan.fit, gan.train_on_batch):
        with pytest.raises(ValueError, match=message):
            train(images)
    assert_equal_states(before, state(gan))
    gan.evaluate(images, verbose=0)
    gan.compile("sgd", "sgd", run_eagerly=True)
    frozen = [np.array(weight) for weight in layer.weights]
    gan.fit(images, verbose=0)
    for value, weight in zip(frozen, layer.weights, strict=True):
        np.testing.assert_array_equal(value, weight)


def test_a_compiled_step_is_made_anew_for_another_loss():
    gan = make_gan()
    images = images_and_labels(4)[0]
    gan.fit(images, verbose=0)
    assert gan.train_function is not None
    gan.loss = kgan.losses.get("hinge")
    assert gan.train_function is gan.test_function is None
    gan.loss = "wasserstein"
    assert isinstance(gan.loss, kgan.losses.Wasserstein)
    gan.train_function = "made"
    gan.discriminator_steps = 2
    assert gan.train_function is None
    assert gan._compiled_with["discriminator_steps"] == 2
    assert gan._compiled_with["loss"] == keras.saving.serialize_keras_object(gan.loss)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("optimizer", keras.optimizers.SGD(0.0), "^optimizer of a compiled GAN cannot be replaced"),
        ("optimizer", kgan.GANOptimizer("sgd", "sgd"), "^optimizer of a compiled GAN cannot be"),
        ("penalties", ["r1=1"], "^penalties of a compiled GAN cannot be replaced"),
        ("loss", "hing", "GAN loss"),
        ("discriminator_steps", 0, "^discriminator_steps must be a positive integer"),
    ],
)
def test_a_part_that_a_compiled_gan_cannot_take_over_is_refused(name, value, message):
    gan = make_gan()
    before = getattr(gan, name)
    with pytest.raises(ValueError, match=message):
        setattr(gan, name, value)
    assert getattr(gan, name) is before
    # Another way of a compile does what is asked.
    gan.compile(penalties="r1=1", discriminator_steps=2)
    assert isinstance(gan.penalties, tuple)


def test_a_gan_leaves_it_to_its_networks_to_round_latents():
    generator = models.mlp_generator(SHAPE, LATENT_DIM, width=4)
    discriminator = models.mlp_discriminator(SHAPE, width=4)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = kgan.GAN(generator, discriminator, latent_dim=LATENT_DIM)
    finally:
        keras.config.set_dtype_policy("float32")
    latents = np.random.default_rng(0).normal(size=(4, LATENT_DIM)).astype("float32")
    np.testing.assert_array_equal(gan(latents), generator(latents))
