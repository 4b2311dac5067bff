"""The constants of a frozen TensorFlow graph, read without TensorFlow."""

from collections.abc import Iterator

import numpy as np

# Field numbers of the messages GraphDef, NodeDef, AttrValue, TensorProto and TensorShapeProto.
_GRAPH_NODE = 1
_NODE_NAME, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 5
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_ATTRIBUTE_TENSOR = 8
_TENSOR_DTYPE, _TENSOR_SHAPE, _TENSOR_CONTENT, _TENSOR_FLOATS = 1, 2, 4, 5
_SHAPE_DIMENSION, _DIMENSION_SIZE = 2, 1

_DT_FLOAT = 1

# No constant that is written out short is larger: a few bytes must not ask for all memory.
_MOST_VALUES = 2**24

# Wire types: a varint, 8 bytes, a length and as many bytes, 4 bytes.
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def float_constants(graph: bytes) -> dict[str, np.ndarray]:
    """The float32 constants of a serialised GraphDef.

    Nothing of the graph is run, and no code is imported: the bytes are read as the few messages
    that hold a constant.

    Args:
        graph: bytes of the file, such as classify_image_graph_def.pb.

    Returns:
        Dict from node names to float32 arrays.

    Raises:
        ValueError: if the bytes are no GraphDef, or end in its middle.

    Reference:
        The wire format of protocol buffers, and graph.proto, node_def.proto, attr_value.proto,
        tensor.proto and tensor_shape.proto in tensorflow/core/framework.
    """
    constants = {}
    for number, node in _fields(memoryview(graph)):
        if number == _GRAPH_NODE:
            name, tensor = _constant(_message(node))
            if tensor is not None:
                constants[name] = tensor
    return constants


def _constant(node: memoryview) -> tuple[str, np.ndarray | None]:
    name, operation, tensor = "", "", None
    for number, value in _fields(node):
        if number == _NODE_NAME:
            name = _text(value)
        elif number == _NODE_OP:
            operation = _text(value)
        elif number == _NODE_ATTRIBUTE:
            entry = dict(_fields(_message(value)))
            if _text(entry.get(_ENTRY_KEY, b"")) == "value":
                tensor = entry.get(_ENTRY_VALUE)
    if operation != "Const" or tensor is None:
        return name, None
    attribute = dict(_fields(_message(tensor)))
    if _ATTRIBUTE_TENSOR not in attribute:
        return name, None
    return name, _float_tensor(_message(attribute[_ATTRIBUTE_TENSOR]), name)


def _float_tensor(message: memoryview, name: str) -> np.ndarray | None:
    """A tensor's values; None if they are not float32."""
    dtype, shape, content, floats = None, (), b"", []
    for number, value in _fields(message):
        if number == _TENSOR_DTYPE:
            dtype = value
        elif number == _TENSOR_SHAPE:
            shape = _shape(_message(value))
        elif number == _TENSOR_CONTENT:
            content = _message(value)
        elif number == _TENSOR_FLOATS:
            # Packed into one field, or a field each.
            floats.append(_message(value))
    if dtype != _DT_FLOAT:
        return None
    values = np.frombuffer(content or b"".join(floats), "<f4")
    count = int(np.prod(shape, dtype=object))
    if not content and len(values) < count <= _MOST_VALUES:
        # The last number stands for all that follow it, as in TensorFlow; none at all for zeros.
        last = values[-1] if len(values) else np.float32(0)
        values = np.append(values, np.full(count - len(values), last))
    if len(values) != count:
        raise ValueError(f"the constant {name!r} of shape {shape} holds {len(values)} values")
    return values.reshape(shape)


def _shape(message: memoryview) -> tuple[int, ...]:
    return tuple(
        dict(_fields(_message(dimension))).get(_DIMENSION_SIZE, 0)
        for number, dimension in _fields(message)
        if number == _SHAPE_DIMENSION
    )


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: their numbers, and an int for a varint, else the bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            length, position = _varint(message, position)
        elif wire_type in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire_type == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of the unknown wire type {wire_type}")
        if position + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The number that starts at a position, seven bits a byte, and the position behind it."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(message):
            raise ValueError("it ends in the middle of a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 64 bits")


def _message(value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message was expected")
    return value


def _text(value) -> str:
    return bytes(_message(value)).decode("utf-8")
