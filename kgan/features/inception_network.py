"""The architecture of the InceptionV3 that FID is defined on: the graph of 2015-12-05."""

import keras
from keras import layers
from keras import ops

from kgan.features.legacy_resize import LegacyBilinearResize

# The graph's own input size, whatever the size of the images.
_SIDE = 299

# Not what a user's policy says: half precision would change the score.
_FLOAT32 = {"dtype": "float32"}
# Random weights would be overwritten, and would move the user's random numbers on.
_EMPTY = {"use_bias": False, "kernel_initializer": "zeros", **_FLOAT32}

_ROW, _COLUMN = (1, 7), (7, 1)


def inception_network(
    image_shape: tuple[int, int, int], num_classes: int | None = None
) -> keras.Model:
    """InceptionV3 as in the graph of 2015-12-05, all weights zero until tensors are put in.

    Convolutions are named as in the graph, with "_" for "/" ("mixed_9_tower_1_mixed_conv"), each
    with its batch norm ("..._batchnorm", which has no scale) and ReLU. It is not the InceptionV3
    of `keras.applications`: average pooling leaves out the padding, the last block pools by the
    maximum, and images are resized as TensorFlow 1 did.

    Args:
        image_shape: (height, width, 3) of the images, of any height and width.
        num_classes: int, the graph's 1,008 to have class probabilities too; default None, without.

    Returns:
        A float32 keras model of images in [-1, 1], (batch, height, width, 3), to the features of
        the layer "pool_3", (batch, 2048); with classes to [features, probabilities (batch,
        num_classes)]. The probabilities are the softmax of the logits without bias, which is what
        published Inception Scores are made of.

    Reference:
        Szegedy et al. 2015, arXiv 1512.00567; Heusel et al. 2017, arXiv 1706.08500, which takes
        FID's features from it; Salimans et al. 2016, arXiv 1606.03498, for the probabilities.
    """
    images = keras.Input(image_shape, name="images", dtype="float32")
    x = _Pixels(name="pixels", **_FLOAT32)(images)
    x = LegacyBilinearResize(_SIDE, _SIDE, name="resize", **_FLOAT32)(x)
    x = layers.Rescaling(1 / 128, offset=-1.0, name="rescale", **_FLOAT32)(x)
    outputs = _features(x)
    if num_classes is not None:
        classes = layers.Dense(num_classes, activation="softmax", name="softmax", **_EMPTY)
        outputs = [outputs, classes(outputs)]
    model = keras.Model(images, outputs, name="inception")
    # Statistics are the file's, for good.
    model.trainable = False
    return model


@keras.saving.register_keras_serializable("kgan")
class _Pixels(keras.layers.Layer):
    """The pixels 0 to 255 of images in [-1, 1]: what a stored image would hold, as floats."""

    def call(self, images):
        return ops.round(ops.clip((images + 1.0) * 127.5, 0.0, 255.0))


def _features(x):
    x = _conv(x, "conv", 32, 3, 2, "valid")
    x = _conv(x, "conv_1", 32, 3, padding="valid")
    x = _conv(x, "conv_2", 64, 3)
    x = _halved(x, "pool")
    x = _conv(x, "conv_3", 80, 1, padding="valid")
    x = _conv(x, "conv_4", 192, 3, padding="valid")
    x = _halved(x, "pool_1")
    x = _block_of_35(x, "mixed", pool_filters=32)
    x = _block_of_35(x, "mixed_1", pool_filters=64)
    x = _block_of_35(x, "mixed_2", pool_filters=64)
    x = _from_35_to_17(x, "mixed_3")
    x = _block_of_17(x, "mixed_4", filters=128)
    x = _block_of_17(x, "mixed_5", filters=160)
    x = _block_of_17(x, "mixed_6", filters=160)
    x = _block_of_17(x, "mixed_7", filters=192)
    x = _from_17_to_8(x, "mixed_8")
    x = _block_of_8(x, "mixed_9", layers.AveragePooling2D)
    # Probably a slip of 2015, and part of FID ever since.
    x = _block_of_8(x, "mixed_10", layers.MaxPooling2D)
    return layers.GlobalAveragePooling2D(name="pool_3", **_FLOAT32)(x)


