"""The moving average of a network's weights."""

import math
import warnings

import keras
import numpy as np
from keras import ops

from kgan import schedules
from kgan.backend import private
from kgan.backend.rebuilding import rebuilt

# A half-life in images after which nothing is left, and no image is still no move.
_SHORTEST = 1e-6


def untrained_copy(model: keras.Model, inputs=None) -> keras.Model:
    """A second model with the same layers and weights, which no optimizer will train.

    Args:
        model: a serialisable keras model.
        inputs: array or list of arrays that it can be called with; None, the default, if the model
            itself says what it takes.

    Returns:
        A new keras model without trainable variables. Its layers are as trainable as those of the
        model, so that it can be trained once it is saved and loaded, or after `release`.

    Raises:
        ValueError: if the config of the model makes another function.
    """
    copy = rebuilt(model, inputs=inputs)
    for variable in copy.variables:
        variable.trainable = False
    return copy


def release(model: keras.Model) -> None:
    """Let a model that was an average be trained, as far as its layers are trainable.

    Args:
        model: keras model. One with trainable variables is left as it is.
    """
    if not model.trainable_variables:
        # The first are the outer ones, which set those in them.
        for layer, trainable in [(one, one.trainable) for one in private.walk_layers(model)]:
            # Keras leaves an attribute alone that is set to what it is.
            layer.trainable = not trainable
            layer.trainable = trainable


def check_halflife(halflife_images) -> float | schedules.Schedule:
    """A half-life in images, or a schedule that may begin or end at no average.

    Args:
        halflife_images: anything.

    Returns:
        float > 0, or a `kgan.schedules.Schedule` whose ends are >= 0.

    Raises:
        ValueError: for anything else.
    """
    why = {"because": ", or None for no moving average"}
    # Without a schedule there is always an average.
    limit = {"at_least": 0} if schedules.is_one(halflife_images) else {"above": 0}
    return schedules.check("ema_halflife_images", halflife_images, **limit, **why)


def set_by_hand(gan) -> None:
    """Say that the average of a GAN was given weights of its own, also others than the generator's.

    Args:
        gan: `kgan.GAN` with an average.
    """
    gan.ema_generator.is_set_by_hand = True


def warn_of_start(gan) -> None:
    """Warn if the moving average differs from the generator before the first step.

    Args:
        gan: `kgan.GAN`.
    """
    average = gan.ema_generator
    if average is None or getattr(average, "is_set_by_hand", False):
        return
    if int(ops.convert_to_numpy(gan.images_seen)) > 0:
        return
    pairs = zip(gan.ema_generator.weights, gan.generator.weights, strict=True)
    if not all(np.array_equal(*map(ops.convert_to_numpy, pair)) for pair in pairs):
        warnings.warn(
            "No image has been seen, and the moving average of the generator, which makes the "
            "samples, has other weights than the generator. If those of the generator were set by "
            "hand, set both: gan.ema_generator.set_weights(gan.generator.get_weights()).",
            # The user's call of fit.
            stacklevel=3,
        )


def update(average: keras.Model, model: keras.Model, images, halflife_images) -> None:
    """Move every weight of `average`, batch-norm statistics included, towards that of `model`.

    average <- beta average + (1 - beta) model with beta = 0.5^(images / halflife_images).

    Args:
        average: what `untrained_copy` made of `model`.
        model: the model in training.
        images: int > 0, or integer tensor >= 0, the images seen since the last update; 0 changes
            nothing.
        halflife_images: float or float tensor >= 0; at 0 the average is the model.

    Reference:
        Karras et al. 2020, arXiv 2006.06676, where the average is given by its half-life.
    """
    dtype = keras.backend.result_type(keras.config.floatx(), "float32")
    # 1 - beta, which is tiny: subtracted from 1 it would lose its digits.
    halflives = ops.cast(images, dtype) / ops.maximum(halflife_images, _SHORTEST)
    rate = -ops.expm1(-math.log(2) * halflives)
    for mean, weight in zip(average.weights, model.weights, strict=True):
        if keras.backend.is_float_dtype(weight.dtype):
            # In this order a rate of 0 leaves the mean as it is, without another pass over it.
            mean.assign(mean + ops.cast(rate, weight.dtype) * (weight - mean))
        else:
            # Counters have no average.
            mean.assign(ops.where(images > 0, weight, mean))
