"""What a subclass overrides is what all of kgan asks."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan import averaging

IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, 2, 2, 1)).astype("float32")


def networks():
    generator = kgan.models.mlp_generator((2, 2, 1), latent_dim=3)
    return generator, kgan.models.mlp_discriminator((2, 2, 1))


def made(kind, **compiled):
    gan = kind(*networks(), latent_dim=3, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True, **compiled)
    return gan


def signature(method):
    """Names, order, kinds and defaults, without annotations."""
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize("name", ["fit", "evaluate", "save", "call", "predict"])
def test_a_method_of_keras_keeps_its_signature(name):
    if name == "call":
        assert list(inspect.signature(kgan.GAN.call).parameters) == ["self", "inputs", "training"]
        return
    assert signature(getattr(kgan.GAN, name)) == signature(getattr(keras.Model, name))


def test_a_gan_is_a_keras_model_and_nothing_else():
    assert kgan.GAN.__bases__ == (keras.Model,)


def test_the_default_optimizers_are_those_of_dcgan():
    gan = kgan.GAN(*networks(), latent_dim=3)
    gan.compile()
    optimizers = gan.optimizer.d_optimizer, gan.optimizer.g_optimizer
    assert [type(optimizer) for optimizer in optimizers] == [keras.optimizers.Adam] * 2
    assert [optimizer.beta_1 for optimizer in optimizers] == [0.5, 0.5]
    np.testing.assert_allclose([optimizer.learning_rate for optimizer in optimizers], 2e-4)
    assert optimizers[0] is not optimizers[1]


def numpys(n, seed):
    return np.random.uniform(-1, 1, (n, 3)).astype("float32")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (numpys, "Received: a NumPy array, which a compiled step would draw once"),
        (lambda n, seed: ops.convert_to_tensor(numpys(n, seed)), "so that no seed decides them"),
        (
            lambda n, seed: keras.random.normal((10, 3), seed=seed),
            r"\(64, 3\). Received: \(10, 3\)",
        ),
        (lambda n, seed: keras.random.normal((n, 4), seed=seed), r"\(64, 3\). Received: \(64, 4\)"),
        (lambda n, seed: keras.random.normal((n, 3), seed=7), "the same for every seed"),
        (lambda n, seed: ops.zeros((n, 3)), "the same for every seed"),
        (lambda n, seed: None, "Received: NoneType"),
    ],
)
def test_a_prior_that_a_seed_does_not_decide_is_refused(draw, message):
    gan = kgan.GAN(*networks(), latent_dim=3)
    gan.compile()
    gan.sample_latents = draw
    with pytest.raises(ValueError, match=rf"^GAN.sample_latents\(n, seed\) must .*{message}"):
        gan.make_train_function()


def test_a_look_at_a_prior_leaves_the_random_state():
    class Binary(kgan.GAN):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            self.seeds = keras.random.SeedGenerator(5)

        def sample_latents(self, n, seed):
            return ops.sign(keras.random.uniform((n, self.latent_dim), -1, 1, seed=seed))

    gan = made(Binary)
    before = [np.array(variable) for variable in gan.variables]
    gan.make_train_function()
    for variable, value in zip(gan.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("returned", [0.5, None, {}, {"d_loss": None}])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_an_objective_that_returns_no_terms_is_told(player, returned):
    gan = kgan.GAN(*networks(), latent_dim=3)
    gan.compile("sgd", "sgd", run_eagerly=True)
    setattr(gan, f"{player}_objective", lambda minibatch: returned)
    message = f"^GAN.{player}_objective must return a dict of .*'{player[0]}_loss': loss"
    for step in (gan.train_step, gan.test_step):
        with pytest.raises(ValueError, match=message):
            step(IMAGES)


def test_what_else_a_method_must_return_is_told():
    gan = made(kgan.GAN)
    gan.train_step = lambda data: None
    with pytest.raises(ValueError, match=r"^A train_step .* Received, of GAN: None"):
        gan.train_on_batch(IMAGES)
    gan.generator_networks = lambda: gan.generator
    with pytest.raises(ValueError, match=r"^GAN.generator_networks must return a list of keras"):
        gan.compile()


def test_all_that_judges_images_asks_discriminate():
    asked = []

    class Asking(kgan.GAN):
        def discriminate(self, images, labels=None, *, training=False):
            asked.append(training)
            return super().discriminate(images, labels, training=training)

    gan = made(Asking, penalties="r1=0.1", discriminator_steps=2)
    asked.clear()
    gan.train_step(IMAGES)
    # Twice reals and fakes, of which the penalty has its gradient, then the generator's fakes.
    assert asked == [True] * 5
    asked.clear()
    gan.test_step(IMAGES)
    assert asked == [False, False]


def test_the_terms_of_an_objective_are_minimised_together():
    class Pulled(kgan.GAN):
        """A generator that only makes its pixels darker."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.pull_mean = keras.metrics.Mean(name="pull")

        def sample_latents(self, n, seed):
            return super().sample_latents(n, seed=1)

        def generator_objective(self, minibatch):
            loss = super().generator_objective(minibatch)
            return {"g_loss": 0 * loss["g_loss"], "pull": 3 * minibatch.fake}

    gan = made(Pulled)
    bias = gan.generator.trainable_variables[-1]
    before = np.array(bias)
    fakes = ops.reshape(gan.generator(gan.sample_latents(8, seed=1)), (8, 4))
    gan.train_step(IMAGES)
    # The mean of 3 G over 4 pixels, and G = 2 sigmoid(a) - 1 with dG/da = (1 - G^2) / 2.
    moved = before - np.array(bias)
    slopes = 0.1 * 3 / 4 * np.mean((1 - np.square(fakes)) / 2, axis=0)
    np.testing.assert_allclose(moved, slopes, rtol=1e-4)
    logged = {metric.name: float(metric.result()) for metric in gan.metrics}
    assert logged["pull"] == pytest.approx(3 * float(np.mean(fakes)), rel=1e-5)
    assert logged["g_loss"] == 0


