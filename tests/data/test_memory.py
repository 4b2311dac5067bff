import re
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

from kgan.data import memory


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (7, 5, 3, 1), (100, 28, 28, 3)])
def test_arrays_within_the_limit_lie_in_memory_and_can_be_borrowed(shape):
    array = memory.allocate(shape)
    assert array.shape == shape
    assert array.dtype == np.uint8
    assert not isinstance(array, np.memmap)
    assert memory.can_be_borrowed(array)


def test_the_limit_itself_still_lies_in_memory():
    assert not isinstance(memory.allocate((4, 5, 5, 1), memory_limit=100), np.memmap)
    assert isinstance(memory.allocate((4, 5, 5, 1), memory_limit=99), np.memmap)


def test_a_file_keeps_what_is_written_and_can_be_borrowed():
    array = memory.allocate((4, 5, 5, 1), memory_limit=99)
    written = np.arange(100, dtype=np.uint8).reshape(4, 5, 5, 1)
    array[...] = written
    assert memory.can_be_borrowed(array)
    np.testing.assert_array_equal(array, written)


def test_the_file_leaves_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    array = memory.allocate((4, 5, 5, 1), memory_limit=99)
    array[...] = 1
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1999))
    message = (
        "The images need 2,000 bytes, more than memory_limit allows in memory, and the folder for "
        f"temporary files, {tmp_path}, has 1,999 bytes left. Choose a smaller image_size, name a "
        "folder on a larger disk in the environment variable TMPDIR, or raise memory_limit."
    )
    with pytest.raises(OSError, match=re.escape(message)):
        memory.allocate((20, 10, 10, 1), memory_limit=99)


def test_the_limit_must_be_positive():
    message = "memory_limit must be a positive integer. Received: memory_limit=0."
    with pytest.raises(ValueError, match=re.escape(message)):
        memory.allocate((1, 1, 1, 1), memory_limit=0)


@pytest.mark.parametrize("memory_limit", [99, 100])
def test_the_images_of_a_source_are_collected_in_their_order(memory_limit):
    pixels = np.arange(100, dtype=np.uint8).reshape(4, 5, 5, 1)
    array = memory.collect(iter(pixels), range(4), memory_limit)
    np.testing.assert_array_equal(array, pixels)
    assert isinstance(array, np.memmap) == (memory_limit == 99)
    assert memory.can_be_borrowed(array)


@pytest.mark.parametrize("memory_limit", [99, 100])
def test_a_borrowed_tensor_is_the_array_itself(memory_limit):
    array = memory.allocate((4, 5, 5, 1), memory_limit)
    array[...] = 1
    tensor = memory.borrow(array)
    array[2] = 7
    assert tensor.shape == (4, 5, 5, 1)
    assert tensor.dtype == "uint8"
    np.testing.assert_array_equal(tensor.numpy()[:, 0, 0, 0], [1, 1, 7, 1])


def test_what_tensorflow_could_not_use_is_not_borrowed():
    array = memory.allocate((10, 64, 64, 1))
    read_only = array.view()
    read_only.flags.writeable = False
    for unfit in (array[:, 1:], array[:, ::2], array.reshape(-1)[1:], read_only):
        assert not memory.can_be_borrowed(unfit)
        message = "Only a contiguous, aligned, writeable array can be borrowed."
        with pytest.raises(ValueError, match=re.escape(message)):
            memory.borrow(unfit)
