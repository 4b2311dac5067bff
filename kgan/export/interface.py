"""What a generator takes and gives, read from the model and checked."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kgan._utils.checks import is_integer

# Each is compared in every format.
_MOST_CLASSES = 2**20


class Interface(NamedTuple):
    """What every export format needs to know about a generator.

    Attributes:
        latent_dim: int, width of the latents.
        image_shape: (height, width, channels).
        num_classes: int for a generator of [latents, labels], None for one of latents alone.
    """

    latent_dim: int
    image_shape: tuple[int, int, int]
    num_classes: int | None


def read_interface(generator: keras.Model, num_classes: int | None = None) -> Interface:
    """Read a generator's interface and refuse a model that is no generator of images.

    Args:
        generator: functional or sequential keras model of latents, (batch, latent_dim), or of
            [latents, labels] with labels of shape (batch,), to images.
        num_classes: int > 0 if the generator takes labels, else None.

    Returns:
        The generator's `Interface`.

    Raises:
        ValueError: the inputs, the output or `num_classes` do not fit.
    """
    inputs = [tuple(tensor.shape) for tensor in getattr(generator, "inputs", None) or []]
    if not inputs:
        raise ValueError(
            "The generator must be a functional keras model, whose inputs are known. Received: "
            f"{type(generator).__name__} {getattr(generator, 'name', '')!r}. Wrap it: "
            "latents = keras.Input((latent_dim,)); keras.Model(latents, generator(latents))."
        )
    takes_latents = len(inputs[0]) == 2 and inputs[0][0] is None and inputs[0][1] is not None
    if not takes_latents or inputs[1:] not in ([], [(None,)]):
        raise ValueError(
            "The generator must take latents, (None, latent_dim), or latents and labels, "
            f"[(None, latent_dim), (None,)]. Received inputs of shape: {inputs}."
        )
    outputs = [tuple(tensor.shape) for tensor in generator.outputs]
    # A sequential model gives one tensor, and has no `output` before its first call.
    if isinstance(getattr(generator, "output", None), (dict, list, tuple)):
        raise ValueError(
            "The generator must give its images as one tensor, not in a dict or list. Received "
            f"outputs of shape: {outputs}. Wrap it: keras.Model(generator.inputs, images), where "
            "images is that tensor."
        )
    if len(outputs) != 1 or len(outputs[0]) != 4 or None in outputs[0][1:]:
        raise ValueError(
            "The generator must give images, (None, height, width, channels), of a fixed size. "
            f"Received outputs of shape: {outputs}."
        )
    if len(inputs) == 1 and num_classes is not None:
        raise ValueError(
            "The generator takes no labels, so num_classes must be None. "
            f"Received: num_classes={num_classes}."
        )
    if len(inputs) == 2 and not (is_integer(num_classes) and 0 < num_classes <= _MOST_CLASSES):
        raise ValueError(
            "The generator takes labels, so num_classes must be the number of classes, an int from "
            f"1 to {_MOST_CLASSES}: the export refuses labels out of range, and compares an image "
            f"of each class. Received: num_classes={num_classes}."
        )
    if num_classes is not None:
        num_classes = int(num_classes)
        last = np.array([num_classes - 1], "int32")
        try:
            generator([np.zeros((1, inputs[0][1]), "float32"), last], training=False)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"The generator makes no image of the label {last[0]}, the last of "
                f"num_classes={num_classes}. Expected: the number of classes that it was built "
                "with, such as the rows of its embedding."
            ) from error
    return Interface(inputs[0][1], outputs[0][1:], num_classes)
