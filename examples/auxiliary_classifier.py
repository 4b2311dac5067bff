"""AC-GAN: the discriminator does not see labels; a head on its features has to tell them.

    python examples/auxiliary_classifier.py

A loaded GAN makes the head again. Reference: Odena et al. 2017, arXiv 1610.09585, section 3.
"""

import keras
from keras import ops

import kgan


@keras.saving.register_keras_serializable("examples")
class AuxiliaryClassifierGAN(kgan.GAN):
    """A GAN of [latents, labels] -> images whose discriminator takes images alone."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        features = self.discriminator.layers[-2].output
        classes = keras.layers.Dense(self.num_classes, name="classes")(features)
        self.classifier = keras.Model(self.discriminator.inputs, classes, name="classifier")
        self.d_class_mean = keras.metrics.Mean(name="d_class")
        self.g_class_mean = keras.metrics.Mean(name="g_class")

    def discriminate(self, images, labels=None, *, training=False):
        return super().discriminate(images, training=training)

    def discriminator_networks(self):
        return [self.discriminator, self.classifier]

    def discriminator_objective(self, minibatch):
        real, fake = (self.cross_entropy(images, minibatch) for images in minibatch[:2])
        return super().discriminator_objective(minibatch) | {"d_class": real + fake}

    def generator_objective(self, minibatch):
        fake = self.cross_entropy(minibatch.fake, minibatch)
        return super().generator_objective(minibatch) | {"g_class": fake}

    def cross_entropy(self, images, minibatch):
        """-log p(label | image), per sample."""
        logits = self.classifier(images, training=minibatch.training)
        return ops.sparse_categorical_crossentropy(minibatch.labels, logits, from_logits=True)


def main(epochs: int = 5):
    """Train on the embedded digits; write a picture of samples an epoch."""
    digits = kgan.data.digits()
    generator = kgan.models.dcgan_generator((28, 28, 1), latent_dim=64, width=16, num_classes=10)
    discriminator = kgan.models.dcgan_discriminator((28, 28, 1), width=16)
    gan = AuxiliaryClassifierGAN(generator, discriminator, latent_dim=64, num_classes=10)
    gan.compile()
    grid = kgan.callbacks.SampleGrid("runs/auxiliary_classifier")
    gan.fit(digits.batches(64), epochs=epochs, callbacks=[grid])
    return gan


if __name__ == "__main__":
    main()
