"""How the rows of one batch are dealt out to the k discriminator steps, and what a step sees."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from kgan._utils.checks import check_flag
from kgan.backend import autodiff


class Minibatch(NamedTuple):
    """What one update is made on: reals and fakes under the same labels, and their logits.

    Attributes:
        real: float tensor (m, ...), images of the data.
        fake: float tensor (m, ...), images of the generator.
        latents: float tensor (m, latent_dim), what the fakes were made of.
        labels: tensor (m, ...) of reals and fakes alike; None without.
        real_logits: float tensor, what the discriminator says to the reals; None where it was not
            asked.
        fake_logits: float tensor, what it says to the fakes.
        training: bool, False in an evaluation; for the networks that an objective calls.
        real_gradients: float tensor like `real`, the gradient of the sum of a sample's logits by
            its image; None unless a penalty needs it.
        fake_gradients: the same of `fake`.

    Example:
        >>> class FeatureMatching(kgan.GAN):
        ...     def generator_objective(self, minibatch):
        ...         real, fake = (ops.mean(images, axis=0) for images in minibatch[:2])
        ...         return {"g_loss": ops.sum(ops.square(real - fake))}
    """

    real: Any
    fake: Any
    latents: Any
    labels: Any = None
    real_logits: Any = None
    fake_logits: Any = None
    training: bool = True
    real_gradients: Any = None
    fake_gradients: Any = None

    def judged(
        self, discriminate: Callable, *, reals_too: bool = True, needs: Collection = ()
    ) -> "Minibatch":
        """The same with logits, and with gradients out of the same passes.

        Args:
            discriminate: `kgan.GAN.discriminate`.
            reals_too: bool, whether the logits of reals are needed.
            needs: which of "real_gradients" and "fake_gradients" are.

        Returns:
            `Minibatch`.
        """

        def ask(images):
            return discriminate(images, self.labels, training=self.training)

        def answer(part: str) -> dict:
            images = getattr(self, part)
            if f"{part}_gradients" not in needs:
                return {f"{part}_logits": ask(images)}
            # Like the logits: 16 bits are too few for the square of a gradient.
            images = ops.cast(images, keras.backend.result_type(images.dtype, "float32"))
            logits, gradients = autodiff.outputs_and_input_gradients(ask, images)
            return {f"{part}_logits": logits, f"{part}_gradients": gradients}

        # Reals first, as ever: layers with random numbers draw them in this order.
        of_reals = answer("real") if reals_too else {"real_logits": None}
        return self._replace(**of_reals, **answer("fake"))


def check_sharing(share_fakes: bool, discriminator_steps: int) -> bool:
    """Whether the generator's update is by the fakes of the discriminator's.

    Args:
        share_fakes: bool.
        discriminator_steps: int, k.

    Returns:
        `share_fakes`.

    Raises:
        ValueError: for what is no bool, or if there are fakes of several updates.
    """
    share_fakes = check_flag("share_fakes", share_fakes)
    if share_fakes and discriminator_steps > 1:
        raise ValueError(
            "share_fakes=True lets the generator learn from the fakes of the one discriminator "
            "update before it. Expected: discriminator_steps=1. Received: "
            f"discriminator_steps={discriminator_steps}. Leave out share_fakes, or take one "
            "discriminator step."
        )
    return share_fakes


def rows(batch) -> Any:
    """How many rows a batch of any structure has, an int or an integer tensor."""
    return ops.shape(next(part for part in keras.tree.flatten(batch) if part is not None))[0]


def deal(tensors: tuple, k: int) -> Iterator[tuple]:
    """Yield k tuples of minibatches: row j of each tensor goes to step j modulo k.

    Every step sees rows of its own, and the same ones whatever the number of replicas, since a
    strategy cuts batches into contiguous parts. A short last batch that k does not divide is filled
    up with its own first rows.

    Args:
        tensors: tensors with the same number of rows, or None in places.
        k: int, the number of steps.

    Yields:
        Tuples like `tensors`, with a k-th of the rows, rounded up.
    """
    if k == 1:
        yield tensors
        return
    count = rows(tensors)
    divisible = isinstance(count, int) and count % k == 0
    for step in range(k):
        if divisible:
            # The same rows as below, by a slice, which costs less than looking them up.
            yield tuple(None if tensor is None else tensor[step::k] for tensor in tensors)
        else:
            own = (ops.arange((count + k - 1) // k) * k + step) % count
            yield tuple(
                None if tensor is None else ops.take(tensor, own, axis=0) for tensor in tensors
            )
