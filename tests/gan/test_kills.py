"""Trainings that are killed at any moment, and what they leave."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).with_name("killed_training.py")
# Two of them while a backup is being written.
KILLS = 6
# Of what is waited for, in seconds.
LONGEST = 120


class Run:
    """A training in a folder, in one process after another."""

    def __init__(self, forks, folder: Path, options: dict):
        folder.mkdir()
        self.folder = folder
        self._forks = forks
        self._arguments = [str(folder), *(str(value) for value in options.values())]

    def begin(self) -> None:
        """Start a process, and wait until its first step is done."""
        begun = self.folder / "begun"
        begun.unlink(missing_ok=True)
        self._forks.start(TRAINING, *self._arguments)
        self.wait_until(begun.exists)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the process does, which must neither end nor hang before."""
        deadline = time.monotonic() + LONGEST
        while not condition():
            try:
                # No signal: this only asks whether there is such a process.
                self._forks.send(0)
            except ProcessLookupError:
                ended = self._forks.finish()
                pytest.fail(f"It ended too early, with {ended.returncode}: {ended.stderr}")
            assert time.monotonic() < deadline
            time.sleep(0.0005)

    def finish(self) -> str:
        """Wait until the training is complete, and return what it has printed."""
        finished = self._forks.finish()
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def kill(self) -> None:
        """Kill the process at once."""
        self._forks.send(signal.SIGKILL)
        assert self._forks.finish().returncode == -signal.SIGKILL

    def newest(self) -> str:
        """Name of the newest backup."""
        return max(path.name for path in (self.folder / "backup").glob("backup-*"))

    def is_writing(self) -> bool:
        """Whether a backup is being written, or was when the process was killed."""
        return any((self.folder / "backup").glob(".kgan-*/*"))

    def results(self) -> dict:
        """Everything that the training has left, but for hidden files of writers that died."""
        with np.load(self.folder / "state.npz") as state:
            arrays = {name: state[name] for name in state.files}
        paths = sorted(
            path
            for path in self.folder.rglob("*")
            if path.suffix in (".csv", ".json", ".png", ".webp") and path.name[0] != "."
        )
        names = [str(path.relative_to(self.folder)) for path in paths]
        return {**arrays, **dict(zip(names, (path.read_bytes() for path in paths), strict=True))}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"jit_compile": False, "steps_per_execution": 1, "discriminator_steps": 1},
        {"jit_compile": True, "steps_per_execution": 1, "discriminator_steps": 1},
        {"jit_compile": False, "steps_per_execution": 4, "discriminator_steps": 1},
        {"jit_compile": False, "steps_per_execution": 1, "discriminator_steps": 3},
    ],
    ids=["graph", "xla", "four steps at once", "k=3"],
)
def test_killed_again_and_again_it_leaves_what_it_would_have_left(tmp_path, forks, options):
    whole = Run(forks, tmp_path / "whole", options)
    whole.begin()
    assert "Backup" not in whole.finish()
    killed = Run(forks, tmp_path / "killed", options)
    moments, halves = random.Random(str(options)), 0
    for number in range(KILLS):
        killed.begin()
        # The first one is killed before it could write more than the backup of its beginning.
        # Each of the others comes further than the one before, and not to the end: there are three
        # backups for each of them.
        if number > 0:
            before = killed.newest()
            killed.wait_until(lambda before=before: killed.newest() > before)
        if number in (1, 4):
            killed.wait_until(killed.is_writing)
        # A backup takes a tenth of a second.
        time.sleep(moments.uniform(0, 0.05))
        killed.kill()
        halves += killed.is_writing()
    assert halves >= 1
    killed.begin()
    assert killed.finish().count("Backup: the run resumes at epoch") == 1
    expected, found = whole.results(), killed.results()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, bytes):
            assert found[name] == value, name
        else:
            np.testing.assert_array_equal(found[name], value, err_msg=name)
