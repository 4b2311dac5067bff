"""A generator that learns a normal distribution: Figure 1 of the 2014 paper, with its numbers."""

import dataclasses

import numpy as np
from keras import ops

from kgan import theory
from kgan._utils import checks
from kgan.gan import GAN

# An even grid: one latent in five hundred million lies beyond, and between two of the grid a smooth
# generator is straight to within 2e-6 times its curvature.
_LARGEST_LATENT = 6.0
_INTERVALS = 3000
_ARROWS = 15
# The grid: so many standard deviations to either side of the mean, so many cells in each.
_REACH = 5
_CELLS = 50
# The central 99 % of a normal distribution lie within so many standard deviations.
_SUPPORT = 2.575829
_LEAST = np.finfo("float64").tiny


@dataclasses.dataclass(frozen=True)
class GaussianNumbers:
    """What one moment of a training comes to; E_p is the mean over the data, E_q over fakes.

    Attributes:
        step: int, updates of the generator so far.
        value: float <= 0, V(D, G) of equation 1, nats; None where D is no probability.
        jensen_shannon: float in [0, log 2], JSD(p || q), nats.
        lower_bound: float, the JSD that V proves, nats; None like `value`.
        mean_real: float, E_p[D(x)].
        mean_fake: float, E_q[D(x)].
        equilibrium: float, D* where q = p, 1/2 for the 2014 paper; None where theory knows none.
        largest_gap: float, the largest |D(x) - equilibrium| on the central 99 % of the data; None
            like `equilibrium`.
    """

    step: int
    value: float | None
    jensen_shannon: float
    lower_bound: float | None
    mean_real: float
    mean_fake: float
    equilibrium: float | None
    largest_gap: float | None


