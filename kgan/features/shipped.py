"""The extractors that come with the package."""

from importlib import resources

from kgan.features.classifier import classifier_model
from kgan.features.extractor import Extractor
from kgan.features.weights_file import load_weights

_IMAGE_SHAPE = (28, 28, 1)
_NUM_CLASSES = 10


def digits() -> Extractor:
    """A classifier of handwritten digits, with the weights in the package.

    It was trained on MNIST's 60,000 training images, and its `accuracy` was measured on the 10,000
    test images, which are `kgan.data.digits()`. See `weights/README.md` beside this file.

    Returns:
        An `Extractor` of images (28, 28, 1), white on black, to 64 features and 10 classes.

    Raises:
        ValueError: if the weight file is damaged.

    Example:
        >>> kgan.features.digits()(gan.generate(100, seed=0)).probabilities.shape
        (100, 10)
    """
    return _shipped("digits")


def fashion() -> Extractor:
    """A classifier of Fashion-MNIST's ten kinds of clothes, with the weights in the package.

    It was trained on the 60,000 training images, and its `accuracy` was measured on the 10,000 test
    images. See `weights/README.md` beside this file.

    Returns:
        An `Extractor` of images (28, 28, 1), bright on black, to 64 features and 10 classes.

    Raises:
        ValueError: if the weight file is damaged.

    Example:
        >>> kgan.features.fashion()(gan.generate(100, seed=0)).features.shape
        (100, 64)

    Reference:
        Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747.
    """
    return _shipped("fashion")


def _shipped(name: str) -> Extractor:
    model = classifier_model(_IMAGE_SHAPE, _NUM_CLASSES)
    with resources.as_file(resources.files("kgan.features") / "weights" / f"{name}.npz") as path:
        try:
            facts = load_weights(path, model)
        except ValueError as error:
            raise ValueError(f"{error} It is a part of kgan: install kgan again.") from error
    return Extractor(model, name, accuracy=facts["accuracy"])
