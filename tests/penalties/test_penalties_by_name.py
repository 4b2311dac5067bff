"""Penalties by name, config or as they are."""

import re

import keras
import pytest

from kgan import penalties

DISCRIMINATOR = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


@pytest.mark.parametrize(
    ("name", "kind", "config"),
    [
        ("r1=0.1", penalties.R1, {"gamma": 0.1}),
        ("r2=3", penalties.R2, {"gamma": 3.0}),
        (
            "gradient_penalty",
            penalties.GradientPenalty,
            {"weight": 10.0, "target": 1.0, "one_sided": False},
        ),
        (
            "gradient_penalty=0.5",
            penalties.GradientPenalty,
            {"weight": 0.5, "target": 1.0, "one_sided": False},
        ),
        ("dragan", penalties.DRAGAN, {"weight": 10.0}),
        ("lecam", penalties.LeCam, {"weight": 0.3, "decay": 0.99, "start": 1000}),
    ],
)
def test_names_give_the_papers_defaults_and_take_a_weight(name, kind, config):
    penalty = penalties.get(name)
    assert type(penalty) is kind
    assert penalty.get_config() == config


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        (
            "r3",
            "Unknown penalty of a discriminator. Expected a kgan.penalties.Penalty, its class, its "
            "config, or one of ['dragan', 'gradient_penalty', 'lecam', 'r1', 'r2'], with "
            "parameters as in 'name=value' or 'name(parameter=value)'. Received: 'r3'.",
        ),
        (keras.regularizers.L2(), "punish weights: use weight_decay= of the optimizer"),
    ],
)
def test_what_is_no_penalty_is_refused(identifier, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        penalties.get(identifier)


def test_one_stands_for_a_list_and_none_for_an_empty_one():
    assert penalties.get_all(None, DISCRIMINATOR) == []
    (one,) = penalties.get_all("r1=0.1", DISCRIMINATOR)
    assert one.gamma == 0.1
    names = [r.name for r in penalties.get_all(["r1=0.1", "lecam"], DISCRIMINATOR)]
    assert names == ["r1", "lecam"]


@pytest.mark.parametrize("taken", ["d_loss", "g_loss", "d_real", "d_fake", "d_auc"])
def test_a_penalty_with_the_name_of_another_log_is_refused(taken):
    class Odd(penalties.Penalty):
        name = taken

    message = (
        f"Odd would be logged as {taken!r}, which the players are. Expected: a name of its own"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        penalties.get_all(Odd(), DISCRIMINATOR)


@pytest.mark.parametrize("needs", ["real_gradients", ("real_gradient",)])
def test_a_penalty_that_needs_what_there_is_not_is_refused(needs):
    class Odd(penalties.R1):
        pass

    Odd.needs = needs
    message = (
        "Odd needs what no penalty is given. Expected: needs, a tuple of names out of "
        f"('real_gradients', 'fake_gradients', 'images_seen'). Received: needs={needs!r}."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        penalties.get_all(Odd(1.0), DISCRIMINATOR)


def test_two_penalties_of_one_name_are_refused():
    with pytest.raises(ValueError, match=re.escape("Received: ['r1', 'r2', 'r1'].")):
        penalties.get_all(["r1=1", "r2=1", "r1=2"], DISCRIMINATOR)


def test_every_penalty_is_checked_against_the_discriminator():
    mixing = keras.Sequential(
        [keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    penalties.get_all("lecam", mixing)
    with pytest.raises(ValueError, match="needs a discriminator that judges every sample alone"):
        penalties.get_all(["lecam", "r1=1"], mixing)
