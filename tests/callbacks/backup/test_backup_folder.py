import errno
import os
import re
import shutil
import zipfile

import numpy as np
import pytest

from kgan._utils.arrays_file import write_arrays
from kgan.callbacks.backup.folder import BackupFolder

ARRAYS = [("weights", np.arange(100.0))]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def written(path, images, keep=2):
    """A folder with backups after so many images."""
    folder = BackupFolder(path, keep)
    for number in images:
        folder.write(number, {"number": number}, ARRAYS)
    return folder


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(tmp_path, keep):
    folder = written(tmp_path / "new", [9, 10, 100, 2000], keep)
    expected = [f"backup-{images:012d}.npz" for images in (9, 10, 100, 2000)][-keep:]
    assert names(tmp_path / "new") == expected
    assert folder.newest().path.name == "backup-000000002000.npz"


def test_a_later_one_is_of_a_past_that_was_taken_back(tmp_path):
    folder = written(tmp_path, [100, 200])
    folder.write(150, {}, ARRAYS)
    assert names(tmp_path) == ["backup-000000000100.npz", "backup-000000000150.npz"]


def test_one_of_the_same_step_is_replaced(tmp_path):
    folder = written(tmp_path, [100, 200])
    folder.write(200, {"number": "another"}, ARRAYS)
    with folder.newest() as snapshot:
        assert snapshot.header["number"] == "another"
    assert len(names(tmp_path)) == 2


def test_there_may_be_none(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert BackupFolder(tmp_path, 2).newest() is None
    assert BackupFolder(tmp_path / "new", 2).newest() is None
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:400] + bytes([data[400] ^ 1]) + data[401:],
    ],
    ids=["empty", "cut short", "flipped bit"],
)
def test_a_damaged_one_is_passed_over_and_said_to_be(tmp_path, capsys, damage):
    folder = written(tmp_path, [100, 200])
    newest = folder.newest().path
    newest.write_bytes(damage(newest.read_bytes()))
    assert folder.newest().path.name == "backup-000000000100.npz"
    printed = capsys.readouterr().out
    assert printed.startswith(f"Backup: {newest} is damaged: ")
    assert printed.endswith(". It is skipped.\n")


def test_one_that_cannot_be_read_now_is_neither_passed_over_nor_removed(tmp_path, monkeypatch):
    folder = written(tmp_path, [100, 200])

    def fail(archive):
        raise PermissionError(errno.EACCES, "no access")

    monkeypatch.setattr(zipfile.ZipFile, "testzip", fail)
    with pytest.raises(PermissionError, match="no access") as raised:
        folder.newest()
    assert raised.value.__notes__ == [
        f"Backup: {tmp_path / 'backup-000000000200.npz'} could not be read, which says nothing "
        "about the file. Nothing was changed: begin again when the disk gives it."
    ]
    assert len(names(tmp_path)) == 2


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path, monkeypatch):
    folder = written(tmp_path, [100])

    def fail(path):
        raise PermissionError("no access")

    monkeypatch.setattr(type(tmp_path), "iterdir", fail)
    with pytest.raises(PermissionError, match="no access"):
        folder.newest()


def test_when_all_are_damaged_nothing_begins_anew(tmp_path):
    folder = written(tmp_path, [100, 200])
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    message = (
        f"All backups in {tmp_path} are damaged: backup-000000000100.npz, backup-000000000200.npz. "
        "Remove them to train from the beginning, or choose another folder."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        folder.newest()


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: np.savez(path, weights=np.zeros(3)), "was not written by kgan."),
        # Also a backup of a form that this kgan does not know.
        (lambda path: write_arrays(path, {}, []), "is no backup of a run, or one of another kgan."),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, write, reason):
    folder = written(tmp_path, [100])
    foreign = tmp_path / "backup-000000000200.npz"
    write(foreign)
    message = f"{foreign} {reason} Move it away, or choose another folder for the backups."
    with pytest.raises(ValueError, match=re.escape(message)):
        folder.newest()


def test_what_killed_writers_left_is_removed(tmp_path):
    folder = written(tmp_path, [100])
    (tmp_path / ".kgan-0123456789abcdef-backup-000000000200.npz").mkdir()
    folder.hold()
    folder.release()
    assert names(tmp_path) == [".lock", "backup-000000000100.npz"]


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "file"
    path.touch()
    message = f"Backup writes several files and needs a folder. Received: {path}, a file."
    with pytest.raises(NotADirectoryError, match=re.escape(message)):
        BackupFolder(path, 2)


def test_one_training_at_a_time_holds_the_folder(tmp_path):
    path = tmp_path / "new" / "backup"
    first, second = BackupFolder(path, 2), BackupFolder(path, 2)
    first.hold()
    message = (
        f"Another process is training in {path} now, and two would write over each other's "
        "backups. Wait until it ends, or end it; or choose another folder."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        second.hold()
    second.release()
    first.release()
    second.hold()
    second.release()
    # Also of one that was killed only the file is left, and a folder may go meanwhile.
    assert names(path) == [".lock"]
    first.hold()
    shutil.rmtree(path)
    first.release()


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK, errno.EBADF])
def test_a_disk_without_locks_is_gone_on_with(tmp_path, monkeypatch, number):
    def fail(descriptor, kind):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", fail)
    folder = BackupFolder(tmp_path, 2)
    folder.hold()
    folder.release()


def test_a_folder_that_cannot_be_made_is_left_to_the_first_backup(tmp_path):
    (tmp_path / "file").touch()
    BackupFolder(tmp_path / "file" / "backup", 2).hold()
