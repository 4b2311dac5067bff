"""A file gives back the GAN, or says before the training that it would not."""

import random
import warnings

import keras
import numpy as np
import pytest

import kgan

layers = keras.layers
registered = keras.saving.register_keras_serializable("test_saving")


@registered
class Gain(layers.Layer):
    """Its config leaves the argument out."""

    def __init__(self, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain

    def call(self, inputs):
        return self.gain * inputs

    def get_config(self):
        return super().get_config()


@registered
class Noise(Gain):
    """The same, of what it does in training alone."""

    def __init__(self, gain=0.0, **kwargs):
        super().__init__(gain, **kwargs)
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, inputs, training=False):
        drawn = keras.random.normal(keras.ops.shape(inputs), seed=self.seeds)
        return inputs + self.gain * drawn if training else inputs


@registered
class Discriminator(keras.Model):
    """Keras records the defaults of its arguments."""

    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.steps = [layers.Flatten(), layers.Dense(width), layers.Dense(1)]

    def call(self, images):
        for step in self.steps:
            images = step(images)
        return images


@registered
class Linear(kgan.losses.Loss):
    def __init__(self, scale=1.0):
        self.scale = scale

    def discriminator_loss(self, real_logits, fake_logits):
        return self.scale * (fake_logits - real_logits)

    def generator_loss(self, real_logits, fake_logits):
        return -fake_logits

    def get_config(self):
        return {}


class Unregistered(Linear):
    pass


class Small(kgan.penalties.Penalty):
    name = "small"

    def __call__(self, discriminator, *, real_logits, **_):
        return real_logits**2


@registered
class Coded(kgan.GAN):
    """A GAN that does not tell its own argument."""

    def __init__(self, *arguments, codes=2, **kwargs):
        super().__init__(*arguments, **kwargs)
        self.head = layers.Dense(codes)
        self.head.build((None, 3))


@registered
class Weighted(kgan.GAN):
    """A GAN with an option that is no part of a network."""

    def __init__(self, *arguments, weights=(1.0,), **kwargs):
        super().__init__(*arguments, **kwargs)
        self._weights_of_terms = self._weights = weights
        self.stage = 0


@registered
class Told(Weighted):
    """The same, with a complete config."""

    def get_config(self):
        return {**super().get_config(), "weights": self._weights}


@registered
class Uniform(kgan.GAN):
    """A GAN with the constructor of all."""

    def sample_latents(self, n, seed):
        return keras.random.uniform((n, self.latent_dim), -1, 1, seed=seed)


def generator(*others):
    return keras.Sequential(
        [keras.Input((3,)), layers.Dense(16), *others, layers.Reshape((4, 4, 1))]
    )


def discriminator(*others):
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), *others, layers.Dense(1)])


def compiled(players=None, kind=kgan.GAN, more=None, **arguments):
    gan = kind(*(players or (generator(), discriminator())), latent_dim=3, **(more or {}))
    gan.compile("sgd", "adam", run_eagerly=True, **arguments)
    return gan


def equal_states(first, second):
    pairs = zip(
        first.variables + first.optimizer.variables,
        second.variables + second.optimizer.variables,
        strict=True,
    )
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("make", "reason", "name"),
    [
        (
            lambda: compiled((generator(Gain(3.0)), discriminator())),
            "of the generator, the outputs",
            "Gain",
        ),
        (
            lambda: compiled((generator(Noise(0.5)), discriminator())),
            "of the generator, the outputs",
            "Noise",
        ),
        (
            lambda: compiled((generator(), discriminator(Gain(3.0)))),
            "of the discriminator, the",
            "Gain",
        ),
        (lambda: compiled((generator(), Discriminator(4))), "shape", "Discriminator"),
        (lambda: compiled(loss=Linear(2.0)), "Linear has scale=2.0, and 1.0 anew.", "Linear"),
        (lambda: compiled(kind=Coded, more={"codes": 3}), "shape", "Coded"),
        (
            lambda: compiled(kind=Weighted, more={"weights": (1.0, 2.0)}),
            r"Weighted has _weights=\(1.0, 2.0\), and \(1.0,\) anew.",
            "Weighted",
        ),
    ],
)
def test_what_a_file_would_not_give_back_is_said_before_the_training(make, reason, name, tmp_path):
    path = tmp_path / "gan.keras"
    path.write_text("of before")
    with pytest.warns(
        UserWarning, match="^save will refuse this GAN. The config of this GAN makes"
    ):
        gan = make()
    message = (
        f"{path} is not written, since a file would not give back this GAN. .*{reason}.*{name}"
    )
    with pytest.raises(ValueError, match=message.replace(".keras", r"\.keras")):
        gan.save(path)
    assert path.read_text() == "of before"
    # And nothing is lost.
    with pytest.warns(UserWarning, match="^save will refuse this GAN"):
        again = make()
    assert not equal_states(gan, again)
    again.load_weights(tmp_path / "gan.weights.h5")
    assert equal_states(gan, again)


