"""Convolutions of two dimensions, each by the fastest of its equal forms on a CPU.

A convolution is linear in its images and in its kernel. So it, its gradients and theirs are three
functions in turns: images to features, features to images (a transposed convolution), and both to a
kernel. Each is TensorFlow's own operation but where a matrix product is faster.
"""

import math

import tensorflow as tf

from kgan.backend import private

# Measured with one thread on AVX2, oneDNN on: up to four channels of an image, a matrix product and
# shifted sums are 1.0 to 3 times as fast as the transposed convolution, if the kernel is no larger
# than this many times the features.
_FEW_CHANNELS, _KERNEL_PER_FEATURES = 4, 2
# From here on oneDNN takes 1.6 to 5 times as long for the gradient of a kernel; over so many
# places, patches of images still fit into memory.
_LARGE_KERNEL, _FEW_PLACES = 2**20, 64


def convolution(images, kernel, strides: tuple, padding: str):
    """`tf.nn.conv2d`.

    Args:
        images: float32 or float64 tensor (batch, height, width, channels), sides known.
        kernel: tensor (height, width, channels, features).
        strides: (int, int).
        padding: "SAME" or "VALID".

    Returns:
        Tensor (batch, height, width, features).
    """
    sides, size, (_, features) = images.shape[1:3], kernel.shape[:2], kernel.shape[2:]
    is_odd = size[0] % 2 == 1 and size[1] % 2 == 1
    if (*strides, padding, is_odd) == (1, 1, "SAME", True) and _is_few(features, kernel, 2):
        # The same, taken for a transposed convolution under the kernel turned around.
        turned = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
        return transposed(images, turned, sides, strides, padding)
    if not _is_few(images.shape[-1], kernel, 3) and not _is_large(kernel):
        return tf.nn.conv2d(images, kernel, strides, padding)
    return _features(images, kernel, strides, padding)


def transposed(features, kernel, sides: tuple, strides: tuple, padding: str):
    """`tf.nn.conv2d_transpose`.

    Args:
        features: float32 or float64 tensor (batch, height, width, features), sides known.
        kernel: tensor (height, width, channels, features).
        sides: (height, width) of the images.
        strides: (int, int).
        padding: "SAME" or "VALID".

    Returns:
        Tensor (batch, *sides, channels).
    """
    if not _is_few(kernel.shape[2], kernel, 3) and not _is_large(kernel):
        return _transposed_by_tensorflow(features, kernel, sides, strides, padding)
    return _images(features, kernel, sides, strides, padding)


def takes_groups(images) -> bool:
    """Whether TensorFlow has a kernel for grouped convolution where a tensor is computed.

    Args:
        images: tensor.

    Returns:
        bool: on a GPU alone.
    """
    # No device, in a graph, is the best one there is.
    return bool(tf.config.list_logical_devices("GPU")) and "CPU" not in (images.device or "")


def grouped(images, kernel, *, strides: tuple, padding: str, dilation_rate: tuple):
    """A convolution in groups of channels, for devices that `takes_groups` finds.

    Args:
        images: float tensor (batch, height, width, channels).
        kernel: tensor (height, width, channels of a group, features of all groups).
        strides: (int, int).
        padding: "same" or "valid".
        dilation_rate: (int, int).

    Returns:
        Tensor (batch, height, width, features).
    """
    return tf.nn.conv2d(images, kernel, strides, padding.upper(), dilations=dilation_rate)


def _is_few(channels: int, kernel, axis: int) -> bool:
    """Whether channels are few beside the kernel's entries along this axis."""
    places = kernel.shape[0] * kernel.shape[1]
    return channels <= _FEW_CHANNELS and places * channels <= (
        _KERNEL_PER_FEATURES * kernel.shape[axis]
    )


def _is_large(kernel) -> bool:
    return math.prod(kernel.shape) >= _LARGE_KERNEL


def _features(images, kernel, strides, padding):
    """Images to features, with gradients of the fastest form."""

    @tf.custom_gradient
    def forward(images, kernel):
        def backward(gradients):
            return (
                _images(gradients, kernel, images.shape[1:3], strides, padding),
                _kernel(images, gradients, kernel.shape, strides, padding),
            )

        return tf.nn.conv2d(images, kernel, strides, padding), backward

    return forward(images, kernel)


