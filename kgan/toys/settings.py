"""Everything that decides a toy run, and the settings that are known to work."""

import dataclasses
import math

import keras

from kgan import constraints
from kgan.gan import GAN
from kgan.toys import networks


@dataclasses.dataclass(frozen=True)
class Settings:
    """The numbers and names behind one toy run.

    Attributes:
        loss: str, as `kgan.losses.get` takes it.
        penalties: tuple of str, as `kgan.penalties.get` takes them.
        steps: int, updates of the generator.
        discriminator_steps: int, k of Algorithm 1.
        batch_size: int, points per discriminator update.
        latent_dim: int, width of the latents.
        width: int, units of every hidden layer of both networks.
        g_depth: int, hidden layers of the generator.
        d_depth: int, hidden layers of the discriminator.
        g_activation: str, the generator's activation.
        d_activation: str, the discriminator's activation.
        g_spread: bool, whether the generator's units begin spread, see `networks.generator`.
        d_spread: bool, the same of the discriminator.
        optimizer: str, "adam", "rmsprop" or "sgd", of both players.
        g_learning_rate: float > 0.
        d_learning_rate: float > 0.
        beta_1: float in [0, 1), Adam's, or the momentum of SGD.
        beta_2: float in [0, 1), Adam's.
        decay: bool, whether both learning rates fall to 0 along a cosine.
        ema_halflife_images: float > 0, half-life of the generator's moving average, or None.
        weight_clip: float > 0, bound of the discriminator's weights, or None.
        spectral_norm: bool, whether the discriminator's kernels are normalised.
    """

    loss: str = "relativistic_paired"
    penalties: tuple = ("r1=0.1", "r2=0.1")
    steps: int = 8000
    discriminator_steps: int = 1
    batch_size: int = 256
    latent_dim: int = 2
    width: int = 64
    g_depth: int = 3
    d_depth: int = 4
    g_activation: str = "relu"
    d_activation: str = "silu"
    g_spread: bool = True
    d_spread: bool = True
    optimizer: str = "adam"
    g_learning_rate: float = 6e-3
    d_learning_rate: float = 6e-4
    beta_1: float = 0.0
    beta_2: float = 0.99
    decay: bool = True
    ema_halflife_images: float | None = 30_000.0
    weight_clip: float | None = None
    spectral_norm: bool = False


# The grid is the ring's recipe with more of everything, since it has three times the modes.
PRESETS = {
    # Ten times as fast as the generator, the discriminator follows its optimum, as figure 1 has it.
    "gaussian": Settings(
        loss="non_saturating",
        penalties=(),
        steps=2000,
        latent_dim=1,
        width=32,
        g_depth=2,
        d_depth=2,
        g_activation="silu",
        g_spread=False,
        g_learning_rate=5e-4,
        d_learning_rate=5e-3,
        ema_halflife_images=None,
    ),
    "ring": Settings(),
    "grid": Settings(steps=20_000, batch_size=512, penalties=("r1=0.3", "r2=0.3")),
}


def build_gan(settings: Settings, sample_dim: int, seed: int) -> GAN:
    """The compiled GAN of the settings.

    Args:
        settings: `Settings`.
        sample_dim: int, coordinates of a point.
        seed: int, of weights and latents.

    Returns:
        `kgan.GAN`. The random state of Keras as a whole is seeded, too.

    Raises:
        ValueError: for settings that no GAN can have.
    """
    keras.utils.set_random_seed(seed)
    clip = None if settings.weight_clip is None else constraints.WeightClip(settings.weight_clip)
    gan = GAN(
        networks.generator(
            settings.latent_dim,
            sample_dim,
            width=settings.width,
            depth=settings.g_depth,
            activation=settings.g_activation,
            spread=settings.g_spread,
        ),
        networks.discriminator(
            sample_dim,
            width=settings.width,
            depth=settings.d_depth,
            activation=settings.d_activation,
            spread=settings.d_spread,
            weight_constraint=clip,
            spectral_norm=settings.spectral_norm,
        ),
        latent_dim=settings.latent_dim,
        ema_halflife_images=settings.ema_halflife_images,
        seed=seed,
    )
    d_updates = settings.steps * settings.discriminator_steps
    gan.compile(
        d_optimizer=_optimizer(settings, settings.d_learning_rate, d_updates),
        g_optimizer=_optimizer(settings, settings.g_learning_rate, settings.steps),
        loss=settings.loss,
        discriminator_steps=settings.discriminator_steps,
        penalties=list(settings.penalties),
        # The trainer compiles the loop around the step; a second compilation inside adds nothing.
        jit_compile=False,
    )
    return gan


def _optimizer(settings: Settings, learning_rate: float, updates: int):
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"A learning rate must be positive. Received: {learning_rate}.")
    if settings.decay:
        learning_rate = keras.optimizers.schedules.CosineDecay(learning_rate, updates)
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(learning_rate, beta_1=settings.beta_1, beta_2=settings.beta_2)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=settings.beta_1)
    if settings.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(learning_rate)
    raise ValueError(
        "Unknown optimizer of a toy. Expected: adam, rmsprop or sgd. "
        f"Received: {settings.optimizer!r}."
    )
