"""What can be known to be wrong before the first step: networks, data, labels.

Every check says what is wrong, what was expected, what was received, and the remedy.
"""

import warnings

import keras
import numpy as np

# Rounding of a resize or of a 16-bit source may step over the end of the range by this much.
_RANGE_TOLERANCE = 1e-3


def check_positive_integer(name: str, value) -> None:
    """Raise unless `value` is a whole number greater than zero.

    Args:
        name: how the user knows the value, for the message.
        value: anything.

    Raises:
        ValueError: if it is not.
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1:
        raise ValueError(f"{name} must be a positive integer. Received: {name}={value!r}.")


def check_networks(generator, discriminator, latent_dim: int, num_classes: int | None) -> tuple:
    """Check that the two networks fit each other, the latents and the labels.

    Args:
        generator: keras model of latents, or of [latents, labels].
        discriminator: keras model of images, or of [images, labels].
        latent_dim: int, width of the latents.
        num_classes: int, or None without labels.

    Returns:
        The shape of one image, without the batch.

    Raises:
        ValueError: if a network does not take what it would be given, or if the discriminator ends
            in a sigmoid.
    """
    labels = () if num_classes is None else (keras.KerasTensor((None,), dtype="int32"),)
    latents = keras.KerasTensor((None, latent_dim), dtype="float32")
    images = _symbolic_call("generator", generator, latents, labels)
    _symbolic_call("discriminator", discriminator, images, labels)
    last = discriminator.layers[-1] if getattr(discriminator, "layers", None) else None
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        raise ValueError(
            f"The discriminator's last layer, {last.name!r}, applies a sigmoid. Every kgan loss "
            "works on logits and applies its own sigmoid where the paper has one; a second one "
            "would flatten the gradients. Remove activation='sigmoid'."
        )
    return tuple(images.shape[1:])


def check_batch(batch, image_shape: tuple, num_classes: int | None, discriminator_steps: int = 1):
    """Check the first batch of a dataset, on the host.

    Args:
        batch: NumPy array of images, or a tuple (images,) or (images, labels).
        image_shape: the shape of one generated image, entries may be None.
        num_classes: int, or None without labels.
        discriminator_steps: the number of minibatches this batch is to be split into.

    Raises:
        ValueError: for a wrong structure, shape, dtype or range, for NaN or infinity, for labels
            that are missing, unexpected, of the wrong shape or dtype, or out of range, and for a
            batch that cannot be split.
    """
    images, labels = images_and_labels(batch, num_classes)
    _check_images(np.asarray(images), image_shape)
    if labels is not None:
        check_labels(np.asarray(labels), len(images), num_classes)
    if len(images) % discriminator_steps:
        rows = max(1, round(len(images) / discriminator_steps))
        raise ValueError(
            f"A batch of {len(images)} images cannot be split into discriminator_steps="
            f"{discriminator_steps} equal minibatches: each of the k discriminator updates of one "
            "training step needs its own real images. Batch the dataset with "
            f".batch({discriminator_steps} * {rows}, drop_remainder=True)."
        )


def images_and_labels(batch, num_classes: int | None) -> tuple:
    """Take a batch apart: (images, labels), labels None for a GAN without classes.

    Args:
        batch: a tensor or array of images, or a tuple (images,) or (images, labels); what Keras
            appends to it for absent parts, None, is ignored.
        num_classes: int, or None without labels.

    Returns:
        (images, labels or None).

    Raises:
        ValueError: if the structure is another one, or does not agree with `num_classes`.
    """
    expected = "images" if num_classes is None else "(images, labels)"
    if isinstance(batch, dict):
        raise ValueError(
            f"A batch must be {expected}. Received: a dict with the keys {sorted(batch)}. "
            "Take its parts by name, for example "
            "dataset.map(lambda row: (row['image'], row['label']))."
        )
    parts = (
        [part for part in batch if part is not None]
        if isinstance(batch, (tuple, list))
        else ([batch])
    )
    if len(parts) == 1 and num_classes is not None:
        raise ValueError(
            f"Labels are missing. A GAN with num_classes={num_classes} trains on batches of "
            "(images, labels). Received: images only. Yield both, or build the GAN and its "
            "networks without num_classes."
        )
    if len(parts) == 2 and num_classes is None:
        raise ValueError(
            "Unexpected labels. A GAN without num_classes trains on batches of images. Received: "
            "a pair. Drop the second part with dataset.map(lambda images, labels: images), or "
            "build the GAN and its networks with num_classes=."
        )
    if len(parts) not in (1, 2):
        raise ValueError(
            f"A batch must be {expected}. Received: {len(parts)} parts. "
            "Sample weights and further targets have no meaning for a GAN."
        )
    return parts[0], parts[1] if len(parts) == 2 else None


def check_labels(labels: np.ndarray, rows: int, num_classes: int) -> None:
    """Raise unless `labels` are `rows` class numbers.

    Args:
        labels: array, expected (rows,) of integers from 0 to num_classes - 1.
        rows: int, how many are needed.
        num_classes: int, the number of classes.

    Raises:
        ValueError: for a wrong shape, dtype or value.
    """
    if labels.shape != (rows,):
        remedy = (
            "Take numpy.argmax(labels, axis=-1) of one-hot labels."
            if labels.ndim == 2
            else ("Give one class number per image.")
        )
        raise ValueError(
            f"Labels must have the shape ({rows},). Received: {labels.shape}. {remedy}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"Labels must be integers. Received: dtype {labels.dtype}. "
            "Convert them with .astype('int32')."
        )
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"Labels must lie in 0..{num_classes - 1}, since num_classes={num_classes}. "
            f"Received: {wrong[0]}. Build the GAN and its networks with the right num_classes, or "
            "renumber the labels from 0."
        )


def _symbolic_call(role: str, network, inputs, labels: tuple):
    # Networks without classes take a tensor, those with classes a list of two.
    structure = [inputs, *labels] if labels else inputs
    wanted = "latents" if role == "generator" else "images"
    shape = (None, *inputs.shape[1:])
    wanted = f"[{wanted} {shape}, labels (None,)]" if labels else f"{wanted} of shape {shape}"
    received = getattr(network, "input_shape", "unknown")
    try:
        if isinstance(received, list) != bool(labels) and received != "unknown":
            raise ValueError("a different number of inputs")
        return network(structure)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"The {role} {network.name!r} does not fit. Expected: a model of {wanted}. "
            f"Received: a model of {received}. Make latent_dim, num_classes and the image shape "
            "the same in generator, discriminator and GAN."
        ) from error


def _check_images(images: np.ndarray, image_shape: tuple) -> None:
    matches = images.ndim == len(image_shape) + 1 and all(
        expected in (None, received)
        for expected, received in zip(image_shape, images.shape[1:], strict=True)
    )
    if not matches:
        raise ValueError(
            f"The images do not fit the generator. Expected: (batch, "
            f"{', '.join(map(str, image_shape))}), as the generator makes them. "
            f"Received: {images.shape}. Resize the images (image_size= in kgan.data, and a channel "
            "axis at the end), or build the networks for this image_shape."
        )
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"Images must be floats in [-1, 1]. Received: dtype {images.dtype}. "
            "Scale them with tf.cast(images, tf.float32) / 127.5 - 1, or let kgan.data do it."
        )
    if not np.isfinite(images).all():
        row = int(np.argwhere(~np.isfinite(images))[0][0])
        raise ValueError(
            f"The images hold NaN or infinity, first in row {row} of the first batch. "
            "Remove or repair those images: one of them would turn every weight into NaN."
        )
    if len(image_shape) == 3:
        _check_range(images)


def _check_range(images: np.ndarray) -> None:
    low, high = float(images.min()), float(images.max())
    if low < -1 - _RANGE_TOLERANCE or high > 1 + _RANGE_TOLERANCE:
        raise ValueError(
            f"Images must lie in [-1, 1]. Received: values from {low:g} to {high:g}. "
            "Scale them with images / 127.5 - 1 if they lie in [0, 255]."
        )
    if low >= 0:
        warnings.warn(
            f"No value of the first batch is negative (they lie in [{low:g}, {high:g}]). kgan's "
            "generators make images in [-1, 1]; scale yours with 2 * images - 1 if they lie in "
            "[0, 1].",
            stacklevel=4,
        )
