"""Training on points in memory, many steps in one call."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from kgan._utils import checks
from kgan.backend import autodiff
from kgan.gan import GAN


class ToyTrainer:
    """Calls `train_step` of a GAN in a compiled loop, on minibatches drawn from points in memory.

    A toy's networks are so small that a step called from Python waits for Python most of the time.
    Here the loop and the drawing of minibatches are compiled with the step. One compilation serves
    any number of seeds: `restart` gives the GAN other weights and leaves the loop as it is.

    Args:
        build: function of an int seed that returns a compiled `kgan.GAN` without labels. Two
            seeds must give GANs that differ in nothing but their numbers.
        points: float array (n, ...), n > 0, the data, finite; minibatches are drawn with
            replacement.
        batch_size: int > 0, points per discriminator update.
        seed: int, of the first GAN and of the minibatches.

    Raises:
        ValueError: for other points or another batch size.
    """

    def __init__(self, build: Callable[[int], GAN], points, *, batch_size: int, seed: int = 0):
        batch_size = checks.check_positive_integer("batch_size", batch_size)
        points = as_points(points)
        self.gan = build(seed)
        self._build = build
        self._draws = keras.random.SeedGenerator(seed)
        rows = batch_size * self.gan.discriminator_steps

        def step():
            chosen = keras.random.randint((rows,), 0, len(points), seed=self._draws)
            self.gan.train_step(ops.take(points, chosen, axis=0))

        self._step = step
        self._many_steps = autodiff.repeated(step)

    def advance(self, steps: int) -> dict[str, float]:
        """Train.

        Args:
            steps: int > 0, updates of the generator.

        Returns:
            The logs of `fit`: means over these steps.

        Raises:
            ValueError: for another number of steps.
        """
        steps = checks.check_integer("steps", steps, 1, 2**31 - 1)
        self.gan.reset_metrics()
        self._many_steps(steps)
        return {mean.name: float(mean.result()) for mean in self.gan.metrics}

    def restart(self, seed: int) -> None:
        """Begin anew with the GAN that `build` makes of another seed.

        Args:
            seed: int, of the GAN and of the minibatches.
        """
        fresh = self._build(seed)
        for variable, value in zip(_state(self.gan), _state(fresh), strict=True):
            variable.assign(value)
        self._draws.state.assign(keras.random.SeedGenerator(seed).state)


def as_points(points):
    """Points of the user as a float32 tensor; ValueError if none are there, or some not finite."""
    points = np.asarray(points, "float32")
    if not points.ndim or not points.size or not np.isfinite(points).all():
        what = "NaN or infinity among them" if points.ndim and points.size else "no points"
        raise ValueError(
            "points must be a float array (n, ...) of finite numbers, with n > 0. Received: an "
            f"array of shape {points.shape}, {what}."
        )
    return ops.convert_to_tensor(points)


def _state(gan: GAN) -> list:
    return gan.variables + gan.optimizer.variables + [*gan.state_beside_weights().values()]
