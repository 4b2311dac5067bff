"""Each state is provoked on purpose, and a healthy run raises no alarm."""

import csv
import dataclasses
import functools
import math
import os
import re
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops

import kgan
from kgan import models
from kgan import toys
from kgan.callbacks import Health
from kgan.callbacks.health.diagnosis import ADVICE
from kgan.toys import settings

SHAPE = (14, 14, 1)
ALARMS = [state for state in ADVICE if state != "balanced"]


@functools.cache
def digits():
    """Every second pixel of 2,048 digits, in [-1, 1], and their labels."""
    images = kgan.data.digits()
    return images.images[:2048, ::2, ::2] / np.float32(127.5) - 1, images.labels[:2048]


def make_digits_gan(
    *,
    generator=None,
    num_classes=None,
    loss="non_saturating",
    d_rate=1e-3,
    g_rate=1e-3,
    optimizer=None,
    steps=1,
    run_eagerly=True,
    **compile_arguments,
):
    """A small GAN on small digits; run eagerly, since for a few steps tracing takes longest."""
    keras.utils.set_random_seed(0)
    if generator is None:
        generator = models.small_mlp_generator(SHAPE, 8, width=32, num_classes=num_classes)
    gan = kgan.GAN(
        generator,
        models.small_mlp_discriminator(SHAPE, width=32, num_classes=num_classes),
        latent_dim=8,
        num_classes=num_classes,
        seed=0,
    )
    optimizer = optimizer or functools.partial(keras.optimizers.Adam, beta_1=0.5)
    gan.compile(
        optimizer(d_rate),
        optimizer(g_rate),
        loss=loss,
        discriminator_steps=steps,
        run_eagerly=run_eagerly,
        **compile_arguments,
    )
    return gan


def fit(gan, health, batches, *, epochs=1, callbacks=(), verbose=0):
    images, labels = digits()
    data = tf.data.Dataset.from_tensor_slices(
        images if gan.num_classes is None else (images, labels)
    )
    data = data.repeat().batch(32 * gan.discriminator_steps).take(batches)
    return gan.fit(data, epochs=epochs, callbacks=[health, *callbacks], verbose=verbose).history


def findings(health):
    return [look["finding"] for look in health.history]


def test_looks_are_at_the_same_steps_with_several_steps_per_execution():
    def looks(steps_per_execution):
        health, at = Health(100), []

        def look():
            health._count()
            health._steps = 0
            at.append((epoch, health._counted[0]))

        health.set_params({"steps": 52})
        health._has_begun, health._look = True, look
        for epoch in range(6):
            health.on_epoch_begin(epoch)
            for batch in range(0, 52, steps_per_execution):
                health.on_train_batch_end(batch + steps_per_execution - 1, {"d_loss": 0.0})
            health.on_epoch_end(epoch, {})
        return at

    # Due after batch 48 of the second epoch, and 46 of the fourth and the last.
    assert looks(1) == looks(5) == looks(10) == [(1, 50), (3, 50), (5, 50)]


# Provoked states.


@pytest.mark.slow
def test_a_discriminator_with_many_fast_steps_overpowers_a_saturating_generator(capsys):
    health = Health(4)
    fit(make_digits_gan(loss="minimax", steps=3, d_rate=4e-2), health, batches=16)
    assert health.state == "discriminator overpowers"
    assert health.evidence["d_auc"] > 0.99
    assert health.evidence["d_real"] > 0.99
    assert health.evidence["d_fake"] < 0.01
    # A hundredth of what it was, about.
    assert health.evidence["g_gradient_left"] < 0.02
    assert health.advice == ADVICE["discriminator overpowers"]
    told = capsys.readouterr().out
    assert told == f"{health.message}\n"
    assert told.startswith("Health at step 16 (1,536 images): discriminator overpowers (d_auc 1, ")
    assert told.endswith(f"). {health.advice}\n")


@pytest.mark.parametrize(
    "loss", ["least_squares", pytest.param("wasserstein", marks=pytest.mark.slow)]
)
def test_a_discriminator_that_never_learns_is_overpowered(loss):
    health = Health(3)
    fit(make_digits_gan(loss=loss, d_rate=0.0), health, batches=9)
    assert health.state == "generator overpowers"
    assert health.evidence["d_auc"] < 0.1


