"""ADA's controller: what raises the probability, what lowers it, and by how much."""

import re

import numpy as np
import pytest
import tensorflow as tf

from kgan import augment
from kgan import losses

LOSS = losses.NonSaturating()


def built(**options):
    adaptive = augment.Adaptive(**options)
    adaptive.build()
    return adaptive


def logits(positive, negative):
    return tf.constant([[2.0]] * positive + [[-0.5]] * negative)


def probability(adaptive):
    return float(adaptive.probability(0))


def test_if_all_reals_look_real_it_rises_by_the_images_of_four_updates_over_its_speed():
    adaptive = built(speed=1000)
    found = []
    for _ in range(8):
        adaptive.update(logits(10, 0), LOSS)
        found.append(probability(adaptive))
    np.testing.assert_allclose(found, [0, 0, 0, 0.04, 0.04, 0.04, 0.04, 0.08], rtol=1e-6)
    # And falls as fast, but not below 0.
    found = []
    for _ in range(12):
        adaptive.update(logits(5, 5), LOSS)
        found.append(probability(adaptive))
    np.testing.assert_allclose(found[3::4], [0.04, 0, 0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("rows", [10, 160])
def test_at_the_target_it_stays(rows):
    adaptive = built(speed=1000)
    adaptive.variables[0].assign(0.5)
    for _ in range(8):
        # 8 of 10 positive and 2 negative: r = 0.6.
        adaptive.update(logits(8 * rows // 10, 2 * rows // 10), LOSS)
    assert probability(adaptive) == 0.5


def test_r_is_over_four_updates_and_all_logits():
    adaptive = built(speed=1000)
    for positive in (10, 10, 10, 2):
        # r = 64 / 80 - 16 / 80 = .6 at the third 10, and below it with the last.
        adaptive.update(logits(positive, 10 - positive), LOSS)
    assert probability(adaptive) == 0
    # Patches: four logits of each of two images, 7 of 8 positive, are r = .75.
    patches = tf.constant(np.r_[np.ones(7), -1].reshape(2, 2, 2, 1), tf.float32)
    for _ in range(4):
        adaptive.update(patches, LOSS)
    np.testing.assert_allclose(probability(adaptive), 8 / 1000, rtol=1e-6)


def test_a_logit_of_a_pack_counts_all_its_images():
    adaptive = built(speed=1000)
    for _ in range(4):
        adaptive.update(logits(10, 0), LOSS, pack=3)
    np.testing.assert_allclose(probability(adaptive), 4 * 30 / 1000, rtol=1e-6)


def test_above_1_it_goes_on():
    adaptive = built(speed=10)
    for _ in range(4):
        adaptive.update(logits(10, 0), LOSS)
    assert probability(adaptive) == 4


@pytest.mark.parametrize(
    ("loss", "undecided"),
    [
        (losses.LeastSquares(), 0.5),
        (losses.LeastSquares.pearson(), 0.0),
        (losses.Hinge(), 0.0),
        (losses.FDivergence("kl"), 1.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("side", [1, -1])
def test_a_sign_is_that_of_the_distance_from_where_the_loss_is_undecided(loss, undecided, side):
    adaptive = built(speed=1000)
    adaptive.check((8, 8, 1), loss)
    adaptive.variables[0].assign(0.5)
    for _ in range(4):
        adaptive.update(tf.fill((10,), undecided + 0.1 * side), loss)
    np.testing.assert_allclose(probability(adaptive), 0.5 + 0.04 * side, rtol=1e-6)


@pytest.mark.parametrize("name", ["wasserstein", "rpgan", "ragan"])
def test_a_loss_whose_logits_have_no_zero_is_refused(name):
    message = (
        "Adaptive asks whether the discriminator takes reals for real. Expected: a loss under "
        "which a logit alone says so, such as non_saturating, hinge or least_squares. Received: "
        f"{losses.get(name)}, whose logits have no value between real and fake. Choose the "
        "probability yourself: kgan.augment.Scheduled(0.3)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        augment.get_for("ada", (8, 8, 1), losses.get(name))
    augment.get_for("scheduled=0.3", (8, 8, 1), losses.get(name))


@pytest.mark.parametrize("options", [{"target": 1}, {"target": -1}, {"speed": 0}, {"speed": "x"}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} of Adaptive must be a finite"):
        augment.Adaptive(**options)
