"""ConditionalBatchNorm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.layers import ConditionalBatchNorm

RANDOM = np.random.default_rng(0)
LABELS = np.array([2, 0, 2, 1], "int32")


SHAPE = (4, 2, 2, 3)


def built(shape=SHAPE, **options):
    layer = ConditionalBatchNorm(3, **options)
    layer.build([shape, (4,)])
    return layer


def values(shape=SHAPE):
    return RANDOM.normal(2, 3, shape).astype("float32")


@pytest.mark.parametrize("shape", [(4, 3), SHAPE])
def test_every_sample_has_the_scale_and_offset_of_its_class(shape):
    layer, inputs = built(shape, epsilon=0.25), values(shape)
    tables = [RANDOM.normal(size=(3, 3)) for _ in range(2)]
    for embedding, table in zip((layer.scale, layer.offset), tables, strict=True):
        embedding.embeddings.assign(table)
    axes = tuple(range(len(shape) - 1))
    normalised = (inputs - inputs.mean(axes)) / np.sqrt(inputs.var(axes) + 0.25)
    scale, offset = (table[LABELS].reshape(4, *(1,) * (len(shape) - 2), 3) for table in tables)
    found = layer([inputs, LABELS], training=True)
    np.testing.assert_allclose(found, scale * normalised + offset, rtol=1e-4, atol=1e-5)


def test_inference_takes_the_moving_statistics_of_all_classes():
    layer, inputs = built(momentum=0.5, epsilon=1e-3), values()
    layer([inputs, LABELS], training=True)
    mean, variance = inputs.mean((0, 1, 2)) / 2, inputs.var((0, 1, 2)) / 2 + 0.5
    scale = np.array(layer.scale.embeddings)[LABELS][:, None, None]
    expected = scale * (inputs - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(layer([inputs, LABELS]), expected, rtol=1e-4, atol=1e-5)


def test_scales_start_near_one_and_offsets_at_zero():
    layer = ConditionalBatchNorm(50)
    layer.build([(None, 64), (None,)])
    scale = np.array(layer.scale.embeddings)
    # 3,200 numbers: their mean and standard deviation are known to 2 and 1.3 %.
    np.testing.assert_allclose([scale.mean(), scale.std()], [1, 0.02], rtol=0.05)
    np.testing.assert_array_equal(layer.offset.embeddings, np.zeros((50, 64)))
    assert [weight.shape for weight in layer.trainable_weights] == 2 * [(50, 64)]


def test_keras_batch_norm_is_called_as_it_is(monkeypatch):
    # So that what kgan does for batch norm, on replicas and in fast steps, reaches this one too.
    layer = built()
    assert type(layer.norm) is keras.layers.BatchNormalization
    called = []
    monkeypatch.setitem(
        vars(layer.norm),
        "call",
        lambda inputs, training=None, **_: called.append(training) or inputs,
    )
    layer([values(), LABELS], training=True)
    assert called == [True]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_it_survives_a_file_and_keeps_its_policy(policy, tmp_path):
    inputs = [keras.Input((2, 2, 3)), keras.Input((), dtype="int32")]
    layer = ConditionalBatchNorm(3, momentum=0.5, epsilon=0.1, dtype=policy)
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, 2, 2, 3)
    for weight in model.weights:
        weight.assign(RANDOM.uniform(0.5, 2, weight.shape))
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    given = [tf.constant(values()), tf.constant(LABELS)]
    outputs = copy(given)
    assert outputs.dtype == layer.compute_dtype
    np.testing.assert_array_equal(tf.cast(outputs, "float32"), tf.cast(model(given), "float32"))
    assert copy.layers[-1].get_config() == layer.get_config()


def test_num_classes_must_be_a_positive_integer():
    message = "num_classes must be a positive integer. Received: num_classes=0."
    with pytest.raises(ValueError, match=message):
        ConditionalBatchNorm(0)
