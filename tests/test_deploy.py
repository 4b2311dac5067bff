"""deploy/: the files for Kubernetes and Ray agree with each other and with kgan."""

import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kgan import cli
from kgan.cli import train
from kgan.cli.command import Flags
from kgan.distribution import cluster_from_environment

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
WORKER = KUBERNETES / "worker.py"
RAY = ROOT / "deploy" / "ray" / "train.py"
JOB = (KUBERNETES / "job.yaml").read_text()

tf_config = runpy.run_path(str(WORKER))["tf_config"]


def values(pattern):
    """What follows in the job's file, each value once."""
    return set(re.findall(rf"\b{pattern}\s+\"?([^\s\"]+)", JOB))


def environment(**others):
    """What job.yaml and Kubernetes give the second pod."""
    pairs = dict(re.findall(r"- name: ([A-Z_]+)\n\s+value: \"?([^\s\"]+)", JOB))
    return {**pairs, "JOB_COMPLETION_INDEX": "1", **others}


def run(*command, **more):
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_pod_finds_itself_among_the_names_kubernetes_gives(index):
    text = tf_config(environment(NUM_WORKERS="3", JOB_COMPLETION_INDEX=str(index)))
    # <name of the job>-<index>.<name of the service>
    pods = [f"digits-{number}.digits-workers:2222" for number in range(3)]
    assert cluster_from_environment(text) == (pods, index)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"JOB_NAME": "", "JOB_COMPLETION_INDEX": ""},
            "The pod lacks JOB_NAME, JOB_COMPLETION_INDEX. Expected: "
            "deploy/kubernetes/job.yaml, with completionMode: Indexed, sets them.",
        ),
        ({"PORT": "http"}, "Expected: a whole number. Received: PORT='http'."),
        (
            {"NUM_WORKERS": "2", "JOB_COMPLETION_INDEX": "2"},
            "This pod has the index 2, and NUM_WORKERS is 2. Expected: NUM_WORKERS, completions "
            "and parallelism of the job are the same number.",
        ),
    ],
)
def test_an_environment_that_cannot_be_is_refused(others, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tf_config(environment(**others))
    done = run(WORKER, "true", **environment(**others))
    assert (done.returncode, done.stderr) == (1, f"error: {message}\n")


def test_the_worker_becomes_the_command_with_tf_config_set():
    code = "import os, sys; print(os.getpid(), os.environ['TF_CONFIG'], sys.argv); sys.exit(7)"
    pod = subprocess.Popen(
        [sys.executable, str(WORKER), sys.executable, "-c", code, "--own=flag"],
        env={**os.environ, **environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    printed, _ = pod.communicate()
    assert printed == f"{pod.pid} {tf_config(environment())} ['-c', '--own=flag']\n"
    assert pod.returncode == 7


def test_a_worker_without_a_command_that_is_there_says_so():
    done = run(WORKER, **environment())
    assert (done.returncode, done.stderr) == (
        1,
        "error: There is no command. Expected: it follows this file's name.\n",
    )
    done = run(WORKER, "no-such-command", **environment())
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 2] No such file or directory\n"


def test_the_numbers_and_names_of_the_job_agree():
    pod = environment()
    assert values("completions:") == values("parallelism:") == {pod["NUM_WORKERS"]}
    assert values("port:") == values("containerPort:") == {pod["PORT"]}
    assert values("subdomain:") == {pod["SERVICE_NAME"]}
    assert f"kind: Service\nmetadata:\n  name: {pod['SERVICE_NAME']}\n" in JOB
    assert f"kind: Job\nmetadata:\n  name: {pod['JOB_NAME']}\n" in JOB
    # The service's selector and the label of the pods.
    assert len(re.findall(r"\bapp: \w+", JOB)) == 2
    assert values("app:") == {"digits"}
    assert f"kind: PersistentVolumeClaim\nmetadata:\n  name: {values('claimName:').pop()}\n" in JOB
    assert "completionMode: Indexed\n" in JOB


def test_the_job_is_yaml_of_a_claim_a_service_and_a_job():
    yaml = pytest.importorskip("yaml")
    documents = [document for document in yaml.safe_load_all(JOB) if document]
    assert [document["kind"] for document in documents] == [
        "PersistentVolumeClaim",
        "Service",
        "Job",
    ]
    pod = documents[2]["spec"]["template"]["spec"]
    # Else the training is process 1, which SIGTERM does not end.
    assert pod["shareProcessNamespace"] is True
    (container,) = pod["containers"]
    assert container["command"] == ["python", "deploy/kubernetes/worker.py"]
    assert all(isinstance(variable["value"], str) for variable in container["env"])


def test_sigterm_ends_what_the_worker_becomes_unless_it_is_process_one():
    code = "import time; print('sleeps', flush=True); time.sleep(60)"
    pod = subprocess.Popen(
        [sys.executable, str(WORKER), sys.executable, "-c", code],
        env={**os.environ, **environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert pod.stdout.readline() == "sleeps\n"
    pod.terminate()
    pod.communicate(timeout=30)
    assert pod.returncode == -signal.SIGTERM
    # The pod's pause container is process 1 in place of it.
    assert "      shareProcessNamespace: true\n" in JOB.partition("kind: Job")[2]


def test_the_image_holds_every_file_that_the_job_names():
    copied = re.findall(r"^COPY (.*) \S+$", (KUBERNETES / "Dockerfile").read_text(), re.MULTILINE)
    paths = [ROOT / name for line in copied for name in line.split()]
    assert all(path.exists() for path in paths)
    named = re.findall(r"(?:deploy|tools|recipes)/[\w./]+", JOB.partition("kind: Job")[2])
    assert named
    for name in named:
        assert (ROOT / name).exists()
        assert any((ROOT / name).is_relative_to(path) for path in paths)


def test_the_job_gives_flags_that_train_has():
    words = re.findall(r"- (--[\w=/.]+)", JOB)
    assert "--strategy=multi_worker" in words
    flags = Flags()
    train.define(flags)
    assert flags(["train", *words]) == ["train"]


def test_a_worker_of_ray_is_the_command_with_its_flags(monkeypatch):
    work = runpy.run_path(str(RAY))["work"]
    given = []
    monkeypatch.setattr(cli, "main", lambda words: given.append(words) or 3 * (words[1] != "-a"))
    work({"flags": ["-a"]})
    with pytest.raises(RuntimeError, match=r"^kgan train ended with exit status 3\.$"):
        work({"flags": ["-b"]})
    assert given == [["train", "-a"], ["train", "-b"]]


def test_ray_is_told_about_unknown_flags_before_anything_starts():
    done = run(RAY, "--num_workers=2", "--storage_path=s")
    assert done.returncode == 1
    assert "Flag --name must have a value other than None." in done.stderr
