"""The functions that an exported generator offers, and nothing else: all formats take them here.

Every input is a vector over the batch, because a server can merge only such requests, and a row of
the answer depends on its own row of the inputs alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from kgan.export.interface import Interface

LATENTS_TO_IMAGES = "serving_default"
SEEDS_TO_PICTURES = "generate"
SEEDS_TO_TRUNCATED_PICTURES = "generate_truncated"
SEEDS_TO_PNG = "generate_png"
LABELS_TO_CLASSES = "classes"

# PNG has grey, grey with alpha, colour, and colour with alpha.
_PNG_CHANNELS = (1, 2, 3, 4)


class Signature(NamedTuple):
    """One function of an export.

    Attributes:
        name: str, by which servers and interpreters call it.
        function: takes tensors in the order of `inputs`, returns a dict of named tensors.
        inputs: list of named `tf.TensorSpec`.
    """

    name: str
    function: Callable
    inputs: list[tf.TensorSpec]


def signatures(generator: keras.Model, interface: Interface) -> list[Signature]:
    """The functions of a generator's export.

    Each answers n requests, and also takes label, int32 (n,), where the generator takes labels:

    - `serving_default`: latents, float32 (n, latent_dim) -> images, float32 (n, height, width,
      channels) in [-1, 1];
    - `generate`: seed, int64 (n,) -> images, uint8 of the same shape;
    - `generate_truncated`: seed, and truncation, float32 (n,) above 0 -> images, uint8: those of
      `generate` with every latent pulled into [-truncation, truncation];
    - `generate_png`: seed -> png_bytes, string (n,): the images of `generate` as PNG files. Left
      out where the images have more than 4 channels, which PNG cannot hold.
    - `classes`, where the generator takes labels: label -> one_hot, uint8 (n, num_classes). A
      client reads the number of classes from this shape, which every server tells.

    Wrong inputs are refused in the graph, so by every server, with a text that tells the remedy: a
    label out of range, latents that are not finite, another shape, no image. TFLite and ONNX files
    hold no such assertions; they refuse a label out of range alone.

    Args:
        generator: float32 keras model, as `read_interface` wants it.
        interface: what `read_interface` said of it.

    Returns:
        A list of `Signature`.
    """
    latents = tf.TensorSpec((None, interface.latent_dim), tf.float32, "latents")
    seed = tf.TensorSpec((None,), tf.int64, "seed")
    truncation = tf.TensorSpec((None,), tf.float32, "truncation")
    label = [tf.TensorSpec((None,), tf.int32, "label")] if interface.num_classes else []

    def images_of(latents, label):
        inputs = latents = checked_latents(latents, interface.latent_dim)
        if label:
            rows = tf.shape(latents)[0]
            inputs = [latents, checked_label(*label, interface.num_classes, rows)]
        images = tf.cast(generator(inputs, training=False), tf.float32)
        # What Keras knows of the shape; tf.ensure_shape would be an operation, unknown to TFLite.
        images.set_shape((None, *interface.image_shape))
        return images

    def serving_default(latents, *label):
        return {"images": checked_images(images_of(latents, label), latents)}

    def generate(seed, *label):
        latents = latents_of_seeds(checked_seed(seed), interface.latent_dim)
        return {"images": to_uint8(images_of(latents, label))}

    def generate_truncated(seed, truncation, *label):
        seed = checked_seed(seed)
        truncation = checked_truncation(truncation, tf.size(seed))
        latents = truncated(latents_of_seeds(seed, interface.latent_dim), truncation)
        return {"images": to_uint8(images_of(latents, label))}

    def generate_png(seed, *label):
        return {"png_bytes": tf.io.encode_png(generate(seed, *label)["images"])}

    def classes(label):
        label = checked_label(label, interface.num_classes, tf.size(label))
        return {"one_hot": tf.one_hot(label, interface.num_classes, dtype=tf.uint8)}

    found = [
        Signature(LATENTS_TO_IMAGES, serving_default, [latents, *label]),
        Signature(SEEDS_TO_PICTURES, generate, [seed, *label]),
        Signature(SEEDS_TO_TRUNCATED_PICTURES, generate_truncated, [seed, truncation, *label]),
    ]
    if interface.image_shape[-1] in _PNG_CHANNELS:
        found.append(Signature(SEEDS_TO_PNG, generate_png, [seed, *label]))
    if label:
        found.append(Signature(LABELS_TO_CLASSES, classes, label))
    return found


def latents_of_seeds(seed, latent_dim: int):
    """Standard normal latents, one row per seed, equal on a CPU to Keras' own bit for bit.

    Row i is `keras.random.normal((1, latent_dim), seed=seed[i])`: the same in every process, batch
    and server. XLA draws other numbers, so this must not be compiled by it.

    Args:
        seed: int64 tensor, (n,).
        latent_dim: int, width of the latents.

    Returns:
        float32 tensor, (n, latent_dim).
    """
    # Keras folds its 64-bit seeds into the range of int32 in this way before it draws.
    folded = tf.math.floormod(seed, tf.int32.max - 1)

    def draw(one_seed):
        key = tf.stack([one_seed, tf.zeros_like(one_seed)])
        return tf.random.stateless_normal([latent_dim], key, alg="philox")

    row = tf.TensorSpec((latent_dim,), tf.float32)
    return tf.map_fn(draw, folded, fn_output_signature=row)


def truncated(latents, truncation):
    """Latents of the normal distribution truncated to [-truncation, truncation], row by row.

    `kgan.sampling.truncated` in float64: sqrt 2 erfinv(erf(z / sqrt 2) erf(truncation / sqrt 2)).
    As there, a truncation whose mass is 1 in float32 leaves each latent inside as it was, to the
    last bit, and none is carried out of the interval.

    Args:
        latents: float32 tensor, (n, latent_dim), standard normal.
        truncation: float32 tensor, (n,), above 0; infinity for none.

    Returns:
        float32 tensor, (n, latent_dim).

    Reference:
        Brock et al. 2019, arXiv 1809.11096, section 3.1, where the latents outside are drawn anew.
    """
    root = 2.0**0.5
    limit = truncation[:, tf.newaxis]
    mass = tf.math.erf(tf.cast(limit, tf.float64) / root)
    share = tf.math.erf(tf.cast(latents, tf.float64) / root) * mass
    inside = tf.cast(root * tf.math.erfinv(share), tf.float32)
    inside = tf.where(tf.math.erf(limit / root) < 1, inside, latents)
    return tf.clip_by_value(inside, -limit, limit)


def checked_seed(seed):
    """`seed` itself, once it is known to hold one number for each image.

    Args:
        seed: int64 tensor, (n,).

    Returns:
        int64 tensor, (n,).
    """
    return _one_per_image(seed, "seed", tf.size(seed))


def checked_latents(latents, latent_dim: int):
    """`latents` itself, once it is known to ask for an image and to be what the generator takes.

    Args:
        latents: float32 tensor, (n, latent_dim), finite.
        latent_dim: int, width of the latents.

    Returns:
        float32 tensor, (n, latent_dim).
    """
    shape = tf.shape(latents)
    # Python refuses another shape itself, and other servers only by the first layer that fails.
    fits = (tf.raw_ops.Rank(input=latents) == 2) & tf.reduce_all(shape[1:] == latent_dim)
    said = [f"latents must have {latent_dim} values per image. Received the shape:", shape]
    latents = _once(fits, said, latents)
    # Convolutions of no images give another number of channels than of one.
    said = ["a request must ask for one image or more. Images:", shape[0]]
    latents = _once(tf.size(latents) > 0, said, latents)
    said = ["latents must be finite. Received:", latents]
    return _once(tf.reduce_all(tf.math.is_finite(latents)), said, latents)


def checked_truncation(truncation, rows):
    """`truncation` itself, once it is known to hold a positive number for each image.

    Args:
        truncation: float32 tensor, (n,).
        rows: int32 scalar, how many images are asked for.

    Returns:
        float32 tensor, (n,).
    """
    # One value for several seeds would be spread over them, but no server could merge the request.
    truncation = _one_per_image(truncation, "truncation", rows)
    said = ["truncation is the largest absolute value of a latent and must be above 0. Received:"]
    # NaN is not above 0 either.
    return _once(tf.reduce_all(truncation > 0.0), [*said, truncation], truncation)


def checked_label(label, num_classes: int, rows):
    """`label` itself, once it is known to hold one class in [0, num_classes) for each image.

    Args:
        label: int32 tensor, (n,).
        num_classes: int, number of classes.
        rows: int32 scalar, how many images are asked for.

    Returns:
        int32 tensor, (n,).
    """
    label = _one_per_image(label, "label", rows)
    in_range = tf.reduce_all((label >= 0) & (label < num_classes))
    label = _once(in_range, [f"label must be in [0, {num_classes}). Received:", label], label)
    # TFLite leaves assertions out, but looks up no entry that is not there. Keras' own lookup would
    # take -1 for the last class.
    return tf.gather(tf.range(num_classes), label)


def checked_images(images, latents):
    """`images` itself, once all of them are known to be finite: JSON has no other numbers.

    Args:
        images: float32 tensor, (n, height, width, channels).
        latents: float32 tensor, (n, latent_dim), what they were made of.

    Returns:
        float32 tensor, (n, height, width, channels).
    """
    said = ["latents are too large for finite images. The largest:", tf.reduce_max(tf.abs(latents))]
    return _once(tf.reduce_all(tf.math.is_finite(images)), said, images)


def _one_per_image(values, name: str, rows):
    shape = tf.shape(values)
    # Servers feed what was sent, whatever its shape. tf.rank would answer 1 without looking.
    fits = (tf.raw_ops.Rank(input=values) == 1) & (tf.size(values) == rows)
    said = [f"{name} must hold one number per image. Images, and the shape of {name}:", rows, shape]
    return _once(fits, said, values)


def _once(condition, said: list, values):
    """`values` itself, once the condition is known to hold; else the request is refused."""
    with tf.control_dependencies([tf.debugging.Assert(condition, said, summarize=10)]):
        return tf.identity(values)


def to_uint8(images):
    """Stored images of images in [-1, 1]: -1 is 0, 1 is 255, halves go to the even neighbour.

    Args:
        images: float32 tensor in [-1, 1]; what lies outside is clipped.

    Returns:
        uint8 tensor of the same shape.
    """
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)
