"""The moving average of a network's weights."""

import keras
from keras import ops

from kgan.backend.rebuilding import rebuilt


def untrained_copy(model: keras.Model, inputs=None) -> keras.Model:
    """A second model with the same layers and weights, which no optimizer will train.

    Args:
        model: a serialisable keras model.
        inputs: array or list of arrays that it can be called with; None, the default, if the model
            itself says what it takes.

    Returns:
        A new keras model, not trainable.

    Raises:
        ValueError: if the config of the model makes another function.
    """
    copy = rebuilt(model, inputs=inputs)
    copy.trainable = False
    return copy


def update(average: keras.Model, model: keras.Model, images, halflife_images: float) -> None:
    """Move every weight of `average`, batch-norm statistics included, towards that of `model`.

    average <- beta average + (1 - beta) model with beta = 0.5^(images / halflife_images).

    Args:
        average: what `untrained_copy` made of `model`.
        model: the model in training.
        images: int or integer tensor, the images seen since the last update; 0 changes nothing.
        halflife_images: float > 0.

    Reference:
        Karras et al. 2020, arXiv 2006.06676, where the average is given by its half-life.
    """
    dtype = keras.backend.result_type(keras.config.floatx(), "float32")
    beta = ops.power(0.5, ops.cast(images, dtype) / halflife_images)
    for mean, weight in zip(average.weights, model.weights, strict=True):
        moved = weight + ops.cast(beta, weight.dtype) * (mean - weight)
        mean.assign(ops.where(images > 0, moved, mean))
