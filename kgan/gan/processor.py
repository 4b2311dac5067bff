"""Warnings, before training begins, about settings that are slow on this processor."""

import functools
import os
import time
import warnings

import keras
from keras import ops

from kgan._environment import SETTINGS
from kgan.backend import private

# Measured on AVX2: a step of a DCGAN with such layers takes 1.3 to 2.3 times as long without
# oneDNN, one with narrower layers as long.
_WIDE = 64
_SLOW = 1.5
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def warn_of_slowness(gan) -> None:
    """Warn of wide convolutions without oneDNN, and of 16 bits that the processor emulates.

    Each once in a process: the warnings are of these lines, not of those that call `fit`.

    Args:
        gan: `kgan.GAN`.
    """
    # XLA has programs of its own.
    if gan.jit_compile or "CPU" not in gan.images_seen.value.device:
        return
    kinds = keras.layers.Conv2D, keras.layers.Conv2DTranspose
    layers = [each for each in private.computing_layers(gan) if isinstance(each, kinds)]
    if any(map(_is_wide, layers)) and _is_off():
        warnings.warn(
            "TensorFlow computes without oneDNN here, and this GAN's convolutions of "
            f"{_WIDE} channels and more take up to twice as long or longer. Set the environment "
            f"variable {_ONEDNN}=1 before TensorFlow is imported; with 0 it stays off, and nothing "
            "is said.",
            stacklevel=1,
        )
    for dtype in sorted({layer.compute_dtype for layer in layers} & {"bfloat16", "float16"}):
        if (times := _times_as_long(dtype)) > _SLOW:
            warnings.warn(
                f"This GAN's convolutions compute in {dtype}, which this processor emulates: the "
                f"gradient of one took {times:.0f} times as long as in float32 just now. Make the "
                'networks under keras.config.set_dtype_policy("float32") to train here.',
                stacklevel=1,
            )


def _is_wide(layer) -> bool:
    # One pixel wide it is a plain product, which takes as long.
    return layer.built and min(layer.kernel.shape[2:]) >= _WIDE and max(layer.kernel_size) > 1


def _is_off() -> bool:
    # Set too late it has no effect.
    is_chosen = os.environ.get(_ONEDNN, "1") != "1"
    return _ONEDNN in SETTINGS and not is_chosen and not private.onednn_is_on()


@functools.cache
def _times_as_long(dtype: str) -> float:
    """How many times as long as in float32 the gradient of a small convolution takes."""

    def seconds(dtype):
        gradient, kernel = ops.ones((4, 8, 8, 32), dtype), ops.ones((4, 4, 32, 32), dtype)
        taken = []
        for _ in range(4):
            start = time.perf_counter()
            # That with respect to the images. Forward convolutions are no slower.
            ops.convert_to_numpy(ops.conv_transpose(gradient, kernel, padding="same"))
            taken.append(time.perf_counter() - start)
        return min(taken)

    return seconds(dtype) / seconds("float32")
