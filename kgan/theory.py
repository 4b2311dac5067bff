"""The theory of GANs as functions: densities in, numbers out.

Example:
    >>> x = np.linspace(-12, 12, 2401)
    >>> p, q = kgan.theory.normal_density(x), kgan.theory.normal_density(x, mean=1.0)
    >>> round(kgan.theory.kl(p, q, dx=0.01), 12)
    0.5

Common arguments:
    p: float array of any shape, the density of the data at some points.
    q: float array, the density of the generator at the same points.
    dx: float or float array like `p`, the weight of each point in an integral: the volume of its
        cell (the step of an even grid) or its quadrature weight. With the default 1, p and q are
        probabilities.

An integral is a sum over the points. Where p = q = 0 a point carries no weight. Numbers are
float64, logarithms natural (nats). A result is no more exact than the integrals of p and q.

Raises:
    ValueError: if shapes differ, a value is outside its range (densities: finite, >= 0), or p or q
        does not integrate to 1 within 1 %: mostly a forgotten `dx`.

Reference:
    Goodfellow et al. 2014, arXiv 1406.2661 ("the paper" below).
"""

# p, q and dx are explained once, above.
# ruff: noqa: D417

import math

import numpy as np
from numpy.typing import ArrayLike

# Far above the error of a usable grid, far below that of a forgotten dx.
_INTEGRAL_TOLERANCE = 0.01