@dataclasses.dataclass(frozen=True)
class GaussianReport:
    """One moment of a training: the curves of the paper's Figure 1 and what they come to.

    D(x) is `scores` of the loss: a probability for the losses of the 2014 paper and their kin, else
    the logit. A relativistic loss sees differences of logits only, so its D is known but for a
    constant: that which makes it 0 on average over (p + q) / 2.

    Attributes:
        x: float array (points,), an even grid over the data.
        data_density: float array (points,), p(x).
        generator_density: float array (points,), q(x), see `density_of_generator`.
        discriminator: float array (points,), D(x).
        optimal_discriminator: float array (points,), D*(x) for this p and q, huge or infinite where
            no logit is large enough; None where theory knows no optimum.
        latents: float array (arrows,), z at equal shares of probability.
        images: float array (arrows,), G(z).
        numbers: `GaussianNumbers`; `dataclasses.asdict` makes JSON of them.
    """

    x: np.ndarray
    data_density: np.ndarray
    generator_density: np.ndarray
    discriminator: np.ndarray
    optimal_discriminator: np.ndarray | None
    latents: np.ndarray
    images: np.ndarray
    numbers: GaussianNumbers


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """The data: a normal distribution on a line, of unit variance unless told otherwise.

    Latents are N(0, 1), and an untrained generator makes something near 0, visibly elsewhere.

    Attributes:
        mean: float, default 2.
        stddev: float > 0, default 1.

    Raises:
        ValueError: for other numbers.

    Example:
        >>> data = kgan.toys.Gaussian()
        >>> gan = kgan.toys.build_gan(kgan.toys.PRESETS["gaussian"], sample_dim=1, seed=0)
        >>> history = gan.fit(data.sample(256, seed=0), batch_size=256, verbose=0)
        >>> data.report(gan, step=1).numbers.equilibrium
        0.5

    Reference:
        Goodfellow et al. 2014, arXiv 1406.2661, Figure 1.
    """

    mean: float = 2.0
    stddev: float = 1.0

    def __post_init__(self):
        checks.check_number("mean", self.mean)
        checks.check_number("stddev", self.stddev, above=0)

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Draw points.

        Args:
            n: int, how many.
            seed: int.

        Returns:
            Float32 array (n, 1).
        """
        points = np.random.default_rng(seed).normal(self.mean, self.stddev, (n, 1))
        return points.astype("float32")

    def grid(self) -> np.ndarray:
        """The points of a report: five standard deviations to either side, 50 in each.

        Returns:
            Float64 array (501,), even.
        """
        offsets = np.arange(-_REACH * _CELLS, _REACH * _CELLS + 1) / _CELLS
        return self.mean + self.stddev * offsets

    def report(self, gan: GAN, step: int) -> GaussianReport:
        """Measure one moment of a training, without changing anything in it.

        Args:
            gan: compiled `kgan.GAN` of one-dimensional latents and points, without labels.
            step: int, updates of the generator so far.

        Returns:
            `GaussianReport`.

        Raises:
            ValueError: if the GAN has other shapes, or one of its networks gives NaN or infinity.
        """
        x, dx = self.grid(), self.stddev / _CELLS
        p = theory.normal_density(x, mean=self.mean, stddev=self.stddev)
        q = density_of_generator(gan, x)
        logits = _answers(gan.discriminator, x)
        if gan.loss.compares_with_reals:
            logits -= np.average(logits, weights=p + q)
        # In float32 a probability is exactly 1 from a logit of 17 on, and its logarithm lost.
        scores = _float64(gan.loss.scores, logits)
        shares = (np.arange(_ARROWS) + 0.5) / _ARROWS
        latents = np.sqrt(2.0) * _float64(ops.erfinv, 2 * shares - 1)
        value = _value(gan.loss, scores, p, q, dx)
        # Where q is 0, a ratio that is huge but leaves codes of least squares finite.
        optimum = _optimal_scores(gan.loss, p / np.maximum(q, _LEAST))
        equilibrium = largest_gap = None
        if optimum is not None:
            equilibrium = float(_optimal_scores(gan.loss, np.ones(1))[0])
            support = np.abs(x - self.mean) <= _SUPPORT * self.stddev
            largest_gap = float(np.abs(scores - equilibrium)[support].max())
        numbers = GaussianNumbers(
            step=step,
            value=value,
            jensen_shannon=theory.jensen_shannon(p, q, dx=dx),
            lower_bound=None if value is None else theory.jensen_shannon_lower_bound(value),
            mean_real=float(np.sum(p * scores) * dx),
            mean_fake=float(np.sum(q * scores) * dx),
            equilibrium=equilibrium,
            largest_gap=largest_gap,
        )
        images = _images(gan, latents)
        return GaussianReport(x, p, q, scores, optimum, latents, images, numbers)


def density_of_generator(gan: GAN, points) -> np.ndarray:
    """The density of G(z), z ~ N(0, 1), without random numbers.

    A fine grid of latents goes through the generator. The probability of each interval of latents
    is spread evenly between the places where its two ends come out, which is exact where the
    generator is straight, and what falls into each cell is added up. Cells end halfway between two
    points; what lies beyond the points is counted in the outermost cells, so that the density
    always integrates to 1.

    Args:
        gan: `kgan.GAN` of one-dimensional latents and points, without labels; its moving average
            is measured if it has one.
        points: float array (n,), n >= 2, an even, rising grid: the middles of cells.

    Returns:
        Float64 array (n,): the mean density in each cell.

    Raises:
        ValueError: if the GAN has other shapes or makes NaN or infinity.
    """
    points = np.asarray(points, "float64")
    latents = np.linspace(-_LARGEST_LATENT, _LARGEST_LATENT, _INTERVALS + 1)
    # Phi(z) = (1 + erf(z / sqrt 2)) / 2
    shares = np.diff(_float64(ops.erf, latents / np.sqrt(2.0)))
    images = _images(gan, latents)
    low, high = np.minimum(images[1:], images[:-1]), np.maximum(images[1:], images[:-1])
    ends = np.append((points[1:] + points[:-1]) / 2, np.inf)
    # Which part of an interval comes out below the end of a cell, (ends, intervals); of a point,
    # all or nothing.
    below = (ends[:, None] - low) / np.maximum(high - low, 1e-12)
    # No matrix product: its blocks would round equal rows differently.
    cumulative = np.sum(np.clip(below, 0.0, 1.0) * shares, axis=1)
    # Rounding can make a difference of nothing slightly negative.
    masses = np.maximum(np.diff(cumulative, prepend=0.0), 0.0)
    return masses / cumulative[-1] / np.gradient(points)


def _float64(function, values: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(function(ops.convert_to_tensor(values, dtype="float64")))


def _images(gan: GAN, latents: np.ndarray) -> np.ndarray:
    if gan.latent_dim != 1 or gan.image_shape != (1,) or gan.num_classes is not None:
        raise ValueError(
            "The Gaussian toy is one-dimensional. Expected: latents (batch, 1), points (batch, 1) "
            f"and no classes. Received: latent_dim={gan.latent_dim}, points of shape "
            f"{gan.image_shape} and num_classes={gan.num_classes}."
        )
    return _answers(gan.sampling_generator(), latents)


def _answers(network, inputs: np.ndarray) -> np.ndarray:
    """One number for each input, float64."""
    outputs = network(inputs[:, None].astype("float32"), training=False)
    outputs = ops.convert_to_numpy(outputs).reshape(len(inputs)).astype("float64")
    if not np.isfinite(outputs).all():
        raise ValueError(
            f"The answers of {network.name!r} must be finite. Received: NaN or infinity, first for "
            f"the input {inputs[~np.isfinite(outputs)][0]:g}. The training has diverged: lower the "
            "learning rates."
        )
    return outputs


def _optimal_scores(loss, ratio: np.ndarray) -> np.ndarray | None:
    logits = loss.optimal_logits(ratio)
    return None if logits is None else _float64(loss.scores, logits)


def _value(loss, scores: np.ndarray, p: np.ndarray, q: np.ndarray, dx: float) -> float | None:
    # With probabilities, and with nothing else, the logit 0 has the score 1/2.
    if _float64(loss.scores, np.zeros(1))[0] != 0.5:
        return None
    inside = np.clip(scores, _LEAST, 1.0 - np.finfo("float64").epsneg)
    return theory.value_function(inside, p, q, dx=dx)
