import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

from kgan.export import publish as publish_module
from kgan.export.publish import Publication
from kgan.export.publish import publish


def writer(text="model", files=()):
    """A function that writes a version with one nested file, and files beside it."""

    def write(folder):
        (folder / "version" / "variables").mkdir(parents=True)
        (folder / "version" / "variables" / "data").write_text(text)
        for name in files:
            (folder / name).write_text(text)

    return write


def tree(base):
    """Every path under `base` with the text of the files."""
    return {
        str(path.relative_to(base)): path.read_text() if path.is_file() else None
        for path in base.rglob("*")
    }


def test_versions_count_from_one(tmp_path):
    base = tmp_path / "exported" / "digits"
    assert publish(writer("a"), base) == Publication(1, base / "1", [])
    assert publish(writer("b"), base) == Publication(2, base / "2", [])
    assert tree(base) == {
        "1": None,
        "1/variables": None,
        "1/variables/data": "a",
        "2": None,
        "2/variables": None,
        "2/variables/data": "b",
    }


def test_the_next_version_is_above_the_highest_and_ignores_what_is_none(tmp_path):
    for name in ("3", "10", "9.bak", "latest", "-12", "٣٣"):
        (tmp_path / name).mkdir()
    assert publish(writer(), tmp_path).version == 11


def test_a_file_with_a_number_for_a_name_takes_that_version(tmp_path):
    (tmp_path / "1").write_text("not mine")
    assert publish(writer(), tmp_path).version == 2


def test_a_chosen_version_is_published(tmp_path):
    assert publish(writer(), tmp_path, version=7).folder == tmp_path / "7"
    assert publish(writer(), tmp_path).version == 8


@pytest.mark.parametrize("version", [0, -1, 2**63])
def test_a_version_that_no_server_reads_is_refused(tmp_path, version):
    message = f"version must be a positive 64-bit integer. Received: {version}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        publish(writer(), tmp_path, version=version)


@pytest.mark.parametrize("existing", ["5", "005"])
def test_an_existing_version_is_never_overwritten(tmp_path, existing):
    (tmp_path / existing).mkdir()
    message = (
        f"{tmp_path} already holds version 5, and a version is never overwritten. Publish 6, or "
        "leave the version out to get the next free one."
    )
    called = []
    with pytest.raises(FileExistsError, match=f"^{re.escape(message)}$"):
        publish(called.append, tmp_path, version=5)
    # It is told before the work is done.
    assert called == []
    assert tree(tmp_path) == {existing: None}


def test_a_version_that_appears_in_the_meantime_is_not_overwritten(tmp_path):
    def write(folder):
        writer("mine")(folder)
        publish(writer("theirs"), tmp_path, version=1)

    with pytest.raises(FileExistsError):
        publish(write, tmp_path, version=1)
    assert tree(tmp_path) == {"1": None, "1/variables": None, "1/variables/data": "theirs"}


def test_files_accompany_the_newest_version(tmp_path):
    first = publish(writer("one", files=["digits.tflite"]), tmp_path)
    assert first.files == [tmp_path / "digits.tflite"]
    publish(writer("nine", files=["digits.tflite"]), tmp_path, version=9)
    assert (tmp_path / "digits.tflite").read_text() == "nine"
    late = publish(writer("four", files=["digits.tflite"]), tmp_path, version=4)
    assert late.files == []
    assert (tmp_path / "digits.tflite").read_text() == "nine"
    assert (tmp_path / "4" / "variables" / "data").read_text() == "four"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_base_as_it_was(tmp_path, kind):
    publish(writer("good", files=["digits.tflite"]), tmp_path)
    before = tree(tmp_path)

    def write(folder):
        writer("bad", files=["digits.tflite"])(folder)
        raise kind("verification failed")

    with pytest.raises(kind, match=r"^verification failed$"):
        publish(write, tmp_path)
    assert tree(tmp_path) == before


def test_a_failure_leaves_no_new_folder(tmp_path):
    def write(folder):
        raise ValueError("verification failed")

    with pytest.raises(ValueError, match=r"^verification failed$"):
        publish(write, tmp_path / "exported" / "digits")
    assert tree(tmp_path) == {}


def test_no_number_is_seen_before_the_version_is_whole(tmp_path):
    seen = []

    def write(folder):
        writer()(folder)
        seen.extend(path.name for path in tmp_path.iterdir())

    publish(write, tmp_path)
    assert len(seen) == 1
    assert seen[0].startswith(".tmp-export-")


def test_everything_is_on_the_disk_before_it_is_named(tmp_path, monkeypatch):
    flushed = []

    def flush(path):
        flushed.append((path.name, (tmp_path / "1").exists()))

    monkeypatch.setattr(publish_module, "flush_to_disk", flush)
    publish(writer(files=["digits.tflite"]), tmp_path)
    before = {name for name, published in flushed if not published}
    assert {"version", "variables", "data", "digits.tflite"} <= before
    # The folder that holds the new name comes last.
    assert flushed[-1] == (tmp_path.name, True)


def test_permissions_are_those_of_ordinary_folders(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    publication = publish(writer(), tmp_path / "base")
    assert publication.folder.stat().st_mode == ordinary.stat().st_mode


def test_publishing_at_the_same_time_gives_different_versions(tmp_path):
    threads = 8
    barrier = threading.Barrier(threads)
    published = []

    def run(number):
        def write(folder):
            writer(str(number), files=["digits.tflite"])(folder)
            barrier.wait()

        publication = publish(write, tmp_path)
        published.append((publication.version, str(number)))

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert sorted(version for version, _ in published) == list(range(1, threads + 1))
    for version, text in published:
        assert (tmp_path / str(version) / "variables" / "data").read_text() == text
    assert (tmp_path / "digits.tflite").read_text() == dict(published)[threads]


def test_a_killed_process_leaves_no_version(tmp_path):
    # The module alone, without TensorFlow, starts in no time.
    script = (
        "import os, runpy, signal, sys\n"
        "publish = runpy.run_path(sys.argv[1])['publish']\n"
        "def write(folder):\n"
        "    (folder / 'version').mkdir()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish(write, sys.argv[2])\n"
    )
    command = [sys.executable, "-c", script, publish_module.__file__, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert [path.name[:12] for path in tmp_path.iterdir()] == [".tmp-export-"]
    assert publish(writer(), tmp_path).version == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    base = tmp_path / "digits"
    message = (
        f"[Errno {errno.EACCES}] cannot write to {base}: Permission denied. "
        "Choose another output folder"
    )
    with pytest.raises(PermissionError, match=f"^{re.escape(message)}$"):
        publish(writer(), base)
    assert tree(tmp_path) == {}


def test_a_folder_below_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    base = tmp_path / "file" / "digits"
    message = (
        f"[Errno {errno.ENOTDIR}] cannot write to {base}: Not a directory. "
        "Choose another output folder"
    )
    with pytest.raises(NotADirectoryError, match=f"^{re.escape(message)}$"):
        publish(writer(), base)
