import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from http.server import HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
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


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(download, "unreachable_reason", lambda url: "no network")


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(download, "unreachable_reason", lambda url: None)


@pytest.fixture
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def test_a_closed_port_is_out_of_reach(no_proxy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        # Bound but not listening: nobody answers, and nobody else can take the port.
        reason = download.unreachable_reason(f"http://127.0.0.1:{port}/file.gz")
    assert "refused" in reason


@pytest.mark.parametrize("status", [200, 403, 404, 503])
def test_any_answer_means_that_the_host_is_in_reach(no_proxy, status):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.timeout = 5
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert download.unreachable_reason(f"http://127.0.0.1:{server.server_port}/x") is None
        thread.join()


def test_a_host_that_says_nothing_costs_no_more_than_the_timeout(no_proxy):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.gz"
        start = time.monotonic()
        reason = download.unreachable_reason(url, timeout=0.3)
        assert time.monotonic() - start < 2
    assert reason in ("no answer within 0.3 s", "timed out")


def test_a_name_that_takes_long_to_look_up_costs_no_more_than_the_timeout(monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(download, "_probe", lambda url, timeout: asked.wait(20))
    start = time.monotonic()
    reason = download.unreachable_reason("http://example.org/file.gz", timeout=0.2)
    assert time.monotonic() - start < 2
    assert reason == "no answer within 0.2 s"
    asked.set()


def test_missing_are_the_files_that_do_not_lie_in_the_folder(tmp_path):
    builder = FakeBuilder(tmp_path, ["a.gz", "b.gz", "c.gz"])
    (tmp_path / "b.gz").touch()
    assert download.missing_files(builder, tmp_path) == {
        "https://example.org/a.gz": "a.gz",
        "https://example.org/c.gz": "c.gz",
    }


def test_a_dataset_without_files_misses_none(tmp_path):
    builder = FakeBuilder(tmp_path, [])
    builder.url_infos = None
    assert download.missing_files(builder, tmp_path) == {}


def test_offline_the_missing_files_are_listed_at_once(tmp_path, offline):
    builder = FakeBuilder(tmp_path, ["a.gz", "b.gz", "c.gz"])
    manual = tmp_path / "downloads" / "manual" / "shapes"
    manual.mkdir(parents=True)
    (manual / "b.gz").touch()
    with pytest.raises(FileNotFoundError) as error:
        download.prepare(builder)
    assert str(error.value) == (
        f"The dataset 'shapes' is not prepared in {tmp_path}/shapes/1.0.0, and its files cannot be "
        "downloaded: example.org cannot be reached (no network). "
        f"Missing in {manual}:\n"
        "  a.gz  https://example.org/a.gz\n"
        "  c.gz  https://example.org/c.gz\n"
        "Put these files there, or name the folder that holds them with manual_dir. Or copy the "
        f"prepared folder {tmp_path}/shapes/1.0.0 from another machine, or name the data_dir where "
        "it is prepared. Or connect to the network. The dataset 'digits' needs no download."
    )
    assert builder.config is None


def test_a_long_list_of_missing_files_is_cut(tmp_path, offline):
    builder = FakeBuilder(tmp_path, [f"{number:03}.gz" for number in range(100)])
    with pytest.raises(FileNotFoundError) as error:
        download.prepare(builder)
    assert "  011.gz  https://example.org/011.gz\n  and 88 more\nPut these" in str(error.value)


def test_offline_a_dataset_is_prepared_from_its_original_files(tmp_path, offline):
    builder = FakeBuilder(tmp_path / "data", ["a.gz"])
    (tmp_path / "a.gz").touch()
    download.prepare(builder, tmp_path)
    assert Path(builder.config.manual_dir) == tmp_path


def test_every_dataset_has_folders_of_its_own(tmp_path, online):
    builder = FakeBuilder(tmp_path, ["a.gz"])
    download.prepare(builder)
    assert Path(builder.config.manual_dir) == tmp_path / "downloads" / "manual" / "shapes"
    assert Path(builder.config.extract_dir) == tmp_path / "downloads" / "extracted" / "shapes"


def test_files_to_be_fetched_by_hand_are_explained(tmp_path, online):
    builder = FakeBuilder(tmp_path, [], instructions="\n  Register, then\n  put x.tar there.\n")
    with pytest.raises(FileNotFoundError) as error:
        download.prepare(builder)
    assert str(error.value) == (
        f"The dataset 'shapes' is not prepared in {tmp_path}/shapes/1.0.0, and its files must be "
        f"downloaded by hand. Put them into {tmp_path}/downloads/manual/shapes, or name the folder "
        "that holds them with manual_dir. TFDS says: Register, then put x.tar there."
    )
    assert builder.config is None


def test_files_of_another_dataset_are_refused(tmp_path, online):
    mismatch = tfds.core.download.download_manager.NonMatchingChecksumError("a.gz is wrong.")
    builder = FakeBuilder(tmp_path, ["a.gz"], error=mismatch)
    message = (
        "A file is not the original one of 'shapes'. a.gz is wrong.\n"
        f"Name the folder that holds the original files with manual_dir; it was {tmp_path}. "
        "Datasets whose files have equal names (mnist, fashion_mnist, kmnist) need one each."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        download.prepare(builder, tmp_path)
