"""From a seed to images: latents, labels, batches."""

import os
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from kgan._utils import checks


def generate(
    generator: keras.Model,
    n: int,
    *,
    latent_dim: int,
    num_classes: int | None = None,
    seed: int | None = None,
    labels=None,
    truncation: float | None = None,
    batch_size: int = 256,
    sample_latents: Callable | None = None,
    conditions: np.ndarray | None = None,
) -> np.ndarray:
    """Sample images from a generator in inference mode. `kgan.GAN.generate` documents the rest.

    Args:
        generator: keras model of latents (batch, latent_dim), or of [latents, labels].
        n: int, how many images.
        latent_dim: int, width of the latents.
        num_classes: int, or None for a generator of latents alone.
        seed: int in [0, 2^32), or None.
        labels: n class numbers, one for all, or None.
        truncation: float > 0, or None.
        batch_size: int, images made at a time.
        sample_latents: function of (n, seed) that draws the latents; None for N(0, I).
        conditions: float array (n, ...), for a generator of [latents, conditions] in place of
            labels; None without.

    Returns:
        Float32 array (n, ...).

    Raises:
        ValueError: for arguments that are out of range or do not apply.
    """
    n = checks.check_positive_integer("n", n)
    batch_size = checks.check_positive_integer("batch_size", batch_size)
    if seed is None:
        seed = int.from_bytes(os.urandom(4), "little")
    seed = checks.check_seed(seed)
    if sample_latents is None:
        latents = keras.random.normal((n, latent_dim), seed=seed)
    else:
        latents = sample_latents(n, seed)
    latents = truncated(latents, truncation)
    if conditions is None:
        conditions = _labels(n, num_classes, seed, labels)
    if conditions is not None:
        conditions = ops.convert_to_tensor(conditions)
    images = []
    for start in range(0, n, batch_size):
        rows = slice(start, start + batch_size)
        chunk = network_inputs(latents[rows], None if conditions is None else conditions[rows])
        images.append(ops.convert_to_numpy(generator(chunk, training=False)).astype("float32"))
    return np.concatenate(images)


class OwnRandomState(keras.StatelessScope):
    """A scope whose random draws leave the states of seed generators as they are.

    The states are not written, and so need not be restored: a training in another thread may draw
    meanwhile. All other variables that change in the scope are written when it ends.

    Args:
        states: variables, the states of seed generators.
        moved: int or integer tensor, by how many draws they are ahead in the scope. Default 0.
    """

    # So far apart that no layer comes to the draws of another scope.
    _FAR = 1_000_003

    def __init__(self, states, moved=0):
        ahead = ops.cast(ops.stack([0, moved * self._FAR]), states[0].dtype) if states else 0
        super().__init__([(state, state.value + ahead) for state in states])
        self._states = {id(state) for state in states}
        self._changed = {}

    def add_update(self, update):
        """Keras calls this in place of an assignment."""
        super().add_update(update)
        self._changed[id(update[0])] = update[0]

    def __exit__(self, *exception):
        super().__exit__(*exception)
        for key, variable in self._changed.items():
            if key not in self._states:
                variable.assign(self.get_current_value(variable))


def restart(seeds: keras.random.SeedGenerator) -> None:
    """Make a seed generator repeat its numbers from the first."""
    # Its state is (seed, number of draws).
    seeds.state.assign(seeds.state * ops.convert_to_tensor([1, 0], dtype=seeds.state.dtype))


def network_inputs(samples, labels):
    """What a network takes: `samples` alone, or [samples, labels] where there are labels."""
    return samples if labels is None else [samples, labels]


def truncated(latents, truncation: float | None):
    """Map N(0, 1) onto the normal distribution truncated to [-truncation, truncation].

    With Phi(z) = (1 + erf(z / sqrt 2)) / 2, the quantile function of the truncated distribution
    applied to Phi(z) is sqrt 2 erfinv(erf(z / sqrt 2) erf(truncation / sqrt 2)). A latent keeps its
    place in the distribution, so an image changes gradually with the truncation.

    Args:
        latents: float tensor of any shape.
        truncation: float > 0, or None for no truncation.

    Returns:
        Float tensor like `latents`.

    Raises:
        ValueError: if truncation <= 0.

    Reference:
        Brock et al. 2019, arXiv 1809.11096, section 3.1, where the latents outside are drawn anew.
    """
    if truncation is None:
        return latents
    because = ", the largest absolute value of a latent, or None"
    truncation = checks.check_number("truncation", truncation, above=0, because=because)
    root = 2.0**0.5
    mass = ops.erf(ops.convert_to_tensor(truncation / root, dtype=latents.dtype))
    inside = root * ops.erfinv(ops.erf(latents / root) * mass)
    # Where the mass rounds to 1 there is next to nothing to truncate, and erfinv(1) is infinite.
    return ops.clip(ops.where(mass < 1, inside, latents), -truncation, truncation)


def _labels(n: int, num_classes: int | None, seed: int, labels):
    if num_classes is None:
        if labels is not None:
            raise ValueError(
                "labels= applies to a GAN with classes. This one has num_classes=None. "
                f"Received: labels={labels!r}. Leave labels out."
            )
        return None
    if labels is None:
        return np.random.default_rng(seed).integers(num_classes, size=n, dtype="int32")
    labels = checks.without_column(np.asarray(labels))
    labels = np.full(n, labels) if labels.ndim == 0 else labels
    checks.check_labels(labels, n, num_classes)
    return labels.astype("int32")
