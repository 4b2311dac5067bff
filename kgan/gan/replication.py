"""What several replicas need to take the steps of one device, and what cannot be had with them."""

import keras

from kgan.backend import private
from kgan.backend import replicas
from kgan.layers import MinibatchStdDev


def prepare(gan: keras.Model, optimizer, *, jit_compile, run_eagerly: bool) -> None:
    """Make a GAN that is being compiled ready for the replicas of its strategy, if there are any.

    Args:
        gan: the model. Its networks are changed.
        optimizer: its `GANOptimizer`.
        jit_compile: bool, or "auto", which is False under a strategy.
        run_eagerly: bool.

    Raises:
        ValueError: for what replicas cannot do.
    """
    num_replicas = replicas.num_replicas_of(gan)
    if replicas.merges_replicas(gan):
        check_accumulation(optimizer, num_replicas)
    if num_replicas > 1:
        check_replicable(num_replicas, jit_compile=jit_compile, run_eagerly=run_eagerly)
        for layer in gan.layers:
            synchronize(layer)
            replicas.draw_own_numbers(layer)


def check_replicable(replicas: int, *, jit_compile, run_eagerly: bool) -> None:
    """Raise unless `replicas` replicas can take the steps of one device in this way.

    Args:
        replicas: int > 1.
        jit_compile: bool, or "auto", which is False under a strategy.
        run_eagerly: bool.

    Raises:
        ValueError: for a way that cannot do that, with what to use.
    """
    received = f"Received: a strategy with {replicas} replicas"
    if run_eagerly:
        raise ValueError(
            "run_eagerly=True runs on one device only: replicas meet inside a compiled step. "
            f"{received}. Debug outside the strategy's scope, or leave run_eagerly out."
        )
    if jit_compile is True:
        raise ValueError(
            "jit_compile=True runs on one device only: XLA cannot compile the exchange between "
            f"replicas. {received}. Leave jit_compile out."
        )


def check_accumulation(optimizer, replicas: int) -> None:
    """Raise if one of the optimizers accumulates gradients, which replicas cannot.

    Args:
        optimizer: a `GANOptimizer`.
        replicas: int, also 1: TensorFlow lets a single one meet itself.

    Raises:
        ValueError: with what to use.
    """
    for role, one in (("d", optimizer.d_optimizer), ("g", optimizer.g_optimizer)):
        steps = getattr(one, "inner_optimizer", one).gradient_accumulation_steps
        if steps:
            raise ValueError(
                f"{role}_optimizer has gradient_accumulation_steps={steps}, which TensorFlow can "
                "run on one device only, without a strategy of replicas. "
                f"Received: a strategy with {replicas} replica{'s'[: replicas - 1]}. Use larger "
                "batches: each replica holds its part of a batch only."
            )


def synchronize(layer: keras.Layer) -> None:
    """Let batch norm see the rows of all replicas, as on one device it sees all rows.

    With the rows of a replica alone it would learn another thing, and what is saved would be the
    statistics of the first replica. On one device nothing changes but the order of additions, so
    the layers stay as they are then.

    Args:
        layer: keras layer or model. It is changed.
    """
    for part in private.walk_layers(layer):
        if isinstance(part, keras.layers.BatchNormalization):
            part.synchronized = True


def check_groups(discriminator: keras.Model, rows: int) -> None:
    """Raise unless the rows of a replica hold whole groups of samples that are compared.

    Args:
        discriminator: keras model.
        rows: int, what a replica has of a minibatch.

    Raises:
        ValueError: for a `MinibatchStdDev` whose group they would cut.
    """
    for layer in private.walk_layers(discriminator):
        if isinstance(layer, MinibatchStdDev) and rows % layer.group_size:
            raise ValueError(
                f"The discriminator's layer {layer.name!r} compares groups of {layer.group_size} "
                f"samples, and each replica has {rows} rows of a minibatch: one device would group "
                "others. Batch so that the rows of a replica are a multiple of group_size, or "
                "choose another group_size."
            )
