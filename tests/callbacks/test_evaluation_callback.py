import csv
import re

import keras
import numpy as np
import pytest

import kgan
from kgan.callbacks import Backup
from kgan.callbacks import Evaluation
from kgan.callbacks import StopOnNonFinite
from kgan.evaluation import Evaluator
from kgan.features import Extractor
from kgan.metrics import FrechetDistance
from kgan.metrics import KernelDistance
from kgan.metrics import PrecisionRecall

DISTANCE = "frechet_distance_blocks_32"
NAMES = [DISTANCE, "precision_blocks_32", "recall_blocks_32"]


def make_extractor(size: int = 8, name: str = "blocks") -> Extractor:
    """Features are the means of four blocks of the image."""
    images = keras.Input((size, size, 1), name="images")
    blocks = keras.layers.AveragePooling2D(size // 2, name="blocks")(images)
    model = keras.Model(images, keras.layers.Flatten(name="means")(blocks), name="extractor")
    model.run_eagerly = True
    return Extractor(model, name)


def make_reals(count: int = 32, size: int = 8) -> np.ndarray:
    shape = (count, size, size, 1)
    return np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)


def make_evaluation(**options) -> Evaluation:
    return Evaluation(make_reals(), make_extractor(), **options)


def distance_of(gan, seed: int = 0) -> float:
    images = gan.generate(32, seed=seed)
    return Evaluator(make_reals(), make_extractor(), verbose=0)(images)[DISTANCE]


class Recorder(keras.callbacks.Callback):
    """Measures by hand what the evaluation before it should have written."""

    def __init__(self):
        super().__init__()
        self.logged, self.measured = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logged.append(logs[DISTANCE])
        self.measured.append(distance_of(self.model))


class SetGenerator(keras.callbacks.Callback):
    """Gives all weights of the generator one value when an epoch begins."""

    def __init__(self, epoch: int, value: float):
        super().__init__()
        self.epoch, self.value = epoch, value

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            for weight in self.model.generator.trainable_variables:
                weight.assign(keras.ops.full(weight.shape, self.value))


def test_the_logs_hold_what_the_generator_of_the_epoch_measures(quick_gan, make_dataset):
    recorder = Recorder()
    history = (
        quick_gan()
        .fit(
            make_dataset(32, batch=32), epochs=3, verbose=0, callbacks=[make_evaluation(), recorder]
        )
        .history
    )
    assert history[DISTANCE] == recorder.logged == recorder.measured
    assert len(set(recorder.logged)) == 3
    assert [name for name in history if "blocks" in name] == NAMES


def test_the_start_is_measured_too(quick_gan, make_dataset):
    evaluation, gan = make_evaluation(), quick_gan()
    untrained = distance_of(gan)
    history = gan.fit(
        make_dataset(32, batch=32), epochs=2, verbose=0, callbacks=[evaluation]
    ).history
    assert [images for images, _ in evaluation.evaluations] == [0, 32, 64]
    distances = [values[DISTANCE] for _, values in evaluation.evaluations]
    assert distances == [untrained, *history[DISTANCE]]
    assert evaluation.values == evaluation.evaluations[-1][1]


def test_the_same_run_measures_the_same(quick_gan, make_dataset):
    first, second = (
        quick_gan().fit(
            make_dataset(32, batch=32), epochs=2, verbose=0, callbacks=[make_evaluation(seed=seed)]
        )
        for seed in (3, 3)
    )
    assert first.history == second.history


def test_training_does_not_notice_the_evaluation(make_gan, make_dataset):
    watched, alone = make_gan(), make_gan()
    watched.fit(make_dataset(32, batch=32), epochs=2, verbose=0, callbacks=[make_evaluation()])
    alone.fit(make_dataset(32, batch=32), epochs=2, verbose=0)
    for one, other in zip(watched.variables, alone.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_moving_average_is_what_is_measured(quick_gan, make_dataset):
    plain = quick_gan()
    gan = kgan.GAN(plain.generator, plain.discriminator, latent_dim=3, ema_halflife_images=100)
    gan.compile(keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1), run_eagerly=True)
    history = gan.fit(make_dataset(32, batch=32), verbose=0, callbacks=[make_evaluation()]).history
    averaged, newest = (
        Evaluator(make_reals(), make_extractor(), verbose=0)(
            kgan.sampling.generate(generator, 32, latent_dim=3, seed=0)
        )[DISTANCE]
        for generator in (gan.ema_generator, gan.generator)
    )
    assert history[DISTANCE] == [averaged]
    assert averaged != newest


