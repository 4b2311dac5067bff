"""Files are whole or not there, and one process at a time holds a lock."""

import errno
import fcntl
import os
import zipfile

import pytest

from kgan._utils import files
from kgan._utils.files import archive_members
from kgan._utils.files import flush_to_disk
from kgan._utils.files import locked
from kgan._utils.files import replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_target_is_replaced_when_the_block_ends_well(tmp_path):
    target = tmp_path / "new" / "log.csv"
    with replacing(target) as temporary:
        temporary.write_text("first")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
    with replacing(target) as temporary:
        temporary.write_text("second")
        assert target.read_text() == "first"
    assert target.read_text() == "second"
    assert names(target.parent) == ["log.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "log.csv"
    target.write_text("old")

    def write():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise error("in the middle")

    with pytest.raises(error, match="in the middle"):
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["log.csv"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with replacing(tmp_path / "replaced") as temporary:
        temporary.touch()
    assert (tmp_path / "replaced").stat().st_mode == ordinary.stat().st_mode


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: events.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: events.append("name") or replace(*paths))
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("content")
    assert events == ["fsync", "name", "fsync"]


@pytest.mark.parametrize("is_file", [False, True])
def test_one_at_a_time_holds_a_lock(tmp_path, is_file):
    path = tmp_path / "lock" if is_file else tmp_path
    again = locked(path, wait=False, is_file=is_file)
    with locked(path, is_file=is_file), pytest.raises(BlockingIOError):
        again.__enter__()
    with locked(path, wait=False, is_file=is_file):
        pass
    assert names(tmp_path) == (["lock"] if is_file else [])


def test_a_folder_to_be_locked_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "missing"):
        pass
    assert names(tmp_path) == []


def test_a_lock_that_is_replaced_meanwhile_is_none(tmp_path, monkeypatch):
    path, lock = tmp_path / "lock", fcntl.flock

    def replaced(*arguments):
        path.unlink()
        path.touch()
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", replaced)
    with pytest.raises(FileNotFoundError), locked(path, is_file=True):
        pass


def test_a_folder_that_cannot_be_flushed_is_passed_over_and_a_file_is_not(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    flush_to_disk(tmp_path)
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(OSError, match="Invalid argument"):
        flush_to_disk(path)
    with pytest.raises(FileNotFoundError):
        flush_to_disk(tmp_path / "missing")


def test_an_archive_that_would_fill_the_memory_is_refused_before_it_is_opened(
    tmp_path, monkeypatch
):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(2**20))
    # A small one may be packed as tightly as one likes.
    assert archive_members(path) == ["a"]
    monkeypatch.setattr(files, "_ALWAYS_UNPACKED", 2**16)
    message = r"/bomb.keras would unpack to 0\.0 GB\. Expected: at most 20 times its own 0\.0 MB"
    with pytest.raises(ValueError, match=message):
        archive_members(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", bytes(2**20))
    assert archive_members(path) == ["a"]


def test_what_is_no_archive_is_refused(tmp_path):
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a", "b" * 100)
    content = whole.read_bytes()
    for harm in (b"", b"text", content[:-30], content[:-22] + b"PK\5\6" + b"\xff" * 18):
        whole.write_bytes(harm)
        with pytest.raises(ValueError, match=r"whole\.zip is damaged or no archive\. Copy it anew"):
            archive_members(whole)
