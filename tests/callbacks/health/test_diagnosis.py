"""Evidence becomes a name, and a name needs agreement."""

import dataclasses
import json
import math
import re

import pytest

from kgan import augment
from kgan import losses
from kgan import models
from kgan import penalties
from kgan.callbacks.health import diagnosis
from kgan.callbacks.health.diagnosis import Diagnosis
from kgan.callbacks.health.diagnosis import describe
from kgan.callbacks.health.diagnosis import find

# A GAN in the middle of a good training, and of none: losses of a coin, samples like reals.
SOUND = {
    "d_loss": 0.9,
    "g_loss": 1.2,
    "d_real": 0.7,
    "d_fake": 0.35,
    "d_auc": 0.9,
    "separation": 0.35,
    "g_gradient": 2.0,
    "g_gradient_left": 0.5,
    "diversity": 0.9,
    "diversity_left": 0.95,
    "diversity_growth": 1.0,
    "duplicates": 0.0,
    "distance": 0.05,
    "distance_left": 0.1,
    "distance_growth": 1.0,
    "saturated": 0.7,
    "class_entropy": 0.95,
    "class_entropy_left": 0.97,
}
WON = {"d_auc": 1.0, "separation": 0.999, "g_gradient_left": 0.5, "distance": 0.5}


def test_a_sound_look_is_balanced():
    assert find(SOUND) == diagnosis.BALANCED


def test_nothing_known_speaks_for_nothing():
    assert find({}) == diagnosis.BALANCED


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", SOUND)
def test_whatever_is_not_finite_is_non_finite(name, value):
    assert find({**SOUND, name: value}) == diagnosis.NON_FINITE


@pytest.mark.parametrize(
    ("state", "evidence"),
    [
        # The discriminator is as good as perfect; the generator has no gradient, or no way to go.
        (diagnosis.DISCRIMINATOR_OVERPOWERS, {"d_auc": 1.0, "separation": 0.99}),
        (diagnosis.DISCRIMINATOR_OVERPOWERS, {"d_auc": 1.0, "g_gradient_left": 0.001}),
        (
            diagnosis.DISCRIMINATOR_OVERPOWERS,
            {"d_auc": 1.0, "separation": 0.8, "distance": 0.5, "distance_left": 1.0},
        ),
        # Fakes pass for reals, or cannot be told from them from afar.
        (diagnosis.GENERATOR_OVERPOWERS, {"d_auc": 0.1}),
        (diagnosis.GENERATOR_OVERPOWERS, {"d_auc": 0.5, "distance": 0.5}),
        # All alike; in pairs; a quarter of the variety though near; half lost; few classes left.
        (diagnosis.MODE_COLLAPSE, {"diversity": 0.05}),
        (diagnosis.MODE_COLLAPSE, {"duplicates": 0.8}),
        (diagnosis.MODE_COLLAPSE, {"diversity": 0.2, "distance": 0.1}),
        (diagnosis.MODE_COLLAPSE, {"diversity": 0.4, "diversity_left": 0.45}),
        (diagnosis.MODE_COLLAPSE, {"class_entropy": 0.4, "class_entropy_left": 0.45}),
        # An augmentation that stays on; training images that are told from others.
        (diagnosis.TOO_LITTLE_DATA, {"augment_p": 0.9}),
        (diagnosis.TOO_LITTLE_DATA, {"memorised": 0.9}),
        # A hundred times worse than a coin; without bounds; black and white noise, always the same.
        (diagnosis.DIVERGING, {"separation": -1000.0}),
        (diagnosis.DIVERGING, {"saturated": 1.0, "diversity": 0.0}),
    ],
)
def test_every_state_has_its_evidence(state, evidence):
    assert find({**SOUND, **evidence}) == state


