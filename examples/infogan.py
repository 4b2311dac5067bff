"""InfoGAN: codes in the latents that a network has to read off the images.

    python examples/infogan.py

The first `num_codes` latents c are the code. The generator, and a head Q on the discriminator's
features, minimise -log Q(c | G(z, c)), a normal density of variance 1: a bound on the mutual
information of code and image. No labels are needed.

Reference:
    Chen et al. 2016, arXiv 1606.03657, equation 5.
"""

import keras
from keras import ops

import kgan


@keras.saving.register_keras_serializable("examples")
class InfoGAN(kgan.GAN):
    """A GAN whose first latents have a meaning."""

    def __init__(self, *args, num_codes: int = 2, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_codes = num_codes
        features = self.discriminator.layers[-2].output
        code = keras.layers.Dense(num_codes, name="code")(features)
        self.reader = keras.Model(self.discriminator.inputs, code, name="reader")
        self.g_code_mean = keras.metrics.Mean(name="g_code")

    def generator_networks(self):
        return [self.generator, self.reader.get_layer("code")]

    def generator_objective(self, minibatch):
        read = self.reader(minibatch.fake, training=minibatch.training)
        errors = ops.sum(ops.square(read - minibatch.latents[:, : self.num_codes]), axis=-1)
        return super().generator_objective(minibatch) | {"g_code": errors / 2}

    def get_config(self):
        return {**super().get_config(), "num_codes": self.num_codes}


def main(epochs: int = 5):
    """Train on the embedded digits and write a picture of samples an epoch."""
    digits = kgan.data.digits()
    gan = InfoGAN(
        kgan.models.dcgan_generator(digits.image_shape, latent_dim=64, width=16),
        kgan.models.dcgan_discriminator(digits.image_shape, width=16),
        latent_dim=64,
    )
    gan.compile()
    grid = kgan.callbacks.SampleGrid("runs/infogan")
    gan.fit(digits.batches(64, labels=False), epochs=epochs, callbacks=[grid])
    return gan


if __name__ == "__main__":
    main()
