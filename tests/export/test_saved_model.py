import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan._utils import images
from kgan.export import signatures
from kgan.export.interface import read_interface
from kgan.export.saved_model import compare_saved_model
from kgan.export.saved_model import write_saved_model


@pytest.fixture(scope="module")
def folder(conditional_generator, tmp_path_factory):
    """The SavedModel of the conditional generator."""
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(conditional_generator, folder, read_interface(conditional_generator, 3))
    return folder


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder))


def generate(loaded, seeds, labels, name="generate", **more):
    function = loaded.signatures[name]
    inputs = {"seed": tf.constant(seeds, tf.int64), "label": tf.constant(labels, tf.int32)}
    (output,) = function(**inputs, **more).values()
    return output.numpy()


def test_signatures_and_their_names(loaded):
    images = ("images", (None, 8, 8, 1))
    expected = {
        "serving_default": ({"latents", "label"}, *images, "float32"),
        "generate": ({"seed", "label"}, *images, "uint8"),
        "generate_truncated": ({"seed", "truncation", "label"}, *images, "uint8"),
        "generate_png": ({"seed", "label"}, "png_bytes", (None,), "string"),
        # From whose shape a client knows that there are 3 classes.
        "classes": ({"label"}, "one_hot", (None, 3), "uint8"),
    }
    found = {}
    for name, function in loaded.signatures.items():
        ((output, spec),) = function.structured_outputs.items()
        inputs = set(function.structured_input_signature[1])
        found[name] = (inputs, output, tuple(spec.shape), spec.dtype.name)
    assert found == expected


def test_every_weight_is_stored_once(conditional_generator, folder):
    shapes = tf.train.load_checkpoint(
        str(folder / "variables" / "variables")
    ).get_variable_to_shape_map()
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    stored = sorted(tuple(shape) for shape in shapes.values())
    assert stored == sorted(tuple(weight.shape) for weight in conditional_generator.weights)


def test_no_path_of_this_machine_is_inside(folder):
    content = (folder / "saved_model.pb").read_bytes()
    for path in (folder, Path(__file__).parent, Path(keras.__file__).parent):
        assert os.fsencode(path) not in content


def test_compare_measures_no_difference(conditional_generator, folder):
    found = compare_saved_model(
        conditional_generator, folder, read_interface(conditional_generator, 3)
    )
    assert 0 <= found.images <= 1e-5
    assert 0 <= found.levels <= 1


def test_image_of_a_seed_is_keras_image_of_the_latents_of_that_seed(conditional_generator, loaded):
    latents = keras.random.normal((1, 5), seed=9)
    expected = images.to_uint8(conditional_generator([latents, tf.constant([2])]))
    # One level: a graph may round a sum to the other side of a half.
    found = generate(loaded, [9], [2])
    np.testing.assert_allclose(found.astype(int), expected.astype(int), rtol=0, atol=1)


def test_image_of_a_seed_is_the_same_in_every_batch(loaded):
    alone = generate(loaded, [5], [1])
    among_others = generate(loaded, [0, 1, 2, 5, 3, 4, 5], [0, 1, 2, 1, 0, 2, 1])
    np.testing.assert_allclose(among_others[[3, 6]].astype(int), alone[[0, 0]], rtol=0, atol=1)
    assert np.abs(among_others[0].astype(int) - alone[0]).max() > 1


def test_a_png_file_is_the_image_of_its_seed(loaded):
    files = generate(loaded, [5, 6, 5], [1, 1, 2], "generate_png")
    expected = generate(loaded, [5, 6, 5], [1, 1, 2])
    np.testing.assert_array_equal([tf.io.decode_png(file) for file in files], expected)


def test_a_truncation_beyond_all_latents_gives_the_image_of_generate(loaded):
    truncation = tf.constant([100.0, np.inf, 0.1])
    found = generate(loaded, [5, 6, 5], [1, 1, 1], "generate_truncated", truncation=truncation)
    expected = generate(loaded, [5, 6, 5], [1, 1, 1])
    np.testing.assert_array_equal(found[:2], expected[:2])
    assert np.abs(found[2].astype(int) - expected[2]).max() > 10


