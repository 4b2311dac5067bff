"""deploy/serving/ and docs/serving.md: clients work, files parse, requests are answered."""

import contextlib
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent import futures
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kgan._utils.images import to_uint8
from kgan.export import export_generator
from kgan.export.loaded import load_exported

ROOT = Path(__file__).parent.parent
SERVING = ROOT / "deploy" / "serving"
CONFIGURATIONS = sorted(SERVING.glob("*.config"))
PAGE = (ROOT / "docs" / "serving.md").read_text()
SERVED = runpy.run_path(str(Path(__file__).with_name("served_model.py")))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported generator of (6, 4, 1) images from 4 latents and 10 classes."""
    latents = keras.Input((4,))
    labels = keras.Input((), dtype="int32")
    joined = keras.layers.Concatenate()([latents, keras.layers.Embedding(10, 4)(labels)])
    pixels = keras.layers.Dense(24, activation="tanh")(joined)
    generator = keras.Model([latents, labels], keras.layers.Reshape((6, 4, 1))(pixels))
    base = tmp_path_factory.mktemp("exported") / "digits"
    export_generator(generator, base, num_classes=10)
    return base


@pytest.fixture(scope="module")
def served(exported):
    """The exported version behind HTTP: the address of the host."""
    model = SERVED["ServedModel"](exported / "1", "digits")
    with SERVED["serve"](model.answer) as address:
        yield address


def expected_pixels(exported, seed, label):
    """The image of a seed and a class, (6, 4), by the exported version itself."""
    generate = tf.saved_model.load(str(exported / "1")).signatures["generate"]
    images = generate(seed=tf.constant([seed], tf.int64), label=tf.constant([label]))["images"]
    return images[0, ..., 0].numpy()


def run(*command, **options):
    """Run a command to its end."""
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def rest_client(*arguments, folder):
    # -S: without the packages that are installed, as on a machine that has Python alone.
    return run(sys.executable, "-S", SERVING / "rest_client.py", *arguments, cwd=folder)


def test_the_rest_client_saves_the_image_of_a_seed(exported, served, tmp_path):
    model = f"--model={served}/v1/models/digits"
    found = rest_client(model, "--seed=7", "--label=3", "--output=three.png", folder=tmp_path)
    assert (found.stdout, found.stderr, found.returncode) == ("three.png\n", "", 0)
    shown = np.asarray(Image.open(tmp_path / "three.png"))
    np.testing.assert_array_equal(shown, expected_pixels(exported, 7, 3))


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("digits", "--label=10", "label must be in [0, 10). Received:"),
        ("faces", "--label=1", "Servable not found for request: Latest(faces)"),
    ],
)
def test_the_rest_client_passes_on_what_the_server_says(served, tmp_path, name, label, message):
    found = rest_client(f"--model={served}/v1/models/{name}", label, folder=tmp_path)
    assert found.stderr.startswith("rest_client.py: ")
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert found.returncode == 1
    assert not (tmp_path / "sample.png").exists()


def test_the_grpc_client_saves_the_image_of_a_seed(exported, tmp_path, monkeypatch):
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    client = runpy.run_path(str(SERVING / "grpc_client.py"))
    with grpc_server(exported / "1") as port:
        server = f"--server=localhost:{port}"
        output = tmp_path / "three.png"
        flags = [server, "--seed=7", "--label=3", f"--output={output}"]
        monkeypatch.setattr(sys, "argv", ["grpc_client.py", *flags])
        client["main"]()
        shown = np.asarray(Image.open(output))
        np.testing.assert_array_equal(shown, expected_pixels(exported, 7, 3))
        with (
            grpc.insecure_channel(f"localhost:{port}") as channel,
            pytest.raises(grpc.RpcError, match=re.escape("label must be in [0, 10)")),
        ):
            client["sample_png"](channel, "digits", seed=7, label=10)


def grpc_server(folder):
    """A server for gRPC on this machine that answers Predict by a version directory."""
    import grpc
    from tensorflow_serving.apis.predict_pb2 import PredictResponse
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceServicer
    from tensorflow_serving.apis.prediction_service_pb2_grpc import (
        add_PredictionServiceServicer_to_server,
    )

    loaded = tf.saved_model.load(str(folder))

    class Service(PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802 - the name of the service's method
            assert request.model_spec.name == "digits"
            function = loaded.signatures[request.model_spec.signature_name]
            inputs = {key: tf.constant(tf.make_ndarray(it)) for key, it in request.inputs.items()}
            answer = PredictResponse()
            try:
                outputs = function(**inputs)
            except tf.errors.InvalidArgumentError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
            for key, value in outputs.items():
                answer.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
            return answer

    @contextlib.contextmanager
    def serving():
        server = grpc.server(futures.ThreadPoolExecutor(1))
        add_PredictionServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(grace=None).wait()

    return serving()


def test_the_edge_client_makes_the_image_of_a_seed(exported, tmp_path, monkeypatch):
    output = tmp_path / "three.png"
    flags = [f"--model={exported / 'digits.tflite'}", "--seed=7", "--label=3"]
    monkeypatch.setattr(sys, "argv", ["edge_client.py", *flags, f"--output={output}"])
    client = runpy.run_path(str(SERVING / "edge_client.py"))
    client["main"]()
    latents = np.random.default_rng(7).standard_normal((1, 4), "float32")
    images = load_exported(exported / "digits.tflite")([latents, [3]])
    expected = to_uint8(images)[0, ..., 0]
    np.testing.assert_array_equal(np.asarray(Image.open(output)), expected)
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        client["sample"](exported / "digits.tflite", seed=7, label=10)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_a_configuration_is_one_of_the_servers_own(path):
    reason = "tensorflow-serving-api is not installed"
    module = "tensorflow_serving.config.model_server_config_pb2"
    definition = pytest.importorskip(module, reason=reason)
    from google.protobuf import text_format

    parsed = text_format.Parse(path.read_text(), definition.ModelServerConfig())
    (config,) = parsed.model_config_list.config
    assert (config.name, config.base_path) == ("digits", "/models/digits")
    # A label may be given only to a version that is served.
    versions = set(config.model_version_policy.specific.versions)
    assert set(config.version_labels.values()) <= versions


@pytest.fixture
def docker(tmp_path):
    """A folder with a `docker` that prints what it is called with, a line each."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    stand_in = tmp_path / "bin" / "docker"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    return stand_in.parent


