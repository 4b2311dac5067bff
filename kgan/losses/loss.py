"""The protocol of every GAN loss."""

from numpy.typing import ArrayLike

from kgan._utils.configured import Configured
from kgan._utils.tensors import Tensor


class Loss(Configured):
    """The protocol of every GAN loss: two objectives, two readings, one config.

    A subclass defines `discriminator_loss` and `generator_loss` on logits of any shape, keeps its
    constructor's arguments as attributes of their names, which is what its config and its `repr`
    show, and is registered with Keras so that a saved GAN finds it again. It overrides `scores`
    where sigmoid(logit) is a probability, and `optimal_logits` where theory knows the best
    discriminator.

    Attributes:
        compares_with_reals: bool, whether the generator's loss needs real logits too, as those of
            relativistic losses do; False unless a subclass says otherwise.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class Linear(kgan.losses.Loss):
        ...     def discriminator_loss(self, real_logits, fake_logits):
        ...         return fake_logits - real_logits
        ...     def generator_loss(self, real_logits, fake_logits):
        ...         return -fake_logits
        >>> gan.compile(d_optimizer="adam", g_optimizer="adam", loss=Linear())
    """

    compares_with_reals = False

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor):
        """What the discriminator minimises, per sample.

        Args:
            real_logits: float tensor of any shape, D(x) of real images.
            fake_logits: float tensor of the same shape, D(G(z)).

        Returns:
            Float tensor, the logits' shape.

        Raises:
            ValueError: if the two shapes differ.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define discriminator_loss.")

    def generator_loss(self, real_logits: Tensor, fake_logits: Tensor):
        """What the generator minimises, per sample.

        Args:
            real_logits: float tensor like `fake_logits` where `compares_with_reals`, else None.
            fake_logits: float tensor of any shape, D(G(z)).

        Returns:
            Float tensor, the logits' shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define generator_loss.")

    def scores(self, logits: Tensor):
        """What the logs `d_real` and `d_fake` show: D as a probability, or the logit itself.

        Args:
            logits: float tensor of any shape.

        Returns:
            Float tensor, the logits' shape: in [0, 1] where the loss makes D a probability of
            being real, else unbounded.
        """
        return logits

    def optimal_logits(self, ratio: ArrayLike):
        """The logits of the best discriminator for a fixed generator.

        Args:
            ratio: float array, p / q > 0 at any points: how much more likely a sample is among the
                data than from the generator.

        Returns:
            Float64 array like `ratio`, infinite where the optimum is; None where the loss has no
            optimum that the ratio alone decides.
        """

    @staticmethod
    def check_same_shape(real_logits: Tensor, fake_logits: Tensor) -> None:
        """Raise unless there are as many real logits as fake ones, in the same places.

        Logits of (batch, 1) and (batch,) would otherwise broadcast to (batch, batch) and train on
        nonsense without a sound.

        Args:
            real_logits: float tensor.
            fake_logits: float tensor.

        Raises:
            ValueError: if a dimension that is known differs.
        """
        real_shape, fake_shape = tuple(real_logits.shape), tuple(fake_logits.shape)
        sizes = zip(real_shape, fake_shape, strict=False)
        if len(real_shape) != len(fake_shape) or any(
            real != fake for real, fake in sizes if None not in (real, fake)
        ):
            raise ValueError(
                "Real and fake logits must have the same shape, as one discriminator gives them "
                f"for as many reals as fakes. Received: real {real_shape}, fake {fake_shape}. "
                "Reshape the logits, or draw as many fakes as there are reals."
            )
