"""What the two players of a GAN minimise, per sample.

A loss is one object for both players. It takes logits (the discriminator's raw output, high for
real, never a probability), returns one value per logit and reduces nothing: the only mean over
samples is in `kgan.GAN`. Patch discriminators therefore work with every loss.

In the formulas r is a real logit D(x), f a fake logit D(G(z)), sigmoid(t) = 1 / (1 + exp(-t)) and
softplus(t) = log(1 + exp(t)).
"""

import math

import keras
from keras import ops


class Loss:
    """The protocol of every GAN loss: two objectives, one reading, one config.

    A subclass defines `discriminator_loss` and `generator_loss` on logits of any shape, lists its
    constructor's arguments in `get_config`, and is registered with Keras so that a saved GAN finds
    it again. It overrides `scores` where sigmoid(logit) is a probability.

    Attributes:
        compares_with_reals: bool, whether the generator's loss needs real logits too, as those of
            relativistic losses do; False unless a subclass says otherwise.
    """

    compares_with_reals = False

    def discriminator_loss(self, real_logits, fake_logits):
        """What the discriminator minimises, per sample.

        Args:
            real_logits: float tensor of any shape, D(x) of real images.
            fake_logits: float tensor of the same shape, D(G(z)).

        Returns:
            Float tensor, the logits' shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define discriminator_loss.")

    def generator_loss(self, real_logits, fake_logits):
        """What the generator minimises, per sample.

        Args:
            real_logits: float tensor like `fake_logits` where `compares_with_reals`, else None.
            fake_logits: float tensor of any shape, D(G(z)).

        Returns:
            Float tensor, the logits' shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define generator_loss.")

    def scores(self, logits):
        """What the logs `d_real` and `d_fake` show: D as a probability, or the logit itself.

        Args:
            logits: float tensor of any shape.

        Returns:
            Float tensor, the logits' shape: in [0, 1] where the loss makes D a probability of
            being real, else unbounded.
        """
        return logits

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Loss":
        return cls(**config)


