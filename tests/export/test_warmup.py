import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from kgan.export.interface import read_interface
from kgan.export.saved_model import write_saved_model
from kgan.export.warmup import FILE
from kgan.export.warmup import prediction_log
from kgan.export.warmup import write_warmup

INPUTS = {
    "serving_default": {"latents"},
    "generate": {"seed"},
    "generate_truncated": {"seed", "truncation"},
    "generate_png": {"seed"},
}


@pytest.fixture(scope="module")
def folder(conditional_generator, tmp_path_factory):
    """The SavedModel of the conditional generator, with its warm-up requests."""
    folder = tmp_path_factory.mktemp("saved_model")
    interface = read_interface(conditional_generator, 3)
    write_saved_model(conditional_generator, folder, interface)
    write_warmup(folder, conditional_generator, interface, name="digits")
    return folder


def check_requests(requests, expected):
    assert [(name, set(given)) for name, given in requests] == list(expected.items())
    for _, given in requests:
        assert {len(values) for values in given.values()} == {1}


def test_every_function_gets_a_request_for_one_image(generator, tmp_path, read_warmup):
    interface = read_interface(generator)
    write_saved_model(generator, tmp_path, interface)
    write_warmup(tmp_path, generator, interface, name="digits")
    check_requests(read_warmup(tmp_path), INPUTS)


def test_every_request_has_a_label_where_the_generator_takes_one(folder, read_warmup):
    with_label = {name: given | {"label"} for name, given in INPUTS.items()}
    check_requests(read_warmup(folder), {**with_label, "classes": {"label"}})


def test_the_bytes_of_a_request_worked_by_hand():
    # Each field is (number << 3 | 2), its length and its content; a number is (number << 3 | 0).
    tensor = bytes.fromhex("0809 1204 1202 0801 5201 07")  # int64 (9), shape [1], values [7]
    entry = b"\x0a\x04seed" + b"\x12\x0b" + tensor
    model = b"\x0a\x06digits" + b"\x1a\x08generate"
    request = b"\x0a\x12" + model + b"\x12\x13" + entry
    expected = b"\x32\x2b" + b"\x0a\x29" + request
    seed = np.array([7], "int64")
    assert prediction_log("generate", {"seed": seed}, name="digits") == expected


@pytest.fixture
def messages():
    """The official messages."""
    return pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2",
        reason="tensorflow-serving-api is not installed",
    )


def test_the_official_messages_read_every_request(messages, folder, read_warmup):
    records = list(tf.data.TFRecordDataset(str(folder / FILE)).as_numpy_iterator())
    assert len(records) == 5
    for record, (name, inputs) in zip(records, read_warmup(folder), strict=True):
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


@pytest.mark.parametrize("width", [1, 20, 30, 4000, 5_000_000])
def test_the_official_messages_read_inputs_of_any_length(messages, width):
    latents = np.random.default_rng(0).standard_normal((1, width), "float32")
    record = prediction_log("serving_default", {"latents": latents}, name="digits")
    log = messages.PredictionLog.FromString(record)
    found = tf.make_ndarray(log.predict_log.request.inputs["latents"])
    np.testing.assert_array_equal(found, latents)
    assert log.SerializeToString(deterministic=True) == record


def test_a_function_that_fails_is_found(conditional_generator, folder, tmp_path):
    # It asks for the last of four classes, and the SavedModel has three.
    copy = shutil.copytree(folder, tmp_path / "1")
    interface = read_interface(conditional_generator, 3)._replace(num_classes=4)
    message = (
        "The SavedModel fails on its warm-up request of serving_default, so no server would serve "
        "it: assertion failed: [label must be in [0, 3). Received:] [3]"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        write_warmup(copy, conditional_generator, interface, name="digits")
