"""The prior of the 2014 paper: latents from U(-1, 1) in place of N(0, I).

    python examples/uniform_prior.py

Overridden is `sample_latents`: `fit`, `evaluate`, `generate` and the callbacks draw from it.

Reference:
    Goodfellow et al. 2014, arXiv 1406.2661, section 5.
"""

import keras

import kgan


@keras.saving.register_keras_serializable("examples")
class UniformGAN(kgan.GAN):
    """A GAN whose latents are uniform between -1 and 1."""

    def sample_latents(self, n, seed):
        return keras.random.uniform((n, self.latent_dim), -1.0, 1.0, seed=seed)


def main(epochs: int = 5):
    """Train on the embedded digits and write a picture of samples an epoch."""
    digits = kgan.data.digits()
    gan = UniformGAN(
        kgan.models.mlp_generator(digits.image_shape, latent_dim=100),
        kgan.models.mlp_discriminator(digits.image_shape),
        latent_dim=100,
    )
    gan.compile()
    grid = kgan.callbacks.SampleGrid("runs/uniform_prior")
    gan.fit(digits.batches(100, labels=False), epochs=epochs, callbacks=[grid])
    return gan


if __name__ == "__main__":
    main()
