"""What a published SavedModel may hold: one generator, once, that computes and does nothing else.

A SavedModel is a program, and a server runs whatever operations it names with its own rights. So
these checks read what the files say, not what Python makes of them.
"""

import collections
import hashlib
import os
import re
import sys
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import Message

from kgan.backend import private

# TensorFlow says of each operation whether it depends on more than its inputs, or does more than
# give outputs ("stateful"). Of those, these read the weights, check, call and branch.
_HARMLESS = {
    "Assert",
    "Case",
    "CheckNumerics",
    "CheckNumericsV2",
    "If",
    "ReadVariableOp",
    "ResourceGather",
    "ResourceGatherNd",
    "StatefulPartitionedCall",
    "StatelessRandomGetAlg",
    "VarHandleOp",
    "VarIsInitializedOp",
    "VariableShape",
    "While",
}
# How weights are stored, and restored when a server loads a version. Nothing else may do this.
_OF_THE_SAVER = {
    "AssignVariableOp",
    "DisableCopyOnRead",
    "MergeV2Checkpoints",
    "RestoreV2",
    "SaveV2",
    "ShardedFilename",
}
# What an operation does that has this in its name, whether TensorFlow calls it stateful or not.
_OUTSIDE = {
    "calls Python": ("PyFunc",),
    "reads or writes files": ("File",),
    "reads files": ("Proto", "Vocab", "ImmutableConst"),
    "reads data from outside": ("Dataset",),
    "reports to the outside": ("Debug",),
}
_STATEFUL = {
    "reads files": ("Restore", "Reader"),
    "writes files": ("Save", "Write"),
    "writes to the server's log": ("Print",),
    "talks to other machines": ("Send", "Recv", "Remote", "Collective"),
    "changes a variable": ("Assign", "Resource", "Stateful"),
    "draws numbers that no seed repeats": ("Random", "Normal"),
}
# What does not reach beyond the model, if it is only looked at here and not served.
WITHIN = ("changes a variable", "draws numbers that no seed repeats")


def check_contents(folder: str | os.PathLike, generator: keras.Model) -> None:
    """Refuse a SavedModel that holds more than the computation and the weights of a generator.

    Args:
        folder: the SavedModel's folder.
        generator: the float32 keras model that was written.

    Raises:
        ValueError: an operation reaches beyond the model, a variable is stored twice or is not the
            generator's, or a path of this machine is inside. The message names it.
    """
    check_operations(folder)
    check_variables(folder, generator)
    check_paths(folder)


def check_operations(folder: str | os.PathLike) -> None:
    """Refuse operations that do more than compute images from inputs and weights.

    Args:
        folder: a SavedModel's folder.

    Raises:
        ValueError: an operation reads or writes files, calls Python, talks to other machines,
            changes a variable, draws numbers without a seed or is unknown to a plain TensorFlow.
    """
    found = doubtful_operation(folder)
    if found:
        raise ValueError(
            f"The SavedModel {found}. A server must only compute images. Remove the layer that "
            "brings it."
        )


def doubtful_operation(folder: str | os.PathLike, allowed: Container[str] = ()) -> str | None:
    """The first operation that does more than compute images from inputs and weights.

    Args:
        folder: a SavedModel's folder.
        allowed: what an operation may do all the same, such as `WITHIN`.

    Returns:
        Str such as "holds the operation WriteFile in node a, which reads or writes files"; None if
        there is no such operation.
    """
    for meta_graph in read_saved_model(folder).meta_graphs:
        for name, place in _operations(meta_graph):
            reason = _reason_against(name)
            if reason and reason not in allowed:
                return f"holds the operation {name} in {place}, which {reason}"
    return None


def check_variables(folder: str | os.PathLike, generator: keras.Model) -> None:
    """Refuse variables that are not weights of the generator, or weights that are stored twice.

    A weight that inference does not use may be missing.

    Args:
        folder: the SavedModel's folder.
        generator: the float32 keras model that was written.

    Raises:
        ValueError: there is such a variable.
    """
    left = collections.Counter(_identity(np.asarray(weight)) for weight in generator.weights)
    for name, values in read_variables(folder):
        described = f"The SavedModel holds the variable {name}, {values.dtype} {values.shape},"
        if _identity(values) not in left:
            raise ValueError(
                f"{described} which is no weight of the generator: of an optimizer or a "
                "discriminator, perhaps. Export the generator alone."
            )
        left[_identity(values)] -= 1
        if left[_identity(values)] < 0:
            raise ValueError(
                f"{described} more often than the generator does. Do not track the model beside "
                "its functions."
            )


