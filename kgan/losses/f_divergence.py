"""f-GAN: a loss for every f-divergence."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from kgan._utils.checks import check_flag
from kgan._utils.tensors import Tensor
from kgan.losses.loss import Loss

# Beyond this exponent exp goes on as its tangent: finite in bfloat16 at any logit, and never flat.
_LARGEST_EXPONENT = 20.0


def _exp(values):
    beyond = ops.relu(values - _LARGEST_EXPONENT)
    return ops.exp(ops.minimum(values, _LARGEST_EXPONENT)) * (1.0 + beyond)


@dataclasses.dataclass(frozen=True)
class _Row:
    """One row of the f-GAN table; v is a logit, t = activation(v), u = p / q.

    Attributes:
        activation: g_f, from v to t in the domain of the conjugate.
        conjugate: f*, from t.
        conjugate_of_activation: f*(g_f(v)), simplified so that it does not overflow.
        optimal_logits: v where t = f'(u), the optimum.
        threshold: v where t = f'(1): above it the discriminator says real.
    """

    activation: Callable
    conjugate: Callable
    conjugate_of_activation: Callable
    optimal_logits: Callable
    threshold: float = 0.0


_TABLE = {
    "kl": _Row(
        activation=lambda v: v,
        conjugate=lambda t: _exp(t - 1.0),
        conjugate_of_activation=lambda v: _exp(v - 1.0),
        optimal_logits=lambda u: 1.0 + np.log(u),
        threshold=1.0,
    ),
    "reverse_kl": _Row(
        activation=lambda v: -_exp(-v),
        conjugate=lambda t: -1.0 - ops.log(-t),
        conjugate_of_activation=lambda v: v - 1.0,
        optimal_logits=np.log,
    ),
    "pearson_chi_square": _Row(
        activation=lambda v: v,
        conjugate=lambda t: ops.square(t) / 4.0 + t,
        conjugate_of_activation=lambda v: ops.square(v) / 4.0 + v,
        optimal_logits=lambda u: 2.0 * (u - 1.0),
    ),
    "squared_hellinger": _Row(
        activation=lambda v: 1.0 - _exp(-v),
        conjugate=lambda t: t / (1.0 - t),
        conjugate_of_activation=lambda v: _exp(v) - 1.0,
        optimal_logits=lambda u: np.log(u) / 2.0,
    ),
    "jensen_shannon": _Row(
        activation=lambda v: np.log(2.0) - ops.softplus(-v),
        conjugate=lambda t: -ops.log(2.0 - ops.exp(t)),
        conjugate_of_activation=lambda v: ops.softplus(v) - np.log(2.0),
        optimal_logits=np.log,
    ),
    "gan": _Row(
        activation=lambda v: -ops.softplus(-v),
        conjugate=lambda t: -ops.log(1.0 - ops.exp(t)),
        conjugate_of_activation=ops.softplus,
        optimal_logits=np.log,
    ),
    "total_variation": _Row(
        activation=lambda v: ops.tanh(v) / 2.0,
        conjugate=lambda t: t,
        conjugate_of_activation=lambda v: ops.tanh(v) / 2.0,
        # f'(u) = sign(u - 1) / 2, which tanh(v) / 2 reaches at infinity only.
        optimal_logits=lambda u: np.where(u == 1.0, 0.0, np.copysign(np.inf, u - 1.0)),
    ),
}
# With these the best logit is log(p / q), so that sigmoid(v) is the 2014 paper's D.
_WITH_PROBABILITIES = ("reverse_kl", "jensen_shannon", "gan")


@keras.saving.register_keras_serializable("kgan")
class FDivergence(Loss):
    """f-GAN: the discriminator bounds an f-divergence from below, the generator lowers the bound.

    With T = g_f(v) of a logit v, E_p[T] - E_q[f*(T)] <= D_f(p, q) = integral of q f(p / q), with
    equality at T = f'(p / q). Discriminator: -g_f(r) + f*(g_f(f)), the negative bound. Generator:
    -f*(g_f(f)), or -g_f(f) with `non_saturating`. Reals have high logits in every row, also
    where circulating code has them low (reverse KL, Hellinger).

    | divergence | f(u) | g_f(v) | f*(t) | says real at |
    |---|---|---|---|---|
    | kl | u log u | v | exp(t - 1) | v > 1 |
    | reverse_kl | -log u | -exp(-v) | -1 - log(-t) | v > 0 |
    | pearson_chi_square | (u - 1)^2 | v | t^2 / 4 + t | v > 0 |
    | squared_hellinger | (sqrt(u) - 1)^2 | 1 - exp(-v) | t / (1 - t) | v > 0 |
    | jensen_shannon | u log u - (u + 1) log((u + 1) / 2) | log 2 - softplus(-v) | -log(2 - exp(t)) | v > 0 |
    | gan | u log u - (u + 1) log(u + 1) | -softplus(-v) | -log(1 - exp(t)) | v > 0 |
    | total_variation | abs(u - 1) / 2 | tanh(v) / 2 | t | v > 0 |

    "jensen_shannon" is twice the usual JSD, and "gan" 2 JSD - log 4: equation 1 of the 2014 paper,
    with D = sigmoid(v). The conjugate of Pearson's row is exact for t >= -2; below it the parabola
    stays a valid, weaker bound, whose saturating generator is pushed the wrong way there. Where an
    exponent passes 20, exp goes on as its tangent, so that no logit overflows; the bound is one
    only below that, for ratios p / q between exp(-20) and exp(20).

    Args:
        divergence: str, a row of the table.
        non_saturating: bool, default False: whether the generator maximises E_q[g_f(f)] in place of
            E_q[f*(g_f(f))], as the non-saturating loss does for row "gan".

    Raises:
        ValueError: for a divergence that is not in the table.

    Example:
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam",
        ...             loss=kgan.losses.FDivergence("squared_hellinger"))

    Reference:
        Nowozin et al. 2016, f-GAN, arXiv 1606.00709.
    """  # noqa: E501 - a row of a table is one line

    def __init__(self, divergence: str, *, non_saturating: bool = False):
        if not isinstance(divergence, str) or divergence not in _TABLE:
            raise ValueError(
                f"Unknown f-divergence. Expected one of {list(_TABLE)}. Received: {divergence!r}."
            )
        self.divergence = divergence
        self.non_saturating = check_flag("non_saturating", non_saturating)

    @staticmethod
    def divergences() -> list[str]:
        """The names of all rows of the table."""
        return list(_TABLE)

    @property
    def threshold(self) -> float:
        """The logit above which the discriminator takes a sample for real: where T = f'(1)."""
        return self._row.threshold

    def activation(self, logits: Tensor):
        """g_f: the output activation, into the domain of the conjugate.

        Args:
            logits: float tensor of any shape.

        Returns:
            T = g_f(v), float tensor, the logits' shape, increasing in v.
        """
        return self._row.activation(logits)

    def conjugate(self, values: Tensor):
        """f*: the convex conjugate of f, sup over u >= 0 of u t - f(u).

        Args:
            values: float tensor t of any shape, within the range of `activation`.

        Returns:
            f*(t), float tensor of the same shape.
        """
        return self._row.conjugate(values)

    def discriminator_loss(self, real_logits, fake_logits):
        self.check_same_shape(real_logits, fake_logits)
        bound = self.activation(real_logits) - self._row.conjugate_of_activation(fake_logits)
        return -bound

    def generator_loss(self, real_logits, fake_logits):
        if self.non_saturating:
            return -self.activation(fake_logits)
        return -self._row.conjugate_of_activation(fake_logits)

    def scores(self, logits):
        return ops.sigmoid(logits) if self.divergence in _WITH_PROBABILITIES else logits

    def optimal_logits(self, ratio):
        return self._row.optimal_logits(np.asarray(ratio, "float64"))

    @property
    def _row(self) -> _Row:
        return _TABLE[self.divergence]
