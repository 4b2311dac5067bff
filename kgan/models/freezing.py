"""Blocks of a discriminator that are not trained."""

import re

import keras

from kgan._utils.checks import check_positive_integer

_BLOCK = re.compile(r"[a-z]+_\d+")


def freeze_blocks(discriminator: keras.Model, n: int) -> list[str]:
    """Leave the first n blocks of a discriminator as they are, counted from the image: FreezeD.

    For fine-tuning to few images, before the GAN is compiled. A block is all layers whose names
    begin with the same word and number: in the families of `kgan.models` a halving or stage
    (`down_0`), of the 2014 paper's pair a maxout layer (`maxout_1`). What stands before the first
    block is frozen with it. Batch norms in the blocks are trained on: frozen, they would take
    statistics of reals and fakes together, which fit neither.

    Args:
        discriminator: keras model of `kgan.models`, or one with such names. It is changed.
        n: int > 0, how many blocks, at most as many as there are: then the head alone is trained.

    Returns:
        List of str, the names of the layers that are frozen.

    Raises:
        ValueError: if there are fewer blocks.

    Example:
        >>> discriminator = kgan.models.dcgan_discriminator((28, 28, 1), width=8)
        >>> kgan.models.freeze_blocks(discriminator, 1)
        ['down_0']

    Reference:
        Mo et al. 2020, Freeze the Discriminator, arXiv 2002.10964.
    """
    n = check_positive_integer("n", n)
    layers = [layer for layer in discriminator.layers if layer.weights]
    found = [_BLOCK.match(layer.name) for layer in layers]
    names = [block and block[0] for block in found]
    blocks = [name for name in dict.fromkeys(names) if name]
    if n > len(blocks):
        raise ValueError(
            f"There are {len(blocks)} blocks in this discriminator: {', '.join(blocks) or 'none'}. "
            f"Expected: at most as many to freeze. Received: n={n}. A block is all layers that "
            "begin with one word and number, as down_0 and down_0_norm."
        )
    last = max(index for index, name in enumerate(names) if name in blocks[:n])
    frozen = [
        layer
        for layer, name in list(zip(layers, names, strict=True))[: last + 1]
        if name not in blocks[n:] and not isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in frozen:
        layer.trainable = False
    return [layer.name for layer in frozen]