def test_model_checkpoint_keeps_the_best(tmp_path, quick_gan, make_dataset):
    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(path, monitor=DISTANCE, mode="min", save_best_only=True)
    # The last epoch is spoilt, so that it is not the best.
    history = (
        quick_gan()
        .fit(
            make_dataset(32, batch=32),
            epochs=4,
            verbose=0,
            callbacks=[SetGenerator(2, 10.0), make_evaluation(), best],
        )
        .history
    )
    lowest = min(history[DISTANCE])
    assert history[DISTANCE][-1] > lowest
    assert distance_of(keras.saving.load_model(path)) == lowest


def test_between_evaluations_nothing_new_is_the_best(tmp_path, quick_gan, make_dataset):
    evaluation = make_evaluation(every_n_epochs=3)
    each = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.keras", monitor=DISTANCE, mode="max", save_best_only=True
    )
    history = (
        quick_gan()
        .fit(make_dataset(16), epochs=8, verbose=0, callbacks=[evaluation, each])
        .history[DISTANCE]
    )
    measured = {0: history[0], 2: history[2], 5: history[5], 7: history[7]}
    improving = [
        epoch
        for epoch, value in measured.items()
        if all(value > earlier for number, earlier in measured.items() if number < epoch)
    ]
    saved = sorted(int(path.stem) - 1 for path in tmp_path.iterdir())
    assert saved == improving


def test_early_stopping_stops(quick_gan, make_dataset):
    # No distance falls by 1000: the third epoch is the last.
    stopping = keras.callbacks.EarlyStopping(DISTANCE, min_delta=1000, patience=2, mode="min")
    history = quick_gan().fit(
        make_dataset(16), epochs=9, verbose=0, callbacks=[make_evaluation(), stopping]
    )
    assert history.epoch == [0, 1, 2]
    assert stopping.stopped_epoch == 2


def test_reduce_lr_on_plateau_reduces(quick_gan, make_dataset):
    plateau = keras.callbacks.ReduceLROnPlateau(
        DISTANCE, factor=0.5, min_delta=1000, patience=1, mode="min"
    )
    gan = quick_gan()
    gan.fit(make_dataset(16), epochs=3, verbose=0, callbacks=[make_evaluation(), plateau])
    np.testing.assert_allclose(gan.optimizer.learning_rate, 0.1 * 0.5**2, rtol=1e-6)


def test_every_row_of_a_csv_log_has_the_newest_values(tmp_path, quick_gan, make_dataset):
    evaluation = make_evaluation(every_n_epochs=3)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = (
        quick_gan()
        .fit(make_dataset(16), epochs=7, verbose=0, callbacks=[evaluation, log])
        .history[DISTANCE]
    )
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row[DISTANCE]) for row in rows] == history
    # Measured after the first epoch, the third, the sixth and the last.
    first, third, sixth, last = (history[epoch] for epoch in (0, 2, 5, 6))
    assert history == [first, first, third, third, third, sixth, last]
    assert len({first, third, sixth, last}) == 4
    assert [images for images, _ in evaluation.evaluations] == [0, 16, 48, 96, 112]


def test_a_run_that_resumes_goes_on_from_the_values_of_its_past(tmp_path, quick_gan, make_dataset):
    def kill(epoch, logs):
        if epoch == 4:
            raise KeyboardInterrupt

    def train(folder, *others):
        evaluation = make_evaluation(every_n_epochs=3)
        callbacks = [evaluation, Backup(tmp_path / folder, every_n_images=16), *others]
        history = quick_gan().fit(make_dataset(16), epochs=7, verbose=0, callbacks=callbacks)
        return history.history, evaluation.evaluations

    expected = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("killed", keras.callbacks.LambdaCallback(on_epoch_begin=kill))
    assert train("killed") == expected


def test_evaluations_by_images_are_at_the_end_of_an_epoch(quick_gan, make_dataset):
    evaluation = make_evaluation(every_n_images=100)
    quick_gan().fit(make_dataset(32, batch=32), epochs=9, verbose=0, callbacks=[evaluation])
    # 100 and 200 are passed in the epochs that end at 128 and 224; 32 is the first, 288 the last.
    assert [images for images, _ in evaluation.evaluations] == [0, 32, 128, 224, 288]


