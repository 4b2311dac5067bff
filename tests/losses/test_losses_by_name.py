"""Losses by name, config or as they are."""

import re

import pytest

from kgan import losses


@pytest.mark.parametrize(
    ("name", "kind", "config"),
    [
        ("ns", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("vanilla", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("non_saturating", losses.NonSaturating, {"label_smoothing": 0.0}),
        ("minimax", losses.Minimax, {"label_smoothing": 0.0}),
        ("lsgan", losses.LeastSquares, {"a": 0.0, "b": 1.0, "c": 1.0}),
        ("least_squares_pearson", losses.LeastSquares, {"a": -1.0, "b": 1.0, "c": 0.0}),
        ("wgan", losses.Wasserstein, {}),
        ("hinge", losses.Hinge, {}),
        ("rpgan", losses.RelativisticPaired, {}),
        ("relativistic_paired", losses.RelativisticPaired, {}),
        ("ragan", losses.RelativisticAverage, {}),
        ("relativistic_average", losses.RelativisticAverage, {}),
        ("kl", losses.FDivergence, {"divergence": "kl", "non_saturating": False}),
        (
            "total_variation_non_saturating",
            losses.FDivergence,
            {"divergence": "total_variation", "non_saturating": True},
        ),
    ],
)
def test_get_by_name_gives_the_papers_defaults(name, kind, config):
    loss = losses.get(name)
    assert type(loss) is kind
    assert loss.get_config() == config


@pytest.mark.parametrize("identifier", ["lsgna", None, 3])
def test_get_refuses_what_is_no_loss(identifier):
    message = (
        "Unknown GAN loss. Expected a kgan.losses.Loss, its class, its config, or one of "
        "['f_divergence', 'gan', 'gan_non_saturating'"
    )
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        losses.get(identifier)
    assert "as in 'name=value' or 'name(parameter=value)'. " in str(error.value)
    assert f" Received: {identifier!r}. Keras' own losses compare" in str(error.value)


def test_every_divergence_has_its_name():
    for name in losses.FDivergence.divergences():
        assert losses.get(name).divergence == name
