"""Everything that decides a toy run, settings that are known to work, and the GAN they describe."""

import dataclasses
import math

import keras
from keras import layers

from kgan import constraints
from kgan._utils import checks
from kgan.gan import GAN
from kgan.layers import SpectralNorm

# Factor on He's deviation for the first kernel of a discriminator that begins spread.
_FIRST_GAIN = 3.0
# The least and the greatest of each integer. Networks without hidden layers are networks.
_INTEGERS = {
    "steps": (1, 2**31 - 1),
    "discriminator_steps": (1, 2**31 - 1),
    "batch_size": (1, 2**31 - 1),
    "latent_dim": (1, 2**16),
    "width": (1, 2**16),
    "g_depth": (0, 1000),
    "d_depth": (0, 1000),
}
# The range of each number, and of those that may be None.
_NUMBERS = {
    "g_learning_rate": {"above": 0},
    "d_learning_rate": {"above": 0},
    "beta_1": {"at_least": 0, "below": 1},
    "beta_2": {"at_least": 0, "below": 1},
}
_OPTIONAL = {"ema_halflife_images": {"above": 0}, "weight_clip": {"above": 0}}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The numbers and names behind one toy run.

    Units that begin spread have He's kernels and biases from U(-1, 1). They cut the latents into
    many pieces, as separate modes want them, and put the bends of the discriminator all over the
    plane, so that modes much narrower than their distance are seen early. The others have Keras'
    own initialisers and begin smooth: a generator on a line then has no fold that it might never
    lose.

    Attributes:
        loss: str, as `kgan.losses.get` takes it.
        penalties: tuple of str, as `kgan.penalties.get` takes them.
        steps: int > 0, updates of the generator.
        discriminator_steps: int > 0, k of Algorithm 1.
        share_fakes: bool, whether both players learn from the same fakes, for k = 1.
        batch_size: int > 0, points per discriminator update.
        latent_dim: int from 1 to 65,536, width of the latents.
        width: int from 1 to 65,536, units of every hidden layer of both networks.
        g_depth: int from 0 to 1000, hidden layers of the generator.
        d_depth: int from 0 to 1000, hidden layers of the discriminator.
        g_activation: str, the generator's activation.
        d_activation: str, the discriminator's activation.
        g_spread: bool, whether the generator's units begin spread over the latents.
        d_spread: bool, whether the discriminator's units begin spread over the data.
        optimizer: str, "adam", "rmsprop" or "sgd", of both players.
        g_learning_rate: float > 0.
        d_learning_rate: float > 0.
        beta_1: float in [0, 1), Adam's, or the momentum of SGD.
        beta_2: float in [0, 1), Adam's.
        decay: bool, whether both learning rates fall to 0 along a cosine.
        ema_halflife_images: float > 0, half-life of the generator's moving average, or None.
        weight_clip: float > 0, bound of the discriminator's weights, or None.
        spectral_norm: bool, whether the discriminator's kernels are normalised.

    Raises:
        ValueError: for a number outside its range.
    """

    loss: str = "relativistic_paired"
    penalties: tuple = ("r1=0.1", "r2=0.1")
    steps: int = 8000
    discriminator_steps: int = 1
    share_fakes: bool = False
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

    def __post_init__(self):
        kept = {}
        for name, ends in _INTEGERS.items():
            kept[name] = checks.check_integer(name, getattr(self, name), *ends)
        for name, ends in {**_NUMBERS, **_OPTIONAL}.items():
            value = getattr(self, name)
            if value is not None or name in _NUMBERS:
                kept[name] = checks.check_number(name, value, **ends)
        for name, value in kept.items():
            object.__setattr__(self, name, value)


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
    """The compiled GAN of the settings: multilayer perceptrons of points in place of images.

    Args:
        settings: `Settings`.
        sample_dim: int, coordinates of a point.
        seed: int, of weights and latents.

    Returns:
        `kgan.GAN`. The random state of Keras as a whole is seeded, too.

    Raises:
        ValueError: for settings that no GAN can have.

    Example:
        >>> gan = kgan.toys.build_gan(kgan.toys.PRESETS["ring"], sample_dim=2, seed=0)
        >>> gan.generate(5, seed=0).shape
        (5, 2)
    """
    keras.utils.set_random_seed(seed)
    gan = GAN(
        _generator(settings, sample_dim),
        _discriminator(settings, sample_dim),
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
        share_fakes=settings.share_fakes,
        penalties=list(settings.penalties),
        # The trainer compiles the loop around the step; a second compilation inside adds nothing.
        jit_compile=False,
    )
    return gan


def _generator(settings: Settings, sample_dim: int) -> keras.Model:
    """Latents (batch, latent_dim) to points (batch, sample_dim), without a bound on them."""
    x = latents = keras.Input((settings.latent_dim,), name="latents")
    for name in _hidden_names(settings.g_depth):
        initial = _spread(x.shape[-1]) if settings.g_spread else {}
        x = layers.Dense(settings.width, settings.g_activation, name=name, **initial)(x)
    initial = _last(x.shape[-1]) if settings.g_spread else {}
    points = layers.Dense(sample_dim, name="points", **initial)(x)
    return keras.Model(latents, points, name="generator")


def _discriminator(settings: Settings, sample_dim: int) -> keras.Model:
    """Points (batch, sample_dim) to logits (batch, 1)."""
    clip = None if settings.weight_clip is None else constraints.WeightClip(settings.weight_clip)

    def dense(units, name, **arguments):
        constrained = {"kernel_constraint": clip, "bias_constraint": clip}
        layer = layers.Dense(units, name=name, **constrained, **arguments)
        return SpectralNorm(layer, name=f"{name}_normed") if settings.spectral_norm else layer

    x = points = keras.Input((sample_dim,), name="points")
    for name in _hidden_names(settings.d_depth):
        gain = _FIRST_GAIN if x is points else 1.0
        initial = _spread(x.shape[-1], gain) if settings.d_spread else {}
        x = dense(settings.width, name, activation=settings.d_activation, **initial)(x)
    initial = _last(x.shape[-1]) if settings.d_spread else {}
    return keras.Model(points, dense(1, "logits", **initial)(x), name="discriminator")


def _hidden_names(depth: int) -> list[str]:
    return [f"hidden_{number}" for number in range(1, depth + 1)]


def _spread(fan_in: int, gain: float = 1.0) -> dict:
    """Initialisers of a hidden layer; new ones, since one object gives all layers the same."""
    return {
        "kernel_initializer": keras.initializers.RandomNormal(0.0, gain * math.sqrt(2 / fan_in)),
        "bias_initializer": keras.initializers.RandomUniform(-1.0, 1.0),
    }


def _last(fan_in: int) -> dict:
    """Initialisers of a linear output."""
    return {"kernel_initializer": keras.initializers.RandomNormal(0.0, math.sqrt(1 / fan_in))}


def _optimizer(settings: Settings, rate: float, updates: int) -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates) if settings.decay else rate
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(schedule, settings.beta_1, settings.beta_2)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(schedule, momentum=settings.beta_1)
    if settings.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(schedule)
    raise ValueError(
        "Unknown optimizer of a toy. Expected: adam, rmsprop or sgd. "
        f"Received: {settings.optimizer!r}."
    )