def test_a_network_of_a_subclass_is_trained_by_the_player_that_lists_it():
    class Mapped(kgan.GAN):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.scale = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Rescaling(1.0)])
            self.mapping = keras.layers.Dense(3)
            self.mapping.build((None, 3))

        def sample_latents(self, n, seed):
            latents = super().sample_latents(n, seed)
            return self.mapping(latents) if hasattr(self, "mapping") else latents

        def generator_networks(self):
            return [self.generator, self.mapping]

    gan = made(Mapped)
    before = np.array(gan.mapping.kernel)
    gan.train_step(IMAGES)
    assert not np.array_equal(before, gan.mapping.kernel)


@pytest.mark.parametrize("shape", ["[0, 255]", "channels"])
def test_validation_data_are_looked_at_before_the_first_step(shape):
    gan = made(kgan.GAN)
    wrong = {"[0, 255]": IMAGES * 127.5 + 127.5, "channels": IMAGES[:, :, :, 0]}[shape]
    with pytest.raises(ValueError, match=r"^validation_data: "):
        gan.fit(IMAGES, batch_size=4, validation_data=wrong, verbose=0)
    assert int(gan.images_seen) == 0


def test_a_generator_as_validation_data_loses_nothing():
    def batches():
        yield (IMAGES[:4],)
        yield (IMAGES[4:],)

    gan, counted = made(kgan.GAN), []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: counted.append(logs))
    seen = []
    gan.test_step = lambda data, step=gan.test_step: (seen.append(len(data[0])), step(data))[1]
    gan.fit(IMAGES, batch_size=4, validation_data=batches(), verbose=0, callbacks=[count])
    assert seen == [4, 4]
    assert "val_d_loss" in counted[0]


def test_a_minibatch_holds_what_made_the_fakes():
    class Watching(kgan.GAN):
        def generator_objective(self, minibatch):
            self.seen = minibatch
            return super().generator_objective(minibatch)

    gan = made(Watching)
    fakes = []
    gan.discriminate = lambda images, labels=None, *, training=False: (
        fakes.append(images),
        kgan.GAN.discriminate(gan, images, labels, training=training),
    )[1]
    before = [np.array(weight) for weight in gan.generator.weights]
    gan.train_step(IMAGES)
    assert gan.seen.real is not None
    assert gan.seen.real_logits is None
    for weight, value in zip(gan.generator.weights, before, strict=True):
        weight.assign(value)
    np.testing.assert_allclose(gan.generator(gan.seen.latents), gan.seen.fake, rtol=1e-5)
    assert ops.shape(gan.seen.latents) == (8, 3)