def kl(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The Kullback-Leibler divergence KL(p||q) = integral of p log(p / q).

    Returns:
        Nats, in [0, infinity]: infinite if q = 0 where p > 0, be it because a density too small
        for float64 became 0. Leave such points out if q is known to be positive there.

    Example:
        >>> round(kgan.theory.kl([1.0, 0.0], [0.5, 0.5]), 6)
        0.693147
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(_log_ratio_terms(p, q), dx)


def reverse_kl(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The reverse divergence KL(q||p) = integral of q log(q / p): `kl` with p and q exchanged.

    Returns:
        Nats, in [0, infinity]: infinite if p = 0 where q > 0.

    Example:
        >>> round(kgan.theory.reverse_kl([0.5, 0.5], [1.0, 0.0]), 6)
        0.693147
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(_log_ratio_terms(q, p), dx)


def jensen_shannon(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The Jensen-Shannon divergence (KL(p||m) + KL(q||m)) / 2, m = (p + q) / 2, of equation 6.

    Returns:
        Nats, in [0, log 2]: 0 if and only if p = q, log 2 = 0.693147 if p and q never overlap.

    Example:
        >>> round(kgan.theory.jensen_shannon([1.0, 0.0], [0.0, 1.0]), 6)
        0.693147
    """
    p, q, dx = _distributions(p, q, dx)
    # p log(p / m) = (2 p) log(2 p / (p + q)) / 2: doubling is exact, half the least float is 0.
    terms = _log_ratio_terms(2.0 * p, p + q) + _log_ratio_terms(2.0 * q, p + q)
    # Nowhere negative but by rounding, so that its square root, a distance, can be taken.
    return _integral(np.maximum(terms, 0.0), dx) / 4.0


def total_variation(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The total variation integral of |p - q| / 2.

    Returns:
        Float in [0, 1]: 1 if p and q never overlap.

    Example:
        >>> kgan.theory.total_variation([0.5, 0.5], [0.25, 0.75])
        0.25
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(np.abs(p - q), dx) / 2.0


def pearson_chi_square(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The Pearson chi-square divergence integral of (p - q)^2 / q.

    Returns:
        Float in [0, infinity]: infinite if q = 0 where p > 0.

    Example:
        >>> kgan.theory.pearson_chi_square([0.75, 0.25], [0.5, 0.5])
        0.25
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(_square_over(p - q, q), dx)


def squared_hellinger(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The squared Hellinger distance integral of (sqrt(p) - sqrt(q))^2, without a factor 1/2.

    Returns:
        Float in [0, 2]: 2 if p and q never overlap.

    Example:
        >>> kgan.theory.squared_hellinger([1.0, 0.0], [0.0, 1.0])
        2.0
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(np.square(np.sqrt(p) - np.sqrt(q)), dx)


def triangular_discrimination(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The triangular (Le Cam) discrimination integral of (p - q)^2 / (p + q).

    It is the Pearson chi-square between p + q and 2 q (denominator: p + q) of the least squares
    GAN, see `least_squares_criterion`.

    Returns:
        Float in [0, 2]: 2 if p and q never overlap.

    Example:
        >>> kgan.theory.triangular_discrimination([1.0, 0.0], [0.0, 1.0])
        2.0
    """
    p, q, dx = _distributions(p, q, dx)
    return _integral(_square_over(p - q, p + q), dx)


def best_accuracy(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """The accuracy (1 + TV(p, q)) / 2 that no classifier of reals against as many fakes exceeds.

    Returns:
        Float in [1/2, 1]: 1/2 if and only if p = q.

    Example:
        >>> kgan.theory.best_accuracy([0.5, 0.5], [0.25, 0.75])
        0.625
    """
    return (1.0 + total_variation(p, q, dx=dx)) / 2.0


def value_function(
    discriminator: ArrayLike, p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0
) -> float:
    """The value V(D, G) = E_p[log D(x)] + E_q[log(1 - D(x))], which D maximises and G minimises.

    Args:
        discriminator: float array, D at each point: the probability that x is real, in [0, 1];
            anything, NaN too, where p = q = 0. Take the sigmoid of logits in float64: in float32
            it is exactly 1 from a logit of 17 on.

    Returns:
        Nats, in [-infinity, 0]: infinite if D = 0 where p > 0, or D = 1 where q > 0. At q = p and
        D = 1/2 it is -log 4; near 0 the discriminator wins.

    Example:
        >>> round(kgan.theory.value_function([0.5, 0.5], p=[0.5, 0.5], q=[0.25, 0.75]), 6)
        -1.386294

    Reference:
        Equation 1 of the paper.
    """
    p, q, dx = _distributions(p, q, dx)
    discriminator = _probabilities(discriminator, p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        real = np.where(p > 0, p * np.log(discriminator), 0.0)
        fake = np.where(q > 0, q * np.log1p(-discriminator), 0.0)
    return _integral(real + fake, dx)


def optimal_discriminator(p: ArrayLike, q: ArrayLike) -> np.ndarray:
    """The discriminator D* = p / (p + q) that maximises V(D, G) while the generator is fixed.

    The integrals of p and q do not matter.

    Returns:
        Float array of their shape, in [0, 1]: 0 only where p = 0 and 1 only where q = 0, whatever
        the rounding, so that V(D*, G) is finite; NaN where p = q = 0, where every D is optimal.

    Example:
        >>> kgan.theory.optimal_discriminator([0.5, 0.5], [0.5, 0.0])
        array([0.5, 1. ])

    Reference:
        Proposition 1, equation 2 of the paper.
    """
    p, q = _densities(p, q)
    with np.errstate(invalid="ignore"):
        optimum = p / (p + q)
    float64 = np.finfo("float64")
    inside = np.clip(optimum, float64.smallest_subnormal, 1.0 - float64.epsneg)
    return np.where((p > 0) & (q > 0), inside, optimum)


def generator_criterion(p: ArrayLike, q: ArrayLike, *, dx: ArrayLike = 1.0) -> float:
    """What the generator minimises while D is optimal: C(G) = V(D*, G) = -log 4 + 2 JSD(p||q).

    Returns:
        Nats, in [-log 4, 0]: -log 4 = -1.386294 if and only if q = p.

    Example:
        >>> round(kgan.theory.generator_criterion([0.5, 0.5], [0.5, 0.5]), 6)
        -1.386294

    Reference:
        Theorem 1, equations 4 to 6 of the paper.
    """
    return 2.0 * jensen_shannon(p, q, dx=dx) - math.log(4.0)


def jensen_shannon_lower_bound(value: float) -> float:
    """The least JSD(p||q) that a discriminator with V(D, G) = `value` proves: (V + log 4) / 2.

    Every discriminator gives one, since V(D, G) <= V(D*, G) = -log 4 + 2 JSD. The mean over the
    samples it was trained on is no such value: it is too high, like every training score.

    Args:
        value: float <= 0, V(D, G) in nats; the discriminator's cross-entropy loss is -V.

    Returns:
        Nats, at most log 2. Where it is negative it proves nothing.

    Raises:
        ValueError: if the value is positive or NaN.

    Example:
        >>> round(kgan.theory.jensen_shannon_lower_bound(0.0), 6)
        0.693147
    """
    if not value <= 0.0:
        raise ValueError(
            "V(D, G) is a mean of logarithms of probabilities and cannot be positive. "
            f"Received: value={value:g}. If this is the discriminator's loss, pass its negative."
        )
    return (value + math.log(4.0)) / 2.0


def least_squares_optimum(p: ArrayLike, q: ArrayLike, *, a: float, b: float) -> np.ndarray:
    """The discriminator D* = (b p + a q) / (p + q) that minimises the least squares loss.

    Cross-entropy with the targets b for reals and a for fakes has the same optimum: with a > 0 it
    rewards what the generator already makes, hence one-sided label smoothing. The integrals of p
    and q do not matter.

    Args:
        a: float, the code of fakes.
        b: float, the code of reals, other than a.

    Returns:
        Float array of their shape, between a and b; NaN where p = q = 0.

    Example:
        >>> kgan.theory.least_squares_optimum([0.5, 0.5], [0.5, 0.0], a=-1.0, b=1.0)
        array([0., 1.])

    Reference:
        Mao et al. 2017, arXiv 1611.04076.
    """
    _check_codes(a=a, b=b)
    p, q = _densities(p, q)
    with np.errstate(invalid="ignore"):
        return b * (p / (p + q)) + a * (q / (p + q))


def least_squares_criterion(
    p: ArrayLike, q: ArrayLike, *, a: float, b: float, c: float, dx: ArrayLike = 1.0
) -> float:
    """What a least squares generator minimises while D is optimal, reals included.

    C(G) = E_p[(D* - c)^2] / 2 + E_q[(D* - c)^2] / 2, so that
    2 C(G) = integral of ((b - c) p + (a - c) q)^2 / (p + q).
    If b - c = 1 and b - a = 2, as for the codes -1, 1, 0, then 2 C(G) is the Pearson chi-square
    between p + q and 2 q, `triangular_discrimination`. For 0, 1, 1 it is not.

    Args:
        a: float, the code of fakes.
        b: float, the code of reals, other than a.
        c: float, what the generator wants the discriminator to say.

    Returns:
        Float >= 0, C(G), half of the integral.

    Example:
        >>> kgan.theory.least_squares_criterion([1.0, 0.0], [0.0, 1.0], a=-1.0, b=1.0, c=0.0)
        1.0

    Reference:
        Mao et al. 2017, arXiv 1611.04076. In training the first term, which has no gradient by
        the generator, is left out: `kgan.losses.LeastSquares`.
    """
    _check_codes(a=a, b=b, c=c)
    p, q, dx = _distributions(p, q, dx)
    return _integral(_square_over((b - c) * p + (a - c) * q, p + q), dx) / 2.0


def normal_density(x: ArrayLike, *, mean: float = 0.0, stddev: float = 1.0) -> np.ndarray:
    """The density of a normal distribution on a line.

    Args:
        x: float array of any shape, the points.
        mean: float, default 0.
        stddev: float > 0, default 1.

    Returns:
        Float array like `x`, > 0 as far as float64 reaches (about 38 standard deviations).

    Example:
        >>> kgan.theory.normal_density([0.0, 1.0]).round(4)
        array([0.3989, 0.242 ])
    """
    if not stddev > 0:
        raise ValueError(f"stddev must be positive. Received: stddev={stddev}.")
    deviations = (np.asarray(x, "float64") - mean) / stddev
    return np.exp(-0.5 * np.square(deviations)) / (stddev * math.sqrt(2.0 * math.pi))


def _integral(values: np.ndarray, dx: np.ndarray) -> float:
    return float(np.sum(values * dx))


def _log_ratio_terms(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The terms p log(p / q): 0 where p = 0, else infinity where q = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # The quotient itself could overflow.
        return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)


def _square_over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The terms numerator^2 / denominator, with 0 / 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # The square itself could underflow.
        return np.where(numerator == 0, 0.0, numerator * (numerator / denominator))


def _densities(p, q) -> tuple:
    p, q = np.asarray(p, "float64"), np.asarray(q, "float64")
    if p.shape != q.shape:
        raise ValueError(
            "p and q must be given at the same points. "
            f"Received: p of shape {p.shape} and q of shape {q.shape}."
        )
    for name, density in (("p", p), ("q", q)):
        wrong = density[~((density >= 0) & np.isfinite(density))]
        if wrong.size:
            raise ValueError(
                f"{name} must be a density or probability, finite and nowhere negative. "
                f"Received: {wrong[0]:g} (and {wrong.size - 1} more such values). Pass densities, "
                "not their logarithms, and leave out points where they are infinite."
            )
    return p, q


def _distributions(p, q, dx) -> tuple:
    p, q = _densities(p, q)
    dx = np.asarray(dx, "float64")
    if dx.shape not in ((), p.shape):
        raise ValueError(
            "dx must be one number, or one for each point of p and q. "
            f"Received: dx of shape {dx.shape} for p and q of shape {p.shape}. "
            "An even grid has the same cell everywhere, of volume step1 * step2 * ...; pass that."
        )
    wrong = dx[~((dx > 0) & np.isfinite(dx))]
    if wrong.size:
        raise ValueError(
            f"dx, the volume of a cell, must be positive and finite. Received: {wrong[0]:g}."
        )
    for name, density in (("p", p), ("q", q)):
        total = _integral(density, dx)
        if abs(total - 1.0) > _INTEGRAL_TOLERANCE:
            raise ValueError(
                f"{name} must integrate to 1 within 1 %. Received: {name} integrates to {total:g} "
                f"over {density.size} points. Set dx to the volume of a cell (the step of an even "
                "grid) if these are values of a density; divide by their sum if they are counts; "
                "widen the grid if it cuts off mass, refine it if a peak is narrower than a cell."
            )
    return p, q, dx


def _probabilities(discriminator, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    discriminator = np.asarray(discriminator, "float64")
    if discriminator.shape != p.shape:
        raise ValueError(
            "The discriminator must be given at the same points as p and q. "
            f"Received: shape {discriminator.shape} for p and q of shape {p.shape}."
        )
    judged = discriminator[(p > 0) | (q > 0)]
    wrong = judged[~((judged >= 0) & (judged <= 1))]
    if wrong.size:
        raise ValueError(
            "The discriminator must be a probability, in [0, 1], wherever p or q is positive. "
            f"Received: {wrong[0]:g}. Apply the sigmoid if these are logits."
        )
    return discriminator


def _check_codes(**codes: float) -> None:
    if codes["a"] == codes["b"] or not all(map(math.isfinite, codes.values())):
        received = ", ".join(f"{name}={code}" for name, code in codes.items())
        raise ValueError(
            "Codes must be finite, and those of fakes (a) and reals (b) must differ, else the "
            f"optimal discriminator is the same everywhere. Received: {received}."
        )