def test_another_process_gives_the_same_images(loaded, folder, forks):
    found = forks.run(
        Path(__file__).with_name("images_of_seeds.py"), str(folder), "5", "2147483647"
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == generate(loaded, [5, 2**31 - 1], [1, 1]).tobytes().hex()


INPUTS = {
    "serving_default": {"latents": tf.zeros((1, 5))},
    "generate": {"seed": tf.zeros((1,), tf.int64)},
    "generate_truncated": {"seed": tf.zeros((1,), tf.int64), "truncation": tf.ones((1,))},
    "generate_png": {"seed": tf.zeros((1,), tf.int64)},
}


def check_served_refusal(loaded, name, message, **changed):
    inputs = {**INPUTS.get(name, {}), "label": tf.constant([0]), **changed}
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        loaded.signatures[name](**inputs)
    assert message in str(error.value)


@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("name", INPUTS)
def test_a_label_out_of_range_is_refused(loaded, name, label):
    message = f"assertion failed: [label must be in [0, 3). Received:] [{label}]"
    check_served_refusal(loaded, name, message, label=tf.constant([label]))


@pytest.mark.parametrize("name", INPUTS)
def test_one_label_for_two_images_is_refused(loaded, name):
    twice = {key: tf.repeat(value, 2, axis=0) for key, value in INPUTS[name].items()}
    message = (
        "assertion failed: [label must hold one number per image. Images, and the shape of label:] "
        "[2] [1]"
    )
    check_served_refusal(loaded, name, message, **twice)


@pytest.mark.parametrize("name", INPUTS)
def test_a_request_for_nothing_is_refused(loaded, name):
    nothing = {key: value[:0] for key, value in INPUTS[name].items()}
    message = "assertion failed: [a request must ask for one image or more. Images:] [0]"
    check_served_refusal(loaded, name, message, **nothing, label=tf.zeros((0,), tf.int32))


def test_latents_of_another_width_are_refused(loaded):
    message = "assertion failed: [latents must have 5 values per image. Received the shape:] [1 4]"
    check_served_refusal(loaded, "serving_default", message, latents=tf.zeros((1, 4)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "assertion failed: [latents must be finite. Received:] [[nan nan nan nan nan]]"),
        (np.inf, "assertion failed: [latents must be finite. Received:] [[inf inf inf inf inf]]"),
        (3e38, "assertion failed: [latents are too large for finite images. The largest:] [3e+38]"),
    ],
)
def test_latents_without_an_image_are_refused(loaded, value, message):
    check_served_refusal(loaded, "serving_default", message, latents=tf.fill((1, 5), value))


def test_a_label_among_all_classes(loaded):
    found = loaded.signatures["classes"](label=tf.constant([2, 0]))["one_hot"]
    np.testing.assert_array_equal(found, [[0, 0, 1], [1, 0, 0]])
    check_served_refusal(loaded, "classes", "label must be in [0, 3)", label=tf.constant([3]))


@pytest.mark.parametrize(("truncation", "shown"), [(np.nan, "nan"), (0.0, "0"), (-2.0, "-2")])
def test_a_truncation_that_is_no_length_is_refused(loaded, truncation, shown):
    message = (
        "assertion failed: [truncation is the largest absolute value of a latent and must be "
        f"above 0. Received:] [{shown}]"
    )
    given = tf.constant([truncation])
    check_served_refusal(loaded, "generate_truncated", message, truncation=given)


def test_one_truncation_for_two_seeds_is_refused(loaded):
    message = (
        "assertion failed: [truncation must hold one number per image. Images, and the shape of "
        "truncation:] [2] [1]"
    )
    two = {"seed": tf.zeros((2,), tf.int64), "label": tf.zeros((2,), tf.int32)}
    check_served_refusal(loaded, "generate_truncated", message, **two)