class Ignoring(layers.Layer):
    """Keeps none of what it is given."""

    def call(self, inputs):
        return 0.0 * inputs


class Signs(layers.Layer):
    """Keeps the sign of the first number only: two values in all."""

    def call(self, inputs):
        return ops.sign(inputs[:, :1])


def narrow_generator(bottleneck):
    latents = keras.Input((8,))
    x = layers.Dense(32, "relu", bias_initializer="random_normal")(bottleneck(latents))
    pixels = layers.Dense(14 * 14, "tanh", bias_initializer="random_normal")(x)
    return keras.Model(latents, layers.Reshape(SHAPE)(pixels))


@pytest.mark.parametrize(
    ("bottleneck", "least", "most"),
    [(Ignoring, 0, 1e-6), pytest.param(Signs, 0.01, 1, marks=pytest.mark.slow)],
)
def test_a_generator_that_ignores_its_latents_or_makes_two_pictures_has_collapsed(
    bottleneck, least, most
):
    health = Health(3)
    fit(make_digits_gan(generator=narrow_generator(bottleneck())), health, batches=9)
    assert health.state == "mode collapse"
    assert least <= health.evidence["diversity"] < most
    assert health.evidence["duplicates"] == 1


class LouderLabels(layers.Layer):
    """Adds N(0, 1) of the label's own to a thousandth of the latents."""

    def build(self, *shapes):
        initializer = keras.initializers.RandomNormal(stddev=1.0)
        self.embedding = layers.Embedding(10, 8, embeddings_initializer=initializer)
        self.embedding.build(())

    def call(self, latents, labels):
        return 0.001 * latents + self.embedding(labels)


@pytest.mark.slow
def test_classes_that_have_collapsed_onto_one_picture_each_are_seen():
    latents, labels = keras.Input((8,)), keras.Input((), dtype="int32")
    x = layers.Dense(32, "relu")(LouderLabels()(latents, labels))
    pixels = layers.Reshape(SHAPE)(layers.Dense(14 * 14, "tanh")(x))
    health = Health(3)
    gan = make_digits_gan(generator=keras.Model([latents, labels], pixels), num_classes=10)
    fit(gan, health, batches=9)
    assert health.state == "mode collapse"
    # Two samples of different classes are as far apart as ever.
    assert health.evidence["diversity"] < 0.1
    samples = gan.generate(10, labels=np.arange(10)).reshape(10, -1)
    assert np.linalg.norm(samples[0] - samples[1:], axis=1).min() > 1


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["non_saturating", "least_squares"])
def test_learning_rates_that_are_far_too_high_diverge(loss):
    health = Health(4)
    fit(make_digits_gan(loss=loss, d_rate=1.0, g_rate=1.0), health, batches=16)
    assert health.state == "diverging"
    assert health.evidence["saturated"] > 0.99
    assert health.evidence["diversity"] < 0.01


def test_a_nan_is_told_at_its_step_and_not_at_the_next_look(capsys):
    gan, health = make_digits_gan(), Health(1000)
    spoil = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: (
            batch == 2 and gan.generator.trainable_variables[0].assign(np.full((8, 32), math.nan))
        )
    )
    fit(gan, health, batches=5, callbacks=[spoil])
    assert health.state == "non-finite"
    assert [look["step"] for look in health.history] == [3]
    assert math.isnan(health.evidence["d_loss"])
    told = capsys.readouterr().out
    assert told.startswith("Health at step 3 (96 images): non-finite (d_auc nan, d_fake nan, ")
    assert told.endswith(f"). {ADVICE['non-finite']}\n")


