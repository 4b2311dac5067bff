"""LSGAN: squared distances from codes."""

import keras
import numpy as np
from keras import ops

from kgan._utils.checks import check_number
from kgan.losses.loss import Loss


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
        >>> kgan.losses.LeastSquares.pearson()
        LeastSquares(a=-1.0, b=1.0, c=0.0)

    Reference:
        Mao et al. 2017, arXiv 1611.04076; the Pearson chi-square identity holds for b - c = 1 and
        b - a = 2, that is for `LeastSquares.pearson()` and not for the default 0, 1, 1.
    """

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0):
        self.a = check_number("a of LeastSquares", a)
        self.b = check_number("b of LeastSquares", b)
        self.c = check_number("c of LeastSquares", c)
        if a == b:
            raise ValueError(
                "The codes of fakes (a) and reals (b) of LeastSquares must differ, else the "
                f"discriminator has nothing to learn. Received: a={a}, b={b}, c={c}."
            )

    @classmethod
    def pearson(cls) -> "LeastSquares":
        """The codes (-1, 1, 0), with which the generator minimises a Pearson chi-square."""
        return cls(a=-1.0, b=1.0, c=0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        return 0.5 * ops.square(real_logits - self.b) + 0.5 * ops.square(fake_logits - self.a)

    def generator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.square(fake_logits - self.c)

    def optimal_logits(self, ratio):
        # D* = (b p + a q) / (p + q)
        ratio = np.asarray(ratio, "float64")
        return (self.b * ratio + self.a) / (ratio + 1)
