"""The one form in which every source hands over its images."""

import unicodedata
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kgan._utils.checks import check_flag
from kgan._utils.checks import check_labels
from kgan._utils.checks import check_positive_integer
from kgan._utils.checks import is_integer
from kgan._utils.checks import without_column
from kgan.data import memory
from kgan.data.epochs import Epochs
from kgan.data.epochs import digest

# How a dataset of `Images` carries the number of its classes, 0 without labels.
_CLASSES = "kgan_classes"


def is_sound_for(dataset, num_classes: int | None) -> bool:
    """Whether a dataset is known to hold images in [-1, 1], and labels below a number of classes.

    Args:
        dataset: anything.
        num_classes: int, or None for a GAN without classes.

    Returns:
        bool: True for what `Images.batches` returned, not for what was derived from it.
    """
    return getattr(dataset, _CLASSES, np.inf) <= (num_classes or 0)


def check_class_names(names: Sequence[str]) -> tuple[str, ...]:
    """Raise unless names of classes can be written, into files and on a terminal.

    Args:
        names: sequence of strings.

    Returns:
        The names.

    Raises:
        ValueError: for bytes that are no UTF-8, as a folder's name may have, and for control
            characters.
    """
    for name in names:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(name)):
            raise ValueError(
                "The name of a class must be text, UTF-8 without control characters. Received: "
                f"{name!a}. Rename the class, or its folder."
            )
    return tuple(names)


