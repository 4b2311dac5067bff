"""An exported version, loaded in C++ as TensorFlow Serving loads it, answers as in Python."""

import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import NameAttrList

from kgan.export import export_generator

# The program takes ten seconds to compile, and says nothing of training.
pytestmark = pytest.mark.slow

SOURCE = Path(__file__).with_name("replay.cc")
LATENT_DIM = 5
NUM_CLASSES = 3


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    """The C++ program, built once: a function of a version's folder and requests."""
    folder = tmp_path_factory.mktemp("replay")
    program = build(folder / "replay")

    def run(version, requests):
        """The answers of a fresh process to `requests`."""
        write_records(folder / "requests", [each.SerializeToString() for each in requests])
        ended = subprocess.run(
            [program, version, folder / "requests", folder / "answers"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return [NameAttrList.FromString(each) for each in read_records(folder / "answers")]

    return run


def build(program):
    """Compile the program against the headers and libraries of the installed TensorFlow."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ to build the C++ loader with")
    if not Path(tf.sysconfig.get_include(), "tensorflow/cc/saved_model/loader.h").is_file():
        pytest.skip("this TensorFlow was installed without its C++ headers")
    library = "libtensorflow_cc.so.2"
    if not Path(tf.sysconfig.get_lib(), library).is_file():
        pytest.skip(f"this TensorFlow was installed without {library}")
    # Nothing here calls the libraries' kernels and sessions by name: they register themselves, and
    # the linker would leave them out.
    libraries = ["-Wl,--no-as-needed", *tf.sysconfig.get_link_flags(), f"-l:{library}"]
    command = ["g++", "-w", *tf.sysconfig.get_compile_flags(), str(SOURCE), "-o", str(program)]
    libraries.append(f"-Wl,-rpath,{tf.sysconfig.get_lib()}")
    if shutil.which("ld.gold"):
        # A quarter of the other linker's time for libraries of this size.
        libraries.append("-fuse-ld=gold")
    built = subprocess.run(
        [*command, *libraries], capture_output=True, text=True, timeout=240, check=False
    )
    assert built.returncode == 0, built.stderr
    return program


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def read_records(path):
    return [record.numpy() for record in tf.data.TFRecordDataset(str(path))]


def ask(signature, inputs):
    """A request to the program, of arrays by name."""
    message = NameAttrList(name=signature)
    for name, value in inputs.items():
        message.attr[name].tensor.CopyFrom(tf.make_tensor_proto(value))
    return message


def tensors(answer):
    """The named arrays of an answer that is no error."""
    assert answer.name == ""
    return {name: tf.make_ndarray(value.tensor) for name, value in answer.attr.items()}


def build_generator(num_classes):
    """A generator of (8, 8, 1) images with weights large enough for images that differ."""
    latents = keras.Input((LATENT_DIM,), name="latents")
    labels = keras.Input((), dtype="int32", name="labels")
    features = latents
    if num_classes:
        embedded = keras.layers.Embedding(num_classes, 4)(labels)
        features = keras.layers.Concatenate()([latents, embedded])
    features = keras.layers.Dense(4 * 4 * 8, activation="leaky_relu")(features)
    features = keras.layers.Reshape((4, 4, 8))(features)
    images = keras.layers.Conv2DTranspose(1, 4, 2, padding="same", activation="tanh")(features)
    generator = keras.Model([latents, labels] if num_classes else latents, images)
    random = np.random.default_rng(1)
    generator.set_weights([random.normal(0, 0.4, weight.shape) for weight in generator.weights])
    return generator


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """By number of classes, None for none: a keras generator and its exported version's folder."""

    def export(num_classes):
        generator = build_generator(num_classes)
        output = tmp_path_factory.mktemp("exported") / "small"
        written = export_generator(generator, output, num_classes=num_classes, tflite=())
        return generator, written.saved_model

    return {num_classes: export(num_classes) for num_classes in (None, NUM_CLASSES)}


both = pytest.mark.parametrize(
    "num_classes", [None, NUM_CLASSES], ids=["unconditional", "conditional"]
)


def inputs_of(function, rows):
    """Arrays for every input of a signature, by the input's name."""
    values = {
        "latents": np.random.default_rng(0).normal(size=(rows, LATENT_DIM)).astype("float32"),
        "label": np.arange(rows, dtype="int32") % NUM_CLASSES,
        "seed": np.arange(rows, dtype="int64") * 2**33 + 7,
        "truncation": np.linspace(0.5, 2, rows, dtype="float32"),
    }
    return {name: values[name] for name in function.structured_input_signature[1]}


@both
def test_every_signature_answers_as_in_python(replay, exports, num_classes):
    _, version = exports[num_classes]
    loaded = tf.saved_model.load(str(version))
    names = {"serving_default", "generate", "generate_truncated", "generate_png"}
    assert set(loaded.signatures) == names | ({"classes"} if num_classes else set())
    cases = [
        (name, inputs_of(function, rows))
        for name, function in loaded.signatures.items()
        for rows in (1, 5)
    ]
    answers = replay(version, [ask(name, inputs) for name, inputs in cases])
    for (name, inputs), answer in zip(cases, answers, strict=True):
        arrays = {key: tf.constant(value) for key, value in inputs.items()}
        expected = {key: each.numpy() for key, each in loaded.signatures[name](**arrays).items()}
        found = tensors(answer)
        assert set(found) == set(expected), name
        for output, values in expected.items():
            assert found[output].dtype == values.dtype, name
            assert found[output].shape == values.shape, name
            if values.dtype == np.float32:
                np.testing.assert_allclose(found[output], values, rtol=0, atol=1e-5)
            else:
                np.testing.assert_array_equal(found[output], values)


@both
def test_images_of_latents_are_those_of_keras(replay, exports, num_classes):
    generator, version = exports[num_classes]
    latents = np.random.default_rng(3).normal(size=(7, LATENT_DIM)).astype("float32")
    inputs = {"latents": latents}
    if num_classes:
        inputs["label"] = np.arange(7, dtype="int32") % num_classes
    (answer,) = replay(version, [ask("serving_default", inputs)])
    expected = generator(list(inputs.values()) if num_classes else latents, training=False)
    np.testing.assert_allclose(tensors(answer)["images"], expected, rtol=0, atol=1e-5)


@both
def test_every_warmup_record_is_answered(replay, exports, num_classes, read_warmup):
    _, version = exports[num_classes]
    requests = [ask(name, inputs) for name, inputs in read_warmup(version)]
    assert requests
    for answer in replay(version, requests):
        assert answer.name == ""
        assert answer.attr


SEED = np.array([3], "int64")
LATENTS = np.zeros((1, LATENT_DIM), "float32")
ZERO = np.zeros(1, "int32")


def test_a_wrong_request_gets_an_error_and_the_next_one_its_images(replay, exports):
    good = ask("generate", {"seed": SEED, "label": ZERO})
    wrong = {
        "label must be in [0, 3)": [
            ask("generate", {"seed": SEED, "label": np.array([label], "int32")})
            for label in (3, -1, 99)
        ],
        "label must hold one number per image": [
            ask("serving_default", {"latents": LATENTS, "label": np.zeros(shape, "int32")})
            for shape in (2, (1, 1), ())
        ],
        "seed must hold one number per image": [
            ask("generate", {"seed": SEED.reshape(shape), "label": ZERO}) for shape in ((1, 1), ())
        ],
        "latents must be finite": [
            ask("serving_default", {"latents": LATENTS + np.float32(value), "label": ZERO})
            for value in (np.nan, np.inf, -np.inf)
        ],
        "latents are too large for finite images": [
            ask("serving_default", {"latents": LATENTS + np.float32(3e38), "label": ZERO})
        ],
        "truncation is the largest absolute value of a latent and must be above 0": [
            ask(
                "generate_truncated",
                {"seed": SEED, "label": ZERO, "truncation": np.array([value], "float32")},
            )
            for value in (0, -1, np.nan)
        ],
        "truncation must hold one number per image": [
            ask(
                "generate_truncated",
                {
                    "seed": np.array([3, 4]),
                    "label": np.zeros(2, "int32"),
                    "truncation": np.ones(1, "float32"),
                },
            )
        ],
        "a request must ask for one image or more": [
            ask("generate_png", {"seed": SEED[:0], "label": ZERO[:0]})
        ],
        "latents must have 5 values per image": [
            ask("serving_default", {"latents": values, "label": ZERO})
            for values in (LATENTS[:, 1:], LATENTS[0], LATENTS[None], LATENTS[..., None])
        ],
        "An input of the signature is missing": [ask("generate", {"seed": SEED})],
        "seed has another type": [ask("generate", {"seed": SEED.astype("int32"), "label": ZERO})],
        "There is no signature paint": [ask("paint", {"seed": SEED})],
    }
    requests = [each for several in wrong.values() for each in several]
    answers = replay(exports[NUM_CLASSES][1], [part for each in requests for part in (each, good)])
    expected = tensors(answers[1])
    for answer in answers[1::2]:
        np.testing.assert_array_equal(tensors(answer)["images"], expected["images"])
    texts = [text for text, several in wrong.items() for _ in several]
    for answer, text in zip(answers[::2], texts, strict=True):
        assert answer.name.startswith("INVALID_ARGUMENT")
        assert text in answer.name
        assert not answer.attr


def test_a_version_without_its_variables_loads_and_refuses_every_request(replay, exports, tmp_path):
    # Why a version is renamed into place: a server would take this for a good one.
    half = shutil.copytree(exports[NUM_CLASSES][1], tmp_path / "1", ignore=lambda *_: ["variables"])
    (answer,) = replay(half, [ask("generate", {"seed": SEED, "label": ZERO})])
    assert "Could not find variable" in answer.name
