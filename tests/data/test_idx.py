import gzip
import re
import tracemalloc

import numpy as np
import pytest

from kgan.data import from_idx
from kgan.data import load
from kgan.data.idx import read_idx

IMAGES = np.arange(7 * 4 * 3, dtype=np.uint8).reshape(7, 4, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2, 1], np.uint8)


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A set of seven training images, compressed, and two test images, plain."""
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[5:]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS[5:]))
    return tmp_path


def test_images_keep_the_order_of_their_file(folder):
    images = from_idx(folder)
    np.testing.assert_array_equal(images.images[..., 0], IMAGES)
    np.testing.assert_array_equal(images.labels, LABELS)
    assert images.num_classes == 3


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("train[:5]", slice(0, 5)),
        ("train[5:]", slice(5, 7)),
        ("train[2:4]", slice(2, 4)),
        ("test", slice(5, 7)),
        ("test[1:]", slice(6, 7)),
    ],
)
def test_a_split_is_a_slice_of_a_file(folder, split, rows):
    images = from_idx(folder, split=split)
    np.testing.assert_array_equal(images.images[..., 0], IMAGES[rows])
    np.testing.assert_array_equal(images.labels, LABELS[rows])
    assert images.name == f"{folder.name} {split}"


def test_a_slice_knows_the_classes_of_its_file(folder):
    assert from_idx(folder, split="train[:1]").num_classes == 3


def test_a_command_line_names_the_folder(folder):
    images = load(f"idx:{folder}", split="train[:3]", image_size=8, channels=3)
    assert images.images.shape == (3, 8, 8, 3)
    np.testing.assert_array_equal(images.labels, LABELS[:3])
    assert images.num_classes == 3
    assert images.name == f"{folder.name} train[:3]"


@pytest.mark.parametrize("split", ["validation", "train[:-1]", "train[5]", "train+test", ""])
def test_another_split_is_refused(folder, split):
    message = (
        "A split is 'train' or 'test', or a slice of one, such as 'train[:50000]'. "
        f"Received: {split!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_idx(folder, split=split)


def test_an_empty_slice_is_refused(folder):
    message = f"The split 'train[7:]' of {folder} is empty."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_idx(folder, split="train[7:]")


def test_a_missing_file_is_named(tmp_path):
    message = (
        f"{tmp_path} holds neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte. "
        "Expected: a folder with MNIST's four published files, or those of a set with the same "
        "names."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
        from_idx(tmp_path)


def test_labels_for_other_images_are_refused(folder):
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[1:])))
    message = (
        f"The files of 'train' in {folder} must hold images (count, height, width) and a label "
        "for each. Received: shapes (7, 4, 3) and (6,)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_idx(folder)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"PNG image")
    message = f"{path} is no IDX file of bytes: it must begin with 0, 0, 8. Received: [80, 78, 71]."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_idx(path)


def test_a_file_that_lost_its_end_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(idx(IMAGES)[:-1])
    message = (
        f"{path} states 3 dimensions, the shape (7, 4, 3), 84 bytes, and holds 83. It is damaged: "
        "fetch it again."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("header", "told"),
    [
        ([0, 0, 8, 4, *[255] * 16], f"({', '.join(['4294967295'] * 4)})"),
        ([0, 0, 8, 255, 0, 0, 0, 1], "states 255 dimensions, the shape (1,)"),
        ([0, 0, 8, 1, 0, 0, 0, 2, 7, 7, 7], "the shape (2,), 2 bytes, and holds more"),
        ([0, 0, 8, 3], "states 3 dimensions, the shape ()"),
    ],
)
def test_a_header_that_the_file_cannot_keep_is_refused(tmp_path, header, told, packed):
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(bytes(header)) if packed else bytes(header))
    tracemalloc.start()
    with pytest.raises(ValueError, match=re.escape(told)):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def test_an_archive_is_unpacked_no_further_than_it_states(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(5, np.uint8)) + bytes(20_000_000)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="5 bytes, and holds more"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [gzip.compress(idx(IMAGES))[:-20], b"no gzip at all"],
    # An archive holds the time: processes that share out the tests would name it differently.
    ids=["cut", "other"],
)
def test_a_damaged_archive_is_refused(tmp_path, content):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path} is damaged: ")):
        read_idx(path)