# Sound trainings.


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss",
    [
        "non_saturating",
        "hinge",
        "minimax",
        "least_squares",
        "relativistic_paired",
        "relativistic_average",
        kgan.losses.LeastSquares.pearson(),
        kgan.losses.FDivergence("kl"),
    ],
)
def test_a_sound_training_raises_no_alarm(loss, capsys):
    health = Health(30)
    gan = make_digits_gan(loss=loss, run_eagerly=False)
    history = fit(gan, health, batches=150, epochs=2)
    assert health.state == "balanced"
    assert {look["state"] for look in health.history} == {None, "balanced"}
    assert len(health.history) == 10
    assert len(history["d_loss"]) == 2
    assert health.message is None
    assert capsys.readouterr().out == ""


def fit_toy(mixture, changes, steps, health):
    chosen = dataclasses.replace(settings.PRESETS[mixture], **changes)
    gan = settings.build_gan(chosen, 2, seed=0)
    points = getattr(toys, mixture)().sample(50_000, seed=0)
    data = tf.data.Dataset.from_tensor_slices(points).shuffle(50_000, seed=0).repeat()
    rows = chosen.batch_size * chosen.discriminator_steps
    gan.fit(data.batch(rows).take(steps), callbacks=[health], verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mixture", "changes"),
    [("ring", {}), ("grid", {}), ("ring", {"loss": "non_saturating", "penalties": ()})],
)
def test_the_recipes_of_the_mixtures_raise_no_alarm(mixture, changes):
    health = Health()
    fit_toy(mixture, changes, 5000, health)
    assert {look["state"] for look in health.history} == {None, "balanced"}


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [None, 10])
def test_a_convolutional_gan_on_digits_raises_no_alarm(num_classes):
    digits = kgan.data.digits()
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        models.dcgan_generator((28, 28, 1), 64, width=32, num_classes=num_classes),
        models.dcgan_discriminator((28, 28, 1), width=32, num_classes=num_classes),
        latent_dim=64,
        num_classes=num_classes,
        ema_halflife_images=20_000,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(3e-4, beta_1=0.5), keras.optimizers.Adam(3e-4, beta_1=0.5))
    health = Health(100)
    gan.fit(
        digits.batches(64, labels=num_classes is not None),
        epochs=4,
        callbacks=[health],
        verbose=0,
    )
    assert {look["state"] for look in health.history} == {None, "balanced"}
    assert health.evidence["diversity"] > 0.7


# When it looks, and what it keeps. The looks are scripted, so that nothing has to be trained.

SOUND = {"g_gradient": 1.0, "diversity": 0.9, "duplicates": 0.0, "distance": 0.05}
COLLAPSED = {**SOUND, "diversity": 0.01}