def check_refused(generator, folder, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        compare_saved_model(generator, folder, read_interface(generator))


def test_other_weights_are_found(generator, tmp_path):
    write_saved_model(generator, tmp_path, read_interface(generator))
    other = keras.models.clone_model(generator)
    message = (
        r"The SavedModel's images differ from those of Keras by \d\.\de[+-]\d\d, more than 1e-05\."
    )
    check_refused(other, tmp_path, message)


def dense_generator(channels):
    """A generator of (2, 2, channels) images that is compiled at once."""
    latents = keras.Input((4,))
    pixels = keras.layers.Dense(4 * channels, activation="tanh")(latents)
    return keras.Model(latents, keras.layers.Reshape((2, 2, channels))(pixels))


def check_levels_refused(folder, name):
    generator = dense_generator(1)
    write_saved_model(generator, folder, read_interface(generator))
    message = (
        rf"The SavedModel's images of {name} differ from those of Keras by \d+ levels of 255, "
        r"more than 1\."
    )
    check_refused(generator, folder, message)


def test_other_latents_of_a_seed_are_found(tmp_path, monkeypatch):
    draw = signatures.latents_of_seeds
    monkeypatch.setattr(signatures, "latents_of_seeds", lambda seed, dim: draw(seed + 1, dim))
    check_levels_refused(tmp_path, "generate")


def test_latents_cut_off_instead_of_truncated_are_found(tmp_path, monkeypatch):
    def cut_off(latents, truncation):
        limit = truncation[:, tf.newaxis]
        return tf.clip_by_value(latents, -limit, limit)

    monkeypatch.setattr(signatures, "truncated", cut_off)
    check_levels_refused(tmp_path, "generate_truncated")


def test_png_files_of_other_images_are_found(tmp_path, monkeypatch):
    encode = tf.io.encode_png
    monkeypatch.setattr(tf.io, "encode_png", lambda images: encode(images[:, ::-1]))
    check_levels_refused(tmp_path, "generate_png")


def test_five_channels_are_compared_without_png(tmp_path):
    generator = dense_generator(5)
    write_saved_model(generator, tmp_path, read_interface(generator))
    found = compare_saved_model(generator, tmp_path, read_interface(generator))
    assert found.images <= 1e-5
    assert "generate_png" not in tf.saved_model.load(str(tmp_path)).signatures


def test_images_that_are_not_finite_are_found(build_generator, tmp_path):
    generator = build_generator()
    generator.set_weights([np.full(weight.shape, np.nan) for weight in generator.weights])
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = re.escape(
        "The generator's images hold NaN or infinity, so there is nothing to export: its "
        "training has diverged. Export an earlier state of it."
    )
    check_refused(generator, tmp_path, message)


def test_one_broken_class_of_many_is_found(tmp_path):
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    embedding = keras.layers.Embedding(100, 4)
    summed = keras.layers.Add()([latents, embedding(labels)])
    generator = keras.Model([latents, labels], keras.layers.Reshape((2, 2, 1))(summed))
    # Of the classes that 64 rows from the last one down do not reach.
    embedding.embeddings.assign(np.where(np.arange(100)[:, None] == 7, np.nan, np.ones((100, 4))))
    interface = read_interface(generator, 100)
    write_saved_model(generator, tmp_path, interface)
    with pytest.raises(ValueError, match=r"^The generator's images hold NaN or infinity"):
        compare_saved_model(generator, tmp_path, interface)


def test_rounding_of_large_values_is_not_taken_for_a_difference(tmp_path):
    latents = keras.Input((64,))
    # Images of up to some thousands, which float32 rounds by more than 1e-5.
    pixels = keras.layers.Dense(64, kernel_initializer=keras.initializers.RandomNormal(stddev=100))
    generator = keras.Model(latents, keras.layers.Reshape((8, 8, 1))(pixels(latents)))
    write_saved_model(generator, tmp_path, read_interface(generator))
    assert compare_saved_model(generator, tmp_path, read_interface(generator)).images < 0.1


def test_a_generator_that_mixes_the_rows_of_a_batch_is_found(tmp_path):
    latents = keras.Input((4,))
    centred = latents - keras.ops.mean(latents, axis=0, keepdims=True)
    generator = keras.Model(latents, keras.layers.Reshape((2, 2, 1))(centred))
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = re.escape(
        "The generator's images depend on the other rows of their batch, but a server may "
        "merge requests into batches as they come. Remove the layer that mixes rows."
    )
    check_refused(generator, tmp_path, message)
