"""Strategies by name, and what TF_CONFIG must say."""

import contextlib
import json
import re
import signal
import socket

import pytest
import tensorflow as tf

from kgan.distribution import cluster_from_environment
from kgan.distribution import lost_worker
from kgan.distribution import strategy

EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)
TWO = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}


def config(cluster=TWO, task=FIRST) -> str:
    return json.dumps({"cluster": cluster, "task": task})


def run(code: str, forks, folder):
    """What Python prints for some lines, in a process in which TensorFlow has not run anything."""
    lines = ["import os", "import tensorflow as tf", "from kgan.distribution import strategy"]
    (folder / "lines.py").write_text("\n".join([*lines, code]))
    return forks.run(folder / "lines.py", folder=folder)


@pytest.mark.parametrize(
    ("cluster", "task", "addresses", "index"),
    [
        (TWO, FIRST, ["a:1", "b:2"], 0),
        (TWO, {"type": "worker", "index": 1}, ["a:1", "b:2"], 1),
        ({"worker": ["10.0.0.7:2222"]}, FIRST, ["10.0.0.7:2222"], 0),
        ({"worker": ["[::1]:65535"]}, FIRST, ["[::1]:65535"], 0),
        # One port on many machines is the usual case.
        ({"worker": ["a:2222", "b:2222"]}, FIRST, ["a:2222", "b:2222"], 0),
        # A chief is counted first, wherever it stands, as TensorFlow counts it.
        ({**TWO, "chief": ["c:3"]}, {"type": "chief", "index": 0}, ["c:3", "a:1", "b:2"], 0),
        ({**TWO, "chief": ["c:3"]}, {"type": "worker", "index": 1}, ["c:3", "a:1", "b:2"], 2),
        ({**TWO, "chief": []}, FIRST, ["a:1", "b:2"], 0),
    ],
)
def test_a_cluster_is_its_addresses_and_a_place_among_them(cluster, task, addresses, index):
    assert cluster_from_environment(config(cluster, task)) == (addresses, index)


def test_what_else_tf_config_says_does_not_matter():
    text = json.dumps({"cluster": TWO, "task": {**FIRST, "trial": "7"}, "environment": "cloud"})
    assert cluster_from_environment(text) == (["a:1", "b:2"], 0)


@pytest.mark.parametrize("text", [None, ""])
def test_without_tf_config_the_message_says_who_sets_it(text):
    with pytest.raises(ValueError, match="TF_CONFIG is not set") as error:
        cluster_from_environment(text)
    assert str(error.value) == (
        "TF_CONFIG is not set, and without it a worker does not know the others. Expected, with "
        f"another index for each of them: {EXAMPLE}. Kubernetes, Ray and `kgan launch` on one "
        "machine set it: docs/scaling.md."
    )


@pytest.mark.parametrize(
    "text",
    [
        "{'cluster'",
        "[]",
        "{}",
        config(cluster=["a:1", "b:2"]),
        config(cluster={"worker": []}),
        config(cluster={"chief": ["c:3"]}),
        # TensorFlow would let them train at their own pace, or not at all.
        config(cluster={**TWO, "ps": ["p:9"]}),
        config(task={"type": "evaluator", "index": 0}),
        json.dumps({"cluster": TWO}),
        config(task={"type": "worker"}),
        config(task={"type": "chief", "index": 0}),
        config(task={"type": "worker", "index": 2}),
        config(task={"type": "worker", "index": -1}),
        config(task={"type": "worker", "index": "0"}),
    ],
)
def test_a_malformed_tf_config_is_told_in_one_message(text):
    with pytest.raises(ValueError, match="TF_CONFIG ") as error:
        cluster_from_environment(text)
    assert str(error.value) == (
        "TF_CONFIG does not say which workers there are, at most one chief among them, and which "
        f"of them this process is. Expected, for example: {EXAMPLE}. Received: {text}"
    )


@pytest.mark.parametrize("name", [None, "one_device"])
def test_one_device_is_what_keras_does_without_a_strategy(name):
    chosen = strategy(name)
    assert chosen is tf.distribute.get_strategy()
    assert chosen.num_replicas_in_sync == 1


def test_mirrored_takes_the_cpu_where_there_is_no_gpu(monkeypatch):
    # Of machines it knows nothing.
    monkeypatch.setenv("TF_CONFIG", config())
    chosen = strategy("mirrored")
    assert isinstance(chosen, tf.distribute.MirroredStrategy)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    assert chosen.num_replicas_in_sync == len(devices)


