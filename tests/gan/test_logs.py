"""What the logs count."""

import math
import types

import keras
import numpy as np
import pytest
from keras import ops

from kgan.callbacks import Evaluation
from kgan.gan.logs import Logs
from kgan.gan.logs import check_waiting
from kgan.gan.logs import ranked
from kgan.gan.logs import scores
from kgan.gan.logs import update
from kgan.gan.minibatches import Minibatch
from kgan.losses import NonSaturating


def test_a_real_over_a_fake_counts_one_under_it_none_and_a_tie_half():
    counts = ranked(ops.array([[1.0], [-2.0], [3.0]]), ops.array([[0.0], [5.0], [3.0]]))
    np.testing.assert_array_equal(counts, [[1.0], [0.0], [0.5]])


def test_the_mean_rank_is_the_area_under_the_roc_curve():
    # Reals N(1, 1) and fakes N(0, 1): P(r > f) = Phi(1 / sqrt 2).
    random = np.random.default_rng(0)
    n = 200_000
    reals, fakes = random.normal(1, 1, n), random.normal(0, 1, n)
    area = 0.5 * (1 + math.erf(0.5))
    # Four standard errors of a share.
    tolerance = 4 * math.sqrt(area * (1 - area) / n)
    np.testing.assert_allclose(float(ops.mean(ranked(reals, fakes))), area, atol=tolerance)


def test_a_rank_does_not_see_the_scale_of_the_logits():
    random = np.random.default_rng(1)
    reals, fakes = random.normal(size=(2, 50)).astype("float32")
    np.testing.assert_array_equal(ranked(reals, fakes), ranked(np.exp(reals), np.exp(fakes)))


def test_a_rank_of_nan_is_nan():
    assert np.isnan(ranked(ops.array([math.nan]), ops.array([0.0]))).all()


def test_patches_count_by_the_sample():
    metrics = Logs().metrics
    mean_of_fakes = (3 * 0.5 + 1 / (1 + math.exp(-2)) + 4 / (1 + math.exp(-1))) / 8
    real = np.float32([[1, 1, 1, 1], [0, 0, 0, 0]])
    fake = np.float32([[0, 0, 0, 2], [1, 1, 1, 1]])
    minibatch = Minibatch(None, None, None, None, real, fake)
    update(metrics, {"d_loss": [0.5, 1.5]})
    update(metrics, scores(minibatch, NonSaturating()))
    logged = {metric.name: float(metric.result()) for metric in metrics}
    assert logged.pop("d_auc") == pytest.approx((3 / 4 + 0) / 2)
    assert logged.pop("d_loss") == 1.0
    assert logged.pop("d_real") == pytest.approx((1 / (1 + math.exp(-1)) + 0.5) / 2)
    assert logged.pop("d_fake") == pytest.approx(mean_of_fakes)
    # Nothing was said of the generator.
    assert logged == {"g_loss": 0.0}


def test_a_term_without_a_metric_is_refused_with_the_metric_to_make():
    with pytest.raises(ValueError, match=r"self\.g_l1_mean = keras\.metrics\.Mean\(name='g_l1'\)"):
        update(Logs().metrics, {"g_l1": [1.0]})


class FromAbove(keras.callbacks.Callback):
    """Logs whatever it likes."""


def waiting(*callbacks, validates=False):
    gan = types.SimpleNamespace(metrics=Logs().metrics, penalties=[])
    check_waiting(gan, callbacks, validates=validates)


KERAS = keras.callbacks
IN_VAIN = [
    (KERAS.TerminateOnNaN(), "'loss'. Use kgan.callbacks.StopOnNonFinite, which looks at all of"),
    (KERAS.EarlyStopping(), "'val_loss'. Choose one of them, with mode="),
    (KERAS.ReduceLROnPlateau("val_d_loss"), "'val_d_loss'. Pass validation_data, or choose one"),
    (KERAS.ModelCheckpoint("a.keras", save_best_only=True), "'val_loss'. Choose one of them"),
    (KERAS.ModelCheckpoint("{epoch:02d}-{val_loss:.2f}.keras"), "'val_loss'. Choose one of them"),
    (KERAS.EarlyStopping("d_los", mode="min"), "'d_los'. Choose one of them"),
]


@pytest.mark.parametrize(("callback", "remedy"), IN_VAIN, ids=lambda value: type(value).__name__)
def test_a_callback_that_waits_in_vain_is_refused(callback, remedy):
    with pytest.raises(ValueError, match="which this training does not log, and would") as refused:
        waiting(callback)
    assert "one of d_auc, d_fake, d_loss, d_real, g_loss" in str(refused.value)
    assert remedy in str(refused.value)
    # Who knows what another callback, or a function, logs.
    for other in (FromAbove(), KERAS.LambdaCallback(on_epoch_end=print)):
        waiting(other, callback)


def test_a_callback_that_gets_what_it_waits_for_passes():
    waiting(
        KERAS.EarlyStopping("val_d_loss", mode="min"),
        KERAS.ModelCheckpoint("{epoch}-{batch}-{val_g_loss:.1f}.keras"),
        KERAS.ModelCheckpoint("best.keras", "d_auc", save_best_only=True, mode="max"),
        KERAS.CSVLogger("log.csv"),
        validates=True,
    )
    # Two of Keras' callbacks log the rate.
    for logging in (
        KERAS.LearningRateScheduler(lambda epoch: 0.1),
        KERAS.ReduceLROnPlateau("d_loss", mode="min"),
    ):
        waiting(logging, KERAS.EarlyStopping("learning_rate", mode="min"))
    # Which names an evaluation has is known later; none has that of a loss.
    evaluation = Evaluation(np.zeros((2, 8, 8, 1)))
    waiting(evaluation, KERAS.EarlyStopping("frechet_distance_digits_2", mode="min"))
    with pytest.raises(ValueError, match="EarlyStopping waits for 'val_loss'"):
        waiting(evaluation, KERAS.EarlyStopping())


def test_a_direction_that_cannot_be_known_is_asked_for_before_training():
    message = "EarlyStopping cannot know whether a lower or a higher d_auc is better"
    with pytest.raises(ValueError, match=message):
        waiting(KERAS.EarlyStopping("d_auc"))