class Script:
    """A probe that sees what it was told to, and the last of it again and again."""

    def __init__(self, looks):
        # The first look is at networks that have not trained.
        self.looks = [SOUND, *looks]

    def is_of(self, gan):
        return False

    def look(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@pytest.fixture
def drive(monkeypatch, make_gan):
    """Call a `Health` as Keras would in epochs of so many steps; returns the GAN and all logs."""

    def call(health, looks, epochs, *, gan=None, values=None, per_call=1, verbose=0):
        script = Script(looks)
        monkeypatch.setattr("kgan.callbacks.health.health.HealthProbe", lambda *arguments: script)
        gan = gan or make_gan()
        gan.stop_training = False
        health.set_params({"verbose": verbose})
        health.set_model(gan)
        health.on_train_begin()
        step, all_logs = 0, []
        for epoch, steps in enumerate(epochs):
            health.on_epoch_begin(epoch)
            seen = []
            for batch in range(per_call - 1, steps, per_call):
                step += per_call
                gan.optimizer.iterations.assign(step)
                gan.images_seen.assign(32 * step)
                seen += [(values or sound_values)(at) for at in range(step - per_call, step)]
                logs = {name: np.mean([one[name] for one in seen]).item() for name in seen[0]}
                health.on_train_batch_end(batch, logs)
                if gan.stop_training:
                    break
            health.on_epoch_end(epoch, logs)
            all_logs.append(logs)
            if gan.stop_training:
                break
        health.on_train_end()
        return gan, all_logs

    return call


def sound_values(step):
    return {"d_loss": 0.9, "g_loss": 1.2, "d_real": 0.7, "d_fake": 0.3, "d_auc": 0.9}


def test_a_look_sees_the_means_of_exactly_the_steps_since_the_last_one(drive):
    series = np.random.default_rng(0).uniform(0, 2, (21, 2))
    health = Health(5)

    def values(step):
        return {"a": series[step, 0], "b": series[step, 1]}

    # Epochs end at 7, 14 and 21.
    drive(health, [SOUND], [7, 7, 7], values=values)
    assert [look["step"] for look in health.history] == [5, 10, 15, 20]
    assert [look["images_seen"] for look in health.history] == [160, 320, 480, 640]
    for look in health.history:
        expected = series[look["step"] - 5 : look["step"]].mean(axis=0)
        np.testing.assert_allclose([look["a"], look["b"]], expected, rtol=1e-12)


def test_several_steps_per_execution_are_looked_at_when_they_are_done(drive):
    series = np.random.default_rng(0).uniform(0, 2, 64)
    health = Health(10)
    drive(health, [SOUND], [32, 32], values=lambda step: {"a": series[step]}, per_call=4)
    # The first multiples of four that are ten steps further, counted through both epochs.
    assert [look["step"] for look in health.history] == [12, 24, 36, 48, 60]
    for look in health.history:
        expected = series[look["step"] - 12 : look["step"]].mean()
        assert look["a"] == pytest.approx(expected, rel=1e-12)


def test_separation_places_the_loss_between_a_coins_and_the_best(drive):
    health = Health(1)
    drive(health, [SOUND], [1], values=lambda step: {"d_loss": 0.5})
    assert health.evidence["separation"] == pytest.approx((math.log(4) - 0.5) / math.log(4))


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_executions_of_several_steps_are_watched(jit_compile):
    health = Health(10)
    gan = make_digits_gan(run_eagerly=False, steps_per_execution=4, jit_compile=jit_compile)
    fit(gan, health, batches=32, epochs=2)
    assert [look["step"] for look in health.history] == [12, 24, 36, 48, 60]


def test_looking_does_not_change_the_training():
    with_health, without = make_digits_gan(), make_digits_gan()
    fit(with_health, Health(1), batches=3)
    fit(without, keras.callbacks.Callback(), batches=3)
    for variable, other in zip(with_health.variables, without.variables, strict=True):
        np.testing.assert_array_equal(variable, other, err_msg=variable.path)


def test_the_logs_of_an_epoch_have_the_newest_numbers(drive):
    health = Health(8)
    _, logs = drive(health, [{**SOUND, "distance": 0.5}, SOUND], [5, 5, 10])
    names = ["health_distance", "health_diversity", "health_duplicates", "health_g_gradient"]
    for epoch in logs:
        assert sorted(name for name in epoch if name.startswith("health_")) == names
    # Looks lie at steps 8 and 16. The first epoch ends before: its numbers are those of the start,
    # and no NaN, which Keras' callbacks would take for the best value of all.
    assert [epoch["health_distance"] for epoch in logs] == [0.05, 0.5, 0.05]
    assert logs[2]["health_diversity"] == 0.9


def test_a_checkpoint_and_a_csv_file_take_the_numbers_from_the_logs(tmp_path):
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="health_distance", mode="min", save_best_only=True
    )
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    health = Health(2)
    history = fit(make_digits_gan(), health, batches=2, epochs=2, callbacks=[table, best])
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["health_distance"]) for row in rows] == history["health_distance"]
    assert history["health_distance"] == [look["distance"] for look in health.history]
    assert best.best == min(history["health_distance"])
    assert (tmp_path / "best.keras").exists()


@pytest.mark.parametrize(
    ("monitor", "first", "message"),
    [
        (
            "health_diversity",
            False,
            "EarlyStopping stands before Health and would not see its values. Put Health first",
        ),
        ("health_variety", True, "EarlyStopping monitors 'health_variety', which nothing logs. "),
    ],
)
def test_who_waits_for_its_logs_in_vain_is_told(monitor, first, message):
    callbacks = [Health(), keras.callbacks.EarlyStopping(monitor=monitor, mode="max")]
    with pytest.raises(ValueError, match=message):
        make_digits_gan().fit(
            digits()[0][:32], callbacks=callbacks if first else callbacks[::-1], verbose=0
        )