class OwnStep(kgan.GAN):
    """Trains nothing, and returns values of one batch, as Keras' guide does."""

    def train_step(self, data):
        images, *_ = data if isinstance(data, tuple) else [data]
        d_real = self.logs.metrics[2]
        d_real.update_state(ops.min(images))
        return {"d_loss": ops.mean(images), "g_loss": ops.max(images), "d_real": d_real.result()}

    def test_step(self, data):
        images, *_ = data if isinstance(data, tuple) else [data]
        return {"d_loss": ops.max(images)}


@pytest.mark.filterwarnings("error:No image has been seen")
def test_a_step_of_ones_own_is_counted_and_its_logs_are_means():
    gan = OwnStep(*networks(), latent_dim=3, ema_halflife_images=5)
    averaging.warn_of_start(gan)
    gan.compile(steps_per_execution=2)
    halved = [0.5 * np.array(weight) for weight in gan.ema_generator.weights]
    for weight in gan.generator.weights:
        weight.assign(0 * weight)
    batches = IMAGES[:3], IMAGES[3:6], IMAGES[6:]
    with pytest.warns(UserWarning, match="^No image has been seen, and the moving average"):
        logs = gan.fit(IMAGES, batch_size=3, shuffle=False, epochs=1, verbose=0).history
    averaging.warn_of_start(gan)
    largest = np.average([batch.max() for batch in batches], weights=[3, 3, 2])
    assert logs["d_loss"] == pytest.approx([IMAGES.mean()], rel=1e-5)
    assert logs["g_loss"] == pytest.approx([largest], rel=1e-5)
    # What the step counts itself is not counted again.
    assert logs["d_real"] == pytest.approx([np.mean([batch.min() for batch in batches])], rel=1e-5)
    assert int(gan.images_seen) == 8
    gan.train_on_batch(IMAGES[:2])
    assert int(gan.images_seen) == 10
    # Ten images are two half-lives.
    for weight, value in zip(gan.ema_generator.weights, halved, strict=True):
        np.testing.assert_allclose(weight, value / 2, rtol=1e-5)
    evaluated = gan.evaluate(IMAGES, batch_size=3, return_dict=True, verbose=0)
    assert evaluated["d_loss"] == pytest.approx(largest, rel=1e-5)


def test_a_step_that_calls_the_gans_is_counted_once():
    class Calling(kgan.GAN):
        def train_step(self, data):
            return super().train_step(data)

    def trained(kind):
        keras.utils.set_random_seed(0)
        generator = kgan.models.small_mlp_generator((2, 2, 1), 3, width=2)
        discriminator = kgan.models.small_mlp_discriminator((2, 2, 1), width=2)
        gan = kind(generator, discriminator, latent_dim=3, seed=0, ema_halflife_images=5)
        gan.compile(run_eagerly=True)
        return gan, gan.fit(IMAGES, batch_size=8, verbose=0).history

    (gan, logs), (other, expected) = map(trained, (Calling, kgan.GAN))
    assert logs == expected
    for variable, value in zip(gan.variables, other.variables, strict=True):
        np.testing.assert_array_equal(variable, value)


@keras.saving.register_keras_serializable("tests")
class OwnCompile(kgan.GAN):
    def compile(self, d_optimizer, g_optimizer, loss_fn, passes_on=True):
        super().compile(*([d_optimizer, g_optimizer] if passes_on else []), run_eagerly=True)
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn


def test_optimizers_that_the_gan_does_not_know_are_refused():
    gan = OwnCompile(*networks(), latent_dim=3)
    own = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), "mse"
    gan.compile(*own, passes_on=False)
    with pytest.raises(ValueError, match="the attributes d_optimizer, g_optimizer") as refused:
        gan.fit(IMAGES, verbose=0)
    assert "Expected: super().compile(d_optimizer, g_optimizer, ...)" in str(refused.value)
    gan.compile(*own)
    gan.fit(IMAGES, verbose=0)


def test_a_gan_whose_compile_takes_other_arguments_can_be_loaded(tmp_path):
    gan = OwnCompile(*networks(), latent_dim=3)
    arguments = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), "mse"
    gan.compile(*arguments)
    gan.save(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match=r"call `compile\(\)` manually after loading"):
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(loaded.generate(2, seed=0), gan.generate(2, seed=0))
    with pytest.raises(ValueError, match=r"^You must call `compile\(\)`"):
        loaded.fit(IMAGES, verbose=0)
    loaded.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), "mse")
    loaded.fit(IMAGES, verbose=0)
