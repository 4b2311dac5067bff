"""Every way to take a step, and every format, of the families of residual blocks."""

import keras
import numpy as np
import pytest

import kgan
from kgan import models
from kgan.backend import private
from kgan.export import export_generator

FEWEST = {"residual": {"blocks": 1}, "resnet": {}}


def build(family, num_classes=None):
    """The smallest GAN: images of 8 pixels, two stages."""
    pair = models.get(family)
    options = {"width": 4, "num_classes": num_classes, **FEWEST[family]}
    return kgan.GAN(
        pair.generator((8, 8, 1), 3, **options),
        pair.discriminator((8, 8, 1), **options),
        latent_dim=3,
        num_classes=num_classes,
        seed=0,
    )


def take_a_step(gan, rows=4):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (rows * gan.discriminator_steps, 8, 8, 1)).astype("float32")
    given = [images] if gan.num_classes is None else [images, np.arange(len(images)) % 5]
    history = gan.fit(*given, batch_size=len(images), shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values()), history
    return [np.array(weight) for weight in gan.weights]


EACH = pytest.mark.parametrize("family", ["residual", "resnet"])


@pytest.mark.slow
@EACH
def test_a_step_in_bfloat16_trains_every_weight_and_ends_in_float32(family):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = build(family, num_classes=5)
    finally:
        keras.config.set_dtype_policy("float32")
    assert gan.generator.output.dtype == gan.discriminator.output.dtype == "float32"
    own = [layer.compute_dtype for layer in private.walk_layers(gan.discriminator)]
    assert own.count("bfloat16") > own.count("float32")
    before = [np.array(weight) for weight in gan.trainable_variables]
    # One update of the discriminator shows as much as five.
    gan.compile(discriminator_steps=1)
    take_a_step(gan)
    moved = [
        np.abs(np.array(weight) - old).max()
        for weight, old in zip(gan.trainable_variables, before, strict=True)
    ]
    # The first update reaches no weight behind a kernel of zeros, but the kernel itself.
    assert np.mean(np.array(moved) > 0) > 0.4
    images = gan.generate(3, seed=0, labels=[0, 1, 2])
    assert images.dtype == "float32"
    assert np.abs(images).max() <= 1


@pytest.mark.slow
@EACH
def test_graph_and_eager_take_the_same_step_and_xla_takes_one(family):
    ways = {"graph": {}, "xla": {"jit_compile": True}, "eager": {"run_eagerly": True}}
    steps = {}
    for way, options in ways.items():
        keras.utils.set_random_seed(0)
        gan = build(family, num_classes=5)
        before = [np.array(weight) for weight in gan.weights]
        # SGD: Adam makes steps of rounding where a gradient is zero, as that of a bias before
        # batch norm.
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), **options)
        steps[way] = take_a_step(gan)
    for one, other in zip(steps["eager"], steps["graph"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    # XLA draws other latents, so that the same weights move another way.
    for one, other, start in zip(steps["xla"], steps["graph"], before, strict=True):
        assert np.any(one != start) == np.any(other != start)


@pytest.mark.slow
@EACH
def test_a_trained_gan_is_saved_loaded_and_goes_on_the_same(family, tmp_path):
    gan = build(family, num_classes=5)
    gan.compile()
    take_a_step(gan)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.generator.name == f"{family}_generator"
    assert loaded.get_compile_config() == gan.get_compile_config()
    for one, other in zip(take_a_step(loaded), take_a_step(gan), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("spectral_norm", [False, True])
@EACH
@pytest.mark.parametrize("num_classes", [None, 5])
def test_every_format_passes_the_checks_of_the_export(family, num_classes, spectral_norm, tmp_path):
    if spectral_norm and family == "residual":
        pytest.skip("this family has no spectral norm")
    options = {"spectral_norm": True} if spectral_norm else FEWEST[family]
    generator = models.get(family).generator(
        (16, 16, 3), 8, width=16, num_classes=num_classes, **options
    )
    random = np.random.default_rng(0)
    # As training leaves them: no block is the identity, no bias zero.
    for weight in generator.trainable_variables:
        size = 0.3 if weight.shape[:2] != (1, 1) and len(weight.shape) > 1 else 0.1
        weight.assign(weight + size * random.normal(size=weight.shape) / weight.shape[-1] ** 0.5)
    exported = export_generator(
        generator,
        tmp_path / "generator",
        num_classes=num_classes,
        tflite=("float32", "float16", "dynamic", "int8"),
        onnx=True,
    )
    assert set(exported.files) == {"float32", "float16", "dynamic", "int8", "onnx"}
