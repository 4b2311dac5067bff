import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from kgan.export.graph_checks import check_contents
from kgan.export.graph_checks import check_operations
from kgan.export.graph_checks import check_paths
from kgan.export.graph_checks import check_variables
from kgan.export.graph_checks import read_variables
from kgan.export.interface import read_interface
from kgan.export.saved_model import write_saved_model


def check_refused(function, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        function()


def save_function(folder, function, variable=None):
    """A SavedModel of a function of latents, (n, 5), and of a variable."""
    module = tf.Module()
    module.variable = variable
    module.serve = tf.function(function, [tf.TensorSpec((None, 5), tf.float32, "latents")])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


@pytest.mark.parametrize("conditional", [pytest.param(False, marks=pytest.mark.slow), True])
def test_an_export_is_what_it_should_be(build_generator, tmp_path, conditional):
    generator = build_generator(conditional=conditional)
    interface = read_interface(generator, 3 if conditional else None)
    write_saved_model(generator, tmp_path, interface)
    check_contents(tmp_path, generator)


def in_a_loop(latents):
    return tf.map_fn(lambda row: row + tf.random.uniform(()), latents)


def in_a_branch(latents):
    def write():
        with tf.control_dependencies([tf.io.write_file("seen", "")]):
            return tf.identity(latents)

    return tf.cond(tf.reduce_all(latents > 0.0), write, lambda: latents)


def written(latents):
    with tf.control_dependencies([tf.io.write_file("seen", "latents")]):
        return tf.identity(latents)


def read(latents):
    return latents + tf.cast(tf.strings.length(tf.io.read_file("weights")), tf.float32)


def found(latents):
    return latents + tf.cast(tf.size(tf.io.matching_files("*")), tf.float32)


def printed(latents):
    tf.print(latents)
    return latents


def by_python(latents):
    return tf.py_function(lambda values: values, [latents], tf.float32)


def by_numpy(latents):
    return tf.numpy_function(lambda values: values, [latents], tf.float32)


def by_stateless_numpy(latents):
    return tf.numpy_function(lambda values: values, [latents], tf.float32, stateful=False)


def without_seed(latents):
    return latents + tf.random.normal(tf.shape(latents))


def from_a_dataset(latents):
    return latents + tf.data.Dataset.range(3).reduce(0.0, lambda total, _: total + 1.0)


def timed(latents):
    return latents + tf.cast(tf.timestamp(), tf.float32)


@pytest.mark.parametrize(
    ("function", "operation", "reason"),
    [
        (written, "WriteFile", "reads or writes files"),
        (in_a_branch, "WriteFile", "reads or writes files"),
        (read, "ReadFile", "reads or writes files"),
        (found, "MatchingFiles", "reads or writes files"),
        (printed, "PrintV2", "writes to the server's log"),
        (by_python, "EagerPyFunc", "calls Python"),
        (by_numpy, "PyFunc", "calls Python"),
        (by_stateless_numpy, "PyFuncStateless", "calls Python"),
        (without_seed, "RandomStandardNormal", "draws numbers that no seed repeats"),
        (in_a_loop, "RandomUniform", "draws numbers that no seed repeats"),
        (from_a_dataset, "RangeDataset", "reads data from outside"),
        (timed, "Timestamp", "depends on more than its inputs"),
    ],
)
def test_an_operation_that_reaches_beyond_the_model_is_found(tmp_path, function, operation, reason):
    save_function(tmp_path, lambda latents: {"images": function(latents)})
    message = (
        rf"The SavedModel holds the operation {operation} in function \S+, node \S+, which "
        rf"{reason}\. A server must only compute images\. Remove the layer that brings it\."
    )
    check_refused(lambda: check_operations(tmp_path), message)


def test_a_function_that_changes_a_variable_is_found(tmp_path):
    variable = tf.Variable(tf.zeros((5,)))

    def count(latents):
        return {"images": latents + variable.assign_add(tf.ones((5,)))}

    save_function(tmp_path, count, variable)
    message = "holds the operation AssignAddVariableOp in function .*, which changes a variable"
    with pytest.raises(ValueError, match=message):
        check_operations(tmp_path)


def test_only_the_saver_may_restore(tmp_path):
    variable = tf.Variable(tf.zeros((5,)))

    def restored(latents):
        (values,) = tf.raw_ops.RestoreV2(
            prefix="weights", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
        )
        return {"images": latents + variable + values}

    save_function(tmp_path, restored, variable)
    message = "holds the operation RestoreV2 in function .*restored.*, which reads files"
    with pytest.raises(ValueError, match=message):
        check_operations(tmp_path)


@pytest.mark.parametrize("caller", ["a function", "the graph", "Python"])
def test_what_more_than_the_saver_calls_is_found(tmp_path, caller):
    variable = tf.Variable(tf.zeros((5,)))
    save_function(tmp_path, lambda latents: {"images": latents + variable}, variable)
    check_operations(tmp_path)
    path = tmp_path / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    (held,) = model.meta_graphs
    library = held.graph_def.library.function
    (saver,) = [each.signature.name for each in library if "traced_save" in each.signature.name]
    if caller == "Python":
        held.object_graph_def.concrete_functions[saver].SetInParent()
    else:
        nodes = held.graph_def.node if caller == "the graph" else library[0].node_def
        nodes.add(name="hidden", op="PartitionedCall").attr["f"].func.name = saver
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=f"holds the operation .* in function {saver}"):
        check_operations(tmp_path)