def _images(features, kernel, sides, strides, padding):
    """Features to images, in the fastest form and with gradients of it."""

    @tf.custom_gradient
    def forward(features, kernel):
        def backward(gradients):
            return (
                _features(gradients, kernel, strides, padding),
                _kernel(gradients, features, kernel.shape, strides, padding),
            )

        by_product = (
            _is_few(kernel.shape[2], kernel, 3)
            # Without oneDNN TensorFlow has a good kernel for strides.
            and (strides == (1, 1) or private.onednn_is_on())
            and all(
                _is_covered(*axis, padding)
                for axis in zip(sides, features.shape[1:3], kernel.shape[:2], strides, strict=True)
            )
        )
        form = _transposed_by_product if by_product else _transposed_by_tensorflow
        return form(features, kernel, sides, strides, padding), backward

    return forward(features, kernel)


def _kernel(images, features, shape, strides, padding):
    """The gradient by the kernel, in the fastest form and with gradients of it."""

    @tf.custom_gradient
    def forward(images, features):
        def backward(kernel):
            return (
                _images(features, kernel, images.shape[1:3], strides, padding),
                _features(images, kernel, strides, padding),
            )

        if math.prod(shape) < _LARGE_KERNEL or math.prod(features.shape[1:3]) > _FEW_PLACES:
            kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=images,
                filter_sizes=shape,
                out_backprop=features,
                strides=[1, *strides, 1],
                padding=padding,
            )
            return kernel, backward
        sizes, steps = [1, *shape[:2], 1], [1, *strides, 1]
        patches = tf.image.extract_patches(images, sizes, steps, [1, 1, 1, 1], padding)
        patches = tf.reshape(patches, [-1, math.prod(shape[:3])])
        product = tf.matmul(patches, tf.reshape(features, [-1, shape[3]]), transpose_a=True)
        return tf.reshape(product, shape), backward

    return forward(images, features)


def _transposed_by_tensorflow(features, kernel, sides, strides, padding):
    shape = [tf.shape(features)[0], *sides, kernel.shape[2]]
    return tf.nn.conv2d_transpose(features, kernel, shape, strides, padding)


def _transposed_by_product(features, kernel, sides, strides, padding):
    """What every place of the features adds to the images by one product, then all added up.

    The images are cut into cells as large as the strides. The kernel covers a few cells of them,
    and what it adds to each of these is a picture, which is moved by as many cells and added.
    """
    *size, channels, width = kernel.shape
    places = features.shape[1:3]
    cells = list(map(_cells, size, strides))
    ends = [
        [0, cell * stride - side] for cell, stride, side in zip(cells, strides, size, strict=True)
    ]
    kernel = tf.pad(kernel, [*ends, [0, 0], [0, 0]])
    kernel = tf.reshape(kernel, [cells[0], strides[0], cells[1], strides[1], channels, width])
    kernel = tf.reshape(tf.transpose(kernel, [0, 2, 1, 3, 4, 5]), [-1, width])
    added = tf.matmul(kernel, tf.reshape(features, [-1, width]), transpose_b=True)
    added = tf.reshape(added, [*cells, math.prod(strides) * channels, -1, *places])
    margins = [[cell - 1, cell - 1] for cell in cells]
    added = tf.pad(added, [[0, 0], [0, 0], [0, 0], [0, 0], *margins])
    rows, columns = (place + cell - 1 for place, cell in zip(places, cells, strict=True))
    moved = [
        added[row, column, :, :, top : top + rows, left : left + columns]
        for row, top in enumerate(reversed(range(cells[0])))
        for column, left in enumerate(reversed(range(cells[1])))
    ]
    images = tf.reshape(tf.add_n(moved), [*strides, channels, -1, rows, columns])
    images = tf.transpose(images, [3, 4, 0, 5, 1, 2])
    images = tf.reshape(images, [-1, rows * strides[0], columns * strides[1], channels])
    top, left = (_before(*axis, padding) for axis in zip(sides, places, size, strides, strict=True))
    return images[:, top : top + sides[0], left : left + sides[1]]


def _cells(size: int, stride: int) -> int:
    return -(-size // stride)


def _before(side: int, places: int, size: int, stride: int, padding: str) -> int:
    """How far the kernel at the first place begins before the image."""
    return 0 if padding == "VALID" else max((places - 1) * stride + size - side, 0) // 2


def _is_covered(side: int, places: int, size: int, stride: int, padding: str) -> bool:
    """Whether the cells of all places reach to the end of the image."""
    end = (places + _cells(size, stride) - 1) * stride
    return end >= _before(side, places, size, stride, padding) + side
