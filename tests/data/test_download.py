import errno
import re
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import tensorflow_datasets as tfds

from kgan.data import download


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
        download.prepare(builder)
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
        download.prepare(builder)


def test_a_full_disk_is_no_failed_download(tmp_path):
    builder = FakeBuilder(tmp_path, ["a.gz"], error=OSError(errno.ENOSPC, "No space left"))
    with pytest.raises(OSError, match="No space left"):
        download.prepare(builder)


def test_a_long_list_of_missing_files_is_cut(tmp_path):
    names = [f"{number:03}.gz" for number in range(100)]
    builder = FakeBuilder(tmp_path, names, error=requests.ConnectionError("no network"))
    with pytest.raises(FileNotFoundError) as error:
        download.prepare(builder)
    assert "  011.gz  https://example.org/011.gz\n  and 88 more\nPut these" in str(error.value)


def test_a_dataset_is_prepared_from_its_original_files(tmp_path):
    builder = FakeBuilder(tmp_path / "data", ["a.gz"])
    (tmp_path / "a.gz").touch()
    download.prepare(builder, tmp_path)
    assert Path(builder.config.manual_dir) == tmp_path


def test_every_dataset_has_folders_of_its_own(tmp_path):
    builder = FakeBuilder(tmp_path, ["a.gz"])
    download.prepare(builder)
    assert Path(builder.config.manual_dir) == tmp_path / "downloads" / "manual" / "shapes"
    assert Path(builder.config.extract_dir) == tmp_path / "downloads" / "extracted" / "shapes"


def test_files_to_be_fetched_by_hand_are_explained(tmp_path):
    builder = FakeBuilder(tmp_path, [], instructions="\n  Register, then\n  put x.tar there.\n")
    with pytest.raises(FileNotFoundError) as error:
        download.prepare(builder)
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
        download.prepare(builder, tmp_path)
