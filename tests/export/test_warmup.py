import re

import numpy as np
import pytest
import tensorflow as tf

from kgan.export.interface import read_interface
from kgan.export.saved_model import write_saved_model
from kgan.export.warmup import FILE
from kgan.export.warmup import prediction_log
from kgan.export.warmup import read_warmup
from kgan.export.warmup import replay_warmup
from kgan.export.warmup import warmup_requests
from kgan.export.warmup import write_warmup

DAMAGED = (
    "assets.extra/tf_serving_warmup_requests is damaged or no TFRecord of PredictionLog messages. "
    "Write it anew with write_warmup."
)
SEED = {"seed": np.array([7], "int64"), "label": np.array([2], "int32")}


@pytest.fixture(scope="module")
def folder(conditional_generator, tmp_path_factory):
    """The SavedModel of the conditional generator."""
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(conditional_generator, folder, read_interface(conditional_generator, 3))
    return folder


@pytest.fixture(scope="module")
def requests(conditional_generator):
    return warmup_requests(conditional_generator, read_interface(conditional_generator, 3))


def test_every_function_gets_a_request_for_one_image(generator, requests):
    inputs = {
        "serving_default": {"latents"},
        "generate": {"seed"},
        "generate_truncated": {"seed", "truncation"},
        "generate_png": {"seed"},
    }
    plain = dict(warmup_requests(generator, read_interface(generator)))
    assert {name: set(given) for name, given in plain.items()} == inputs
    with_label = {name: given | {"label"} for name, given in inputs.items()}
    assert {name: set(given) for name, given in requests} == with_label
    for _, given in requests:
        assert {len(values) for values in given.values()} == {1}


def test_the_bytes_of_a_request_worked_by_hand():
    # Each field is (number << 3 | 2), its length and its content; a number is (number << 3 | 0).
    tensor = bytes.fromhex("0809 1204 1202 0801 5201 07")  # int64 (9), shape [1], values [7]
    entry = b"\x0a\x04seed" + b"\x12\x0b" + tensor
    model = b"\x0a\x06digits" + b"\x1a\x08generate"
    request = b"\x0a\x12" + model + b"\x12\x13" + entry
    expected = b"\x32\x2b" + b"\x0a\x29" + request
    assert prediction_log("generate", {"seed": SEED["seed"]}, name="digits") == expected


def test_the_official_messages_read_every_request(requests, folder):
    messages = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2",
        reason="tensorflow-serving-api is not installed",
    )
    write_warmup(folder, requests, name="digits")
    records = list(tf.data.TFRecordDataset(str(folder / FILE)).as_numpy_iterator())
    assert len(records) == 4
    for record, (name, inputs) in zip(records, requests, strict=True):
        log = messages.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "digits"
        assert request.model_spec.signature_name == name
        assert set(request.inputs) == set(inputs)
        for key, values in inputs.items():
            found = tf.make_ndarray(request.inputs[key])
            np.testing.assert_array_equal(found, values)
            assert found.dtype == values.dtype
        # Nothing but what they know: it is written again as it was.
        assert log.SerializeToString(deterministic=True) == record


def test_what_is_written_is_read_again(tmp_path):
    latents = np.random.default_rng(0).standard_normal((3, 5), "float32")
    write_warmup(tmp_path, [("serving_default", {"latents": latents}), ("f", SEED)], name="digits")
    (first, named), (second, seed) = read_warmup(tmp_path)
    assert (first, second) == ("serving_default", "f")
    np.testing.assert_array_equal(named["latents"], latents)
    assert {key: (value.tolist(), value.dtype) for key, value in seed.items()} == {
        "seed": ([7], np.dtype("int64")),
        "label": ([2], np.dtype("int32")),
    }


def test_every_request_is_answered(requests, folder):
    write_warmup(folder, requests, name="digits")
    assert replay_warmup(folder) == 4


def check_refused(folder, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replay_warmup(folder)


def check_request_refused(folder, name, inputs, message):
    write_warmup(folder, [(name, inputs)], name="digits")
    check_refused(folder, message)


def test_a_request_for_an_unknown_function_is_found(folder):
    message = (
        "A warm-up request names the function 'paint'. The SavedModel has generate, generate_png, "
        "generate_truncated, serving_default."
    )
    check_request_refused(folder, "paint", SEED, message)


@pytest.mark.parametrize(
    ("changed", "received"),
    [
        ({"label": None}, "seed int64 (1,)"),
        ({"size": SEED["seed"]}, "label int32 (1,), seed int64 (1,), size int64 (1,)"),
        ({"seed": np.array([7], "int32")}, "label int32 (1,), seed int32 (1,)"),
        ({"seed": np.array([[7]], "int64")}, "label int32 (1,), seed int64 (1, 1)"),
    ],
    ids=["left out", "too many", "other type", "other shape"],
)
def test_a_request_that_does_not_fit_is_found(folder, changed, received):
    inputs = {key: value for key, value in {**SEED, **changed}.items() if value is not None}
    message = (
        "The warm-up request of generate does not fit the function. Expected: label int32 (None,), "
        f"seed int64 (None,). Received: {received}."
    )
    check_request_refused(folder, "generate", inputs, message)


def test_a_function_that_fails_is_found(folder):
    message = (
        "The SavedModel fails on its warm-up request of generate_png, so no server would serve it: "
        "assertion failed: [label must be in [0, 3). Received:] [3]"
    )
    inputs = {**SEED, "label": np.array([3], "int32")}
    check_request_refused(folder, "generate_png", inputs, message)


def test_a_function_without_a_request_is_found(requests, folder):
    write_warmup(folder, requests[:2], name="digits")
    message = (
        "The warm-up file has no request for generate_png, generate_truncated, so a server would "
        "serve what it has not tried. Write one request per signature."
    )
    check_refused(folder, message)


def test_a_missing_file_is_told(tmp_path):
    message = (
        f"{tmp_path} holds no assets.extra/tf_serving_warmup_requests. Write it with write_warmup."
    )
    check_refused(tmp_path, message)


@pytest.mark.parametrize("content", [b"no TFRecord at all", None])
def test_a_damaged_file_is_told(tmp_path, content):
    write_warmup(tmp_path, [("generate", SEED)], name="digits")
    path = tmp_path / FILE
    path.write_bytes(content or path.read_bytes()[:-5])
    check_refused(tmp_path, DAMAGED)


def test_records_that_are_no_requests_are_told(tmp_path):
    write_warmup(tmp_path, [], name="digits")
    with tf.io.TFRecordWriter(str(tmp_path / FILE)) as writer:
        writer.write(b"\xff\xff\xff")
    check_refused(tmp_path, DAMAGED)