def test_the_next_training_begins_anew(drive):
    health = Health(1, patience=2)
    drive(health, [COLLAPSED], [4])
    assert health.state == "mode collapse"
    drive(health, [COLLAPSED], [1])
    assert (health.state, health.advice, health.message) == (None, None, None)
    assert [look["step"] for look in health.history] == [1]


def test_classes_that_disappear_are_a_collapse(drive):
    entropies = [0.6, 0.9, 0.95, 0.7, 0.5, 0.47, 0.4, 0.3, 0.3]
    health = Health(1, classifier=Classifier(10))
    _, logs = drive(health, [{**SOUND, "class_entropy": value} for value in entropies], [9])
    # Below half of the best, 0.95, from the sixth look on; three looks agree at the eighth.
    assert findings(health) == ["balanced"] * 5 + ["mode collapse"] * 4
    assert [look["state"] for look in health.history].index("mode collapse") == 7
    assert logs[0]["health_class_entropy"] == 0.3


class Classifier:
    """A classifier that is never asked."""

    def __init__(self, num_classes):
        self.num_classes = num_classes
        self.name = "pixels"


# What it does about it.


def test_an_alarm_and_a_recovery_are_told_once_each(drive, capsys):
    health = Health(10, patience=2)
    drive(health, [SOUND] * 3 + [COLLAPSED] * 3 + [SOUND] * 4, [100])
    first, second = capsys.readouterr().out.splitlines()
    told = "diversity 0.01, diversity_left 0.0111, duplicates 0, distance 0.05"
    advice = ADVICE["mode collapse"]
    assert first == f"Health at step 50 (1,600 images): mode collapse ({told}). {advice}"
    assert second == health.message
    assert second.startswith("Health at step 80 (2,560 images): balanced (d_auc 0.9, ")


def test_a_line_does_not_run_into_the_progress_bar(drive, capsys):
    drive(Health(1, patience=1), [COLLAPSED], [3], verbose=1)
    assert capsys.readouterr().out.startswith("\nHealth at step 1 (32 images): mode collapse (")


def test_it_stops_on_the_states_that_it_was_given(drive):
    health = Health(5, patience=2, stop_on=("mode collapse",))
    gan, logs = drive(health, [COLLAPSED], [20, 20])
    assert int(gan.optimizer.iterations) == 10
    assert len(logs) == 1
    assert health.message.endswith(f"{ADVICE['mode collapse']} Training stops.")
    health = Health(5, patience=2, stop_on=("diverging",))
    gan, _ = drive(health, [COLLAPSED], [20, 20])
    assert health.state == "mode collapse"
    assert int(gan.optimizer.iterations) == 40


@pytest.mark.parametrize(
    "name", ["best.keras", pytest.param("best.weights.h5", marks=pytest.mark.slow)]
)
def test_a_stopped_training_goes_back_to_the_checkpoint_with_everything(
    tmp_path, name, drive, make_gan, make_dataset
):
    def state(gan):
        means = {variable.path for mean in gan.metrics for variable in mean.variables}
        every = (*gan.variables, *gan.optimizer.variables)
        return {one.path: np.array(one) for one in every if one.path not in means}

    gan, path = make_gan(), tmp_path / name
    gan.fit(make_dataset(48), verbose=0)
    gan.save(path) if path.suffix == ".keras" else gan.save_weights(path)
    kept = state(gan)
    gan.fit(make_dataset(48), verbose=0)
    changed = state(gan)
    assert all((changed[key] != kept[key]).any() for key in kept if "kernel" in key)
    assert any((changed[key] != kept[key]).any() for key in kept if "seed" in key)
    # As if it had been saved in the training that follows.
    os.utime(path, (time.time() + 60,) * 2)
    health = Health(2, patience=2, stop_on=ALARMS, rollback=path)
    drive(health, [COLLAPSED], [9], gan=gan)
    assert health.message.endswith(
        f" Training stops and goes back to {path}, saved after 48 images."
    )
    restored = state(gan)
    assert restored.keys() == kept.keys()
    for key in kept:
        np.testing.assert_array_equal(restored[key], kept[key], err_msg=key)


