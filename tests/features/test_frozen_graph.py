"""Constants of graphs that TensorFlow wrote, and of bytes that it did not."""

import re

import numpy as np
import pytest
import tensorflow as tf

from kgan.features.frozen_graph import float_constants


def graph_of(constants: dict) -> bytes:
    """A graph of constants, with other nodes among them, as TensorFlow serialises it."""
    with tf.Graph().as_default() as graph:
        for name, values in constants.items():
            tensor = tf.constant(values, name=name)
            tf.identity(tensor, name=f"{name}/read")
    return graph.as_graph_def().SerializeToString()


def graph_with(**tensor) -> bytes:
    """A graph of one constant "conv", its TensorProto given field by field."""
    graph = tf.compat.v1.GraphDef()
    node = graph.node.add(name="conv", op="Const")
    proto = node.attr["value"].tensor
    proto.dtype = tf.float32.as_datatype_enum
    for size in tensor.pop("shape"):
        proto.tensor_shape.dim.add(size=size)
    for field, value in tensor.items():
        if field == "float_val":
            proto.float_val.extend(value)
        else:
            setattr(proto, field, value)
    return graph.SerializeToString()


def test_reads_the_float_constants_of_a_graph_and_nothing_else():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    constants = {
        "mixed/conv/conv2d_params": kernel,
        "mixed/conv/batchnorm/beta": np.arange(4, dtype="float32"),
        "mixed/conv/batchnorm/gamma": np.ones(400, "float32"),
        "scalar": np.float32(0.5),
        "pool_3/_reshape/shape": np.array([1, 2048], "int32"),
        "names": np.array([b"tench", b"goldfish"]),
    }
    read = float_constants(graph_of(constants))
    assert list(read) == list(constants)[:4]
    for name, values in read.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, constants[name])


def test_only_constants_are_read():
    graph = tf.compat.v1.GraphDef.FromString(graph_with(shape=(1,), float_val=[1]))
    graph.node[0].op = "Another"
    assert float_constants(graph.SerializeToString()) == {}


@pytest.mark.parametrize(
    "tensor",
    [
        {"tensor_content": np.arange(6, dtype="<f4").tobytes()},
        {"float_val": range(6)},
    ],
    ids=["bytes", "numbers"],
)
def test_values_may_be_stored_as_bytes_or_as_numbers(tensor):
    read = float_constants(graph_with(shape=(2, 3), **tensor))
    np.testing.assert_array_equal(read["conv"], np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([0.5], [0.5] * 6), ([1, 2, 3], [1, 2, 3, 3, 3, 3]), ([], [0] * 6)],
    ids=["one", "three", "none"],
)
def test_the_last_number_stands_for_all_that_follow_it(numbers, expected):
    data = graph_with(shape=(6,), float_val=numbers)
    np.testing.assert_array_equal(float_constants(data)["conv"], expected)
    proto = tf.compat.v1.GraphDef.FromString(data).node[0].attr["value"].tensor
    np.testing.assert_array_equal(tf.make_ndarray(proto), expected)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"float_val": range(7), "shape": (2, 3)}, "shape (2, 3) holds 7 values"),
        ({"tensor_content": bytes(8), "shape": (2, 3)}, "shape (2, 3) holds 2 values"),
        ({"float_val": [1], "shape": (2**20, 2**20)}, "shape (1048576, 1048576) holds 1 values"),
    ],
    ids=["too many", "too few", "too large"],
)
def test_refuses_values_that_do_not_fill_the_shape(tensor, message):
    with pytest.raises(ValueError, match=re.escape(f"the constant 'conv' of {message}")):
        float_constants(graph_with(**tensor))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (graph_of({"conv": np.ones(3, "float32")})[:-20], "it ends in the middle of a field"),
        (b"\x0a", "it ends in the middle of a number"),
        (b"\x0a" + b"\xff" * 10, "a number of more than 64 bits"),
        (b"\x08\x01", "a number where a message was expected"),
        (b"\x0b\x01", "a field of the unknown wire type 3"),
    ],
    ids=["cut", "cut number", "long number", "another message", "wire type"],
)
def test_refuses_what_is_no_graph(data, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        float_constants(data)


def test_a_truncated_graph_is_never_read_as_a_whole_one():
    data = graph_of({"conv": np.arange(40, dtype="float32")})
    whole = float_constants(data)["conv"]
    for length in range(1, len(data)):
        try:
            read = float_constants(data[:length])
        except ValueError:
            continue
        # Cut between two nodes: what is there is right.
        assert "conv" not in read or np.array_equal(read["conv"], whole)
