"""Extractors by one word, for command lines."""

import re
from pathlib import Path

import keras

from kgan._utils.files import archive_members
from kgan._utils.messages import keras_reason
from kgan.features.extractor import Extractor
from kgan.features.extractor import check_name_is_free
from kgan.features.imagenet import imagenet
from kgan.features.inception import inception
from kgan.features.shipped import digits
from kgan.features.shipped import fashion

_SHIPPED = {"digits": digits, "fashion": fashion}


def get(name: str, *, image_shape: tuple[int, int, int]) -> Extractor:
    """The extractor that a name stands for.

    Args:
        name: "digits" or "fashion" for the classifiers in the package; "inception:PATH" for the FID
            paper's network with the tensors at PATH; "imagenet" for MobileNetV2 with the ImageNet
            weights that Keras fetches, or "imagenet:PATH" with those at PATH; or "PATH.keras" for a
            saved Keras model as `Extractor` takes it, which is named after its file.
        image_shape: (height, width, channels) of the images it is to look at.

    Returns:
        An `Extractor` of such images.

    Raises:
        ValueError: for an unknown name, or an extractor of images of another shape.
        FileNotFoundError: if there is no file at PATH, or nothing can be fetched.

    Example:
        >>> kgan.features.get("digits", image_shape=(28, 28, 1))
    """
    image_shape = tuple(image_shape)
    kind, _, path = str(name).partition(":")
    if name in _SHIPPED:
        extractor = _SHIPPED[name]()
    elif kind == "inception" and path:
        extractor = inception(path, image_shape)
    elif kind == "imagenet" and name != "imagenet:":
        extractor = imagenet(image_shape, path or None)
    elif str(name).endswith(".keras"):
        extractor = _saved(Path(name))
    else:
        raise ValueError(
            "An extractor is named 'digits', 'fashion', 'imagenet', 'imagenet:PATH', "
            f"'inception:PATH' or 'PATH.keras'. Received: {name!r}."
        )
    if extractor.image_shape != image_shape:
        raise ValueError(
            f"The extractor {name!r} does not fit the images. Expected: images of the shape "
            f"{extractor.image_shape}. Received: {image_shape}. Resize them, or train an extractor "
            "for their shape with kgan.features.train_classifier."
        )
    return extractor


def _saved(path: Path) -> Extractor:
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}. Expected: a Keras model, saved with model.save."
        )
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path.stem)
    check_name_is_free(name)
    try:
        archive_members(path)
        model = keras.saving.load_model(path, compile=False)
    # What a damaged archive raises has many names, and Keras' own says that there is no file.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded as a Keras model: it is damaged, or needs layers that are "
            f"not known here ({keras_reason(error)})."
        ) from error
    return Extractor(model, name)