class Images:
    """Decoded images of one size, and their labels if there are any.

    The images stay bytes; `batches` scales them to [-1, 1] on the way to the model.

    Args:
        images: uint8 array, (count, height, width, channels).
        labels: integers, (count,) or a column, from 0 to num_classes - 1; or None.
        num_classes: int, the number of classes; by default the largest label plus one.
        class_names: sequence of num_classes strings, or None.
        name: str, where the images come from.

    Attributes:
        images: uint8 array, (count, height, width, channels). It may be a file on the disk, of
            which only what is indexed is read.
        labels: int32 array, (count,), or None.
        num_classes: int, or None without labels.
        class_names: tuple of strings, or None.
        name: str.

    Example:
        >>> digits = kgan.data.digits()
        >>> gan.fit(digits.batches(64, labels=False), epochs=20)
    """

    def __init__(
        self,
        images: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        name: str = "images",
    ):
        images = np.asanyarray(images)
        if images.ndim != 4 or images.dtype != np.uint8:
            raise ValueError(
                "Images holds uint8 arrays of shape (count, height, width, channels). "
                f"Received: dtype {images.dtype}, shape {images.shape}. "
                "Convert other arrays with kgan.data.from_arrays."
            )
        if not images.size:
            raise ValueError(f"There are no images. Received: an array of shape {images.shape}.")
        self.images = images
        if not memory.can_be_borrowed(images):
            self.images = memory.allocate(images.shape)
            self.images[...] = images
        level = self.images[0].flat[0]
        # As a rule the first image ends this.
        if all((image == level).all() for image in self.images):
            warnings.warn(
                f"All pixels of {name!r} have one value, {level}: there is nothing to learn. Look "
                "at the images, and at how they were converted to 8 bits.",
                stacklevel=3,
            )
        self.labels, self.num_classes = None, None
        if labels is not None:
            labels = without_column(np.asarray(labels))
            self.num_classes = check_labels(labels, len(self.images), num_classes)
            self.labels = labels.astype(np.int32)
        elif num_classes is not None:
            raise ValueError(
                f"num_classes={num_classes} without labels has no meaning. Pass labels as well, or "
                "leave num_classes out."
            )
        self.class_names = None if class_names is None else check_class_names(class_names)
        if class_names is not None and len(self.class_names) != (self.num_classes or 0):
            raise ValueError(
                "class_names must name each of the classes. "
                f"Expected: {self.num_classes or 0} names. Received: {len(self.class_names)}."
            )
        self.name = name

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image: (height, width, channels)."""
        return self.images.shape[1:]

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        classes = "no labels" if self.labels is None else f"{self.num_classes} classes"
        return f"<Images {self.name!r}: {len(self)} of shape {self.image_shape}, {classes}>"

    def batches(
        self,
        batch_size: int,
        *,
        discriminator_steps: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        drop_remainder: bool = True,
        labels: bool = True,
        flip: bool = False,
    ) -> tf.data.Dataset:
        """The images as a dataset to `fit`; to iterate over it once is one epoch.

        The order of an epoch, and which images are flipped in it, depend on `seed` and on the
        number of the epoch alone, so that a killed training resumes exactly: see
        `kgan.data.by_epoch`.

        Args:
            batch_size: int, the images of one discriminator step.
            discriminator_steps: int, the discriminator steps of one training step, as in
                `GAN.compile`. A batch holds the images of all of them.
            seed: int, start of the shuffling and of the flips. Equal seeds give equal orders, epoch
                by epoch.
            shuffle: bool. With True every epoch goes through all images in a new, completely random
                order; with False in the order they are stored in.
            drop_remainder: bool, whether a last batch that is not full is left out. Its images are
                others in every shuffled epoch.
            labels: bool, whether to yield the labels there are.
            flip: bool, whether each image is mirrored, left for right, in half of the epochs. For
                pictures that might as well be the other way round, such as faces and flowers, of
                which there are then twice as many. Default False.

        Returns:
            A finite dataset of batches of discriminator_steps * batch_size rows: float32 images in
            [-1, 1], (rows, height, width, channels), or pairs of such images and int32 labels,
            (rows,).

        Raises:
            ValueError: if a size is not a positive integer, the images do not fill one batch, or
                `flip` is no bool. A warning tells of classes that are digits or letters, which
                mirrored are others or none.
        """
        batch_size = check_positive_integer("batch_size", batch_size)
        discriminator_steps = check_positive_integer("discriminator_steps", discriminator_steps)
        if not is_integer(seed) or not -(2**63) <= seed < 2**63:
            raise ValueError(
                f"seed must be an integer of at most 64 bits. Received: seed={seed!r}."
            )
        flip = check_flag("flip", flip)
        if flip and self.class_names and all(map(_is_character, self.class_names)):
            names = ", ".join(self.class_names[:3]) + ", ..." * (len(self.class_names) > 3)
            warnings.warn(
                f"flip=True mirrors images of {self.name!r}, whose classes look like digits or "
                f"letters ({names}): mirrored, they are others or none. Leave flip out, unless "
                "every class stays what it is.",
                stacklevel=2,
            )
        rows, most = batch_size * discriminator_steps, len(self) // discriminator_steps
        if drop_remainder and len(self) < rows:
            fewer = "" if most else f", with discriminator_steps of {len(self)} or less"
            raise ValueError(
                f"{self.name!r} has {len(self)} images, too few for one batch. Expected: at least "
                f"discriminator_steps * batch_size = {discriminator_steps} * {batch_size} = "
                f"{rows}. Choose a batch_size of {most or 1} or less{fewer}."
            )
        length = len(self) // rows if drop_remainder else -(-len(self) // rows)
        dealt = {"seed": int(seed), "shuffle": bool(shuffle), "rows": rows, "flip": flip}
        epochs = Epochs(length, lambda: {**self._description(), **dealt})
        start = tf.constant(seed, tf.int64)
        order = epochs.dataset(
            lambda epoch: self._order([start, epoch], shuffle=shuffle, flip=flip), len(self)
        )
        batches = order.batch(rows, drop_remainder=drop_remainder).map(
            self._rows(labels, flip), num_parallel_calls=tf.data.AUTOTUNE
        )
        options = tf.data.Options()
        # Rewriting the graph would copy the borrowed images into it.
        options.experimental_optimization.apply_default_optimizations = False
        # There are no files to share out among several workers.
        sharding = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = sharding
        batches = batches.with_options(options).prefetch(tf.data.AUTOTUNE)
        has_labels = labels and self.labels is not None
        setattr(batches, _CLASSES, self.num_classes if has_labels else 0)
        return epochs.carried_by(batches)

    def _order(self, seed: list, *, shuffle: bool, flip: bool) -> tf.data.Dataset:
        """The indices of an epoch; that of an image to be flipped is its complement, -1 - i."""
        indices, seed = tf.range(len(self), dtype=tf.int64), tf.stack(seed)
        # The algorithm is named since "auto" may mean another one on another device.
        if flip:
            own = tf.random.experimental.stateless_fold_in(seed, 1, alg="philox")
            bits = tf.random.stateless_uniform(
                indices.shape, own, 0, 2, dtype=tf.int32, alg="philox"
            )
            # Before they are shuffled: an image's own bits are others in every epoch.
            indices = tf.bitwise.bitwise_xor(indices, -tf.cast(bits, tf.int64))
        if shuffle:
            indices = tf.random.experimental.stateless_shuffle(indices, seed=seed, alg="philox")
        return tf.data.Dataset.from_tensor_slices(indices)

    def _description(self) -> dict:
        return {
            "shape": list(self.images.shape),
            "images": digest(self.images),
            "labels": None if self.labels is None else digest(self.labels),
        }

    def _rows(self, with_labels: bool, flip: bool):
        stored = memory.borrow(self.images)

        def images(indices):
            rows = tf.gather(stored, _stored_at(indices))
            if flip:
                rows = tf.where(indices[:, None, None, None] < 0, rows[:, :, ::-1], rows)
            return tf.cast(rows, tf.float32) / 127.5 - 1.0

        if self.labels is None or not with_labels:
            return images
        with tf.device("CPU:0"):
            classes = tf.constant(self.labels)
        return lambda indices: (images(indices), tf.gather(classes, _stored_at(indices)))


def _stored_at(indices):
    """Where the image of an index, which may be flipped, is stored."""
    return tf.maximum(indices, ~indices)


def _is_character(name: str) -> bool:
    return len(name) == 1 or name.isdigit()
