"""TensorFlow's distribution strategies by name, and the cluster that TF_CONFIG describes."""

import faulthandler
import json
import logging
import os
import signal
import threading
import warnings

import tensorflow as tf

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")

_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
_NO_GRPC_PROXY = "no_grpc_proxy"


def strategy(name: str | None, *, start_up_seconds: float = 600.0) -> tf.distribute.Strategy:
    """The strategy of a name. Make the GAN, and call everything it has, in its `scope()`.

    - "one_device": TensorFlow's default, for one GPU or the CPU.
    - "mirrored": a replica on each GPU of this machine; without a GPU on each logical CPU, of which
      there is one unless `tf.config.set_logical_device_configuration` makes more.
    - "multi_worker": a replica on each GPU, or on the CPU, of each process named in TF_CONFIG. It
      must be made before TensorFlow runs anything, and returns when all the others are there.
    - "tpu": a replica on each core of the TPU named in TPU_NAME, of this machine's if that is
      unset. Never run on a TPU: that kgan's step compiles for XLA is all that was checked.

    Args:
        name: one of the above; None for "one_device".
        start_up_seconds: float, how long a worker waits for the others. TensorFlow gives them an
            hour and does not listen to Ctrl-C meanwhile; here the process is ended after this time
            with exit status 1 and a traceback.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        ValueError: for an unknown name, a TF_CONFIG that `cluster_from_environment` refuses, a
            strategy that comes too late, or a TPU that is not there.

    Example:
        >>> with kgan.distribution.strategy("one_device").scope():
        ...     network = kgan.models.mlp_generator((8, 8, 1), latent_dim=4)
    """
    if name in (None, "one_device"):
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return _mirrored()
    if name == "multi_worker":
        return _multi_worker(start_up_seconds)
    if name == "tpu":
        return _tpu()
    raise ValueError(
        f"There is no such strategy. Expected one of: {', '.join(STRATEGIES)}. Received: {name!r}."
    )


def cluster_from_environment(text: str | None) -> tuple[list[str], int]:
    """Who trains together, as TF_CONFIG tells it.

    Args:
        text: the value of the environment variable TF_CONFIG, None if it is not set.

    Returns:
        (addresses, index): the "host:port" of every process, the chief's first if there is one, and
        the place of this process among them.

    Raises:
        ValueError: if it does not say that, or asks for what kgan has no use for.

    Example:
        >>> kgan.distribution.cluster_from_environment(
        ...     '{"cluster": {"worker": ["a:2222", "b:2222"]}, '
        ...     '"task": {"type": "worker", "index": 1}}')
        (['a:2222', 'b:2222'], 1)
    """
    if not text:
        raise ValueError(
            "TF_CONFIG is not set, and without it a worker does not know the others. Expected, "
            f"with another index for each of them: {_EXAMPLE}. Kubernetes, Ray and "
            "`kgan launch` on one machine set it: docs/scaling.md."
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        chief, workers = list(cluster.get("chief", [])), list(cluster["worker"])
        index = range(len(workers if task["type"] == "worker" else chief)).index(task["index"])
        # Parameter servers let every worker train at its own pace, and an evaluator trains nothing.
        if {*cluster, task["type"]} <= {"chief", "worker"}:
            return chief + workers, index + (len(chief) if task["type"] == "worker" else 0)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise ValueError(
        "TF_CONFIG does not say which workers there are, at most one chief among them, and which "
        f"of them this process is. Expected, for example: {_EXAMPLE}. Received: {text}"
    )


def lost_worker(error: BaseException) -> str | None:
    """What to tell where training has ended because another worker has.

    Args:
        error: what `fit`, `evaluate` or `predict` raised under "multi_worker".

    Returns:
        One line with the remedy, or None if the error is another one.

    Example:
        >>> kgan.distribution.lost_worker(ValueError("something else"))
    """
    # Aborted, where the other has been started again before its silence was noticed.
    if not isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError)):
        return None
    says = " ".join(str(error).split())
    # Before it stands where in the graph, after it what to do, which is no news.
    says = says.rpartition("aborted by: ")[2].partition(" The error could be")[0]
    return (
        "Another worker has ended, and this one cannot go on without it, nor can the other come "
        f"back. Start all of them again. TensorFlow says: {says}"
    )


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    # Named, since TensorFlow would take TF_CONFIG's machines where it is set.
    names = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
    # Parts of one processor share its memory: TensorFlow's default, a ring of messages for every
    # tensor, takes longer than the training.
    return tf.distribute.MirroredStrategy(
        names, None if gpus else tf.distribute.ReductionToOneDevice()
    )


def _multi_worker(start_up_seconds: float) -> tf.distribute.Strategy:
    addresses, index = cluster_from_environment(os.environ.get("TF_CONFIG"))
    if len(addresses) > 1:
        others = ", ".join(addresses[:index] + addresses[index + 1 :])
        # A warning, for else it is not seen, and the wait can be long.
        logging.getLogger(__name__).warning(
            f"Worker {index} of {len(addresses)}, {addresses[index]}, waits at most "
            f"{start_up_seconds:g} s for {others}."
        )
    _reach_directly(addresses)
    # TensorFlow waits for the others without ever giving way to Python, so that no thread and no
    # handler of a signal would be run. This watchdog is not of Python.
    faulthandler.dump_traceback_later(start_up_seconds, exit=True, file=2)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        workers = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise ValueError(
            "The strategy of several workers comes too late: TensorFlow has run something in "
            "this process already, such as a layer, a tensor or a list of its devices. "
            "Expected: strategy('multi_worker') is called first, right after the imports."
        ) from None
    finally:
        faulthandler.cancel_dump_traceback_later()
    # TensorFlow takes the signal and only notes that it came: workers would outlive a request to
    # end, which Kubernetes follows with SIGKILL half a minute later.
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)
    return workers


def _reach_directly(addresses: list[str]) -> None:
    """Keep the workers' talk from an HTTP proxy, which would be asked even for this machine."""
    hosts = {address.rpartition(":")[0] for address in addresses}
    # Where the first is set, gRPC does not look at the second.
    already = os.environ.get(_NO_GRPC_PROXY) or os.environ.get("no_proxy")
    os.environ[_NO_GRPC_PROXY] = ",".join(filter(None, [already, *sorted(hosts)]))


def _tpu() -> tf.distribute.Strategy:
    address = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(address)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise ValueError(
            f"There is no TPU. Expected: a machine with one, or TPU_NAME set to its address. "
            f"Received: TPU_NAME={os.environ.get('TPU_NAME')!r}. TensorFlow says: "
            f"{str(error).strip().partition(chr(10))[0]}"
        ) from None
    warnings.warn(
        "kgan has never been run on a TPU: that its training step compiles for XLA with static "
        "shapes is all that was checked. Hold a short run against one on a GPU or CPU first.",
        stacklevel=3,
    )
    return tf.distribute.TPUStrategy(resolver)
