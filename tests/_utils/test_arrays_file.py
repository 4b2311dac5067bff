import errno
import json
import os
import re
import zipfile

import keras
import numpy as np
import pytest

from kgan._utils.arrays_file import ArraysFile
from kgan._utils.arrays_file import DamagedFileError
from kgan._utils.arrays_file import ForeignFileError
from kgan._utils.arrays_file import write_arrays

ARRAYS = {
    "weights": np.arange(12, dtype="float32").reshape(3, 4),
    "seed": np.array([1, 2**32 - 1], "uint32"),
    "count": np.array(2**40),
    "nothing": np.zeros((0, 3)),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new" / "state.npz"
    write_arrays(path, {"step": 7}, ARRAYS.items())
    return path


def test_what_is_read_is_what_was_written(path):
    with ArraysFile(path) as snapshot:
        assert snapshot.header == {"format": 1, "step": 7}
        for name, array in ARRAYS.items():
            read = snapshot.array(name)
            assert read.dtype == array.dtype
            np.testing.assert_array_equal(read, array)


def test_numpy_can_open_it(path):
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["weights"], ARRAYS["weights"])


def test_a_dtype_unknown_to_numpy_comes_back_as_bytes(tmp_path):
    array = keras.ops.convert_to_numpy(keras.ops.arange(5, dtype="bfloat16"))
    write_arrays(tmp_path / "state.npz", {}, [("half", array)])
    with ArraysFile(tmp_path / "state.npz") as snapshot:
        np.testing.assert_array_equal(snapshot.array("half").view(array.dtype), array)


def test_every_flipped_byte_is_seen_or_does_no_harm(path):
    whole = path.read_bytes()
    # All of the archive's directory, at the end, which has no checksum.
    positions = [*range(0, len(whole) - 500, 7), *range(len(whole) - 500, len(whole))]
    seen = 0
    for position in positions:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            with ArraysFile(path) as snapshot:
                arrays = snapshot.arrays()
                assert list(arrays) == list(ARRAYS)
                for name, array in ARRAYS.items():
                    np.testing.assert_array_equal(arrays[name], array)
        except DamagedFileError:
            seen += 1
    # Most bytes are data, and none of those goes unseen; others are dates and the like.
    assert seen > len(positions) / 2


@pytest.mark.parametrize("length", [0, 1, 100, -1, -30])
def test_a_file_cut_short_is_damaged(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedFileError, match="is damaged: "):
        ArraysFile(path)


def test_a_failed_write_leaves_the_file_before(path):
    def arrays():
        yield "first", np.zeros(3)
        raise OSError("no space")

    before = path.read_bytes()
    with pytest.raises(OSError, match="no space"):
        write_arrays(path, {}, arrays())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_only_one_array_is_asked_for_at_a_time(tmp_path):
    written = []

    def arrays():
        for index in range(3):
            # What was yielded before is in the file by now, or about to be.
            written.append(next(tmp_path.glob(".kgan-*/state.npz")).stat().st_size)
            yield f"array_{index}", np.zeros(10**6, "uint8")

    write_arrays(tmp_path / "state.npz", {}, arrays())
    assert np.diff(written).min() > 0.9 * 10**6


def test_a_file_of_something_else_is_foreign(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, weights=np.zeros(3))
    message = f"{path} was not written by kgan."
    with pytest.raises(ForeignFileError, match=re.escape(message)):
        ArraysFile(path)


@pytest.mark.parametrize("header", [{"format": 2}, {}, [1]])
def test_another_format_is_foreign(tmp_path, header):
    path = tmp_path / "later.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
    found = header.get("format") if isinstance(header, dict) else None
    message = f"{path} has the format {found!r}, and this kgan reads 1."
    with pytest.raises(ForeignFileError, match=re.escape(message)):
        ArraysFile(path)


@pytest.mark.parametrize("content", ["not json", b"\xff\xfe\xff"])
def test_a_header_that_is_no_json_is_foreign(tmp_path, content):
    path = tmp_path / "other.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", content)
    message = f"{path} was not written by kgan."
    with pytest.raises(ForeignFileError, match=re.escape(message)):
        ArraysFile(path)


def test_a_disk_that_does_not_answer_says_nothing_about_the_file(path, monkeypatch):
    def fail(archive):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipFile, "testzip", fail)
    with pytest.raises(OSError, match="Input/output error"):
        ArraysFile(path)


def test_bytes_that_cannot_be_unpacked_are_damaged(path):
    whole = path.read_bytes()
    method = whole.index(b"PK\x01\x02") + 10
    # 12 is the number of bzip2, whose errors are those of a disk, without a number.
    path.write_bytes(whole[:method] + bytes([12]) + whole[method + 1 :])
    with pytest.raises(DamagedFileError, match="is damaged: Invalid data stream"):
        ArraysFile(path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / "state.npz")
    with pytest.raises(ForeignFileError, match=r"^A file was expected. Received: .*state.npz, "):
        ArraysFile(tmp_path / "state.npz")


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_file_that_is_refused_is_closed(tmp_path, monkeypatch, is_damaged):
    path, opened = tmp_path / "other.npz", []
    np.savez(path, weights=np.zeros(3))
    if is_damaged:
        path.write_bytes(b"")
    opening = open
    monkeypatch.setattr(
        "kgan._utils.arrays_file.open",
        lambda *arguments: opened.append(opening(*arguments)) or opened[0],
        raising=False,
    )
    with pytest.raises((DamagedFileError, ForeignFileError)):
        ArraysFile(path)
    assert opened[0].closed


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        ArraysFile(tmp_path / "none.npz")