class _CrossEntropy(Loss):
    """The discriminator's side of the 2014 paper, shared by its two generator objectives."""

    def __init__(self, *, label_smoothing: float = 0.0):
        if not 0.0 <= label_smoothing < 0.5:
            raise ValueError(
                "label_smoothing is the share by which the real target is lowered and must lie in "
                "[0, 0.5): at 0.5 the discriminator could no longer tell real from fake. "
                f"Received: label_smoothing={label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def discriminator_loss(self, real_logits, fake_logits):
        # -(1 - s) log sigmoid(r) - s log(1 - sigmoid(r)) = softplus(-r) + s r
        real = ops.softplus(-real_logits) + self.label_smoothing * real_logits
        return real + ops.softplus(fake_logits)

    def scores(self, logits):
        return ops.sigmoid(logits)

    def get_config(self):
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("kgan")
class NonSaturating(_CrossEntropy):
    """The loss people mean by "GAN loss": the generator maximises log D(G(z)).

    Discriminator: softplus(-r) + softplus(f) = -log D(x) - log(1 - D(G(z))), without a factor 1/2.
    Generator: softplus(-f) = -log D(G(z)), whose gradient by the logit, -(1 - D(G(z))), is full
    where the discriminator rejects the fake. At the optimum q = p, D = 1/2 the discriminator's loss
    is log 4 = 1.386294 and the generator's log 2 = 0.693147.

    Args:
        label_smoothing: float in [0, 0.5), default 0. One-sided: the real target becomes
            1 - label_smoothing, the fake target stays 0, the generator's loss is untouched.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", loss=kgan.losses.NonSaturating())

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, section 3; label smoothing: Salimans et al. 2016,
        arXiv 1606.03498, section 3.4.
    """

    def generator_loss(self, real_logits, fake_logits):
        # -log sigmoid(f) = softplus(-f)
        return ops.softplus(-fake_logits)


@keras.saving.register_keras_serializable("kgan")
class Minimax(_CrossEntropy):
    """The value function as written: the generator minimises log(1 - D(G(z))).

    Discriminator: softplus(-r) + softplus(f), the negative of V(D, G) in equation 1. Generator:
    -softplus(f) = log(1 - D(G(z))), whose gradient by the logit, -D(G(z)), vanishes where the
    discriminator rejects the fake: it saturates. At the optimum the losses are log 4 and -log 2.

    Args:
        label_smoothing: float in [0, 0.5), default 0, one-sided as in `NonSaturating`.

    Example:
        >>> gan.compile(d_optimizer="sgd", g_optimizer="sgd", loss=kgan.losses.Minimax())

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, equation 1 and Algorithm 1.
    """

    def generator_loss(self, real_logits, fake_logits):
        # log(1 - sigmoid(f)) = -softplus(f)
        return -ops.softplus(fake_logits)


@keras.saving.register_keras_serializable("kgan")
class LeastSquares(Loss):
    """LSGAN: logits are pulled to a code by their squared distance from it.

    Discriminator: (r - b)^2 / 2 + (f - a)^2 / 2. Generator: (f - c)^2 / 2. The factors 1/2 are the
    paper's. The discriminator is linear at its output; its optimum is (b p + a q) / (p + q).

    Args:
        a: float, the code of fakes, default 0.
        b: float, the code of reals, default 1.
        c: float, what the generator wants the discriminator to say of fakes, default 1.

    Example:
        >>> loss = kgan.losses.LeastSquares.pearson()

    Reference:
        Mao et al. 2017, arXiv 1611.04076; the Pearson chi-square identity holds for b - c = 1 and
        b - a = 2, that is for `LeastSquares.pearson()` and not for the default 0, 1, 1.
    """

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0):
        if not all(math.isfinite(code) for code in (a, b, c)) or a == b:
            raise ValueError(
                "The codes of LeastSquares must be finite, and those of fakes (a) and reals (b) "
                "must differ, else the discriminator has nothing to learn. "
                f"Received: a={a}, b={b}, c={c}."
            )
        self.a = a
        self.b = b
        self.c = c

    @classmethod
    def pearson(cls) -> "LeastSquares":
        """The codes (-1, 1, 0), with which the generator minimises a Pearson chi-square."""
        return cls(a=-1.0, b=1.0, c=0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.square(real_logits - self.b) + 0.5 * ops.square(fake_logits - self.a)

    def generator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.square(fake_logits - self.c)

    def get_config(self):
        return {"a": self.a, "b": self.b, "c": self.c}


@keras.saving.register_keras_serializable("kgan")
class Wasserstein(Loss):
    """WGAN: the critic's mean difference between reals and fakes, an estimate of K W1(p, q).

    Critic: f - r. Generator: -f. No sigmoid and no logarithm; the losses are unbounded, and they
    mean something only while the critic is K-Lipschitz: give its weights the constraint
    `kgan.constraints.WeightClip`, or a gradient penalty.

    Example:
        >>> critic = kgan.models.dcgan_discriminator(
        ...     (28, 28, 1), weight_constraint=kgan.constraints.WeightClip(0.01))
        >>> gan = kgan.GAN(generator, critic, latent_dim=64)
        >>> gan.compile(d_optimizer=keras.optimizers.RMSprop(5e-5),
        ...             g_optimizer=keras.optimizers.RMSprop(5e-5),
        ...             loss=kgan.losses.Wasserstein(), discriminator_steps=5)

    Reference:
        Arjovsky et al. 2017, arXiv 1701.07875, Algorithm 1 (RMSProp 5e-5, clip 0.01, 5 critic
        steps).
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return fake_logits - real_logits

    def generator_loss(self, real_logits, fake_logits):
        return -fake_logits


_BY_NAME = {
    "non_saturating": NonSaturating,
    "ns": NonSaturating,
    "vanilla": NonSaturating,
    "minimax": Minimax,
    "least_squares": LeastSquares,
    "lsgan": LeastSquares,
    "least_squares_pearson": LeastSquares.pearson,
    "wasserstein": Wasserstein,
    "wgan": Wasserstein,
}


def get(identifier) -> Loss:
    """The loss that `identifier` names, as `keras.losses.get` does for Keras' own.

    Args:
        identifier: a `Loss` (returned as it is), a name ("non_saturating" or "ns" or "vanilla",
            "minimax", "least_squares" or "lsgan", "least_squares_pearson", "wasserstein" or
            "wgan"), or a config made by `keras.saving.serialize_keras_object`.

    Returns:
        A `Loss`.

    Raises:
        ValueError: for an unknown name, or what is no `Loss`.
    """
    if isinstance(identifier, str) and identifier in _BY_NAME:
        return _BY_NAME[identifier]()
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, Loss):
        return identifier
    raise ValueError(
        f"Unknown GAN loss. Expected a kgan.losses.Loss or one of {sorted(_BY_NAME)}. "
        f"Received: {identifier!r}. Keras' own losses compare labels with predictions and cannot "
        "say what the two players minimise."
    )