def test_an_operation_of_another_library_is_found(tmp_path):
    save_function(tmp_path, lambda latents: {"images": tf.nn.relu(latents)})
    path = tmp_path / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            node.op = node.op.replace("Relu", "FancyRelu")
    path.write_bytes(model.SerializeToString())
    message = (
        r"The SavedModel holds the operation FancyRelu in function \S+, node Relu, which is "
        r"unknown to TensorFlow itself\. A server must only compute images\. Remove the layer that "
        r"brings it\."
    )
    check_refused(lambda: check_operations(tmp_path), message)


def archive(generator, folder, *tracked):
    """The export of a generator with more beside it."""
    archive = keras.export.ExportArchive()
    for number, resource in enumerate(tracked):
        archive.track(resource)
        setattr(archive, f"more_{number}", resource)
    archive.add_endpoint(
        "serving_default",
        lambda latents: {"images": generator(latents)},
        [tf.TensorSpec((None, 5), tf.float32, "latents")],
    )
    archive.write_out(str(folder), verbose=False)


def test_the_variables_are_the_weights(generator, tmp_path):
    archive(generator, tmp_path)
    stored = [values for _, values in read_variables(tmp_path)]
    assert sum(values.size for values in stored) == generator.count_params()
    check_variables(tmp_path, generator)


def test_weights_that_are_stored_twice_are_found(generator, tmp_path):
    archive(generator, tmp_path, generator)
    message = (
        r"The SavedModel holds the variable \S+, float32 \([\d, ]+\), more often than the "
        r"generator does\. Do not track the model beside its functions\."
    )
    check_refused(lambda: check_variables(tmp_path, generator), message)


def test_weights_of_another_model_are_found(generator, tmp_path):
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    discriminator.add(keras.layers.Dense(3))
    archive(generator, tmp_path, discriminator)
    message = (
        r"The SavedModel holds the variable \S+, float32 \((64, 3|3,)\), which is no weight of the "
        r"generator: of an optimizer or a discriminator, perhaps\. Export the generator alone\."
    )
    check_refused(lambda: check_variables(tmp_path, generator), message)


def test_an_optimizer_is_found(build_generator, tmp_path):
    generator = build_generator()
    optimizer = keras.optimizers.Adam()
    optimizer.build(generator.trainable_variables)
    variables = tf.Module()
    variables.optimizer = [variable.value for variable in optimizer.variables]
    variables.generator = [weight.value for weight in generator.weights]
    variables.serve = tf.function(
        lambda latents: {"images": generator(latents)}, [tf.TensorSpec((None, 5), tf.float32)]
    )
    tf.saved_model.save(variables, str(tmp_path), signatures=variables.serve)
    with pytest.raises(ValueError, match=r"holds the variable optimizer/\S+, .* of an optimizer"):
        check_variables(tmp_path, generator)


def save_constant(folder, text):
    save_function(folder, lambda latents: {"images": latents, "text": tf.constant(text)})


@pytest.mark.parametrize("place", ["home", "current", "export"])
def test_a_folder_of_this_machine_is_found(tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path / "alice"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    local = {"home": tmp_path / "alice", "current": tmp_path / "work", "export": tmp_path / "base"}
    folder = tmp_path / "base" / "1"
    text = f"weights from {local[place]}/gan.keras"
    save_constant(folder, text)
    message = (
        f"saved_model.pb names a folder of this machine, {local[place]}, in {text!r}. Remove it "
        "from the layer that holds it."
    )
    check_refused(lambda: check_paths(folder), re.escape(message))


def test_the_file_of_a_layer_is_found(tmp_path):
    save_constant(tmp_path, keras.layers.__file__)
    with pytest.raises(ValueError, match="names a folder of this machine"):
        check_paths(tmp_path)


def test_a_layer_that_is_called_as_a_folder_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/root")

    def doubled(latents):
        with tf.name_scope("model/root/"):
            return {"images": tf.add(latents, latents, name="images")}

    save_function(tmp_path, doubled)
    assert b"model/root/images" in (tmp_path / "saved_model.pb").read_bytes()
    check_paths(tmp_path)


def test_no_path_is_the_root_of_all(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/")
    save_constant(tmp_path, "images / second, see /usr")
    check_paths(tmp_path)


def test_the_stored_values_are_those_of_the_model(generator, tmp_path):
    archive(generator, tmp_path)
    stored = {values.tobytes() for _, values in read_variables(tmp_path)}
    assert stored == {np.asarray(weight).tobytes() for weight in generator.weights}
