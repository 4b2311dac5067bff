import re

import keras
import pytest

from kgan.export.interface import Interface
from kgan.export.interface import read_interface


def model_of(*input_shapes, output_shape=(8, 8, 1)):
    """A model with such inputs and output, without a batch dimension in either."""
    inputs = [keras.Input(shape) for shape in input_shapes]
    flat = [keras.layers.Flatten()(keras.layers.Reshape((-1, 1))(tensor)) for tensor in inputs]
    joined = flat[0] if len(flat) == 1 else keras.layers.Concatenate()(flat)
    size = 1
    for length in output_shape:
        size *= length
    images = keras.layers.Reshape(output_shape)(keras.layers.Dense(size)(joined))
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, images)


def test_interface_of_a_generator_of_latents(generator):
    assert read_interface(generator) == Interface(5, (8, 8, 1), None)


def test_interface_of_a_generator_of_latents_and_labels(conditional_generator):
    assert read_interface(conditional_generator, 3) == Interface(5, (8, 8, 1), 3)


def test_a_sequential_model_is_a_generator():
    generator = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))]
    )
    assert read_interface(generator) == Interface(5, (2, 2, 1), None)


def test_a_model_of_unknown_inputs_is_refused():
    message = (
        "The generator must be a functional keras model, whose inputs are known. Received: "
        "Sequential 'unbuilt'. Wrap it: "
        "latents = keras.Input((latent_dim,)); keras.Model(latents, generator(latents))."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(keras.Sequential([keras.layers.Dense(4)], name="unbuilt"))


@pytest.mark.parametrize(
    ("shapes", "received"),
    [
        ([(28, 28, 1)], "[(None, 28, 28, 1)]"),
        ([(5,), (1,)], "[(None, 5), (None, 1)]"),
        ([(5,), (), ()], "[(None, 5), (None,), (None,)]"),
        ([(), (5,)], "[(None,), (None, 5)]"),
    ],
)
def test_inputs_that_are_not_latents_and_labels_are_refused(shapes, received):
    message = (
        "The generator must take latents, (None, latent_dim), or latents and labels, "
        f"[(None, latent_dim), (None,)]. Received inputs of shape: {received}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(model_of(*shapes))


def test_a_fixed_batch_size_is_refused():
    latents = keras.Input(batch_shape=(16, 5))
    images = keras.layers.Reshape((1, 5, 1))(latents)
    with pytest.raises(ValueError, match=re.escape("Received inputs of shape: [(16, 5)].")):
        read_interface(keras.Model(latents, images))


@pytest.mark.parametrize("held", [lambda images: {"images": images}, lambda images: [images]])
def test_images_in_a_dict_or_a_list_are_refused(held):
    latents = keras.Input((4,))
    generator = keras.Model(latents, held(keras.layers.Reshape((2, 2, 1))(latents)))
    message = (
        "The generator must give its images as one tensor, not in a dict or list. Received "
        "outputs of shape: [(None, 2, 2, 1)]. Wrap it: keras.Model(generator.inputs, images), "
        "where images is that tensor."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(generator)


def test_an_output_that_is_no_image_is_refused():
    message = (
        "The generator must give images, (None, height, width, channels), of a fixed size. "
        "Received outputs of shape: [(None, 2)]."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(model_of((5,), output_shape=(2,)))


def test_classes_without_labels_are_refused(generator):
    message = "The generator takes no labels, so num_classes must be None. Received: num_classes=3."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(generator, 3)


@pytest.mark.parametrize("num_classes", [None, 0, -1, 2.5, 2**40])
def test_labels_without_a_number_of_classes_are_refused(conditional_generator, num_classes):
    message = (
        "The generator takes labels, so num_classes must be the number of classes, an int from 1 "
        "to 1048576: the export refuses labels out of range, and compares an image of each class. "
        f"Received: num_classes={num_classes}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(conditional_generator, num_classes)


def test_more_classes_than_the_generator_knows_are_refused(conditional_generator):
    message = (
        "The generator makes no image of the label 3, the last of num_classes=4. Expected: the "
        "number of classes that it was built with, such as the rows of its embedding."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_interface(conditional_generator, 4)
