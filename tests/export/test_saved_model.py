import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgan import images
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


def generate(loaded, seeds, labels):
    function = loaded.signatures["generate"]
    inputs = {"seed": tf.constant(seeds, tf.int64), "label": tf.constant(labels, tf.int32)}
    return function(**inputs)["images"].numpy()


def test_signatures_and_their_names(loaded):
    assert set(loaded.signatures) == {"serving_default", "generate"}
    for name, first, dtype in (
        ("serving_default", "latents", "float32"),
        ("generate", "seed", "uint8"),
    ):
        function = loaded.signatures[name]
        assert set(function.structured_input_signature[1]) == {first, "label"}
        output = function.structured_outputs["images"]
        assert (output.dtype.name, tuple(output.shape)) == (dtype, (None, 8, 8, 1))


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


@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("name", ["serving_default", "generate"])
def test_a_label_out_of_range_is_refused(loaded, name, label):
    first = {
        "serving_default": {"latents": tf.zeros((1, 5))},
        "generate": {"seed": tf.zeros((1,), tf.int64)},
    }
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        loaded.signatures[name](**first[name], label=tf.constant([label]))
    assert "label must be in [0, 3). Received:" in str(error.value)


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


def test_other_latents_of_a_seed_are_found(generator, tmp_path, monkeypatch):
    draw = signatures.latents_of_seeds
    monkeypatch.setattr(signatures, "latents_of_seeds", lambda seed, dim: draw(seed + 1, dim))
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = (
        r"The SavedModel's images of seeds differ from those of Keras by \d+ levels of 255, "
        r"more than 1\."
    )
    check_refused(generator, tmp_path, message)


def test_images_that_are_not_finite_are_found(build_generator, tmp_path):
    generator = build_generator()
    generator.set_weights([np.full(weight.shape, np.nan) for weight in generator.weights])
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = re.escape(
        "The generator's images hold NaN or infinity, so there is nothing to export: its "
        "training has diverged. Export an earlier state of it."
    )
    check_refused(generator, tmp_path, message)


def test_a_generator_that_mixes_the_rows_of_a_batch_is_found(tmp_path):
    latents = keras.Input((4,))
    centred = latents - keras.ops.mean(latents, axis=0, keepdims=True)
    generator = keras.Model(latents, keras.layers.Reshape((2, 2, 1))(centred))
    write_saved_model(generator, tmp_path, read_interface(generator))
    message = re.escape(
        "The generator's images depend on the other rows of their batch, but a server merges "
        "requests into batches as they come. Remove the layer that mixes rows."
    )
    check_refused(generator, tmp_path, message)
