"""What turns images into features: any Keras model, with its name and its checks."""

import hashlib
import json
import re
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike

from kgan._utils.checks import check_image_values
from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import check_probabilities

# Numbers of these names are promised to be those of kgan's own extractors.
_KEPT_NAMES = ("digits", "fashion", "inception", "mobilenet_v2")

# What Keras writes into a config of addresses in memory and of training.
_LEFT_OUT = ("shared_object_id", "compile_config")


class Features(NamedTuple):
    """What an extractor makes of images.

    Attributes:
        features: float32 array (images, dim).
        probabilities: float32 array (images, classes), each row sums to 1; None for an extractor
            without classes.
    """

    features: np.ndarray
    probabilities: np.ndarray | None = None


class Extractor:
    """A Keras model that measures look through: images in, features and class probabilities out.

    Numbers measured through different extractors compare with nothing, so each carries a name,
    which stands in the names of the numbers, and a fingerprint, under which caches keep them.

    Args:
        model: keras model of images in [-1, 1], (batch, height, width, channels), to features
            (batch, dim), or to [features, class probabilities (batch, classes)].
        name: str of letters, digits, "_", "-" and "."; not "digits", "fashion", "inception" or
            "mobilenet_v2", which belong to kgan's own extractors.
        accuracy: float in [0, 1], the share of held-out images that the classes are right on; None,
            the default, if it is not known.
        batch_size: int, images in the model at a time. Beside the results no more memory is taken
            than a batch needs.

    Attributes:
        model: the model.
        name: str.
        accuracy: float or None.
        batch_size: int.
        image_shape: (height, width, channels) of the images it takes.
        dim: int, the width of the features.
        num_classes: int, or None without class probabilities.

    Raises:
        ValueError: for a model or a name of another kind.

    Example:
        >>> inputs = keras.Input((28, 28, 1))
        >>> features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(inputs))
        >>> extractor = kgan.features.Extractor(keras.Model(inputs, features), "my_backbone")
        >>> extractor(images).features.shape
        (200, 8)
    """

    def __init__(
        self, model: keras.Model, name: str, *, accuracy: float | None = None, batch_size: int = 256
    ):
        # The name becomes a part of file names and of the keys of logs.
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(
                "An extractor's name consists of letters, digits, '_', '-' and '.', and starts "
                f"with a letter, a digit or '_'. Received: {name!r}."
            )
        self.image_shape = _image_shape(model)
        self.dim, self.num_classes = _widths(model)
        self.model = model
        self.name = name
        self.accuracy = accuracy
        self.batch_size = check_positive_integer("batch_size", batch_size)

    def __call__(self, images: ArrayLike) -> Features:
        """Look at images, a batch at a time.

        Args:
            images: float array or tensor, (images, height, width, channels), in [-1, 1].

        Returns:
            A `Features`.

        Raises:
            ValueError: for images of another shape or dtype, outside [-1, 1], or not finite; for a
                model whose features are not finite or whose probabilities are none.
        """
        if not hasattr(images, "dtype"):
            images = np.asarray(images)
        shape = tuple(images.shape)
        if shape[1:] != self.image_shape or not shape[0]:
            wanted = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"The images do not fit the extractor {self.name!r}. Expected: (images, {wanted}) "
                f"with at least one image. Received: {shape}. Resize them (image_size= and "
                "channels= in kgan.data), or choose an extractor for their shape: "
                "kgan.features.train_classifier trains one on any labelled images."
            )
        dtype = keras.backend.standardize_dtype(images.dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise ValueError(
                f"Images must be floats in [-1, 1]. Received: dtype {dtype}. "
                "Scale stored pixels with images / np.float32(127.5) - 1."
            )
        starts = range(0, len(images), self.batch_size)
        parts = [self._batch(images[start : start + self.batch_size], start) for start in starts]
        return Features(*map(np.concatenate, zip(*parts, strict=True)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of name, architecture and weights as they are now, in hexadecimal."""
        digest = hashlib.sha256(self.name.encode())
        digest.update(architecture_of(self.model).encode())
        for weight in self.model.weights:
            value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
            digest.update(f"{value.dtype} {value.shape}".encode())
            digest.update(value.tobytes())
        return digest.hexdigest()

    def __repr__(self) -> str:
        classes = "no classes" if self.num_classes is None else f"{self.num_classes} classes"
        right = "" if self.accuracy is None else f", right on {self.accuracy:.2%}"
        return (
            f"<Extractor {self.name!r}: images {self.image_shape} to {self.dim} features, "
            f"{classes}{right}>"
        )

    def _batch(self, images, start: int) -> list[np.ndarray]:
        images = keras.ops.convert_to_numpy(images).astype(np.float32, copy=False)
        check_image_values(images, start)
        outputs = keras.tree.flatten(self.model.predict_on_batch(images))
        # Under a distribution strategy each replica sees the whole batch, and Keras joins them.
        outputs = [np.asarray(output[: len(images)], np.float32) for output in outputs]
        if not np.isfinite(outputs[0]).all():
            raise ValueError(
                f"The extractor {self.name!r} made NaN or infinity of finite images in [-1, 1]. "
                "Its weights are damaged or its training has diverged: load or train it again."
            )
        if self.num_classes is not None:
            what = f"The second output of the extractor {self.name!r}, class probabilities,"
            check_probabilities(outputs[1], what, "End it in a softmax, or leave it out.")
        return outputs


def architecture_of(model: keras.Model) -> str:
    """The config of a model as text, layer names included, the same in every process.

    Args:
        model: keras model that Keras can write as JSON.

    Returns:
        JSON, without what Keras adds of addresses in memory and of training.
    """

    def kept(config: dict) -> dict:
        return {key: config[key] for key in config if key not in _LEFT_OUT}

    return json.dumps(json.loads(model.to_json(), object_hook=kept), sort_keys=True)


def check_name_is_free(name: str) -> None:
    """Raise for a name that belongs to an extractor of kgan's own.

    Args:
        name: str.

    Raises:
        ValueError: for "digits", "fashion", "inception" and "mobilenet_v2".
    """
    if name in _KEPT_NAMES:
        raise ValueError(
            f"The name {name!r} is kept for kgan's own extractor, so that numbers of one name "
            "compare with each other. Choose another name."
        )


def _image_shape(model) -> tuple[int, int, int]:
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs:
        raise ValueError(
            "An extractor is a keras.Model whose input shape is known. "
            f"Received: {model!r}. Wrap a subclassed model or a layer: inputs = "
            "keras.Input((height, width, channels)); keras.Model(inputs, model(inputs))."
        )
    shape = tuple(inputs[0].shape[1:])
    if len(inputs) != 1 or len(shape) != 3 or None in shape:
        received = [tuple(tensor.shape) for tensor in inputs]
        raise ValueError(
            "An extractor takes one batch of images of one fixed shape, (batch, height, width, "
            f"channels). Received: a model of {received}."
        )
    return shape


def _widths(model: keras.Model) -> tuple[int, int | None]:
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    if len(shapes) > 2 or any(len(shape) != 2 or None in shape[1:] for shape in shapes):
        raise ValueError(
            "An extractor returns features (batch, dim), or [features, class probabilities "
            f"(batch, classes)]. Received: a model that returns {shapes}. "
            "End it in keras.layers.GlobalAveragePooling2D or Flatten."
        )
    return shapes[0][1], (shapes[1][1] if len(shapes) == 2 else None)
