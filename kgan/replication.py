"""What a GAN on several replicas must not hold, because the result would be another one."""

import keras


def check_replicable(
    gan: keras.Model, optimizer, replicas: int, *, jit_compile, run_eagerly: bool, **_
) -> None:
    """Raise unless `replicas` replicas take the steps of one device on the same batches.

    Args:
        gan: the model, with `generator` and `discriminator`.
        optimizer: its `GANOptimizer`.
        replicas: int > 1.
        jit_compile: bool, or "auto", which is False under a strategy.
        run_eagerly: bool.

    Raises:
        ValueError: for an option, optimizer or layer that cannot do that, with what to use.
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
    for role, one in (("d", optimizer.d_optimizer), ("g", optimizer.g_optimizer)):
        steps = getattr(one, "inner_optimizer", one).gradient_accumulation_steps
        if steps:
            raise ValueError(
                f"{role}_optimizer has gradient_accumulation_steps={steps}, which TensorFlow can "
                f"run on one device only. {received}. Use larger batches: each replica holds its "
                "part of a batch only."
            )
    for role, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized:
                raise ValueError(
                    f"The {role}'s layer {layer.name!r} normalises with the statistics of its own "
                    "replica's rows alone, and what is saved are those of the first replica. "
                    f"{received}. Build it with BatchNormalization(synchronized=True), which "
                    "changes nothing on one device."
                )
