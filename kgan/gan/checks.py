"""What can be known to be wrong with a batch before the first step.

Every check says what is wrong, what was expected, what was received, and the remedy.
"""

import warnings

import numpy as np
from keras import ops

from kgan._utils.checks import RANGE_TOLERANCE
from kgan._utils.checks import check_labels
from kgan._utils.checks import check_range
from kgan.gan import networks


def check_batch(batch, gan, *, where: str = "") -> None:
    """Check a batch, or a whole array, on the host.

    Args:
        batch: NumPy array of images, or a tuple (images,) or (images, labels).
        gan: the `kgan.GAN` that is to learn from it.
        where: str, what follows the number of a row in a message.

    Raises:
        ValueError: for a wrong structure, shape, dtype or range, for NaN or infinity, for labels
            that are missing, unexpected, of the wrong shape or dtype, or out of range.
    """
    images, labels = images_and_labels(batch, gan)
    _check_images(np.asarray(images), gan.image_shape, where)
    if labels is not None:
        check_labels_of(gan, np.asarray(labels), len(images))


def is_sound(batch, gan):
    """In a graph: whether a batch is one in which `check_batch` finds nothing, but for its shape.

    Args:
        batch: tensor of images, or a tuple (images,) or (images, labels).
        gan: the `kgan.GAN` that is to learn from it.

    Returns:
        Boolean tensor; False also for a batch that `check_batch` would just let pass.
    """
    images, labels = images_and_labels(batch, gan)
    # Not true of NaN.
    is_fine = (
        ops.abs(images) <= 1 + RANGE_TOLERANCE
        if len(gan.image_shape) == 3
        else ops.isfinite(images)
    )
    sound = ops.all(is_fine)
    if labels is None:
        return sound
    if gan.num_classes is None:
        return ops.logical_and(sound, ops.all(ops.isfinite(labels)))
    classes = ops.cast(labels, "int64")
    known = ops.logical_and(classes >= 0, classes < gan.num_classes)
    return ops.logical_and(sound, ops.all(known))


def shapes_of_batch(gan) -> list[tuple]:
    """The shapes of images and labels in a batch, None for what may have any size."""
    shapes = [(None, *gan.image_shape)]
    if gan.num_classes is not None:
        shapes.append((None,))
    return shapes if gan.condition_shape is None else [*shapes, (None, *gan.condition_shape)]


def check_labels_of(gan, labels: np.ndarray, rows: int) -> None:
    """Raise unless labels are what a GAN is conditioned on.

    Args:
        gan: `kgan.GAN` with classes or another condition.
        labels: array.
        rows: int, how many are needed.

    Raises:
        ValueError: for a wrong shape, dtype or value.
    """
    if gan.num_classes is not None:
        check_labels(labels, rows, gan.num_classes)
    else:
        check_conditions(labels, rows, gan.condition_shape)


def check_conditions(conditions, rows: int, shape: tuple) -> np.ndarray:
    """Conditions as an array, if they are finite floats of this shape.

    Args:
        conditions: array or tensor, expected (rows, *shape) of floats.
        rows: int, how many are needed.
        shape: tuple, the GAN's `condition_shape`.

    Returns:
        Float array (rows, *shape).

    Raises:
        ValueError: for a wrong shape or dtype, NaN or infinity, or None.
    """
    expected = f"Expected: labels, floats of shape ({', '.join(map(str, (rows, *shape)))}), since "
    expected += f"condition_shape={shape}."
    if conditions is None:
        raise ValueError(f"The conditions are missing. {expected} Received: None.")
    conditions = np.asarray(conditions)
    if conditions.shape != (rows, *shape) or not np.issubdtype(conditions.dtype, np.floating):
        raise ValueError(
            f"The conditions do not fit the GAN. {expected} Received: {conditions.shape} of "
            f"{conditions.dtype}. Make them floats with .astype('float32'), and of that shape."
        )
    if rows and not np.isfinite([conditions.min(), conditions.max()]).all():
        raise ValueError(f"The conditions hold NaN or infinity. {expected}")
    return conditions