@pytest.mark.parametrize(
    "evidence",
    [
        # Perfect, but the samples come nearer by a tenth from look to look.
        {**WON, "distance_growth": 0.9},
        # Ranked right throughout, as Wasserstein critics do, with losses far from any bound.
        {"d_auc": 1.0},
        # Ranked right from afar by a discriminator that has only begun to learn.
        {"d_auc": 1.0, "separation": 0.3, "distance": 0.5, "distance_left": 1.0},
        # Little gradient, as at the end of a training, where the discriminator is undecided.
        {"d_auc": 0.5, "g_gradient_left": 1e-4},
        # Undecided because the samples are like the data.
        {"d_auc": 0.45, "distance": 0.01},
        # An untrained multilayer perceptron: a quarter of the variety, still far from the data.
        {"diversity": 0.2, "distance": 0.4},
        # As little, but more at every look.
        {"diversity": 0.05, "diversity_growth": 1.5, "duplicates": 1.0},
        # Half of a best that was no variety.
        {"diversity": 0.2, "diversity_left": 0.45, "distance": 0.3},
        # An augmentation at work, and ranks as chance has them.
        {"augment_p": 0.5, "memorised": 0.6},
        # Black and white pictures of many kinds, such as drawings.
        {"saturated": 1.0},
    ],
)
def test_what_a_healthy_training_may_look_like_is_balanced(evidence):
    assert find({**SOUND, **evidence}) == diagnosis.BALANCED


def test_a_loss_without_bounds_diverges_when_it_is_plainly_large():
    unbounded = {name: value for name, value in SOUND.items() if name != "separation"}
    for sign in (-1, 1):
        assert find({**unbounded, "d_loss": sign * 1e5}) == diagnosis.DIVERGING
        assert find({**unbounded, "d_loss": sign * 50.0}) == diagnosis.BALANCED


def test_the_cause_is_told_before_what_follows_from_it():
    everything = {**WON, "diversity": 0.0, "duplicates": 1.0}
    assert find({**SOUND, **everything}) == diagnosis.MODE_COLLAPSE
    assert find({**SOUND, **WON, "memorised": 1.0}) == diagnosis.TOO_LITTLE_DATA
    assert find({**SOUND, **everything, "d_auc": 0.0}) == diagnosis.GENERATOR_OVERPOWERS
    assert find({**SOUND, **everything, "saturated": 1.0}) == diagnosis.DIVERGING


def states_after(findings, patience=3):
    """The state after each of these looks."""
    look = {
        "b": SOUND,
        "d": {**SOUND, "d_auc": 1.0, "separation": 1.0},
        "g": {**SOUND, "d_auc": 0.0},
        "n": {**SOUND, "d_loss": math.nan},
    }
    names = {None: "-", "balanced": "b", "non-finite": "n"}
    diagnosed = Diagnosis(patience)
    states = (diagnosed.update(look[finding]) for finding in findings)
    return "".join(names.get(state) or state[0] for state in states)


@pytest.mark.parametrize(
    ("findings", "states"),
    [
        ("bbbbb", "--bbb"),
        ("ddddd", "--ddd"),
        # One or two looks change nothing, neither to the worse nor back.
        ("bbbdbbddb", "--bbbbbbb"),
        ("dddbbddbb", "--ddddddd"),
        ("bbbdddbbb", "--bbbdddb"),
        # Alarms of two kinds are an alarm all the same, and the older name stays while it recurs.
        ("bbbdgd", "--bbbd"),
        ("dddgdgdg", "--dddddd"),
        ("dddggg", "--dddg"),
        ("ddbddbddb", "---------"),
    ],
)
def test_a_state_changes_when_three_looks_in_a_row_agree(findings, states):
    assert states_after(findings) == states


def test_one_look_is_enough_with_a_patience_of_one():
    assert states_after("bdgb", patience=1) == "bdgb"


def test_non_finite_needs_no_second_look():
    assert states_after("bbbn") == "--bn"
    assert states_after("n") == "n"
    # Nor does one sound number make it good.
    assert states_after("nbbb") == "nnnb"


def test_later_looks_are_compared_with_earlier_ones():
    diagnosed = Diagnosis()
    diagnosed.begin({"g_gradient": 4.0, "diversity": 0.9, "distance": 0.5})
    diagnosed.update({"g_gradient": 1.0, "diversity": 0.8, "distance": 0.4})
    assert diagnosed.evidence == {
        "g_gradient": 1.0,
        "diversity": 0.8,
        "distance": 0.4,
        "g_gradient_left": 1 / 4,
        "distance_left": 0.4 / 0.5,
        "diversity_growth": 0.8 / 0.9,
        "distance_growth": 0.4 / 0.5,
    }
    diagnosed.update({"g_gradient": 8.0, "diversity": 0.6, "distance": 0.1, "class_entropy": 0.7})
    assert diagnosed.evidence["g_gradient_left"] == 1.0
    # The variety of samples far from the data did not count.
    assert diagnosed.evidence["diversity_left"] == 1.0
    assert diagnosed.evidence["class_entropy_left"] == 1.0
    assert diagnosed.evidence["distance_left"] == 0.1 / 0.5
    assert diagnosed.evidence["diversity_growth"] == 0.6 / 0.8
    assert diagnosed.evidence["distance_growth"] == 0.1 / 0.4
    # Far away again, they are still compared with what they were.
    diagnosed.update({"g_gradient": 8.0, "diversity": 0.3, "distance": 0.3, "class_entropy": 0.9})
    assert diagnosed.evidence["diversity_left"] == 0.3 / 0.6
    assert diagnosed.evidence["class_entropy_left"] == 0.9 / 0.7


