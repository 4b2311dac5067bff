"""Feature matching: the generator matches the mean features of reals inside the discriminator.

    python examples/feature_matching.py

Overridden is `generator_objective`: || E f(x) - E f(G(z)) ||^2, where f is the layer below the
logits. `kgan.distribution.global_mean` takes the means over the batch of all replicas.

Reference:
    Salimans et al. 2016, arXiv 1606.03498, section 3.1.
"""

import keras
from keras import ops

import kgan


@keras.saving.register_keras_serializable("examples")
class FeatureMatchingGAN(kgan.GAN):
    """A GAN whose generator follows features in place of logits."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.features = keras.Model(
            self.discriminator.inputs, self.discriminator.layers[-2].output, name="features"
        )

    def generator_objective(self, minibatch):
        real, fake = (
            kgan.distribution.global_mean(
                self.features(images, training=minibatch.training), axis=0
            )
            for images in (minibatch.real, minibatch.fake)
        )
        return {"g_loss": ops.sum(ops.square(real - fake))}


def main(epochs: int = 5):
    """Train on the embedded digits and write a picture of samples an epoch."""
    digits = kgan.data.digits()
    gan = FeatureMatchingGAN(
        kgan.models.dcgan_generator(digits.image_shape, latent_dim=64, width=16),
        kgan.models.dcgan_discriminator(digits.image_shape, width=16),
        latent_dim=64,
    )
    gan.compile()
    grid = kgan.callbacks.SampleGrid("runs/feature_matching")
    gan.fit(digits.batches(64, labels=False), epochs=epochs, callbacks=[grid])
    return gan


if __name__ == "__main__":
    main()
