"""What an example adds is logged, saved, resumed and distributed like the rest."""

import importlib.util
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import kgan

EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 4, 4, 1)).astype("float32")
LABELS = np.arange(16, dtype="int32") % 3
PLAYERS = {"d_loss", "g_loss", "d_real", "d_fake", "d_auc"}


def load(name):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = {path.stem: load(path.stem) for path in sorted(EXAMPLES.glob("*.py"))}


def discriminator():
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(1),
        ]
    )


def generator(num_classes=None):
    return kgan.models.mlp_generator((4, 4, 1), latent_dim=3, num_classes=num_classes)


def make(name):
    """A tiny GAN of an example, and the data to fit."""
    module = MODULES[name]
    if name == "auxiliary_classifier":
        gan = module.AuxiliaryClassifierGAN(
            generator(3), discriminator(), latent_dim=3, num_classes=3, seed=0
        )
        return gan, (IMAGES, LABELS)
    if name == "image_to_image":
        networks = module.networks((28, 28, 1), (14, 28, 1), 3)
        gan = module.ImageToImageGAN(*networks, latent_dim=3, condition_shape=(14, 28, 1), seed=0)
        images = np.random.default_rng(0).uniform(-1, 1, (16, 28, 28, 1)).astype("float32")
        return gan, (images, images[:, :14])
    kinds = {
        "uniform_prior": module.__dict__.get("UniformGAN"),
        "feature_matching": module.__dict__.get("FeatureMatchingGAN"),
        "infogan": module.__dict__.get("InfoGAN"),
    }
    return kinds[name](generator(), discriminator(), latent_dim=3, seed=0), (IMAGES,)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("auxiliary_classifier", {"d_class", "g_class"}),
        ("feature_matching", set()),
        ("image_to_image", {"g_l1"}),
        ("infogan", {"g_code"}),
        ("uniform_prior", set()),
    ],
)
def test_an_example_is_logged_saved_and_trains_on(name, terms, tmp_path):
    gan, data = make(name)
    adam = keras.optimizers.Adam
    gan.compile(adam(1e-2), adam(1e-2), run_eagerly=True)

    def fit(one, **options):
        return one.fit(*data, batch_size=8, shuffle=False, verbose=0, **options).history

    before = [np.array(variable) for variable in gan.trainable_variables]
    history = fit(gan, validation_data=data if len(data) > 1 else data[0])
    names = PLAYERS | terms
    assert set(history) == names | {f"val_{log}" for log in names}
    assert np.isfinite([history[log] for log in names]).all()
    after = gan.trainable_variables
    assert all(not np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert type(loaded) is type(gan)
    assert fit(loaded) == fit(gan)
    for one, two in zip(loaded.variables, gan.variables, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_subclass_resumes_bit_by_bit(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.images_seen) == 8:
                raise KeyboardInterrupt

    def train(folder, *callbacks):
        keras.utils.set_random_seed(0)
        gan, data = make("auxiliary_classifier")
        gan.compile(run_eagerly=True)
        batches = kgan.data.from_arrays(*data).batches(4, seed=0)
        backup = kgan.callbacks.Backup(folder, every_n_images=4)
        return gan, lambda: gan.fit(batches, verbose=0, callbacks=[backup, *callbacks])

    whole, fit = train(tmp_path / "whole")
    fit()
    _, fit = train(tmp_path / "cut", Stop())
    with pytest.raises(KeyboardInterrupt):
        fit()
    resumed, fit = train(tmp_path / "cut")
    fit()
    for one, two in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_uniform_prior_is_that_of_generate_too():
    gan, _ = make("uniform_prior")
    latents = gan.sample_latents(1000, seed=1)
    assert -1 <= np.min(latents) < -0.99
    assert 0.99 < np.max(latents) <= 1
    expected = gan.generator(latents)
    np.testing.assert_allclose(gan.generate(1000, seed=1), expected, rtol=0, atol=1e-6)


def test_another_prior_is_neither_truncated_nor_exported(tmp_path):
    gan, _ = make("uniform_prior")
    with pytest.raises(ValueError, match=r"truncation= is defined for N\(0, I\), and UniformGAN"):
        gan.generate(2, truncation=1.0)
    with pytest.raises(ValueError, match="sample_latents draws from another prior"):
        gan.export(tmp_path / "uniform")


def test_conditions_are_needed_and_checked():
    gan, (images, halves) = make("image_to_image")
    assert gan.generate(2, seed=0, labels=halves[:2]).shape == (2, 28, 28, 1)
    with pytest.raises(ValueError, match=r"Expected: labels, floats of shape \(2, 14, 28, 1\)"):
        gan.generate(2)
    gan.compile()
    with pytest.raises(ValueError, match=r"A GAN with condition_shape=\(14, 28, 1\) trains on"):
        gan.fit(images, batch_size=8)
    with pytest.raises(ValueError, match="The conditions do not fit the GAN"):
        gan.fit(images, images, batch_size=8)


def test_a_sample_grid_shows_samples_under_conditions_of_the_data(tmp_path):
    gan, (images, halves) = make("image_to_image")
    gan.compile(run_eagerly=True)
    grid = kgan.callbacks.SampleGrid(tmp_path, rows=2, columns=3)
    gan.fit(images, halves, batch_size=8, verbose=0, callbacks=[grid])
    assert (tmp_path / "latest.png").is_file()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_says_how_to_run_it(path):
    text = path.read_text()
    assert len(text.splitlines()) < 60
    assert f"python examples/{path.name}" in text


@pytest.mark.slow
def test_two_replicas_train_an_example_as_one_device_does(forks):
    finished = forks.run(Path(__file__).with_name("on_replicas.py"))
    assert finished.returncode == 0, finished.stderr
    # In float64 only rounding is left.
    differences = json.loads(finished.stdout.splitlines()[-1])
    assert differences.keys() == MODULES.keys()
    np.testing.assert_allclose(list(differences.values()), 0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODULES))
def test_an_example_runs_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = MODULES[name].main(epochs=1)
    assert int(gan.images_seen) > 9000
