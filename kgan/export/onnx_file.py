"""The ONNX file of a generator, converted by tf2onnx."""

import os

import tensorflow as tf

from kgan.export.signatures import LATENTS_TO_IMAGES

# The newest that tf2onnx writes.
OPSET = 18

_REMEDY = "Use layers that ONNX has, or leave the file out with onnx=False."


def convert_to_onnx(saved_model: str | os.PathLike) -> bytes:
    """Convert the `serving_default` signature of a generator's SavedModel to ONNX.

    latents, float32 (batch, latent_dim), and label, int32 (batch,), where the generator takes
    labels -> images, float32 (batch, height, width, channels). A label out of range is refused by
    every engine that holds to the standard of Gather, as onnxruntime does.

    Args:
        saved_model: folder that `write_saved_model` wrote.

    Returns:
        The bytes of the .onnx file, the same for the same SavedModel.

    Raises:
        ImportError: tf2onnx or onnx is not installed.
        ValueError: an operation has no form in ONNX.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            "Writing an ONNX file takes tf2onnx, onnx and onnxruntime: pip install tf2onnx onnx "
            "onnxruntime"
        ) from error
    # The function only borrows the variables of `loaded`, which must outlive it.
    loaded = tf.saved_model.load(str(saved_model))
    signature = loaded.signatures[LATENTS_TO_IMAGES]
    specs = signature.structured_input_signature[1]
    # The order of the file's inputs.
    specs = [specs[name] for name in ("latents", "label") if name in specs]

    @tf.function
    def images(latents, *label):
        inputs = {"latents": latents}
        for values in label:
            # ONNX drops the graph's assertions. Its Gather refuses what is beyond the last entry,
            # but takes -1 for the last.
            inputs["label"] = tf.where(values < 0, values.dtype.max, values)
        return signature(**inputs)

    try:
        model, _ = tf2onnx.convert.from_function(images, specs, opset=OPSET)
    # tf2onnx raises plain errors of several kinds.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise ValueError(
            f"The generator cannot be converted to ONNX: {reason}. {_REMEDY}"
        ) from error
    graph = model.graph
    _check_operations(graph)
    _in_fixed_order(graph)
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    # tf2onnx tells the name of the function here, which has a running number.
    graph.name, graph.doc_string = "generator", ""
    return model.SerializeToString(deterministic=True)


def _check_operations(graph) -> None:
    """Raise if tf2onnx passed on operations of TensorFlow's, which it does with a mere warning."""
    from onnx import defs

    missing = [
        f"{node.op_type} in {node.name.replace('StatefulPartitionedCall/', '')}"
        for node in graph.node
        if not defs.has(node.op_type, OPSET, node.domain)
    ]
    if missing:
        raise ValueError(
            "The generator cannot be converted to ONNX. Not convertible: "
            f"{', '.join(missing)}. {_REMEDY}"
        )


def _in_fixed_order(graph) -> None:
    """The graph with names and an order that follow from what it computes.

    tf2onnx' names hold running numbers, and of equal constants it keeps any one's name.
    """
    if any(each.HasField("g") or each.graphs for node in graph.node for each in node.attribute):
        # Loops and branches look up names from the inside, which must stay.
        return
    constants = {_value(constant): constant for constant in graph.initializer}
    new_names = {value: f"constant_{number}" for number, value in enumerate(sorted(constants), 1)}
    names = {constant.name: new_names[_value(constant)] for constant in graph.initializer}
    # An input that is left out has the empty name.
    names |= {name: name for name in ["", *(value.name for value in graph.input)]}
    nodes = _ordered(graph, names)
    del graph.node[:]
    graph.node.extend(nodes)
    for value, constant in constants.items():
        constant.name = new_names[value]
    kept = sorted(constants.values(), key=_value)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    # Shapes of values between the layers, by the old names. Engines find them themselves.
    del graph.value_info[:]


def _ordered(graph, names: dict[str, str]) -> list:
    """The nodes, each after those that it takes from, by their new names, which join `names`."""
    results = {value.name for value in graph.output}
    waiting, nodes = list(graph.node), []
    while waiting:
        ready = [node for node in waiting if all(name in names for name in node.input)]
        node = min(ready, key=lambda node: _computation(node, names))
        waiting.remove(node)
        node.name = f"{node.op_type}_{len(nodes) + 1}"
        for number, name in enumerate(node.output):
            names.setdefault(name, name if name in results else f"{node.name}:{number}")
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
        nodes.append(node)
    return nodes


def _value(constant) -> tuple:
    return constant.data_type, tuple(constant.dims), constant.raw_data


def _computation(node, names: dict[str, str]) -> tuple:
    attributes = sorted(each.SerializeToString(deterministic=True) for each in node.attribute)
    return node.op_type, [names[name] for name in node.input], attributes
