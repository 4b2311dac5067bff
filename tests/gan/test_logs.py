"""What the logs count."""

import math

import numpy as np
import pytest
from keras import ops

from kgan.gan.logs import Logs
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