def test_a_multiple_smaller_than_an_epoch_means_every_epoch(quick_gan, make_dataset):
    evaluation = make_evaluation(every_n_images=1)
    quick_gan().fit(make_dataset(32, batch=32), epochs=3, verbose=0, callbacks=[evaluation])
    assert [images for images, _ in evaluation.evaluations] == [0, 32, 64, 96]


def test_a_second_fit_looks_at_the_reals_no_second_time(quick_gan, make_dataset):
    extractor = make_extractor()
    looked_at = []
    evaluation = Evaluation(make_reals(), extractor, every_n_epochs=5)
    predict = extractor.model.predict_on_batch
    extractor.model.predict_on_batch = lambda images: (
        looked_at.append(len(images)) or predict(images)
    )
    gan = quick_gan()
    gan.fit(make_dataset(16), epochs=1, verbose=0, callbacks=[evaluation])
    # Reals, the start, the first epoch.
    assert looked_at == [32, 32, 32]
    gan.fit(make_dataset(16), epochs=2, initial_epoch=1, verbose=0, callbacks=[evaluation])
    assert looked_at == [32] * 5
    assert [images for images, _ in evaluation.evaluations] == [16, 32]


def test_reals_are_read_from_the_cache_by_a_second_run(tmp_path, quick_gan, make_dataset):
    for _ in range(2):
        evaluation = make_evaluation(cache_dir=tmp_path)
        quick_gan().fit(make_dataset(16), epochs=1, verbose=0, callbacks=[evaluation])
    assert len(list(tmp_path.glob("*.features"))) == 1


def test_a_resumed_run_begins_with_the_restored_model(tmp_path, quick_gan, make_dataset):
    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def fit(evaluation, *others):
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        callbacks = [evaluation, backup, *others]
        return quick_gan().fit(make_dataset(32, batch=32), epochs=4, verbose=0, callbacks=callbacks)

    killed, resumed, whole = make_evaluation(), make_evaluation(), make_evaluation()
    with pytest.raises(KeyboardInterrupt):
        fit(killed, Kill())
    fit(resumed)
    quick_gan().fit(make_dataset(32, batch=32), epochs=4, verbose=0, callbacks=[whole])
    assert resumed.evaluations[0] == killed.evaluations[-1]
    assert killed.evaluations[:-1] + resumed.evaluations == whole.evaluations


def test_classes_are_drawn_as_often_as_among_the_reals(quick_gan):
    reals = kgan.data.Images(make_reals(), np.repeat([1, 2], [24, 8]))
    gan = quick_gan(num_classes=3)
    asked = []
    generate = gan.generate
    gan.generate = lambda n, **options: asked.append(options["labels"]) or generate(n, **options)
    evaluation = Evaluation(reals, make_extractor(), seed=1)
    gan.fit(reals.batches(16), verbose=0, callbacks=[evaluation])
    expected = Evaluator(reals, make_extractor(), verbose=0).draw_labels(3, seed=1)
    assert set(expected.tolist()) == {1, 2}
    for labels in asked:
        np.testing.assert_array_equal(labels, expected)


def test_two_evaluations_stand_side_by_side(quick_gan, make_dataset):
    stopping = keras.callbacks.EarlyStopping("precision_others_32", mode="max", patience=9)
    others = Evaluation(make_reals(), make_extractor(name="others"), [PrecisionRecall(k=5)])
    history = (
        quick_gan()
        .fit(make_dataset(16), verbose=0, callbacks=[make_evaluation(), others, stopping])
        .history
    )
    assert {*NAMES, "precision_others_32", "recall_others_32"} < set(history)


def test_a_generator_that_diverged_is_not_the_best_and_does_not_end_training(
    tmp_path, quick_gan, make_dataset
):
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.keras", monitor=DISTANCE, mode="min", save_best_only=True
    )
    watch = StopOnNonFinite()
    history = (
        quick_gan()
        .fit(
            make_dataset(16),
            epochs=3,
            verbose=0,
            callbacks=[SetGenerator(1, float("nan")), make_evaluation(), best, watch],
        )
        .history[DISTANCE]
    )
    assert np.isfinite(history[0])
    assert np.isnan(history[1])
    assert [path.name for path in tmp_path.iterdir()] == ["1.keras"]
    # NaN was left to the callback that knows what to say of it.
    assert watch.step == 3


