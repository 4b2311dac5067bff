"""Mixtures of Gaussians in the plane: data whose modes can be counted."""

import dataclasses

import numpy as np

from kgan._utils import checks

# Samples within so many standard deviations of a mode are of high quality.
_HIGH_QUALITY = 3.0


@dataclasses.dataclass(frozen=True)
class MixtureReport:
    """What samples show of the modes of a mixture.

    Attributes:
        modes: int, modes with at least one sample of high quality.
        high_quality: float in [0, 1], share of samples within three standard deviations of a mode.
        reverse_kl: float >= 0, nats: log(number of modes) minus the entropy of the high-quality
            samples over the modes; infinite without any.
        spread: float, the root mean square distance of high-quality samples from their mode, per
            axis and in standard deviations: 1 minus 2 % for the data themselves, less where a
            generator has collapsed inside the modes. NaN without any.
    """

    modes: int
    high_quality: float
    reverse_kl: float
    spread: float


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Equally weighted Gaussians of one standard deviation, scaled to unit variance per axis.

    The scale is a change of units, which no number of the report sees. It spares every learning
    rate and penalty a dependence on the size of the figure.

    Attributes:
        name: str.
        means: float array (modes, 2), in the units of the paper.
        stddev: float > 0, in the units of the paper.

    Raises:
        ValueError: for other means or another deviation.
    """

    name: str
    means: np.ndarray
    stddev: float

    def __post_init__(self):
        checks.check_number("stddev", self.stddev, above=0)
        means = np.asarray(self.means, "float64")
        if means.ndim != 2 or means.shape[1] != 2 or not len(means) or not np.isfinite(means).all():
            raise ValueError(
                "means must be a float array (modes, 2) of finite numbers, with modes > 0. "
                f"Received: means={self.means!r}."
            )
        object.__setattr__(self, "means", means)

    @property
    def scale(self) -> float:
        """One unit of the scaled plane in the units of the paper: the deviation of an axis."""
        return float(np.sqrt(np.mean(self.means.var(axis=0)) + self.stddev**2))

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Draw points, modes and all at random.

        Args:
            n: int, how many.
            seed: int.

        Returns:
            Float32 array (n, 2), unit variance per axis.
        """
        random = np.random.default_rng(seed)
        means = self.means[random.integers(len(self.means), size=n)]
        points = means + self.stddev * random.standard_normal((n, 2))
        return (points / self.scale).astype("float32")

    def report(self, samples) -> MixtureReport:
        """Count modes and quality, by the protocol of PacGAN.

        Args:
            samples: float array (n, 2), in scaled units; the protocol takes 2,500.

        Returns:
            `MixtureReport`.

        Raises:
            ValueError: if the samples have another shape or are not finite.

        Reference:
            Lin et al. 2018, PacGAN, arXiv 1712.04086, section 4.1.
        """
        samples = np.asarray(samples, "float64")
        if samples.ndim != 2 or samples.shape[1] != 2 or not len(samples):
            raise ValueError(
                f"Samples of the {self.name} must have the shape (n, 2). Received: {samples.shape}."
            )
        if not np.isfinite(samples).all():
            raise ValueError(
                f"Samples of the {self.name} must be finite. Received: NaN or infinity, first in "
                f"row {int(np.argwhere(~np.isfinite(samples))[0][0])}. The training has diverged: "
                "lower the learning rates."
            )
        offsets = samples[:, None] * self.scale - self.means
        distances = np.linalg.norm(offsets, axis=-1) / self.stddev
        nearest = distances.argmin(axis=1)
        good = distances.min(axis=1) < _HIGH_QUALITY
        counts = np.bincount(nearest[good], minlength=len(self.means))
        if not good.any():
            return MixtureReport(0, 0.0, float("inf"), float("nan"))
        shares = counts[counts > 0] / counts.sum()
        return MixtureReport(
            modes=int(np.count_nonzero(counts)),
            high_quality=float(good.mean()),
            # Rounding would make a perfect balance slightly negative.
            reverse_kl=max(0.0, float(np.log(len(self.means)) + np.sum(shares * np.log(shares)))),
            spread=float(np.sqrt(np.mean(distances.min(axis=1)[good] ** 2) / 2)),
        )


def ring() -> Mixture:
    """Eight modes on the unit circle, standard deviation 0.01."""
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture("ring", np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01)


def grid() -> Mixture:
    """25 modes on a square, -4 to 4 in steps of 2, standard deviation 0.05."""
    places = np.arange(-4.0, 5.0, 2.0)
    return Mixture("grid", np.array([(x, y) for x in places for y in places]), 0.05)
