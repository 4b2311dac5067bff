"""How every family is trained where nothing else is said."""

import keras
import pytest

import kgan
from kgan import models
from kgan.models import Defaults


def of(name, image_shape=(32, 32, 3)):
    return models.get(name).defaults(image_shape)


def test_defaults_are_those_of_the_papers():
    for name in ("dcgan", "mlp", "small_mlp"):
        assert of(name) == Defaults()
    resnet, residual = of("resnet"), of("residual")
    assert (resnet.loss, resnet.discriminator_steps, resnet.penalties) == ("hinge", 5, ())
    assert (residual.loss, residual.discriminator_steps) == ("relativistic_paired", 1)
    for defaults, epsilon in ((resnet, 1e-7), (residual, 1e-8)):
        config = defaults.optimizer().get_config()
        found = [config[name] for name in ("beta_1", "beta_2", "epsilon")]
        assert found == [0, 0.9, epsilon]
        assert config["learning_rate"] == pytest.approx(2e-4)
    config = residual.optimizer(1e-3, beta_1=0.5).get_config()
    assert (config["beta_1"], config["beta_2"]) == (0.5, 0.9)
    assert config["learning_rate"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("sides", "gamma"), [((32, 32), "0.5"), ((64, 64), "2"), ((28, 28), "0.383"), ((32, 64), "1")]
)
def test_the_penalties_of_residual_grow_with_the_area(sides, gamma):
    penalties = map(kgan.penalties.get, of("residual", (*sides, 1)).penalties)
    for penalty, name in zip(penalties, ("r1", "r2"), strict=True):
        assert penalty.name == name
        assert penalty.gamma.start == pytest.approx(float(gamma), rel=1e-3)
        assert penalty.gamma.end == pytest.approx(float(gamma) / 10, rel=1e-2)
        assert penalty.gamma.until == 20_000_000


def pair(generator, discriminator, **options):
    shape = (8, 8, 1)
    return (
        models.get(generator).generator(shape, 3, width=4, **options),
        models.get(discriminator).discriminator(shape, width=4, **options),
    )


def test_networks_are_known_by_their_names_also_after_saving(tmp_path):
    for name in ("resnet", "residual"):
        networks = pair(name, name)
        assert models.defaults(*networks, (8, 8, 1)) == of(name, (8, 8, 1))
    networks[0].save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    assert models.defaults(loaded, networks[1], (8, 8, 1)) == of("residual", (8, 8, 1))
    mixed = pair("residual", "resnet")
    assert models.defaults(*mixed, (8, 8, 1)) == Defaults()


def test_compile_takes_the_familys_defaults_and_an_explicit_argument_wins():
    gan = kgan.GAN(*pair("residual", "residual"), latent_dim=3)
    gan.compile(run_eagerly=True)
    assert isinstance(gan.loss, kgan.losses.RelativisticPaired)
    assert [penalty.gamma.start for penalty in gan.penalties] == [0.0312, 0.0312]
    rate, beta_2 = (gan.optimizer.schedules[name] for name in ("learning_rate", "beta_2"))
    assert (rate.start, rate.end, beta_2.start, beta_2.end) == (2e-4, 5e-5, 0.9, 0.99)
    assert gan.discriminator_steps == 1
    for optimizer in (gan.optimizer.d_optimizer, gan.optimizer.g_optimizer):
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0, 0.9, 1e-8)
    config = gan.get_compile_config()
    # What is saved says all of it, whatever the defaults are once it is loaded.
    assert config["loss"]["class_name"] == "RelativisticPaired"
    assert [part["class_name"] for part in config["penalties"]] == ["R1", "R2"]
    gan.compile("sgd", None, "hinge", 2, penalties=[], run_eagerly=True)
    assert isinstance(gan.loss, kgan.losses.Hinge)
    assert (gan.penalties, gan.discriminator_steps) == ((), 2)
    # A rate of the user's own is not moved.
    assert gan.optimizer.schedules == {}
    assert isinstance(gan.optimizer.d_optimizer, keras.optimizers.SGD)
    assert gan.optimizer.g_optimizer.beta_2 == 0.9


def test_other_networks_have_the_general_defaults():
    gan = kgan.GAN(*pair("small_mlp", "small_mlp"), latent_dim=3)
    gan.compile(run_eagerly=True)
    assert isinstance(gan.loss, kgan.losses.NonSaturating)
    assert (gan.penalties, gan.discriminator_steps) == ((), 1)
    for optimizer in (gan.optimizer.d_optimizer, gan.optimizer.g_optimizer):
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.5, 0.999, 1e-7)
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
