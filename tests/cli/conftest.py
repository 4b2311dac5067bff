"""What the tests of the commands share: running one in this process, as a user would alone."""

import contextlib
import io
import subprocess
from pathlib import Path

import pytest

from kgan import cli


def run_here(*words, folder=Path(".")) -> subprocess.CompletedProcess:
    """Run a command in this process, in a folder: its exit status and what it printed."""
    words = [str(word) for word in words]
    printed = [io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2)]
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(printed[0]),
        contextlib.redirect_stderr(printed[1]),
    ):
        code = cli.main(words)
    texts = [stream.buffer.getvalue().decode() for stream in printed]
    return subprocess.CompletedProcess(words, code, *texts)


@pytest.fixture(scope="session")
def kgan_command():
    """`run_here`, for fixtures of any scope."""
    return run_here


@pytest.fixture
def refused():
    """Check that a command says one line and ends with 1."""

    def check(*words, message, folder=Path(".")):
        found = run_here(*words, folder=folder)
        assert found.returncode == 1
        # TensorFlow has lines of its own.
        assert message in found.stderr.strip().splitlines()[-1]
        assert found.stderr.strip().splitlines()[-1].startswith("error: ")

    return check
