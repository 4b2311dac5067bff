import errno
import gzip
import os
import re
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import tensorflow_datasets as tfds

from kgan.data import from_tfds
from kgan.data import tfds as tfds_source

COUNT = 24


def grey(index):
    return np.full((4, 5, 1), index, np.uint8)


class KganShapes(tfds.core.GeneratorBasedBuilder):
    """A dataset made on the spot, one configuration for each form that TFDS datasets have."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name=name)
        for name in ("labelled", "renamed", "unpublished", "plain", "sizes", "opaque", "text")
    ]

    def _info(self):
        text = tfds.features.Text()
        image = tfds.features.Image(shape=(4, 5, 1))
        label = tfds.features.ClassLabel(names=["round", "square", "flat"])
        features, supervised = {
            "labelled": ({"image": image, "label": label, "id": text}, ("image", "label")),
            "renamed": (
                {"mask": image, "drawing": image, "kind": label, "colour": label},
                ("drawing", "kind"),
            ),
            "unpublished": ({"image": image, "label": label}, ("image", "label")),
            "plain": ({"picture": image, "id": text}, None),
            "sizes": ({"image": tfds.features.Image(shape=(None, None, 3))}, None),
            "opaque": ({"image": tfds.features.Image(shape=(2, 2, 4))}, None),
            "text": ({"id": text, "label": label}, None),
        }[self.builder_config.name]
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=supervised
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0), "test": self._generate_examples(100)}

    def _generate_examples(self, start):
        for index in range(COUNT):
            yield index, self._example(start + index)

    def _example(self, index):
        text = str(index)
        return {
            "labelled": {"image": grey(index), "label": index % 3, "id": text},
            "renamed": {
                "mask": grey(0),
                "drawing": grey(index),
                "kind": index % 3,
                "colour": 0,
            },
            "unpublished": {"image": grey(index), "label": -1},
            "plain": {"picture": grey(index), "id": text},
            "sizes": {"image": np.full((6 + index % 2, 8, 3), index, np.uint8)},
            "opaque": {"image": np.full((2, 2, 4), [index, index, index, 0], np.uint8)},
            "text": {"id": text, "label": 0},
        }[self.builder_config.name]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def numbers(images):
    return images.images[:, 0, 0, 0].astype(int)


def test_a_labelled_dataset_keeps_images_labels_and_names_together(data_dir):
    images = from_tfds("kgan_shapes/labelled", data_dir=data_dir)
    assert images.image_shape == (4, 5, 1)
    assert images.class_names == ("round", "square", "flat")
    assert images.num_classes == 3
    assert images.name == "kgan_shapes/labelled"
    np.testing.assert_array_equal(np.sort(numbers(images)), np.arange(COUNT))
    np.testing.assert_array_equal(images.labels, numbers(images) % 3)


def test_a_prepared_dataset_is_read_without_preparing_it_again(data_dir, monkeypatch):
    first = from_tfds("kgan_shapes/labelled", data_dir=data_dir)
    monkeypatch.setattr(tfds_source, "prepare", None)
    second = from_tfds("kgan_shapes/labelled", data_dir=data_dir)
    np.testing.assert_array_equal(first.images, second.images)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("test", np.arange(100, 100 + COUNT)),
        ("train+test", [*range(COUNT), *range(100, 100 + COUNT)]),
    ],
)
def test_a_split_can_be_chosen(data_dir, split, expected):
    images = from_tfds("kgan_shapes/labelled", split=split, data_dir=data_dir)
    np.testing.assert_array_equal(np.sort(numbers(images)), expected)


def test_a_part_of_a_split_can_be_chosen(data_dir):
    images = from_tfds("kgan_shapes/labelled", split="train[:5]", data_dir=data_dir)
    assert len(images) == 5


def test_the_features_of_as_supervised_are_used_whatever_their_names(data_dir):
    images = from_tfds("kgan_shapes/renamed", data_dir=data_dir)
    np.testing.assert_array_equal(np.sort(numbers(images)), np.arange(COUNT))
    np.testing.assert_array_equal(images.labels, numbers(images) % 3)


def test_the_only_image_feature_is_used_without_labels(data_dir):
    images = from_tfds("kgan_shapes/plain", data_dir=data_dir)
    np.testing.assert_array_equal(np.sort(numbers(images)), np.arange(COUNT))
    assert images.labels is None


def test_labels_that_were_not_published_are_none(data_dir):
    images = from_tfds("kgan_shapes/unpublished", data_dir=data_dir)
    assert len(images) == COUNT
    assert images.labels is None


def test_images_are_cropped_resized_and_converted(data_dir):
    images = from_tfds(
        "kgan_shapes/sizes", image_size=(4, 2), crop=6, channels=1, data_dir=data_dir
    )
    assert images.images.shape == (COUNT, 4, 2, 1)
    np.testing.assert_array_equal(np.sort(numbers(images)), np.arange(COUNT))


def test_transparent_parts_become_white(data_dir):
    images = from_tfds("kgan_shapes/opaque", data_dir=data_dir)
    np.testing.assert_array_equal(images.images, np.full((COUNT, 2, 2, 3), 255))


def test_images_beyond_the_memory_limit_go_to_the_disk(data_dir):
    images = from_tfds("kgan_shapes/labelled", data_dir=data_dir, memory_limit=100)
    assert isinstance(images.images, np.memmap)
    np.testing.assert_array_equal(np.sort(numbers(images)), np.arange(COUNT))


def test_images_of_several_sizes(data_dir):
    with pytest.raises(ValueError, match="several sizes") as error:
        from_tfds("kgan_shapes/sizes", data_dir=data_dir)
    sizes = re.findall(r"\((\d), 8\) in image", str(error.value))
    assert sorted(sizes) == ["6", "7"]
    assert str(error.value).endswith("Pass image_size=6, for example.")


def test_an_image_smaller_than_the_crop_is_named(data_dir):
    with pytest.raises(ValueError, match=r"^Image \d+: crop=\(7, 7\) is larger than the image"):
        from_tfds("kgan_shapes/sizes", crop=7, data_dir=data_dir)


def test_a_dataset_without_images(data_dir):
    with pytest.raises(ValueError, match="no dataset of images") as error:
        from_tfds("kgan_shapes/text", data_dir=data_dir)
    assert str(error.value) == (
        "'kgan_shapes' is no dataset of images. Expected: a feature 'image', or one only feature "
        "of 8-bit images. Received the features: id (Text), label (ClassLabel)."
    )


@pytest.mark.parametrize("split", ["valid", "train[", "", None])
def test_an_unknown_split(data_dir, split):
    with pytest.raises(ValueError, match="has no split") as error:
        from_tfds("kgan_shapes/labelled", split=split, data_dir=data_dir)
    assert str(error.value) == (
        f"'kgan_shapes' has no split {split!r}. Its splits are train, test; sums such as "
        "'train+test' and parts such as 'train[:1000]' or 'train[:10%]' are possible."
    )


def test_an_empty_split(data_dir):
    message = "The split 'train[:0]' of 'kgan_shapes' is empty. Choose a larger part."
    with pytest.raises(ValueError, match=re.escape(message)):
        from_tfds("kgan_shapes/labelled", split="train[:0]", data_dir=data_dir)


def test_an_unknown_name_is_answered_with_the_closest_ones(data_dir):
    known = len(tfds.list_builders(with_community_datasets=False))
    with pytest.raises(ValueError, match="There is no TFDS dataset") as error:
        from_tfds("fashion_mnits", data_dir=data_dir)
    assert str(error.value) == (
        f"There is no TFDS dataset 'fashion_mnits'. The closest of its {known} names: "
        "fashion_mnist. All of them: tensorflow_datasets.list_builders(). The embedded "
        "digits are 'digits', a folder of images is 'folder:PATH'."
    )


@pytest.mark.parametrize("name", ["kgan_shapes/oval", "kgan_shapes:9.9.9", "two words", ""])
def test_a_name_that_tfds_does_not_accept(data_dir, name):
    with pytest.raises(ValueError, match=re.escape(f"TFDS does not know {name!r}: ")) as error:
        from_tfds(name, data_dir=data_dir)
    assert str(error.value).endswith(
        "Expected: 'name', 'name/config' or 'name:version', such as 'mnist'."
    )


def test_a_dataset_of_a_community_is_refused_before_anything_is_asked_of_the_network(data_dir):
    message = (
        "kgan reads TFDS's own datasets and prepared folders. Received: 'huggingface:mnist', from "
        "the community 'huggingface'. Prepare it with TFDS, and name its folder with data_dir."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_tfds("huggingface:mnist", data_dir=data_dir)


def test_offline_a_dataset_that_is_not_prepared_says_which_files_it_needs(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests.Session, "get", fail)
    with pytest.raises(FileNotFoundError) as error:
        from_tfds("mnist", data_dir=tmp_path)
    message = str(error.value)
    assert message.startswith(f"The dataset 'mnist' is not prepared in {tmp_path}/mnist/")
    assert f"Missing in {tmp_path}/downloads/manual/mnist:\n" in message
    for part in ("t10k-images-idx3", "t10k-labels-idx1", "train-images-idx3", "train-labels-idx1"):
        name = f"{part}-ubyte.gz"
        assert re.search(f"\n  {name}  https?://.*/{name}\n", message)


def test_other_images_do_not_wait_for_tfds(forks, tmp_path):
    file = tmp_path / "found.py"
    file.write_text("import sys, kgan.data; sys.exit('tensorflow_datasets' in sys.modules)")
    assert forks.run(file).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_mnist_is_prepared_offline_from_its_original_files(data_dir, split, prefix):
    if "KGAN_DATA" not in os.environ:
        pytest.skip("The environment variable KGAN_DATA names no folder with mnist/ in it.")
    folder = Path(os.environ["KGAN_DATA"]) / "mnist"
    images = from_tfds("mnist", split=split, data_dir=data_dir, manual_dir=folder)
    raw_images = gzip.decompress((folder / f"{prefix}-images-idx3-ubyte.gz").read_bytes())[16:]
    raw_labels = gzip.decompress((folder / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())[8:]
    # TFDS shuffles what it prepares: compared are the sorted pairs of image and label.
    pairs = sorted(zip(map(bytes, images.images), images.labels, strict=True))
    rows = np.frombuffer(raw_images, np.uint8).reshape(-1, 784)
    assert pairs == sorted(zip(map(bytes, rows), raw_labels, strict=True))


class FakeBuilder:
    """What `prepare` needs of a TFDS builder; it records what it is prepared with."""

    def __init__(self, folder, files, instructions=None, error=None):
        self.name = "shapes"
        self.data_dir_root = str(folder)
        self.data_dir = f"{folder}/shapes/1.0.0"
        self.url_infos = {
            f"https://example.org/{name}": SimpleNamespace(filename=name) for name in files
        }
        self.MANUAL_DOWNLOAD_INSTRUCTIONS = instructions
        self.error = error
        self.config = None

    def download_and_prepare(self, download_config):
        self.config = download_config
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("no network"),
        urllib.error.URLError("no network"),
        tfds.core.download.DownloadError("no network"),
    ],
)
def test_after_a_failed_download_the_missing_files_are_listed(tmp_path, error):
    builder = FakeBuilder(tmp_path, ["a.gz", "b.gz", "c.gz"], error=error)
    manual = tmp_path / "downloads" / "manual" / "shapes"
    manual.mkdir(parents=True)
    (manual / "b.gz").touch()
    with pytest.raises(FileNotFoundError) as raised:
        tfds_source.prepare(builder)
    assert str(raised.value) == (
        f"The dataset 'shapes' is not prepared in {tmp_path}/shapes/1.0.0, and its files cannot be "
        f"downloaded: {error}. Missing in {manual}:\n"
        "  a.gz  https://example.org/a.gz\n"
        "  c.gz  https://example.org/c.gz\n"
        "Put these files there, or name the folder that holds them with manual_dir. Or copy the "
        f"prepared folder {tmp_path}/shapes/1.0.0 from another machine, or name the data_dir where "
        "it is prepared. Or connect to the network. The dataset 'digits' needs no download."
    )


def test_a_dataset_without_files_misses_none(tmp_path):
    builder = FakeBuilder(tmp_path, [], error=requests.ConnectionError("no network"))
    builder.url_infos = None
    with pytest.raises(FileNotFoundError, match=r"Missing in .*:\n\nPut these files there"):
        tfds_source.prepare(builder)


def test_a_full_disk_is_no_failed_download(tmp_path):
    builder = FakeBuilder(tmp_path, ["a.gz"], error=OSError(errno.ENOSPC, "No space left"))
    with pytest.raises(OSError, match="No space left"):
        tfds_source.prepare(builder)


def test_a_long_list_of_missing_files_is_cut(tmp_path):
    names = [f"{number:03}.gz" for number in range(100)]
    builder = FakeBuilder(tmp_path, names, error=requests.ConnectionError("no network"))
    with pytest.raises(FileNotFoundError) as error:
        tfds_source.prepare(builder)
    assert "  011.gz  https://example.org/011.gz\n  and 88 more\nPut these" in str(error.value)


def test_a_dataset_is_prepared_from_its_original_files(tmp_path):
    builder = FakeBuilder(tmp_path / "data", ["a.gz"])
    (tmp_path / "a.gz").touch()
    tfds_source.prepare(builder, tmp_path)
    assert Path(builder.config.manual_dir) == tmp_path


def test_every_dataset_has_folders_of_its_own(tmp_path):
    builder = FakeBuilder(tmp_path, ["a.gz"])
    tfds_source.prepare(builder)
    assert Path(builder.config.manual_dir) == tmp_path / "downloads" / "manual" / "shapes"
    assert Path(builder.config.extract_dir) == tmp_path / "downloads" / "extracted" / "shapes"


def test_files_to_be_fetched_by_hand_are_explained(tmp_path):
    builder = FakeBuilder(tmp_path, [], instructions="\n  Register, then\n  put x.tar there.\n")
    with pytest.raises(FileNotFoundError) as error:
        tfds_source.prepare(builder)
    assert str(error.value) == (
        f"The dataset 'shapes' is not prepared in {tmp_path}/shapes/1.0.0, and its files must be "
        f"downloaded by hand. Put them into {tmp_path}/downloads/manual/shapes, or name the folder "
        "that holds them with manual_dir. TFDS says: Register, then put x.tar there."
    )
    assert builder.config is None


def test_files_of_another_dataset_are_refused(tmp_path):
    mismatch = tfds.core.download.download_manager.NonMatchingChecksumError("a.gz is wrong.")
    builder = FakeBuilder(tmp_path, ["a.gz"], error=mismatch)
    message = (
        "A file is not the original one of 'shapes'. a.gz is wrong.\n"
        f"Name the folder that holds the original files with manual_dir; it was {tmp_path}. "
        "Datasets whose files have equal names (mnist, fashion_mnist, kmnist) need one each."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        tfds_source.prepare(builder, tmp_path)
