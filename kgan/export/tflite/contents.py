"""One change to what is written in a TFLite file.

A file is a flatbuffer, whose format is the public schema.fbs of TensorFlow Lite.
"""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"


def with_float_transposed_convolutions(content: bytes) -> bytes:
    """The file with transposed convolutions that compute in float, their weights still in 8 bits.

    The interpreter has no fast kernel for a transposed convolution of float images with 8-bit
    weights: on a 28x28 DCGAN it takes nine times as long as the whole float file. So the weights
    are dequantised first, which the interpreter does once, as it does in float16 files. The images
    come nearer to those of Keras, because what flows between the layers is no longer rounded.

    Args:
        content: the bytes of a .tflite file in dynamic range.

    Returns:
        The bytes of the changed file.
    """
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    # Of the two fields for an operation the older one holds numbers below 127 only.
    convolutions = {
        number
        for number, code in enumerate(model.operatorCodes)
        if code.builtinCode == schema.BuiltinOperator.TRANSPOSE_CONV
    }
    dequantize = len(model.operatorCodes)
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            if operator.opcodeIndex in convolutions and _has_8_bit_weights(operator, graph):
                operators.append(_dequantize_weights(operator, graph, dequantize))
            operators.append(operator)
        graph.operators = operators
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    # The version that dequantises weights with a scale for each channel.
    code.version = 5
    model.operatorCodes.append(code)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _has_8_bit_weights(convolution, graph) -> bool:
    _, weights, images, *_ = convolution.inputs
    types = (graph.tensors[weights].type, graph.tensors[images].type)
    return types == (schema.TensorType.INT8, schema.TensorType.FLOAT32)


def _dequantize_weights(convolution, graph, code: int):
    """The operator that dequantises a convolution's weights, which takes its result from now on."""
    weights = convolution.inputs[1]
    result = schema.TensorT()
    result.name = graph.tensors[weights].name + b"/float"
    result.shape = graph.tensors[weights].shape
    result.type = schema.TensorType.FLOAT32
    # The empty buffer: its values are computed.
    result.buffer = 0
    convolution.inputs[1] = len(graph.tensors)
    graph.tensors.append(result)
    dequantize = schema.OperatorT()
    dequantize.opcodeIndex = code
    dequantize.inputs = [weights]
    dequantize.outputs = [convolution.inputs[1]]
    dequantize.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    dequantize.builtinOptions = schema.DequantizeOptionsT()
    return dequantize