def test_values_beyond_the_range_are_clipped_as_a_picture_would(quick_gan, make_dataset):
    def linear(scale):
        gan = quick_gan()
        latents = keras.Input((3,))
        pixels = keras.layers.Dense(64, kernel_initializer=keras.initializers.Constant(scale))
        images = keras.layers.Reshape((8, 8, 1))(pixels(latents))
        gan = kgan.GAN(keras.Model(latents, images), gan.discriminator, latent_dim=3, seed=0)
        gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), run_eagerly=True)
        return gan

    gan = linear(0.01)
    gan.fit(make_dataset(16), verbose=0, callbacks=[SetGenerator(0, 5.0), make_evaluation()])
    # Before training, too: a second fit may begin with such a generator.
    linear(5.0).fit(make_dataset(16), verbose=0, callbacks=[make_evaluation()])


def test_the_values_stand_in_the_line_of_the_epoch(quick_gan, make_dataset, capsys):
    quick_gan().fit(make_dataset(16), verbose=2, callbacks=[make_evaluation(num_images=32)])
    assert f"{DISTANCE}: " in capsys.readouterr().out


@pytest.mark.parametrize(("verbose", "said"), [("auto", True), (1, True), (2, False), (0, False)])
def test_it_speaks_where_fit_does(quick_gan, make_dataset, capsys, verbose, said):
    quick_gan().fit(make_dataset(16), verbose=verbose, callbacks=[make_evaluation()])
    message = "There are 32 real images to measure against, not 2,000.\n"
    assert (message in capsys.readouterr().out) is said


def refused(message: str):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            lambda evaluation: [
                keras.callbacks.ModelCheckpoint("best.keras", monitor=DISTANCE, mode="min"),
                evaluation,
            ],
            "ModelCheckpoint stands before Evaluation and would not see its values. Put Evaluation "
            "first in callbacks=.",
        ),
        (
            lambda evaluation: [keras.callbacks.CSVLogger("log.csv"), evaluation],
            "CSVLogger stands before Evaluation and would not see its values. Put Evaluation "
            "first in callbacks=.",
        ),
        (
            lambda evaluation: [evaluation, keras.callbacks.EarlyStopping(DISTANCE, patience=3)],
            f"EarlyStopping cannot know whether a lower or a higher {DISTANCE} is better. Pass "
            'mode="min" for distances, mode="max" for shares, scores and counts.',
        ),
        (
            lambda evaluation: [
                evaluation,
                keras.callbacks.EarlyStopping(DISTANCE, mode="min", patience=2),
            ],
            "EarlyStopping with patience=2 would lose it before the next value: Evaluation "
            "measures every 3 epochs, and patience counts epochs. Pass patience=3 for one value "
            "without improvement, patience=6 for two.",
        ),
        (
            lambda evaluation: [
                evaluation,
                keras.callbacks.ModelCheckpoint(
                    "best.keras", monitor="frechet_distance_blocks_2000", mode="min"
                ),
            ],
            "ModelCheckpoint monitors 'frechet_distance_blocks_2000', which nothing logs. The "
            f"evaluated values are {sorted(NAMES)}.",
        ),
    ],
)
def test_callbacks_that_would_act_in_vain_are_refused_before_training(
    tmp_path, monkeypatch, quick_gan, make_dataset, others, message
):
    monkeypatch.chdir(tmp_path)
    gan, callbacks = quick_gan(), others(make_evaluation(every_n_epochs=3))
    with refused(message):
        gan.fit(make_dataset(16), epochs=9, verbose=0, callbacks=callbacks)
    assert int(gan.images_seen.numpy()) == 0
    for callback in callbacks:
        # A fit that fails leaves Keras' file open.
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.on_train_end()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Evaluation(make_reals(), "digits"),
            "The extractor 'digits' does not fit the images. Expected: images of the shape "
            "(28, 28, 1). Received: (8, 8, 1). Resize them, or train an extractor for their shape "
            "with kgan.features.train_classifier.",
        ),
        (
            lambda: Evaluation(make_reals() / 255.0 * 2, make_extractor()),
            "Images must lie in [-1, 1]. Received: values from 0 to 2. Scale them with images / "
            "127.5 - 1 if they lie in [0, 255], with 2 * images - 1 if they lie in [0, 1].",
        ),
        (
            lambda: Evaluation(make_reals(), make_extractor(), [PrecisionRecall(k=32)]),
            "Too few real features for 32 neighbours of each. Expected: at least 32 to choose "
            "from. Received: 31. Give more, or look for fewer neighbours.",
        ),
        (
            lambda: Evaluation(make_reals(1), make_extractor(), [FrechetDistance()]),
            "A Frechet distance takes at least 2 rows of each for their covariances, better more "
            "than there are features. Received: 1 real and 1 fake rows.",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_before_training(quick_gan, make_dataset, make, message):
    gan = quick_gan()
    with refused(message):
        gan.fit(make_dataset(16), verbose=0, callbacks=[make()])
    assert int(gan.images_seen.numpy()) == 0


def test_reals_of_another_shape_than_the_samples_are_refused_before_training(
    quick_gan, make_dataset
):
    gan, evaluation = quick_gan(), Evaluation(make_reals(size=6), make_extractor(6))
    with pytest.raises(ValueError, match=r"Expected: .*6, 6, 1\).* Received: .*8, 8, 1\)"):
        gan.fit(make_dataset(16), verbose=0, callbacks=[evaluation])
    assert int(gan.images_seen.numpy()) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"every_n_epochs": 0},
            "every_n_epochs must be a positive integer. Received: every_n_epochs=0.",
        ),
        (
            {"every_n_images": 0.5},
            "every_n_images must be a positive integer. Received: every_n_images=0.5.",
        ),
        ({"num_images": -1}, "num_images must be a positive integer. Received: num_images=-1."),
        (
            {"every_n_images": 100, "every_n_epochs": 2},
            "Evaluation measures every n epochs or every n images. Received: every_n_epochs=2 and "
            "every_n_images=100. Leave one of them out.",
        ),
    ],
)
def test_arguments_out_of_range(options, message):
    with refused(message):
        make_evaluation(**options)


