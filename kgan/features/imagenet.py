"""A network of keras.applications with its ImageNet weights: for photographs of any kind."""

import contextlib
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
from keras import layers

from kgan._utils.checks import check_image_shape
from kgan.features.extractor import Extractor

_SIDE = 224
# 256 images of 224 x 224 would take 3 GB on their way through.
_BATCH = 32
_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
_OTHERWISE = (
    f"Where there is internet, keras.applications fetches {_FILE} (9 MB) into the folder models of "
    "KERAS_HOME, by default ~/.keras: copy it from there and give its path, as 'imagenet:PATH', or "
    "choose another extractor."
)


def imagenet(image_shape: tuple[int, int, int], path: str | os.PathLike | None = None) -> Extractor:
    """MobileNetV2 of keras.applications, with its weights of ImageNet: 1,280 features.

    Its features tell a thousand kinds of things in photographs apart, so that distances, precision
    and recall can be measured of pictures that have no labels. It is the smallest of the standard
    networks whose weights Keras brings (9 MB), a tenth of ResNet50's work, and no InceptionV3:
    numbers of another training than the FID paper's compare with no FID, and these are not called
    so.

    Images in [-1, 1] become pixels, are resized to 224 x 224 (bilinear, of larger ones with
    smoothing), go through the network's own `preprocess_input`, and are averaged over the places of
    the last layer. Grey is taken for equal red, green and blue.

    Args:
        image_shape: (height, width, channels) of the images, with 1 or 3 channels.
        path: a file of the weights without the classes, as keras.applications fetches it or Keras
            saves it (`.weights.h5`). None, the default, for Keras' own download, which it keeps.

    Returns:
        An `Extractor` of the name "mobilenet_v2", without classes.

    Raises:
        FileNotFoundError: if the weights are not there, or cannot be fetched.
        ValueError: if the file holds others, or for images of another number of channels.

    Example:
        >>> extractor = kgan.features.imagenet((64, 64, 3), "mobilenet_v2.weights.h5")
        >>> extractor(images).features.shape
        (600, 1280)

    Reference:
        Sandler et al. 2018, arXiv 1801.04381; https://keras.io/api/applications.
    """
    check_image_shape(image_shape)
    image_shape = tuple(image_shape)
    if image_shape[2] not in (1, 3):
        raise ValueError(
            "The ImageNet network takes images with 1 channel (grey) or 3 (red, green, blue). "
            f"Received: image_shape={image_shape}. Load the images with channels=3."
        )
    if path is not None and not Path(path).is_file():
        raise FileNotFoundError(
            "The ImageNet weights of MobileNetV2 are not there: there is no file "
            f"{os.fspath(path)!r}. {_OTHERWISE}"
        )
    with _settings_of_its_own():
        network = _network(path)
        images = keras.Input(image_shape, name="images")
        x = layers.Rescaling(127.5, offset=127.5, name="pixels")(images)
        if image_shape[2] == 1:
            x = layers.Concatenate(name="colours")([x, x, x])
        resize = layers.Resizing(_SIDE, _SIDE, antialias=True, name="resize")
        x = keras.applications.mobilenet_v2.preprocess_input(resize(x))
        model = keras.Model(images, network(x), name="imagenet")
    # Statistics are the file's, for good.
    model.trainable = False
    return Extractor(model, "mobilenet_v2", batch_size=_BATCH)


def _network(path: str | os.PathLike | None) -> keras.Model:
    options = {"include_top": False, "pooling": "avg", "input_shape": (_SIDE, _SIDE, 3)}
    if path is None:
        try:
            return keras.applications.MobileNetV2(weights="imagenet", **options)
        # Keras has one for all that can befall a download.
        except Exception as error:
            raise FileNotFoundError(
                "The ImageNet weights of MobileNetV2 are not there. Looked for them in Keras' "
                f"folder of models, and then on the internet: {error}. {_OTHERWISE}"
            ) from error
    try:
        with warnings.catch_warnings():
            # Of weights that are not in the file: they would stay random.
            warnings.simplefilter("error")
            return keras.applications.MobileNetV2(weights=os.fspath(path), **options)
    # What a file of other weights raises has many names.
    except Exception as error:
        reason = str(error).partition("\n")[0].rstrip(".:")
        raise ValueError(
            f"{os.fspath(path)!r} holds no weights of MobileNetV2 without classes: {reason}. "
            f"{_OTHERWISE}"
        ) from error


@contextlib.contextmanager
def _settings_of_its_own() -> Iterator[None]:
    """Float32, whatever a user's policy says, and random numbers that leave the user's alone."""
    policy, state = keras.config.dtype_policy(), random.getstate()
    # Half precision would change the score.
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(state)
