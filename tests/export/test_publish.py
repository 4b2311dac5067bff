import errno
import os
import re
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from kgan.export import publish as publish_module
from kgan.export.publish import Publication
from kgan.export.publish import publish


def writer(text="model", files=()):
    """A function that writes a version with one nested file, and files beside it."""

    def write(folder, number):
        (folder / "version" / "variables").mkdir(parents=True)
        (folder / "version" / "saved_model.pb").write_text("graph")
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
    assert publish(writer("a"), base) == Publication(1, base / "1", [], [])
    assert publish(writer("b"), base) == Publication(2, base / "2", [], [])
    assert tree(base) == {
        "1": None,
        "1/saved_model.pb": "graph",
        "1/variables": None,
        "1/variables/data": "a",
        "2": None,
        "2/saved_model.pb": "graph",
        "2/variables": None,
        "2/variables/data": "b",
    }


def test_the_next_version_is_above_the_highest_and_ignores_what_is_none(tmp_path):
    # The last is 2^63, more than a server reads.
    for name in ("3", "10", "9.bak", "latest", "-12", "٣٣", "9223372036854775808"):
        (tmp_path / name).mkdir()
    assert publish(writer(), tmp_path).version == 11


def test_a_file_with_a_number_for_a_name_takes_that_version(tmp_path):
    (tmp_path / "1").write_text("not mine")
    assert publish(writer(), tmp_path).version == 2


def test_a_chosen_version_is_published(tmp_path):
    assert publish(writer(), tmp_path, version=7).folder == tmp_path / "7"
    assert publish(writer(), tmp_path).version == 8


def test_no_version_is_published_above_those_that_servers_read(tmp_path):
    publish(writer(), tmp_path, version=2**63 - 1)
    message = (
        f"{tmp_path} already holds version {2**63 - 1}, and a version is never overwritten. "
        "Choose a free number below it."
    )
    for version in (None, 2**63 - 1):
        with pytest.raises(FileExistsError, match=f"^{re.escape(message)}$"):
            publish(writer(), tmp_path, version=version)
    assert publish(writer(), tmp_path, version=5).version == 5


