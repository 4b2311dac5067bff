"""The pairs of networks by name, and how each is trained where nothing else is said."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras

from kgan.models.dcgan import dcgan_discriminator
from kgan.models.dcgan import dcgan_generator
from kgan.models.mlp import mlp_discriminator
from kgan.models.mlp import mlp_generator
from kgan.models.mlp import small_mlp_discriminator
from kgan.models.mlp import small_mlp_generator
from kgan.models.residual import residual_discriminator
from kgan.models.residual import residual_generator
from kgan.models.resnet import resnet_discriminator
from kgan.models.resnet import resnet_generator

# Images over which R3GAN's schedules go.
_BURN_IN = 20_000_000


@dataclasses.dataclass(frozen=True)
class Defaults:
    """What `GAN.compile` takes for a pair of networks where it is given nothing.

    Without arguments, what it takes for networks of no family.

    Args:
        loss: str, as `kgan.losses.get` takes it.
        discriminator_steps: int, k of Algorithm 1.
        penalties: tuple of str, as `kgan.penalties.get` takes them.
        learning_rate: float, of both players.
        beta_1: float, of Adam.
        beta_2: float, of Adam.
        epsilon: float, of Adam.
        schedules: dict of str, as `GAN.compile` takes them, for these optimizers.

    Example:
        >>> kgan.models.get("resnet").defaults((32, 32, 3)).loss
        'hinge'

    Reference:
        Radford et al. 2016, arXiv 1511.06434, section 4, for the optimizer without arguments.
    """

    loss: str = "non_saturating"
    discriminator_steps: int = 1
    penalties: tuple[str, ...] = ()
    learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999
    epsilon: float = 1e-7
    schedules: dict[str, str] = dataclasses.field(default_factory=dict)

    def optimizer(
        self, learning_rate: float | None = None, beta_1: float | None = None
    ) -> keras.optimizers.Optimizer:
        """The optimizer of one player, a new one at every call.

        Args:
            learning_rate: float in place of the default one, None for that.
            beta_1: float in place of the default one, None for that.

        Returns:
            `keras.optimizers.Adam`.
        """
        return keras.optimizers.Adam(
            self.learning_rate if learning_rate is None else learning_rate,
            beta_1=self.beta_1 if beta_1 is None else beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )


class Family(NamedTuple):
    """Two functions that build a matching pair, and how it is trained by default.

    Attributes:
        generator: (image_shape, latent_dim, *, width, num_classes) -> keras model.
        discriminator: (image_shape, *, width, num_classes, weight_constraint) -> keras model.
        defaults: (image_shape) -> `Defaults`.
    """

    generator: Callable
    discriminator: Callable
    defaults: Callable = lambda image_shape: Defaults()


def _of_resnet(image_shape) -> Defaults:
    """Miyato et al. 2018, arXiv 1802.05957, the setting of their figures for ResNets."""
    return Defaults(loss="hinge", discriminator_steps=5, beta_1=0.0, beta_2=0.9)


def _of_residual(image_shape) -> Defaults:
    """Huang et al. 2025, arXiv 2501.05441, with the schedules of its CIFAR-10 and faces.

    gamma begins with 0.5 at 32 pixels and four times as much for twice the side, the rule of
    StyleGAN3 (arXiv 2106.12423), and falls to a tenth. R3GAN begins at 0.05 to 1 with 32 pixels, at
    1 and 2 with 64, at 150 with 256, each found for its data: it is worth trying 2, 4, 1/2 and 1/4
    times as much.
    """
    height, width, _ = image_shape
    gamma = 0.5 * height * width / 32**2
    return Defaults(
        loss="relativistic_paired",
        penalties=tuple(
            f"{name}=cosine({gamma:.3g}, {gamma / 10:.3g}, until={_BURN_IN})"
            for name in ("r1", "r2")
        ),
        beta_1=0.0,
        beta_2=0.9,
        epsilon=1e-8,
        schedules={
            "learning_rate": f"cosine(2e-4, 5e-5, until={_BURN_IN})",
            "beta_2": f"cosine(0.9, 0.99, until={_BURN_IN})",
        },
    )


_BY_NAME = {
    "dcgan": Family(dcgan_generator, dcgan_discriminator),
    "mlp": Family(mlp_generator, mlp_discriminator),
    "residual": Family(residual_generator, residual_discriminator, _of_residual),
    "resnet": Family(resnet_generator, resnet_discriminator, _of_resnet),
    "small_mlp": Family(small_mlp_generator, small_mlp_discriminator),
}


def get(name: str) -> Family:
    """The family of networks called `name`.

    Args:
        name: "dcgan", "mlp" (the 2014 paper's), "residual" (R3GAN's), "resnet" (SN-ResNet) or
            "small_mlp".

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


def defaults(
    generator: keras.Model, discriminator: keras.Model, image_shape: tuple[int, ...]
) -> Defaults:
    """How two networks are trained where nothing else is said.

    Args:
        generator: keras model. Networks of a family are known by their names.
        discriminator: keras model.
        image_shape: tuple of int, of what the one makes and the other judges.

    Returns:
        The `Defaults` of their family; the general ones if they are of none, or of two.

    Example:
        >>> kgan.models.defaults(generator, discriminator, (28, 28, 1)).discriminator_steps
        1
    """
    for name, family in _BY_NAME.items():
        names = f"{name}_generator", f"{name}_discriminator"
        if (generator.name, discriminator.name) == names and len(image_shape) == 3:
            return family.defaults(image_shape)
    return Defaults()