def _block_of_35(x, name: str, *, pool_filters: int):
    return _joined(
        name,
        _tower(x, name, (64, 1)),
        _tower(x, f"{name}_tower", (48, 1), (64, 5)),
        _tower(x, f"{name}_tower_1", (64, 1), (96, 3), (96, 3)),
        _pooled_tower(x, f"{name}_tower_2", pool_filters, layers.AveragePooling2D),
    )


def _from_35_to_17(x, name: str):
    return _joined(
        name,
        _tower(x, name, (384, 3, 2, "valid")),
        _tower(x, f"{name}_tower", (64, 1), (96, 3), (96, 3, 2, "valid")),
        _halved(x, f"{name}_pool"),
    )


def _block_of_17(x, name: str, *, filters: int):
    row, column = (filters, _ROW), (filters, _COLUMN)
    return _joined(
        name,
        _tower(x, name, (192, 1)),
        _tower(x, f"{name}_tower", (filters, 1), row, (192, _COLUMN)),
        _tower(x, f"{name}_tower_1", (filters, 1), column, row, column, (192, _ROW)),
        _pooled_tower(x, f"{name}_tower_2", 192, layers.AveragePooling2D),
    )


def _from_17_to_8(x, name: str):
    row, column = (192, _ROW), (192, _COLUMN)
    return _joined(
        name,
        _tower(x, f"{name}_tower", (192, 1), (320, 3, 2, "valid")),
        _tower(x, f"{name}_tower_1", (192, 1), row, column, (192, 3, 2, "valid")),
        _halved(x, f"{name}_pool"),
    )


def _block_of_8(x, name: str, pooling):
    tower = _tower(x, f"{name}_tower", (384, 1))
    tower_1 = _tower(x, f"{name}_tower_1", (448, 1), (384, 3))
    return _joined(
        name,
        _tower(x, name, (320, 1)),
        _conv(tower, f"{name}_tower_mixed_conv", 384, (1, 3)),
        _conv(tower, f"{name}_tower_mixed_conv_1", 384, (3, 1)),
        _conv(tower_1, f"{name}_tower_1_mixed_conv", 384, (1, 3)),
        _conv(tower_1, f"{name}_tower_1_mixed_conv_1", 384, (3, 1)),
        _pooled_tower(x, f"{name}_tower_2", 192, pooling),
    )


def _tower(x, name: str, *convolutions):
    """Convolutions one after the other, numbered as in the graph: conv, conv_1, conv_2."""
    for number, convolution in enumerate(convolutions):
        x = _conv(x, f"{name}_conv_{number}" if number else f"{name}_conv", *convolution)
    return x


def _pooled_tower(x, name: str, filters: int, pooling):
    # Keras averages over the pixels inside the image only, as the graph does.
    x = pooling(3, strides=1, padding="same", name=f"{name}_pool", **_FLOAT32)(x)
    return _conv(x, f"{name}_conv", filters, 1)


def _conv(x, name: str, filters: int, kernel_size, strides: int = 1, padding: str = "same"):
    x = layers.Conv2D(filters, kernel_size, strides, padding, name=name, **_EMPTY)(x)
    norm = layers.BatchNormalization(
        scale=False, epsilon=1e-3, name=f"{name}_batchnorm", **_FLOAT32
    )
    return layers.ReLU(name=f"{name}_relu", **_FLOAT32)(norm(x))


def _halved(x, name: str):
    return layers.MaxPooling2D(3, strides=2, name=name, **_FLOAT32)(x)


def _joined(name: str, *branches):
    return layers.Concatenate(name=f"{name}_join", **_FLOAT32)(branches)
