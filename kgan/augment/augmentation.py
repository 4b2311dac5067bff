"""The protocol of every augmentation."""

import keras

from kgan._utils.configured import Configured
from kgan._utils.tensors import Tensor

# Below it an eighth of a side is no whole pixel.
_LEAST_SIDE = 4


class Augmentation(Configured):
    """The protocol of every augmentation: what the discriminator is shown in place of images.

    `GAN.discriminate` shows the discriminator T(x) in place of x in training, reals and fakes, in
    both players' updates, with new random numbers at every call; the generator's gradient passes
    through T. A subclass defines `__call__`, keeps its constructor's arguments as attributes of
    their names, which is what its config and its `repr` show, and is registered with Keras so that
    a saved GAN finds it again. One with state of its own makes its variables in `build` and lists
    them in `variables`.

    Attributes:
        variables: list of the variables that are saved with the GAN; none unless `build` makes
            some.
        is_adaptive: bool, whether `update` raises its probability as the discriminator overfits:
            `kgan.callbacks.Health` then takes a high one for too little data. Default False.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class Noise(kgan.augment.Augmentation):
        ...     def __call__(self, images, *, seed, images_seen):
        ...         noise = kgan.distribution.global_rows(
        ...             lambda n: keras.random.normal((n, *images.shape[1:]), seed=seed),
        ...             ops.shape(images)[0])
        ...         return images + 0.1 * noise
        >>> gan.compile(augment=Noise())
    """

    variables = ()
    is_adaptive = False

    def __call__(
        self, images: Tensor, *, seed: keras.random.SeedGenerator, images_seen: int | Tensor
    ):
        """T of a batch.

        Args:
            images: float tensor (batch, height, width, channels), float32 at least. Reals lie in
                [-1, 1]; so do fakes, if the generator ends in a tanh.
            seed: `keras.random.SeedGenerator` for whatever is drawn, through
                `kgan.distribution.global_rows`: all replicas hold the same seed.
            images_seen: int or integer tensor, the real images that the training has used.

        Returns:
            Float tensor like `images`, row i made of row i and its own numbers alone. It is not
            clipped: where an image is cut off, no gradient passes.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define __call__.")

    def build(self) -> None:
        """Make the variables, anew at every `GAN.compile`."""

    def update(self, real_logits: Tensor, loss: Configured, *, pack: int = 1) -> None:
        """Look at an update of the discriminator that has just been made.

        Args:
            real_logits: float tensor (batch, ...), what it said to T of the reals before; this
                replica's part of the batch.
            loss: `kgan.losses.Loss` that it minimises.
            pack: int, the images that a row of `real_logits` is about, default 1.
        """

    def probability(self, images_seen: int | Tensor) -> float | Tensor | None:
        """How probable a transform is now, which is logged as `augment_p`.

        Args:
            images_seen: int or integer tensor, the real images that the training has used.

        Returns:
            Float or float scalar tensor; None, which is the default, if there is nothing to log.
        """

    def class_changes(self, channels: int) -> tuple[str, ...]:
        """The transforms after which an image may be one of another class, as a 6 that is turned.

        Args:
            channels: int, of the images.

        Returns:
            Tuple of names, empty for none.
        """
        return ()

    def check(self, image_shape: tuple, loss: Configured) -> None:
        """Raise if the augmentation means nothing for these images, or under this loss.

        Args:
            image_shape: tuple, the shape of one image.
            loss: `kgan.losses.Loss`.

        Raises:
            ValueError: with what to do.
        """
        name = type(self).__name__
        if len(image_shape) != 3 or None in image_shape:
            raise ValueError(
                f"{name} moves and colours images. Expected: a generator of images of the fixed "
                f"shape (height, width, channels). Received: samples of the shape {image_shape}. "
                "Leave out augment=, or write a kgan.augment.Augmentation for such samples."
            )
        if min(image_shape[:2]) < _LEAST_SIDE:
            raise ValueError(
                f"{name} moves images by parts of their sides. Expected: at least {_LEAST_SIDE} "
                f"pixels a side. Received: images of the shape {image_shape}. Leave out augment=."
            )