def test_mirrored_takes_every_logical_cpu(forks, tmp_path):
    done = run(
        "tf.config.set_visible_devices([], 'GPU')\n"
        "cpu, = tf.config.list_physical_devices('CPU')\n"
        "parts = [tf.config.LogicalDeviceConfiguration()] * 3\n"
        "tf.config.set_logical_device_configuration(cpu, parts)\n"
        "print(strategy('mirrored').num_replicas_in_sync)",
        forks,
        tmp_path,
    )
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize("kind", [tf.errors.UnavailableError, tf.errors.AbortedError])
def test_the_loss_of_a_worker_is_told_in_one_line_with_the_remedy(kind):
    # As TensorFlow words it, in the graph and outside.
    text = (
        "Graph execution error:\n\nDetected at node CollectiveReduceV2 defined at\n  File x\n\n"
        "Collective ops is aborted by: Error reported from /job:worker/task:1: The following tasks "
        "are unhealthy (stopped sending heartbeats):\n/job:worker/replica:0/task:1\n"
        "The error could be from a previous operation. Restart your program to reset.\n\t [[node]]"
    )
    assert lost_worker(kind(None, None, text)) == (
        "Another worker has ended, and this one cannot go on without it, nor can the other come "
        "back. Start all of them again. TensorFlow says: Error reported from /job:worker/task:1: "
        "The following tasks are unhealthy (stopped sending heartbeats): "
        "/job:worker/replica:0/task:1"
    )
    assert lost_worker(kind(None, None, "short")).endswith("TensorFlow says: short")


def test_other_errors_are_no_loss_of_a_worker():
    assert lost_worker(ValueError("aborted by: me")) is None
    assert lost_worker(tf.errors.ResourceExhaustedError(None, None, "out of memory")) is None


def test_an_unknown_name_is_refused():
    message = (
        "There is no such strategy. Expected one of: one_device, mirrored, multi_worker, tpu. "
        "Received: 'horovod'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        strategy("horovod")


def test_several_workers_without_tf_config_are_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=r"^TF_CONFIG is not set, and without it a worker"):
        strategy("multi_worker")


def test_a_strategy_of_several_workers_that_comes_too_late_says_so(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config())
    assert tf.constant(1.0) + 1 == 2
    with pytest.raises(ValueError, match="The strategy of several workers comes") as error:
        strategy("multi_worker")
    assert str(error.value) == (
        "The strategy of several workers comes too late: TensorFlow has run something in this "
        "process already, such as a layer, a tensor or a list of its devices. Expected: "
        "strategy('multi_worker') is called first, right after the imports."
    )


def test_a_worker_waits_for_the_others_no_longer_than_it_says(forks, tmp_path):
    own, other = free_addresses(2)
    done = run(
        f"os.environ['TF_CONFIG'] = '{config(cluster={'worker': [own, other]})}'\n"
        "strategy('multi_worker', start_up_seconds=1)",
        forks,
        tmp_path,
    )
    assert done.returncode == 1
    assert f"Worker 0 of 2, {own}, waits at most 1 s for {other}.\n" in done.stderr
    assert "Timeout (0:00:01)!" in done.stderr


def test_a_worker_may_set_seeds_before_and_ends_when_it_is_asked_to(forks, tmp_path):
    done = run(
        f"os.environ['TF_CONFIG'] = '{config(cluster={'worker': free_addresses(1)})}'\n"
        "import keras, kgan, signal, time\n"
        "keras.utils.set_random_seed(0)\n"
        "kgan.losses.get('hinge')\n"
        "print(strategy('multi_worker').num_replicas_in_sync, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(60)",
        forks,
        tmp_path,
    )
    assert done.stdout == "1\n", done.stderr
    assert done.returncode == -signal.SIGTERM


def test_without_a_tpu_the_message_says_where_one_is_looked_for(forks, tmp_path):
    done = run(
        "os.environ.pop('TPU_NAME', None)\n"
        "try:\n"
        "    strategy('tpu')\n"
        "except ValueError as error:\n"
        "    print(error)",
        forks,
        tmp_path,
    )
    assert done.stdout.startswith(
        "There is no TPU. Expected: a machine with one, or TPU_NAME set to its address. "
        "Received: TPU_NAME=None. TensorFlow says: "
    ), done.stderr
    assert done.stdout.count("\n") == 1


def free_addresses(count):
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [f"127.0.0.1:{listening.getsockname()[1]}" for listening in sockets]