def images_and_labels(batch, gan) -> tuple:
    """Take a batch apart: (images, labels), labels None for a GAN without any.

    Args:
        batch: a tensor or array of images, or a tuple (images,) or (images, labels); what Keras
            appends to it for absent parts, None, is ignored.
        gan: the `kgan.GAN`, which says whether there are to be labels.

    Returns:
        (images, labels or None).

    Raises:
        ValueError: if the structure is another one, does not agree with the GAN, or if the
            images are no floats.
    """
    conditions = {"num_classes": gan.num_classes, "condition_shape": gan.condition_shape}
    given = ", ".join(f"{name}={value}" for name, value in conditions.items() if value is not None)
    expected = "(images, labels)" if given else "images"
    if isinstance(batch, dict):
        part = "(row['image'], row['label'])" if given else "row['image']"
        raise ValueError(
            f"A batch must be {expected}. Received: a dict with the keys {sorted(batch)}. "
            f"Take its parts by name, for example dataset.map(lambda row: {part})."
        )
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if parts and isinstance(parts[0], (tuple, list, dict)):
        raise ValueError(
            f"A batch must be {expected}. Received: a {type(parts[0]).__name__} in place of the "
            "images. Yield images and labels side by side: yield images, labels."
        )
    images, labels, *others = (*parts, None)[: max(2, len(parts))]
    if any(other is not None for other in others):
        raise ValueError(
            f"A batch must be {expected}. Received: {len(parts)} parts. "
            "Sample weights and further targets have no meaning for a GAN."
        )
    if labels is None and given:
        raise ValueError(
            f"Labels are missing. A GAN with {given} trains on batches of "
            "(images, labels). Received: images only. Yield both, or build the GAN and its "
            f"networks without {given.partition('=')[0]}."
        )
    if labels is not None and not given:
        raise ValueError(
            "Unexpected labels. A GAN without num_classes trains on batches of images. Received: "
            "a pair. Leave out the labels of arrays, drop the second part of a dataset with "
            "dataset.map(lambda images, labels: images), or build the GAN and its networks with "
            "num_classes=."
        )
    dtype = str(getattr(images.dtype, "name", images.dtype))
    if not dtype.startswith(("float", "bfloat")):
        remedy = "Scale them with tf.cast(images, tf.float32) / 127.5 - 1, or let kgan.data do it."
        if not dtype.startswith(("bool", "int", "uint")):
            remedy = "Make them one array of numbers, pictures of one size: numpy.stack(images)."
        raise ValueError(f"Images must be floats in [-1, 1]. Received: dtype {dtype}. {remedy}")
    return images, labels


def check_rows(rows: int, discriminator_steps: int, num_replicas: int, pack: int = 1) -> None:
    """Raise unless a batch can be dealt out to the discriminator steps and shared by replicas.

    Args:
        rows: int, the rows of a batch.
        discriminator_steps: int, k.
        num_replicas: int.
        pack: int, the images that the discriminator judges as one.

    Raises:
        ValueError: if k * num_replicas * pack does not divide them.
    """
    shares = discriminator_steps * num_replicas * pack
    if rows % shares == 0:
        return
    # Whether these rows were meant for one update, or for all.
    share = rows // discriminator_steps
    meant = (rows if rows % discriminator_steps else share, share)
    parts = num_replicas * pack
    sizes = dict.fromkeys(max(1, size // parts) * parts for size in meant)
    batches = [f".batch({discriminator_steps} * {n}, drop_remainder=True)" for n in sizes]
    received = f"discriminator_steps={discriminator_steps} equal minibatches"
    if num_replicas > 1:
        received += f" for {num_replicas} replicas, which have equal parts of each"
    if pack > 1:
        received += f" in packs of {pack}, as the discriminator takes them"
    raise ValueError(
        f"A batch of {rows} images cannot be split into {received}: each of the k discriminator "
        "updates of one training step needs its own real images. Batch the dataset with "
        f"{' or '.join(batches)}, or fit arrays with such a batch_size. In kgan.data "
        "batch_size is the last factor alone."
    )


def _check_images(images: np.ndarray, image_shape: tuple, where: str) -> None:
    sizes = zip(image_shape, images.shape[1:], strict=False)
    if images.ndim != len(image_shape) + 1 or any(
        expected not in (None, received) for expected, received in sizes
    ):
        remedy = "Resize the images (image_size= in kgan.data, and a channel axis at the end)"
        if images.shape[1:-1] == image_shape[:-1] and {images.shape[-1], image_shape[-1]} == {1, 3}:
            remedy = f"Convert the images (channels={image_shape[-1]} in kgan.data)"
        raise ValueError(
            f"The images do not fit the generator. Expected: (batch, "
            f"{', '.join(map(str, image_shape))}), as the generator makes them. "
            f"Received: {images.shape}. {remedy}, or build the networks for this image_shape."
        )
    if not len(images):
        return
    # NaN and infinity pass into the minimum or the maximum, which need no memory.
    if not np.isfinite([images.min(), images.max()]).all():
        row = next(row for row, image in enumerate(images) if not np.isfinite(image).all())
        raise ValueError(
            f"The images hold NaN or infinity, first in row {row}{where}. "
            "Remove or repair those images: one of them would turn every weight into NaN."
        )
    if len(image_shape) == 3:
        check_range(images)


def warn_of_one_side(images: np.ndarray, gan) -> None:
    """Warn of images that were perhaps not scaled to [-1, 1], on the line of a `fit`.

    Args:
        images: float array (batch, ...), the first batch.
        gan: the `kgan.GAN` that is to learn from it.
    """
    low, high = float(images.min()), float(images.max())
    if len(gan.image_shape) == 3 and low >= 0:
        remedy = "scale yours with 2 * images - 1 if they lie in [0, 1]."
        if networks.makes_0_to_1(gan):
            remedy = (
                f"the generator {gan.generator.name!r} makes [0, 1] only. End it in tanh in place "
                "of sigmoid, and scale the data with 2 * images - 1."
            )
        warnings.warn(
            f"No value of the first batch is negative (they lie in [{low:g}, {high:g}]). kgan's "
            f"generators make images in [-1, 1]; {remedy}",
            # The user's call of fit or evaluate.
            stacklevel=5,
        )