def test_a_checkpoint_of_another_training_is_left_alone(drive, make_gan, tmp_path):
    gan, path = make_gan(), tmp_path / "best.weights.h5"
    gan.save_weights(path)
    os.utime(path, (time.time() - 60,) * 2)
    health = Health(2, patience=1, stop_on=ALARMS, rollback=path)
    drive(health, [COLLAPSED], [4], gan=gan)
    stays = f" Training stops as it is: {path} is older than this training."
    assert health.message.endswith(stays)
    assert int(gan.optimizer.iterations) == 2


def test_without_the_checkpoint_a_stopped_training_stays_as_it_is(drive, tmp_path):
    path = tmp_path / "best.keras"
    health = Health(2, patience=1, stop_on=ALARMS, rollback=path)
    gan, _ = drive(health, [COLLAPSED], [4])
    stays = f" Training stops as it is: there is no checkpoint {path} yet."
    assert health.message.endswith(stays)
    assert int(gan.optimizer.iterations) == 2


# What it refuses.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"every_n_steps": 0},
            "every_n_steps must be a positive integer. Received: every_n_steps=0.",
        ),
        ({"patience": 1.5}, "patience must be a positive integer. Received: patience=1.5."),
        (
            {"stop_on": ("colapse",)},
            "stop_on is a tuple of states that end the training. Expected some of "
            "['discriminator overpowers', 'generator overpowers', 'mode collapse', "
            "'too little data', 'diverging', "
            "'non-finite']. Received: stop_on=('colapse',).",
        ),
        (
            {"stop_on": "non-finite"},
            "stop_on is a tuple of states that end the training. Expected some of "
            "['discriminator overpowers', 'generator overpowers', 'mode collapse', "
            "'too little data', 'diverging', "
            "'non-finite']. Received: stop_on='non-finite'.",
        ),
        (
            {"rollback": "best.keras"},
            "rollback says where a stopped training goes back to, and stop_on names no state to "
            "stop on. Received: rollback=best.keras. Pass for example "
            "stop_on=('non-finite', 'diverging').",
        ),
        (
            {"rollback": "best", "stop_on": ("diverging",)},
            "rollback is a checkpoint that ends in .keras or .weights.h5. Received: rollback=best.",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Health(**arguments)


def test_a_classifier_without_classes_is_refused():
    message = (
        "Health watches the classes of samples, and the classifier 'pixels' has no class "
        "probabilities. Give it one that has, such as kgan.features.digits(), or leave it out."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Health(classifier=Classifier(None))


def test_another_model_is_refused():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)], name="line")
    with pytest.raises(TypeError, match=r"Health watches a kgan.GAN. Received: 'line', a Sequent"):
        Health().set_model(model)


def test_a_probability_that_was_chosen_is_no_evidence(drive):
    def found(chosen):
        gan = make_digits_gan(augment=chosen)
        health = Health(every_n_steps=2, patience=1)

        def values(step):
            return sound_values(step) | {"augment_p": 0.9}

        drive(health, [SOUND], [4], gan=gan, values=values)
        return health.state, health.evidence.get("augment_p")

    assert found(kgan.augment.Scheduled(0.9)) == ("balanced", None)
    assert found(kgan.augment.Adaptive(transforms="translation")) == (
        "too little data",
        pytest.approx(0.9),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("count", "is_too_little"), [(64, True), (1024, False)])
def test_a_discriminator_that_knows_its_few_images_by_heart_is_told(count, is_too_little):
    images, _ = digits()
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        models.small_mlp_generator(SHAPE, 8, width=32),
        models.small_mlp_discriminator(SHAPE, width=128),
        latent_dim=8,
        seed=0,
    )
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2)))
    data = tf.data.Dataset.from_tensor_slices(images[:count]).repeat().batch(64)
    health = Health(every_n_steps=100)
    held_out = images[1024:1088]
    gan.fit(data, steps_per_epoch=1500, validation_data=held_out, callbacks=[health], verbose=0)
    assert (health.evidence["memorised"] > 0.8) == is_too_little
    assert health.state == ("too little data" if is_too_little else "balanced")
