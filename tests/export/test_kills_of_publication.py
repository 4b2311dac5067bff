"""Publications killed at any moment, watched by a reader that polls as a server does."""

import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import tensorflow as tf

from kgan.export.interface import read_interface
from kgan.export.publish import publish
from kgan.export.saved_model import write_saved_model

CHILD = Path(__file__).with_name("publications.py")


@pytest.fixture(scope="module")
def original(generator, tmp_path_factory):
    """A SavedModel to publish."""
    folder = tmp_path_factory.mktemp("original")
    write_saved_model(generator, folder, read_interface(generator))
    return folder


def content(folder):
    """The bytes of every file in a folder, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Reader:
    """Polls a folder of versions as a server does and reads each number it sees at once."""

    def __init__(self, base, whole):
        self.base = base
        self.whole = whole
        self.read = 0
        self.broken = []

    def poll(self):
        """Read every version there is. One that is moved away meanwhile had its time."""
        for version in [path for path in self.base.iterdir() if path.name.isdecimal()]:
            try:
                is_whole = content(version) == self.whole
            except FileNotFoundError:
                is_whole = False
            if is_whole:
                self.read += 1
            elif version.exists():
                self.broken.append(version.name)

    def poll_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.poll()


def versions(base):
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal())


def newest(base):
    return max(versions(base), default=0)


def check_killed_publications(original, base, forks, rounds):
    moments = random.Random(0)
    reader = Reader(base, content(original))
    in_the_middle = 0
    for _ in range(rounds):
        before = versions(base)
        forks.start(CHILD, str(original), str(base))
        # The first moments are Python's.
        deadline = time.monotonic() + 60
        while versions(base) == before and time.monotonic() < deadline:
            reader.poll()
        reader.poll_for(moments.uniform(0.0, 0.05))
        forks.send(signal.SIGKILL)
        assert forks.finish().returncode == -signal.SIGKILL
        reader.poll()
        assert reader.broken == []
        assert newest(base) > max(before, default=0)
        # A kill between the rename and the removal of old versions leaves one too many, and one
        # more if the next kill finds that moment again before anything was removed.
        assert len(versions(base)) <= max(4, len(before) + 1)
        left = list(base.glob(".tmp-export-*"))
        in_the_middle += bool(left)
        # The next publication removes what this one has left.
        assert len(left) <= 1
        # And a server's own loader takes the newest.
        loaded = tf.saved_model.load(str(base / str(newest(base))))
        assert loaded.signatures["generate"](seed=tf.constant([0], tf.int64))["images"].shape[0]
    # The kills must have hit publications, not pauses between them.
    assert in_the_middle > rounds / 2
    assert reader.read > rounds
    last = newest(base)
    publish(lambda folder, _: shutil.copytree(original, folder / "version"), base, keep=3)
    assert sorted(path.name for path in base.iterdir() if path.is_dir()) == sorted(
        str(version) for version in (last - 1, last, last + 1)
    )


def test_kills_leave_nothing_or_a_whole_version(original, tmp_path, forks):
    check_killed_publications(original, tmp_path, forks, rounds=8)


@pytest.mark.slow
def test_200_kills_leave_nothing_or_a_whole_version(original, tmp_path, forks):
    check_killed_publications(original, tmp_path, forks, rounds=200)
