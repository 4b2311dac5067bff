"""A file gives back the GAN."""

import keras
import numpy as np

import kgan

layers = keras.layers


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
