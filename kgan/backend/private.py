"""Every private name of Keras and TensorFlow that kgan uses, and why no public one does.

A name that begins with an underscore, or lies in a framework's own packages, may go with any
release. So each is used here alone, and tests/backend/test_private.py says in a sentence which one
has gone. tests/test_architecture.py finds a private name that is used anywhere else.
"""

import keras
import tensorflow as tf

# Methods that kgan overrides, by the class of kgan. `keras.Model._maybe_symbolic_build`: `fit`
# calls a model on a batch of its data to build it. A GAN's data are images and its inputs latents,
# and no public argument turns the call off.
OVERRIDDEN = {"GAN": {"_maybe_symbolic_build"}}

# What Keras' callbacks learn in a training, by their attributes; all else in them are options, or
# follows from it. No public method tells it, and the names with an underscore may go.
LEARNED = {
    keras.callbacks.CSVLogger: ("keys",),
    keras.callbacks.EarlyStopping: ("best", "best_epoch", "best_weights", "stopped_epoch", "wait"),
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
    keras.callbacks.ReduceLROnPlateau: ("best", "cooldown_counter", "wait"),
    keras.callbacks.TensorBoard: ("_global_test_batch", "_global_train_batch"),
}

# `keras.optimizers.Optimizer._backend_update_step(gradients, variables, learning_rate)`: the
# update of all variables. The public `update_step` is of one, and each would compute anew what they
# share.
UPDATE_STEP = "_backend_update_step"


def moments(optimizer: keras.optimizers.Adam, variable: keras.Variable) -> tuple:
    """(momentum, velocity) that Adam keeps of a variable.

    Reads `Adam._momentums`, `Adam._velocities` and `Optimizer._get_variable_index`. The public
    `variables` lists them beside others, and tells none apart.

    Args:
        optimizer: `keras.optimizers.Adam`, built.
        variable: one of those it was built for.

    Returns:
        Two Keras variables.
    """
    index = optimizer._get_variable_index(variable)
    return optimizer._momentums[index], optimizer._velocities[index]


def walk_layers(model: keras.Layer) -> list[keras.Layer]:
    """A model or layer, and all the layers in it, however deep.

    Uses `keras.Layer._flatten_layers`. The public `Model.layers` and `Model.summary` do not enter
    wrappers, nor the layers that are attributes of custom layers.

    Args:
        model: keras model or layer.

    Returns:
        List of layers, the first of them `model`.
    """
    return model._flatten_layers()


def made_by(tensor: keras.KerasTensor) -> tuple:
    """The operation that a symbolic tensor of a functional model comes from.

    Uses `KerasTensor._keras_history` and `Operation._inbound_nodes`. The public `Layer.input` and
    `Layer.output` fail for a layer that is used twice, and leave out arguments that are no tensors.

    Args:
        tensor: `keras.KerasTensor` of a functional or sequential model.

    Returns:
        (operation, its arguments, its keyword arguments, which of its results the tensor is).
    """
    operation, node, index = tensor._keras_history
    arguments = operation._inbound_nodes[node].arguments
    return operation, arguments.args, arguments.kwargs, index


def computing_layers(model: keras.Layer) -> list[keras.Layer]:
    """A model or layer, and all the layers in it, but for those that only connect others.

    The dtype policy of a functional or sequential model and of an input says nothing: no config
    keeps it, and it is that of the moment when the model was made or loaded.

    Args:
        model: keras model or layer.

    Returns:
        List of layers.
    """
    return [
        layer
        for layer in walk_layers(model)
        if not isinstance(layer, (keras.Sequential, keras.layers.InputLayer))
        and not (isinstance(layer, keras.Model) and getattr(layer, "inputs", None))
    ]


def variables_trained_by(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The variables that an optimizer was built for.

    Reads `keras.optimizers.Optimizer._trainable_variables`. The public `variables` are the
    optimizer's own, and nothing else tells whose state they are.

    Args:
        optimizer: `keras.optimizers.Optimizer`.

    Returns:
        List of variables; empty before `build`.
    """
    return optimizer._trainable_variables


def is_validation_of_fit(kwargs: dict) -> bool:
    """Whether `evaluate` was called by `fit`, for its validation data.

    Reads `_use_cached_eval_dataset`, which Keras passes to `Model.evaluate`. The public arguments
    are the same as in a call of the user's.

    Args:
        kwargs: the arguments of `evaluate` that have no public name.

    Returns:
        bool.
    """
    return bool(kwargs.get("_use_cached_eval_dataset"))


def dataset_inputs(dataset: tf.data.Dataset) -> list[tf.data.Dataset]:
    """The datasets that a dataset was derived from.

    Uses `tf.data.Dataset._inputs`. TensorFlow has no public way to ask.

    Args:
        dataset: `tf.data.Dataset`.

    Returns:
        List of datasets; empty for a source.
    """
    return dataset._inputs()


def is_cache(dataset: tf.data.Dataset) -> bool:
    """Whether a dataset is what `Dataset.cache` returned.

    Reads the name of TensorFlow's private class. A dataset does not tell publicly what it does.
    """
    return type(dataset).__name__ == "CacheDataset"


def is_shuffle(dataset: tf.data.Dataset) -> bool:
    """Whether a dataset is what `Dataset.shuffle` returned.

    Reads the name of TensorFlow's private class. A dataset does not tell publicly what it does.
    """
    return type(dataset).__name__ == "_ShuffleDataset"


def shuffles_anew(dataset: tf.data.Dataset) -> bool:
    """Whether a dataset is shuffled in another order in every pass.

    Reads `_reshuffle_each_iteration`, the argument of `Dataset.shuffle`, which is kept nowhere
    else.
    """
    return is_shuffle(dataset) and bool(dataset._reshuffle_each_iteration)


def is_stateful(operation: str) -> bool:
    """Whether an operation has a state or an effect besides its outputs.

    Uses `tensorflow.python.framework.op_def_registry`. `tf.raw_ops` has all operations and tells
    this of none; a SavedModel's own list leaves out the operations inside loops.

    Args:
        operation: str, the name of an operation of TensorFlow, such as "RandomUniform".

    Returns:
        bool.
    """
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(operation).is_stateful


def onednn_is_on() -> bool:
    """Whether TensorFlow computes with oneDNN in this process.

    Uses `tensorflow.python.util._pywrap_util_port.IsMklEnabled`. Publicly there is only the
    environment variable that asks for it: unset, the processor decides, and set late, it does
    nothing.

    Returns:
        bool.
    """
    from tensorflow.python.util import _pywrap_util_port

    return _pywrap_util_port.IsMklEnabled()


def read_saved_model(content: bytes):
    """The message in a file saved_model.pb, of the class SavedModel.

    Uses `tensorflow.core.protobuf.saved_model_pb2`. No public name reads such a file.

    Args:
        content: bytes of the file.

    Returns:
        Protocol buffer with `meta_graphs`.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString(content)
