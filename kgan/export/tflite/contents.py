"""What is written in a TFLite file: which operations, and one change to them.

A file is a flatbuffer, whose format is the public schema.fbs of TensorFlow Lite.
"""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
# The version that dequantises weights with a scale for each channel.
_DEQUANTIZE_VERSION = 5
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()}


def operations(content: bytes) -> list[str]:
    """The names of the operations of a TFLite file, in the order in which they run.

    Args:
        content: the .tflite file's bytes.

    Returns:
        List of str, such as "TRANSPOSE_CONV". One that is not among TFLite's own goes by the name
        it has in the file, such as "FlexErf".
    """
    model = _read(content)
    codes = [_name(code) for code in model.operatorCodes]
    return [codes[each.opcodeIndex] for graph in model.subgraphs for each in graph.operators]


def foreign_operations(content: bytes) -> list[str]:
    """The names of operations that a plain interpreter does not have, each once.

    Args:
        content: the .tflite file's bytes.

    Returns:
        List of str: TensorFlow's own ("FlexErf") and custom ones. Empty as it should be.
    """
    own = set(_NAMES.values()) - {"CUSTOM"}
    return [name for name in dict.fromkeys(operations(content)) if name not in own]


def outputs_of(content: bytes, names: set[str]) -> list[str]:
    """The names of the tensors that some operations write, which tell the layers they came from.

    Args:
        content: the .tflite file's bytes.
        names: of operations, as `operations` has them.

    Returns:
        List of str, such as "generator_1/dense_1/MatMul".
    """
    model = _read(content)
    codes = [_name(code) for code in model.operatorCodes]
    return [
        _text(graph.tensors[each.outputs[0]].name)
        for graph in model.subgraphs
        for each in graph.operators
        if codes[each.opcodeIndex] in names
    ]


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
    model = _read(content)
    codes = [_name(code) for code in model.operatorCodes]
    for graph in model.subgraphs:
        graph.operators = [
            operator
            for each in graph.operators
            for operator in _in_float(each, codes[each.opcodeIndex], graph, len(codes))
        ]
    model.operatorCodes.append(_dequantize_code())
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _read(content: bytes):
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def _name(code) -> str:
    # The older of the two fields holds numbers below 127 only.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return _text(code.customCode) if code.customCode else _NAMES[number]


def _text(name) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _in_float(operator, name: str, graph, dequantize_code: int) -> list:
    """The operator, behind one that dequantises its weights where it is a convolution to mend."""
    if name != "TRANSPOSE_CONV":
        return [operator]
    size, weights, images, *bias = operator.inputs
    types = (graph.tensors[weights].type, graph.tensors[images].type)
    if types != (schema.TensorType.INT8, schema.TensorType.FLOAT32):
        return [operator]
    graph.tensors.append(_float_tensor(graph.tensors[weights]))
    in_float = len(graph.tensors) - 1
    dequantize = schema.OperatorT()
    dequantize.opcodeIndex = dequantize_code
    dequantize.inputs = [weights]
    dequantize.outputs = [in_float]
    dequantize.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    dequantize.builtinOptions = schema.DequantizeOptionsT()
    operator.inputs = [size, in_float, images, *bias]
    return [dequantize, operator]


def _float_tensor(weights):
    tensor = schema.TensorT()
    tensor.name = f"{_text(weights.name)}/float"
    tensor.shape = weights.shape
    tensor.type = schema.TensorType.FLOAT32
    # The empty buffer: its values are computed.
    tensor.buffer = 0
    return tensor


def _dequantize_code():
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.DEQUANTIZE
    code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _DEQUANTIZE_VERSION
    return code
