"""Packs: several images that the discriminator judges as one, stacked on the channel axis."""

from keras import ops


def pack_size(generated: tuple, network) -> int:
    """How many images of the generator's one input of a discriminator holds.

    Args:
        generated: shape of the generator's images, (batch, height, width, channels).
        network: keras model, the discriminator.

    Returns:
        int, m; 1 where the network does not tell what it takes, or takes something else.
    """
    inputs = getattr(network, "inputs", None) or []
    taken = inputs[0].shape if inputs else ()
    is_of_pictures = len(generated) == len(taken) == 4 and tuple(taken[1:3]) == generated[1:3]
    if not is_of_pictures or None in (taken[-1], generated[-1]) or taken[-1] % generated[-1]:
        return 1
    return taken[-1] // generated[-1]


def packed(images, pack: int):
    """Images as packs: rows j m, ..., j m + m - 1 make pack j. Short packs begin again.

    Args:
        images: tensor (batch, height, width, channels).
        pack: int, m.

    Returns:
        Tensor (batch / m, height, width, m * channels), rounded up; the images for m = 1.
    """
    if pack == 1:
        return images
    rows, height, width, channels = ops.shape(images)
    if rows is not None and not (isinstance(rows, int) and rows % pack == 0):
        # The last pack of a short batch is filled up with its first rows.
        filled = (rows + pack - 1) // pack * pack
        images = ops.take(images, ops.arange(filled) % rows, axis=0)
    grouped = ops.reshape(images, (-1, pack, height, width, channels))
    beside = ops.transpose(grouped, (0, 2, 3, 1, 4))
    return ops.reshape(beside, (-1, height, width, pack * channels))


def unpacked(packs, pack: int):
    """The images of packs, one below the other.

    Args:
        packs: tensor (packs, height, width, m * channels).
        pack: int, m.

    Returns:
        Tensor (packs * m, height, width, channels); the packs themselves for m = 1.
    """
    if pack == 1:
        return packs
    _, height, width, channels = ops.shape(packs)
    beside = ops.reshape(packs, (-1, height, width, pack, channels // pack))
    grouped = ops.transpose(beside, (0, 3, 1, 2, 4))
    return ops.reshape(grouped, (-1, height, width, channels // pack))
