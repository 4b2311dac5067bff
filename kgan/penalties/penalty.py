"""The protocol of every penalty."""

from collections.abc import Callable

import keras

from kgan import schedules
from kgan._utils.configured import Configured
from kgan._utils.tensors import Tensor


class Penalty(Configured):
    """The protocol of every penalty on the discriminator: a value per sample, a name, a config.

    A subclass defines `__call__`, keeps its constructor's arguments as attributes of their names,
    which is what its config and its `repr` show, and is registered with Keras so that a saved GAN
    finds it again. One with state of its own makes its variables in `build` and lists them in
    `variables`.

    Attributes:
        name: str, what the logs call the mean of the penalty.
        variables: list of the variables that are saved with the GAN; none unless `build` makes
            some.
        differentiates_twice: bool, whether it takes the gradient of the discriminator, whose own
            gradient training needs: `compile` then tries whether there is one. Default False.
        needs: tuple of the names "real_gradients", "fake_gradients" and "images_seen": what
            `__call__` is given besides. Gradients come from the pass of the discriminator that the
            loss is computed from, which costs less than a pass of the penalty's own. Default ().

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class SmallLogits(kgan.penalties.Penalty):
        ...     name = "small_logits"
        ...     def __call__(self, discriminator, *, real_logits, fake_logits, **_):
        ...         return 0.001 * (real_logits**2 + fake_logits**2)
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", penalties=SmallLogits())
    """

    name = "penalty"
    variables = ()
    differentiates_twice = False
    needs = ()

    def __call__(
        self,
        discriminator: Callable[[Tensor], Tensor],
        *,
        real_images: Tensor,
        fake_images: Tensor,
        real_logits: Tensor,
        fake_logits: Tensor,
        seed: keras.random.SeedGenerator,
        **needed: Tensor,
    ):
        """The penalty on one minibatch.

        Args:
            discriminator: function of images that returns logits, in float32 at least. Labels are
                bound to it.
            real_images: float tensor (batch, ...).
            fake_images: float tensor (batch, ...), no gradient flows to the generator.
            real_logits: float tensor, the discriminator's answer to `real_images`.
            fake_logits: float tensor, its answer to `fake_images`.
            seed: `keras.random.SeedGenerator` for whatever the penalty draws, through
                `kgan.distribution.global_rows`: all replicas hold the same seed.
            **needed: what the penalty `needs`. real_gradients: float tensor like `real_images`, the
                gradient of the sum of a sample's `real_logits` by the image as it was before
                `GAN.discriminate` did anything to it, in float32 at least; fake_gradients: the same
                of fakes. images_seen: integer scalar, the real images seen before this step.

        Returns:
            Float tensor, weight included: per-sample values, shape (batch,), or one per logit.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define __call__.")

    def build(self) -> None:
        """Make the variables, anew at every `GAN.compile`."""

    def check_discriminator(self, discriminator: keras.Model) -> None:
        """Raise if the penalty means nothing for this discriminator.

        Args:
            discriminator: keras model.

        Raises:
            ValueError: with what to change.
        """

    def _checked_weight(self, name: str, weight) -> float | schedules.Schedule:
        """A penalty's weight, if it is a number that punishes, or a schedule of such.

        Args:
            name: the argument, for the message.
            weight: anything.

        Returns:
            The weight as a float, or a `kgan.schedules.Schedule`.

        Raises:
            ValueError: if it is, begins or ends negative, not finite or no number.
        """
        because = ": a negative weight would reward what the penalty is there to punish"
        name = f"{name} of {type(self).__name__}"
        return schedules.check(name, weight, at_least=0, because=because)
