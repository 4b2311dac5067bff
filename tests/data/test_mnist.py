import hashlib
from importlib import resources

import numpy as np
import pytest

from kgan.data import digits

# How often each digit occurs in MNIST's test set, from 0 to 9.
COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def embedded():
    return resources.files("kgan.data") / "mnist_test"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ],
)
def test_the_embedded_files_are_the_official_ones(embedded, name, digest):
    assert hashlib.md5((embedded / name).read_bytes()).hexdigest() == digest
    assert digest in (embedded / "LICENSE.md").read_text()


def test_the_embedded_files_stay_under_two_megabytes(embedded):
    assert sum(len(file.read_bytes()) for file in embedded.iterdir()) <= 2_000_000


def test_there_are_ten_thousand_labelled_digits():
    images = digits()
    assert images.images.shape == (10_000, 28, 28, 1)
    assert images.num_classes == 10
    assert images.class_names == tuple("0123456789")
    np.testing.assert_array_equal(np.bincount(images.labels), COUNTS)


def test_the_digits_are_upright_and_white_on_black():
    images = digits()
    ones = images.images[images.labels == 1].mean(axis=0)[..., 0]
    # The margin is empty, and the mean one is a vertical bar.
    assert ones[:3].max() < 5
    assert ones[14, 12:16].mean() > 150
    assert ones[8:20].mean(axis=0).std() > ones[:, 8:20].mean(axis=1).std()


def test_the_digits_can_be_resized_and_coloured():
    images = digits(image_size=32, channels=3)
    assert images.images.shape == (10_000, 32, 32, 3)
    assert images.class_names == tuple("0123456789")
    np.testing.assert_array_equal(np.bincount(images.labels), COUNTS)