def check_paths(folder: str | os.PathLike) -> None:
    """Refuse a saved_model.pb that names a folder of this machine.

    Args:
        folder: the SavedModel's folder.

    Raises:
        ValueError: it names the home folder, the current one, the one of the export, or one from
            which Python runs.
    """
    places = (Path.home(), Path.cwd(), Path(folder).parent, sys.prefix, Path(keras.__file__).parent)
    local = {str(path) for place in places for path in (place, Path(place).resolve())} - {"/", "."}
    named = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, sorted(local)))})(?![\w.-])")
    for text in _texts(read_saved_model(folder)):
        found = named.search(text)
        if found:
            raise ValueError(
                f"saved_model.pb names a folder of this machine, {found[1]}, in "
                f"{text[:200]!r}. Remove it from the layer that holds it."
            )


def read_saved_model(folder: str | os.PathLike):
    """The message in a SavedModel's saved_model.pb."""
    return private.read_saved_model(Path(folder, "saved_model.pb").read_bytes())


def read_variables(folder: str | os.PathLike) -> Iterator[tuple[str, np.ndarray]]:
    """The variables that a SavedModel stores.

    Args:
        folder: the SavedModel's folder.

    Yields:
        Name in the checkpoint and values, in the order of the names.
    """
    reader = tf.train.load_checkpoint(str(Path(folder, "variables", "variables")))
    for name in sorted(reader.get_variable_to_shape_map()):
        # The graph of Python objects that TensorFlow stores beside the variables.
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            yield name, np.asarray(reader.get_tensor(name))


def _operations(meta_graph: tf.compat.v1.MetaGraphDef) -> Iterator[tuple[str, str]]:
    graph = meta_graph.graph_def
    savers = _functions_of_the_saver(meta_graph)
    for node in graph.node:
        yield node.op, f"node {node.name}"
    for function in graph.library.function:
        name = function.signature.name
        for node in function.node_def:
            if not (name in savers and node.op in _OF_THE_SAVER):
                yield node.op, f"function {name}, node {node.name}"


def _functions_of_the_saver(meta_graph: tf.compat.v1.MetaGraphDef) -> set[str]:
    """The functions that the saver calls, and nothing else."""
    graph, saver = meta_graph.graph_def, meta_graph.saver_def
    names = {name.partition(":")[0] for name in (saver.save_tensor_name, saver.restore_op_name)}
    # What Python may call.
    called = {False: set(meta_graph.object_graph_def.concrete_functions), True: set()}
    for node in graph.node:
        called[node.name in names] |= _called_by(node)
    for function in graph.library.function:
        called[False].update(*map(_called_by, function.node_def))
    return called[True] - called[False]


def _called_by(node: tf.compat.v1.NodeDef) -> set[str]:
    held = (function for value in node.attr.values() for function in (value.func, *value.list.func))
    return {function.name for function in held}


def _reason_against(operation: str) -> str | None:
    if operation in _HARMLESS:
        return None
    # All that TensorFlow brings, and not what a library has added to this process.
    if not hasattr(tf.raw_ops, operation):
        return "is unknown to TensorFlow itself"
    # Not the model's own list of operations, which leaves out those inside loops.
    stateful = private.is_stateful(operation)
    for reasons in (_OUTSIDE, _STATEFUL) if stateful else (_OUTSIDE,):
        for reason, parts in reasons.items():
            if any(part in operation for part in parts):
                return reason
    return "depends on more than its inputs" if stateful else None


def _identity(values: np.ndarray) -> tuple:
    return values.shape, values.dtype.name, hashlib.sha256(values.tobytes()).digest()


def _texts(held) -> Iterator[str]:
    """All strings and bytes in a message, a field of one, or what lies in it."""
    if isinstance(held, (str, bytes)):
        yield held if isinstance(held, str) else held.decode("latin-1")
    elif isinstance(held, Message):
        for _, value in held.ListFields():
            yield from _texts(value)
    elif isinstance(held, Iterable):
        for value in held.values() if isinstance(held, Mapping) else held:
            yield from _texts(value)