def serve(docker, *arguments):
    path = f"{docker}{os.pathsep}{os.environ['PATH']}"
    return run(SERVING / "serve.sh", *arguments, env={**os.environ, "PATH": path})


@pytest.mark.parametrize("configuration", [None, "canary.config"])
def test_the_server_finds_the_models_and_every_file_it_is_given(docker, exported, configuration):
    found = serve(docker, exported, *([configuration] if configuration else []))
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    volumes = [lines[row + 1] for row, line in enumerate(lines) if line == "--volume"]
    assert volumes == [f"{exported}:/models/digits:ro", f"{SERVING}:/config:ro"]
    files = re.findall(r"=/config/(\S+)", found.stdout)
    assert files == [configuration or "model.config"]
    assert (SERVING / files[0]).is_file()
    # One client's wrong request would fail those of others, and a request for no image would hang.
    assert "batching" not in found.stdout
    # One version that cannot be loaded would keep all later ones waiting.
    assert "--max_num_load_retries=0" in lines


def test_serving_nothing_is_told(docker):
    found = serve(docker)
    assert "give the exported folder, such as exported/digits" in found.stderr
    assert found.returncode == 1


def test_the_page_names_files_that_are_there():
    linked = re.findall(r"\]\(((?!http|#)[^)]+)\)", PAGE)
    named = re.findall(r"(?:tools|tests|deploy|kgan)/[\w/.]+\.(?:py|cc|sh|config|txt)", PAGE)
    assert linked or named
    assert [name for name in linked if not (ROOT / "docs" / name).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []


CURLS = re.findall(r"^curl .*?[^\\]$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", CURLS, ids=range(len(CURLS)))
def test_every_request_of_the_page_is_answered(served, command):
    # The page's generator has 64 latents.
    command = command.replace("LATENTS", ", ".join(["0.0"] * 4)).replace("\\\n", "")
    *flags, address = shlex.split(command.replace("http://localhost:8501", served))
    assert flags[:2] == ["curl", "-s"]
    # curl is not everywhere. With -d it sends what follows, as a POST.
    body = flags[3].encode() if flags[2:3] == ["-d"] else None
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body)) as response:
            answer = response.read().decode()
    except urllib.error.HTTPError as error:
        answer = error.read().decode()
    refused = '"label": 12' in command
    assert ('"error"' in answer) == refused, answer
    asked = ('{"predictions"', '{"outputs"', '{"metadata"', '{"model_version_status"')
    assert answer.startswith('{"error"' if refused else asked)


def test_the_pages_requests_cover_every_signature():
    names = ("generate", "generate_png", "generate_truncated")
    for name in names:
        assert any(f'"signature_name": "{name}"' in command for command in CURLS), name
    assert any("latents" in command for command in CURLS)
