"""The pairs of networks by name, for command lines."""

from collections.abc import Callable
from typing import NamedTuple

from kgan.models.dcgan import dcgan_discriminator
from kgan.models.dcgan import dcgan_generator
from kgan.models.mlp import mlp_discriminator
from kgan.models.mlp import mlp_generator
from kgan.models.mlp import small_mlp_discriminator
from kgan.models.mlp import small_mlp_generator


class Family(NamedTuple):
    """Two functions that build a matching pair.

    Attributes:
        generator: (image_shape, latent_dim, *, width, num_classes) -> keras model.
        discriminator: (image_shape, *, width, num_classes, weight_constraint) -> keras model.
    """

    generator: Callable
    discriminator: Callable


_BY_NAME = {
    "dcgan": Family(dcgan_generator, dcgan_discriminator),
    "mlp": Family(mlp_generator, mlp_discriminator),
    "small_mlp": Family(small_mlp_generator, small_mlp_discriminator),
}


def get(name: str) -> Family:
    """The family of networks called `name`.

    Args:
        name: "dcgan", "mlp" (the 2014 paper's) or "small_mlp".

    Returns:
        A `Family`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> family = kgan.models.get("small_mlp")
        >>> family.generator((28, 28, 1), latent_dim=64).output_shape
        (None, 28, 28, 1)
    """
    if name not in _BY_NAME:
        raise ValueError(f"Unknown model. Expected one of {sorted(_BY_NAME)}. Received: {name!r}.")
    return _BY_NAME[name]