def test_what_a_training_changes_is_no_option_of_a_constructor(tmp_path):
    gan = Weighted(generator(), discriminator(), latent_dim=3)
    gan.stage = 2
    gan.save(tmp_path / "gan.keras")
    gan._weights = 5.0
    with pytest.raises(ValueError, match=r"gan\.keras is not written.* has _weights=5.0, and"):
        gan.save(tmp_path / "gan.keras")


def test_a_gan_that_is_not_compiled_is_looked_at_when_it_is_saved(tmp_path):
    gan = kgan.GAN(generator(Gain(3.0)), discriminator(), latent_dim=3)
    with pytest.raises(ValueError, match=r"gan\.keras is not written"):
        gan.save(tmp_path / "gan.keras")


@pytest.mark.parametrize(
    "make",
    [
        compiled,
        lambda: compiled((generator(Gain()), Discriminator()), loss=Linear()),
        lambda: compiled((generator(Noise()), discriminator()), more={"ema_halflife_images": 9}),
        lambda: compiled(kind=Coded),
        lambda: compiled(kind=Uniform),
        lambda: compiled(kind=Weighted),
        lambda: compiled(kind=Told, more={"weights": (1.0, 2.0)}),
    ],
)
def test_what_a_file_gives_back_is_saved_without_a_word(make, tmp_path):
    keras.utils.set_random_seed(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=__name__)
        gan = make()
    gan.save(tmp_path / "gan.keras")
    assert equal_states(gan, keras.saving.load_model(tmp_path / "gan.keras"))


def test_a_look_at_the_config_leaves_the_random_numbers_as_they_are():
    players = generator(Noise(), layers.BatchNormalization()), Discriminator()
    gan = kgan.GAN(*players, latent_dim=3)
    state = [np.array(variable) for variable in gan.variables]
    before = random.getstate()
    gan.compile("sgd", "adam", loss=Linear(), run_eagerly=True)
    assert random.getstate() == before
    for variable, value in zip(gan.variables, state, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_what_keras_will_not_find_is_said_and_a_scope_gives_it(tmp_path):
    path = tmp_path / "gan.keras"
    with pytest.warns(UserWarning, match="^Keras cannot find Small, Unregistered when it loads a"):
        gan = compiled(loss=Unregistered(), penalties=Small())
    gan.save(path)
    with keras.saving.custom_object_scope({"Unregistered": Unregistered, "Small": Small}):
        assert equal_states(gan, keras.saving.load_model(path))


def test_a_lambda_has_an_average_and_names_what_loads_it():
    double = layers.Lambda(lambda inputs: 2 * inputs)
    message = "holds a lambda, which Keras loads only after keras.config.enable_unsafe_deserializ"
    with pytest.warns(UserWarning, match=message):
        gan = compiled((generator(double), discriminator()), more={"ema_halflife_images": 9})
    latents = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(gan(latents), gan.generator(latents))


def test_an_average_of_another_function_is_refused():
    with pytest.raises(ValueError, match=r"cannot be made anew by its config.*differ by"):
        kgan.GAN(generator(Gain(3.0)), discriminator(), latent_dim=3, ema_halflife_images=9)


def test_players_with_a_layer_in_common_are_refused():
    dense, dropout = layers.Dense(16), layers.Dropout(0.5)
    both = keras.Sequential([keras.Input((3,)), layers.Dense(3)])
    for players, shared in (
        ((generator(dense), discriminator(dense)), dense.kernel.path),
        ((generator(dropout), discriminator(dropout)), "seed_generator_state"),
        ((both, both), "kernel"),
    ):
        message = f"must have no layer in common: .* Received: two networks that share .*{shared}"
        with pytest.raises(ValueError, match=message):
            kgan.GAN(*players, latent_dim=3)


def test_what_holds_nothing_may_be_in_both_players(tmp_path):
    activation = layers.LeakyReLU()
    gan = compiled((generator(activation), discriminator(activation)))
    gan.save(tmp_path / "gan.keras")
    assert equal_states(gan, keras.saving.load_model(tmp_path / "gan.keras"))


def test_float32_networks_keep_their_optimizers_whatever_the_policy_at_loading(tmp_path):
    gan = compiled((generator(), keras.Sequential([discriminator()])))
    gan.optimizer.iterations.assign(5)
    gan.save(tmp_path / "gan.keras")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(loaded.optimizer.g_optimizer, keras.optimizers.Adam)
    assert equal_states(gan, loaded)
    assert kgan.export.float32_twin(loaded.generator) is loaded.generator
