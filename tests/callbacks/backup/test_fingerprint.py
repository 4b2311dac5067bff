import keras
import pytest

import kgan
from kgan import models
from kgan.callbacks.backup.fingerprint import differences
from kgan.callbacks.backup.fingerprint import fingerprint

SHAPE = (8, 8, 1)


def make_gan(
    *, width=4, latent_dim=2, seed=3, g_rate=0.1, optimizer="sgd", kind=kgan.GAN, **options
):
    gan = kind(
        models.small_mlp_generator(SHAPE, latent_dim, width=width),
        models.small_mlp_discriminator(SHAPE, width=4),
        latent_dim=latent_dim,
        seed=seed,
    )
    gan.compile(optimizer, keras.optimizers.SGD(g_rate), **options)
    return gan


def of(gan, data=None):
    return fingerprint(gan, data or {"batches": 10, "shape": [10, 8, 8, 1]})


def test_equal_trainings_have_equal_fingerprints_whatever_their_layers_are_called():
    def make():
        block = keras.Sequential([keras.layers.Dense(3), keras.layers.ReLU()])
        features = block(latents := keras.Input((2,)))
        joined = keras.layers.Concatenate()([features, latents])
        images = keras.layers.Reshape(SHAPE)(keras.layers.Dense(64)(joined))
        logits = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(1)]
        gan = kgan.GAN(keras.Model(latents, images), keras.Sequential(logits), 2, seed=3)
        gan.compile("adam", keras.optimizers.Adam(0.1))
        return gan

    first, second = make(), make()
    assert first.generator.layers[-1].name != second.generator.layers[-1].name
    assert of(first) == of(second)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"discriminator_steps": 3}, "discriminator_steps was 1 and is 3 now"),
        ({"steps_per_execution": 4}, "steps_per_execution was 1 and is 4 now"),
        ({"jit_compile": True}, "jit_compile was false and is true now"),
        ({"seed": 4}, "seed was 3 and is 4 now"),
        ({"g_rate": 0.5}, "g_optimizer.learning_rate was 0.1"),
        ({"optimizer": "adam"}, 'd_optimizer was "SGD" and is "Adam" now'),
        ({"loss": "hinge"}, 'loss was "NonSaturating" and is "Hinge" now'),
        ({"penalties": ["r1=0.1"]}, 'penalties[0] was null and is "R1" now'),
    ],
)
def test_what_differs_is_named(options, found):
    assert differences(of(make_gan()), of(make_gan(**options)))[0].startswith(found)


def test_another_kind_of_gan_is_named():
    class Other(kgan.GAN):
        def train_step(self, data):
            return super().train_step(-data)

    found = differences(of(make_gan()), of(make_gan(kind=Other)))
    assert found == ['gan was "kgan>GAN" and is "Other" now']


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_network_that_does_not_tell_what_it_is_made_of_is_refused(name):
    class Own(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, inputs, training=False):
            return self.inner(inputs)

    players = {one: getattr(make_gan(), one) for one in ("generator", "discriminator")}
    players[name] = Own(players[name])
    gan = kgan.GAN(**players, latent_dim=2)
    gan.compile("sgd", "sgd")
    with pytest.raises(NotImplementedError, match=r"Please implement `get_config\(\)`"):
        of(gan)


def test_a_weight_of_a_penalty_is_named():
    before, now = (of(make_gan(penalties=[f"r1={weight}"])) for weight in (0.1, 0.2))
    assert differences(before, now) == ["penalties[0].gamma was 0.1 and is 0.2 now"]


def test_another_network_is_named_by_what_it_is_made_of():
    found = differences(of(make_gan()), of(make_gan(width=5)))
    assert any("units was 4 and is 5 now" in difference for difference in found)
    assert all(difference.startswith("generator.") for difference in found)


def test_other_data_are_named():
    gan = make_gan()
    found = differences(of(gan), of(gan, {"batches": 10, "shape": [11, 8, 8, 1]}))
    assert found == ["data.shape[0] was 10 and is 11 now"]


def test_long_values_are_shortened():
    (found,) = differences({"text": "a" * 100}, {"text": "b"})
    assert found == f'text was "{"a" * 76}... and is "b" now'


def test_a_rate_that_a_callback_has_changed_is_the_same_training():
    gan = make_gan()
    before = of(gan)
    gan.optimizer.learning_rate = 0.05
    assert of(gan) == before
    gan.compile("sgd", keras.optimizers.SGD(0.05))
    assert differences(before, of(gan))[0].startswith("g_optimizer.learning_rate was 0.1")