@pytest.mark.parametrize("version", [0, -1, 2**63, "3", 1.5, True, np.True_])
def test_a_version_that_no_server_reads_is_refused(tmp_path, version):
    message = (
        "version must be a positive 64-bit integer, or None for the next free one. "
        f"Received: {version!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        publish(writer(), tmp_path / "digits", version=version)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("keep", [0, -1, "2", True])
def test_keeping_no_version_is_refused(tmp_path, keep):
    message = f"keep must be a positive integer. Received: keep={keep!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        publish(writer(), tmp_path / "digits", keep=keep)
    assert tree(tmp_path) == {}


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


@pytest.mark.parametrize("version", [1, None])
def test_a_version_that_appears_in_the_meantime_is_not_overwritten(
    tmp_path, tmp_path_factory, version
):
    def write(folder, number):
        writer("mine")(folder, number)
        # As somebody does who copies it there.
        theirs.rename(tmp_path / "1")

    theirs = publish(writer("theirs"), tmp_path_factory.mktemp("theirs")).folder
    with pytest.raises(FileExistsError):
        publish(write, tmp_path, version=version)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    assert (tmp_path / "1" / "variables" / "data").read_text() == "theirs"


def test_files_accompany_the_newest_version(tmp_path):
    first = publish(writer("one", files=["digits.tflite"]), tmp_path)
    assert first.files == [tmp_path / "digits.tflite"]
    publish(writer("nine", files=["digits.tflite"]), tmp_path, version=9)
    assert (tmp_path / "digits.tflite").read_text() == "nine"
    late = publish(writer("four", files=["digits.tflite"]), tmp_path, version=4)
    assert late.files == []
    assert (tmp_path / "digits.tflite").read_text() == "nine"
    assert (tmp_path / "4" / "variables" / "data").read_text() == "four"


def test_a_note_with_a_higher_number_keeps_no_files_from_the_newest_version(tmp_path):
    (tmp_path / "20261231").write_text("notes")
    assert publish(writer(files=["digits.tflite"]), tmp_path, version=3).files != []


def test_a_folder_in_the_way_of_a_file_is_told_before_anything_is_in_place(tmp_path):
    publish(writer("good", files=["digits.onnx"]), tmp_path)
    (tmp_path / "digits.tflite").mkdir()
    before = tree(tmp_path)
    message = (
        f"[Errno {errno.EISDIR}] cannot write the file {tmp_path / 'digits.tflite'}: there is a "
        "folder of that name. Move it away, or choose another output folder"
    )
    with pytest.raises(IsADirectoryError, match=f"^{re.escape(message)}$"):
        publish(writer("bad", files=["digits.onnx", "digits.tflite"]), tmp_path)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_base_as_it_was(tmp_path, kind):
    publish(writer("good", files=["digits.tflite"]), tmp_path)
    before = tree(tmp_path)

    def write(folder, number):
        writer("bad", files=["digits.tflite"])(folder, number)
        raise kind("verification failed")

    with pytest.raises(kind, match=r"^verification failed$"):
        publish(write, tmp_path)
    assert tree(tmp_path) == before


def test_a_failure_leaves_an_empty_folder(tmp_path):
    def write(folder, number):
        raise ValueError("verification failed")

    with pytest.raises(ValueError, match=r"^verification failed$"):
        publish(write, tmp_path / "exported" / "digits")
    assert tree(tmp_path / "exported" / "digits") == {}


def test_no_number_is_seen_before_the_version_is_whole(tmp_path):
    seen = []

    def write(folder, number):
        writer()(folder, number)
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


def test_new_folders_above_the_versions_are_on_the_disk_too(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(publish_module, "flush_to_disk", flushed.append)
    publish(writer(), tmp_path / "exported" / "digits")
    assert {tmp_path, tmp_path / "exported", tmp_path / "exported" / "digits"} <= set(flushed)


def test_the_number_is_told_before_it_is_seen(tmp_path):
    (tmp_path / "4").mkdir()
    seen = []

    def write(folder, number):
        writer()(folder, number)
        seen.extend([number, (tmp_path / str(number)).exists()])

    publish(write, tmp_path)
    assert seen == [5, False]
    assert (tmp_path / "5").is_dir()


def numbers(base):
    return sorted(int(path.name) for path in base.iterdir())


def test_old_versions_make_room(tmp_path):
    removed = [publish(writer(), tmp_path, keep=3).removed for _ in range(5)]
    assert removed == [[], [], [], [1], [2]]
    assert numbers(tmp_path) == [3, 4, 5]
    # Of NumPy's unsigned 2 the negative is 254.
    assert publish(writer(), tmp_path, keep=np.uint8(2)).removed == [3, 4]
    assert publish(writer(), tmp_path, keep=1).removed == [5, 6]
    assert numbers(tmp_path) == [7]


def test_a_number_of_numpys_is_written_as_pythons(tmp_path):
    seen = []
    publication = publish(
        lambda folder, number: (seen.append(number), writer()(folder, number)),
        tmp_path,
        version=np.uint8(255),
    )
    assert [type(number) for number in (*seen, publication.version)] == [int, int]
    assert publish(writer(), tmp_path).version == 256


def test_old_versions_that_killed_publications_have_left_make_room_too(tmp_path):
    for _ in range(5):
        publish(writer(), tmp_path)
    assert publish(writer(), tmp_path, keep=3).removed == [1, 2, 3]
    assert numbers(tmp_path) == [4, 5, 6]


def test_the_newest_version_stays_and_the_one_published(tmp_path):
    for version in (7, 8, 9):
        publish(writer(), tmp_path, version=version)
    assert publish(writer("late"), tmp_path, version=2, keep=1).removed == [7, 8]
    assert numbers(tmp_path) == [2, 9]


def test_what_is_no_version_stays_and_is_not_kept_instead_of_one(tmp_path):
    (tmp_path / "1").write_text("a file")
    # The last is 2^63, more than a server reads.
    for name in ("2.bak", "latest", "2025", "9223372036854775808"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("mine")
    (tmp_path / "9223372036854775808" / "saved_model.pb").write_text("")
    (tmp_path / "003").mkdir()
    (tmp_path / "003" / "saved_model.pb").write_text("graph")
    before = tree(tmp_path)
    publications = [publish(writer(), tmp_path, keep=2) for _ in range(3)]
    assert [each.version for each in publications] == [2026, 2027, 2028]
    assert [each.removed for each in publications] == [[], [3], [2026]]
    after = tree(tmp_path)
    gone = {"003", "003/saved_model.pb"}
    assert {name: after[name] for name in before if name not in gone} == {
        name: content for name, content in before.items() if name not in gone
    }
    assert gone.isdisjoint(after)


def test_an_old_version_is_out_of_sight_before_a_file_of_it_goes(tmp_path, monkeypatch):
    for _ in range(2):
        publish(writer(), tmp_path)
    remove = shutil.rmtree
    seen = []

    def look(folder, **options):
        seen.append(sorted(path.name for path in tmp_path.iterdir() if path.name.isdecimal()))
        remove(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", look)
    publish(writer(), tmp_path, keep=2)
    assert seen == [["2", "3"]]
    assert numbers(tmp_path) == [2, 3]


def test_an_old_version_that_cannot_be_moved_is_told_and_stays(tmp_path, monkeypatch):
    publish(writer(), tmp_path)
    rename = Path.rename

    def refuse(path, target):
        if path.name == "1":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    message = f"^{re.escape(str(tmp_path / '1'))} could not be removed: Permission denied\\.$"
    with pytest.warns(UserWarning, match=message):
        publication = publish(writer(), tmp_path, keep=1)
    assert publication.removed == []
    assert numbers(tmp_path) == [1, 2]


def test_permissions_are_those_of_ordinary_folders(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    publication = publish(writer(), tmp_path / "base")
    assert publication.folder.stat().st_mode == ordinary.stat().st_mode


def test_publishing_at_the_same_time_gives_different_versions(tmp_path):
    threads = 8
    barrier = threading.Barrier(threads)
    published, writing = [], []

    def run(text):
        def write(folder, number):
            writing.append(text)
            writer(text, files=["digits.tflite"])(folder, number)
            # One at a time: none takes another's folder for what a killed one has left.
            assert writing.pop() == text

        barrier.wait()
        published.append((publish(write, tmp_path).version, text))

    running = [threading.Thread(target=run, args=(str(number),)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert sorted(version for version, _ in published) == list(range(1, threads + 1))
    for version, text in published:
        assert (tmp_path / str(version) / "variables" / "data").read_text() == text
    assert (tmp_path / "digits.tflite").read_text() == dict(published)[threads]


def test_the_next_publication_removes_what_a_killed_one_left(tmp_path, forks):
    child = Path(__file__).with_name("killed_publication.py")
    assert forks.run(child, str(tmp_path)).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".tmp-export-")
    assert [path.name for path in left.iterdir()] == ["version"]
    assert publish(writer(), tmp_path).version == 1
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_another_error_stays_what_it_is(tmp_path):
    def fail(folder, number):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "weights")

    with pytest.raises(
        FileNotFoundError, match=r"^\[Errno 2\] No such file or directory: 'weights'$"
    ):
        publish(fail, tmp_path)


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


def test_a_folder_whose_name_no_file_system_takes_is_told(tmp_path):
    message = f"cannot write to {tmp_path}/a{{300}}: File name too long. Choose another"
    with pytest.raises(OSError, match=message):
        publish(writer(), tmp_path / ("a" * 300))


def test_a_folder_below_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    base = tmp_path / "file" / "digits"
    message = (
        f"[Errno {errno.ENOTDIR}] cannot write to {base}: Not a directory. "
        "Choose another output folder"
    )
    with pytest.raises(NotADirectoryError, match=f"^{re.escape(message)}$"):
        publish(writer(), base)