def test_without_a_distance_all_samples_count_as_close_to_the_data():
    diagnosed = Diagnosis()
    diagnosed.update({"class_entropy": 0.8})
    diagnosed.update({"class_entropy": 0.2})
    assert diagnosed.evidence["class_entropy_left"] == 0.2 / 0.8


def test_a_training_that_begins_with_zeros_is_compared_without_dividing_by_them():
    diagnosed = Diagnosis(patience=1)
    diagnosed.begin({"g_gradient": 0.0, "diversity": 0.0, "distance": 0.0})
    assert diagnosed.update({"g_gradient": 0.0, "diversity": 0.0, "distance": 0.0}) == (
        diagnosis.MODE_COLLAPSE
    )
    assert diagnosed.update({"g_gradient": 1.0, "diversity": 0.9, "distance": 0.1}) == (
        diagnosis.BALANCED
    )


def test_a_bad_beginning_is_not_remembered_as_the_largest():
    diagnosed = Diagnosis(patience=1)
    diagnosed.begin({"g_gradient": math.inf})
    assert diagnosed.update({"g_gradient": math.nan}) == diagnosis.NON_FINITE
    diagnosed.update({"g_gradient": 2.0})
    assert diagnosed.evidence["g_gradient_left"] == 1.0


def test_a_state_is_told_with_the_numbers_that_speak_for_it():
    evidence = {"d_auc": 0.99, "diversity": 0.03125, "duplicates": 1.0, "d_loss": 5.0}
    told = describe(diagnosis.MODE_COLLAPSE, evidence)
    assert told == "mode collapse (diversity 0.0312, duplicates 1)"
    evidence = {"d_loss": math.nan, "d_auc": 0.5, "diversity": math.inf, "diversity_left": math.nan}
    told = describe(diagnosis.NON_FINITE, evidence)
    assert told == "non-finite (d_loss nan, diversity inf)"
    assert describe(diagnosis.BALANCED, {}) == "balanced"


def test_every_state_has_one_sentence_of_advice():
    assert tuple(diagnosis.ADVICE) == diagnosis.STATES
    for advice in diagnosis.ADVICE.values():
        assert advice.endswith(".")
        assert ". " not in advice


def test_the_losses_and_penalties_of_the_advice_can_be_taken():
    advice = " ".join(diagnosis.ADVICE.values())
    for normalization in ("batch", "layer"):
        discriminator = models.dcgan_discriminator((8, 8, 1), width=1, normalization=normalization)
        named = {"batch": {"lecam"}, "layer": {"r1=0.1", "r2=0.1", "lecam"}}[normalization]
        assert len(penalties.get_all(sorted(named), discriminator)) == len(named)
        assert all(name in advice for name in named)
    # A name with parameters that the line above does not try would be new.
    assert set(re.findall(r"\w+=[\d.]+\d", advice)) == {"r1=0.1", "r2=0.1"}
    for name in ("non_saturating", "minimax", "relativistic_paired"):
        assert name in advice
        losses.get(name)
    for name in ("adaptive", "diffaugment"):
        assert name in advice
        augment.get(name)


def test_one_that_was_kept_goes_on_as_if_it_had_never_been():
    def looks(diagnosis, numbers):
        for number in numbers:
            evidence = {"d_auc": 1.0, "diversity": 0.3 / number, "distance": 0.1, "g_gradient": 2.0}
            diagnosis.update(evidence)
        return diagnosis

    begun = Diagnosis(2)
    begun.begin({"distance": 0.9, "g_gradient": 3.0})
    looks(begun, range(1, 4))
    kept = Diagnosis(**json.loads(json.dumps(dataclasses.asdict(begun))))
    for diagnosed in (begun, kept):
        looks(diagnosed, range(4, 7))
    assert kept == begun
