import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan.export.tflite.contents import with_float_transposed_convolutions


@pytest.fixture(scope="module")
def dynamic():
    """A transposed convolution of 2,048 weights in dynamic range, and its keras model."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4, 4, 8), batch_size=1)
    layer = keras.layers.Conv2DTranspose(16, 4, 2, padding="same")
    model = keras.Model(inputs, layer(inputs))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return model, converter.convert()


def run(content, values):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_transposed_convolutions_compute_in_float_with_weights_in_8_bits(dynamic, operations):
    model, content = dynamic
    mended = with_float_transposed_convolutions(content)
    names = operations(content)
    place = names.index("TRANSPOSE_CONV")
    assert operations(mended) == [*names[:place], "DEQUANTIZE", *names[place:]]
    # 2,048 bytes of weights, which in float would be 8,192.
    assert len(mended) < len(content) + 1000
    values = np.random.default_rng(1).standard_normal((1, 4, 4, 8), "float32")
    [kernel, bias] = model.get_weights()
    # Weights to 127 levels, with a scale for each output channel.
    scale = np.abs(kernel).max(axis=(0, 1, 3), keepdims=True) / 127
    model.set_weights([np.rint(kernel / scale) * scale, bias])
    expected = keras.ops.convert_to_numpy(model(values))
    model.set_weights([kernel, bias])
    np.testing.assert_allclose(run(mended, values), expected, rtol=0, atol=1e-5)


def test_a_file_without_such_weights_only_gets_the_name_of_the_operation(operations):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.ops.tanh(inputs))
    content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    assert operations(with_float_transposed_convolutions(content)) == ["TANH"]