def test_patience_that_reaches_the_next_value_is_enough(quick_gan, make_dataset):
    stopping = keras.callbacks.EarlyStopping(DISTANCE, mode="min", min_delta=1000, patience=3)
    history = quick_gan().fit(
        make_dataset(16),
        epochs=9,
        verbose=0,
        callbacks=[make_evaluation(every_n_epochs=3), stopping],
    )
    # The first value is that of epoch 1, the second of epoch 3, and no better; patience 3 lasts to
    # epoch 4.
    assert history.epoch == [0, 1, 2, 3]


def test_any_measures_and_the_shipped_digits_extractor(make_dataset):
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(784, activation="tanh"),
            keras.layers.Reshape((28, 28, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    gan = kgan.GAN(generator, discriminator, latent_dim=3)
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), run_eagerly=True)
    digits = kgan.data.digits()
    metrics = ["frechet_distance", KernelDistance(subset_size=50), "mode_count"]
    evaluation = Evaluation(digits, "digits", metrics, num_images=100)
    history = gan.fit(
        digits.batches(64, labels=False).take(1), verbose=0, callbacks=[evaluation]
    ).history
    assert {"frechet_distance_digits_100", "kernel_distance_digits_100", "modes_digits_100"} < set(
        history
    )


def test_a_gan_under_a_condition_is_refused():
    def inputs(shape):
        return [keras.Input(shape), keras.Input((3,))]

    made, judged = inputs((3,)), inputs((8, 8, 1))
    pixels = keras.layers.Dense(64, activation="tanh")(keras.layers.Multiply()(made))
    generator = keras.Model(made, keras.layers.Reshape((8, 8, 1))(pixels))
    features = keras.layers.Concatenate()([keras.layers.Flatten()(judged[0]), judged[1]])
    discriminator = keras.Model(judged, keras.layers.Dense(1)(features))
    evaluation = make_evaluation()
    evaluation.set_model(kgan.GAN(generator, discriminator, latent_dim=3, condition_shape=(3,)))
    message = (
        "Evaluation draws the labels of its samples itself, and cannot draw conditions. Received: "
        "a GAN with condition_shape=(3,). Measure what it makes of your own, in a callback: "
        "kgan.evaluation.Evaluator(images, extractor)(gan.generate(n, labels=conditions))."
    )
    with refused(message):
        evaluation.on_train_begin()
