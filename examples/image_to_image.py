"""Image to image, after pix2pix: the condition is an image, and an L1 term holds fakes near reals.

    python examples/image_to_image.py

`condition_shape` says that labels are images. Here: from the upper half of a digit to the whole.
Reference: Isola et al. 2017, arXiv 1611.07004, equation 4.
"""

import keras
from keras import layers
from keras import ops

import kgan


@keras.saving.register_keras_serializable("examples")
class ImageToImageGAN(kgan.GAN):
    """A GAN of [latents, image] -> image, whose generator is drawn to the real answer, too."""

    def __init__(self, *args, l1_weight: float = 100.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l1_weight = l1_weight
        self.g_l1_mean = keras.metrics.Mean(name="g_l1")

    def generator_objective(self, minibatch):
        l1 = self.l1_weight * ops.abs(minibatch.real - minibatch.fake)
        return super().generator_objective(minibatch) | {"g_l1": l1}

    def get_config(self):
        return {**super().get_config(), "l1_weight": self.l1_weight}


def networks(image_shape, condition_shape, latent_dim: int):
    """A small generator of [latents, condition], and a discriminator of [image, condition]."""
    latents, condition = keras.Input((latent_dim,)), keras.Input(condition_shape)
    x = layers.Concatenate()([latents, layers.Flatten()(condition)])
    x = layers.Dense(256, activation="relu")(x)
    image = layers.Reshape(image_shape)(layers.Dense(784, activation="tanh")(x))
    generator = keras.Model([latents, condition], image)
    image, condition = keras.Input(image_shape), keras.Input(condition_shape)
    x = layers.Concatenate()([layers.Flatten()(image), layers.Flatten()(condition)])
    logits = layers.Dense(1)(layers.LeakyReLU(0.2)(layers.Dense(256)(x)))
    return generator, keras.Model([image, condition], logits)


def main(epochs: int = 5):
    """Train on the embedded digits: the lower half is to be found for the upper one."""
    gan = ImageToImageGAN(
        *networks((28, 28, 1), (14, 28, 1), 16), latent_dim=16, condition_shape=(14, 28, 1)
    )
    gan.compile()
    pairs = kgan.data.digits().batches(64, labels=False).map(lambda image: (image, image[:, :14]))
    gan.fit(pairs, epochs=epochs)
    return gan


if __name__ == "__main__":
    main()
