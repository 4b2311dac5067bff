"""What tests share: the same random weights in every run, and processes that start at once."""

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# As in the commands, and for the processes that tests start: before TensorFlow is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def pytest_collection_finish():
    """Leave what the imports made to itself, which a collection of garbage would go through."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


@pytest.fixture(autouse=True)
def same_random_numbers():
    """Start every test from one seed, so that no unlucky initial weights fail it now and then."""
    # Not above: the process that hands out the tests reads this file too, and trains nothing.
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def float64():
    """Networks and data in float64: what is left of a difference is then more than rounding."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


class Forks:
    """Python files in processes of their own that need not wait for TensorFlow's import.

    One runs at a time. What a process without kgan alone can show, such as what a tool says before
    it imports TensorFlow, needs `subprocess`.

    Args:
        folder: where the output of the processes is kept.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._started = 0
        self._is_running = False
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, path, *arguments: str, folder=None) -> None:
        """Start a Python file as `python path arguments` would, in a folder."""
        self._started += 1
        self._is_running = True
        self._output = [self._folder / f"{self._started}-{name}" for name in ("stdout", "stderr")]
        self._command = [str(path), *arguments]
        request = {
            "path": str(path),
            "arguments": arguments,
            "folder": str(folder or os.getcwd()),
            "stdout": str(self._output[0]),
            "stderr": str(self._output[1]),
        }
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        self._process = int(self._server.stdout.readline())

    def printed(self) -> str:
        """What it has printed so far."""
        return self._output[0].read_text() if self._output[0].exists() else ""

    def send(self, sent: signal.Signals) -> None:
        """Send it a signal, such as SIGINT for Ctrl-C."""
        os.kill(self._process, sent)

    def finish(self) -> subprocess.CompletedProcess:
        """Wait for what was started: its exit code and what it printed."""
        code = int(self._server.stdout.readline())
        self._is_running = False
        printed = [path.read_text() for path in self._output]
        return subprocess.CompletedProcess(self._command, code, *printed)

    def run(self, path, *arguments: str, folder=None) -> subprocess.CompletedProcess:
        """Run a Python file to its end."""
        self.start(path, *arguments, folder=folder)
        return self.finish()

    def close(self) -> None:
        """End the process that forks, and what a failed test has left running."""
        if self._is_running:
            self.send(signal.SIGKILL)
        self._server.communicate()


@pytest.fixture(scope="session")
def forks(tmp_path_factory):
    """`Forks`, for all tests of this process."""
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def read_warmup():
    """The function of `warmup_requests.py` that reads a version's warm-up file."""
    return runpy.run_path(str(Path(__file__).with_name("warmup_requests.py")))["read_warmup"]
