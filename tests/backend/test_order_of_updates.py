"""In the graph that TensorFlow really runs, no update comes before a reading of what it changes."""

import collections

import keras
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.grappler import tf_optimizer

import kgan


def optimised(function, *arguments):
    """The nodes of a `tf.function`'s graph by name, after TensorFlow's own rewriting of it."""
    concrete = function.get_concrete_function(*arguments)
    graph = concrete.graph
    exported = tf.compat.v1.train.export_meta_graph(
        graph_def=graph.as_graph_def(add_shapes=True), graph=graph
    )
    kept = [tensor.name for tensor in concrete.outputs]
    kept += [operation.name for operation in graph.control_outputs]
    exported.collection_def["train_op"].node_list.value.extend(kept)
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1
    return {node.name: node for node in tf_optimizer.OptimizeGraph(config, exported).node}


def predecessors(nodes, name):
    """Everything that is done before a node."""
    found, left = set(), [name]
    while left:
        for given in nodes[left.pop()].input:
            given = given.lstrip("^").split(":")[0]
            if given not in found:
                found.add(given)
                left.append(given)
    return found


def counts(nodes, name):
    """Whether what a node computes goes into anything but a shape."""
    users = [node for node in nodes.values() if name in map(source, node.input)]
    if not users:
        return nodes[name].op in ("Identity", "AssignAddVariableOp", "AssignSubVariableOp")
    return any(user.op != "Shape" and counts(nodes, user.name) for user in users)


def source(given):
    # An input that begins with ^ is waited for and not used.
    return None if given.startswith("^") else given.split(":")[0]


def unordered(nodes):
    """Pairs of an update and a reading of a variable, of which neither waits for the other."""
    uses = collections.defaultdict(list)
    for node in nodes.values():
        if node.op == "ReadVariableOp" or node.op.startswith("Assign"):
            uses[source(node.input[0])].append(node)
    before = {node.name: predecessors(nodes, node.name) for same in uses.values() for node in same}
    return [
        (update.name, reading.name)
        for same in uses.values()
        for update in same
        for reading in same
        if update.op != "ReadVariableOp" and reading.op == "ReadVariableOp"
        if reading.name not in before[update.name] and update.name not in before[reading.name]
        if counts(nodes, reading.name)
    ]


def test_a_penalty_reads_every_variable_before_it_is_updated():
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(8), keras.layers.LeakyReLU()]
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    generator.add(keras.layers.Reshape((2, 2, 1)))
    flat = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    gan = kgan.GAN(generator, keras.Sequential([*flat, *hidden, keras.layers.Dense(1)]), 3)
    rates = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)]
    gan.compile(*rates, penalties="r1=1", discriminator_steps=2)
    # A batch of known size: only then TensorFlow knows the zeros that stand for a bias's gradient.
    step = tf.function(gan.train_step, [tf.TensorSpec((8, 2, 2, 1))], autograph=False)

    nodes = optimised(step)

    assert any("LeakyReluGrad" in node.op for node in nodes.values())
    assert unordered(nodes) == []
