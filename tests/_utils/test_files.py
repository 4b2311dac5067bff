"""Files are whole or not there, and one process at a time holds a lock."""

import errno
import fcntl
import os
import zipfile

import h5py
import pytest

from kgan._utils import files
from kgan._utils.files import appearing
from kgan._utils.files import archive_members
from kgan._utils.files import flush_to_disk
from kgan._utils.files import locked
from kgan._utils.files import remove_at_once
from kgan._utils.files import replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_target_is_replaced_when_the_block_ends_well(tmp_path):
    target = tmp_path / "new" / "log.csv"
    with replacing(target) as temporary:
        temporary.write_text("first")
        assert not target.exists()
        assert temporary.parent.parent == target.parent
        assert temporary.name == "log.csv"
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


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    store, link = tmp_path / "store" / "a1b2", tmp_path / "gan.keras"
    link.symlink_to(store)
    for text in ("first", "second"):
        with replacing(link) as temporary:
            assert temporary.parent.parent == store.parent
            assert temporary.name == "gan.keras"
            temporary.write_text(text)
        assert link.is_symlink()
        assert store.read_text() == text
    assert names(store.parent) == ["a1b2"]


@pytest.mark.parametrize("can_link", [True, False])
def test_of_two_that_write_a_new_file_one_does(tmp_path, monkeypatch, can_link):
    if not can_link:
        monkeypatch.setattr(os, "link", lambda *paths: (_ for _ in ()).throw(PermissionError()))

    def write(text):
        with replacing(tmp_path / "flags.txt", may_exist=False) as temporary:
            temporary.write_text(text)

    def two():
        with replacing(tmp_path / "flags.txt", may_exist=False) as temporary:
            temporary.write_text("second")
            write("first")

    with pytest.raises(FileExistsError, match=r"flags.txt is there already"):
        two()
    assert (tmp_path / "flags.txt").read_text() == "first"
    assert names(tmp_path) == ["flags.txt"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_neither_written_to_nor_replaced(tmp_path, make):
    make(tmp_path / "log.csv")
    writing = replacing(tmp_path / "log.csv")
    with pytest.raises(OSError, match=r"^A file was expected. Received: .*log.csv, which is a "):
        writing.__enter__()
    assert names(tmp_path) == ["log.csv"]


def test_a_full_disk_is_said_with_the_path_and_leaves_the_old_file(tmp_path):
    def write():
        with replacing(tmp_path / "log.csv") as temporary, open("/dev/full", "w") as full:
            temporary.write_text("half")
            full.write("x")

    (tmp_path / "log.csv").write_text("old")
    with pytest.raises(OSError, match="cannot be written: No space left on device") as full:
        write()
    assert full.value.errno == errno.ENOSPC
    assert full.value.strerror.endswith("Make room on that disk, or write elsewhere.")
    assert (tmp_path / "log.csv").read_text() == "old"
    assert names(tmp_path) == ["log.csv"]


def test_a_folder_appears_with_all_its_files_and_once(tmp_path):
    def write(name, text):
        with appearing(tmp_path / name) as temporary:
            assert not (tmp_path / name).exists() or text == "second"
            (temporary / "text").write_text(text)

    write("new", "first")
    with pytest.raises(FileExistsError, match="new is there already, and is not empty"):
        write("new", "second")
    assert (tmp_path / "new" / "text").read_text() == "first"
    assert names(tmp_path) == ["new"]


def test_what_killed_processes_have_left_is_removed_and_what_others_write_is_not(tmp_path):
    left = tmp_path / f".kgan-{16 * 'a'}-gan.keras"
    own = tmp_path / ".kgan-notes", tmp_path / ".gan-0123456789abcdef.keras"

    def leave():
        left.mkdir()
        (left / "gan.keras").write_text("half")

    for path in own:
        path.mkdir()
    with replacing(tmp_path / "gan.keras") as temporary:
        temporary.write_text("whole")
        leave()
        with replacing(tmp_path / "curves.png") as other:
            other.touch()
            assert temporary.exists()
        assert not left.exists()
    leave()
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "file").touch()
    for _ in range(2):
        remove_at_once(tmp_path / "backup")
    assert names(tmp_path) == [own[1].name, own[0].name, "curves.png", "gan.keras"]


def test_a_file_that_its_writer_locks_can_be_written(tmp_path):
    with replacing(tmp_path / "gan.weights.h5") as temporary, h5py.File(temporary, "w") as file:
        file["weight"] = 3.0
    with h5py.File(tmp_path / "gan.weights.h5") as file:
        assert file["weight"][()] == 3.0


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, swept = fcntl.flock, []

    def late(*arguments):
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].rmdir()
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", late)
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("content")
    assert names(tmp_path) == ["file"]


def test_a_disk_without_locks_takes_files_all_the_same(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    left = tmp_path / f".kgan-{16 * 'a'}-file"
    left.mkdir()
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("content")
    # It may be another process's.
    assert names(tmp_path) == [left.name, "file"]


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
