"""One worker of tests/gan/test_multi_worker.py: trains a small GAN, and leaves what it became.

    python tests/gan/multi_worker_training.py <strategy> <folder> <steps per execution> [<images>]

Everything goes to a folder of its own in <folder>, "worker0" and so on; the backups are shared.
After so many images, if it is said, worker 1 is killed, but only once.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np

import kgan
from kgan.distribution import cluster_from_environment
from kgan.distribution import lost_worker
from kgan.distribution import strategy

IMAGE_SHAPE, CLASSES, LATENT_DIM = (8, 8, 1), 3, 5
ROWS, DISCRIMINATOR_STEPS, EPOCHS = 8, 2, 3
ROWS_OF_A_STEP = ROWS * DISCRIMINATOR_STEPS
# Of the learning rates, at the beginning of each epoch.
RATE_FACTORS = (1.0, 0.5, 4.0)


def images(count: int, seed: int) -> kgan.data.Images:
    """Random images with labels, the same in every process."""
    random = np.random.default_rng(seed)
    pixels = random.integers(256, size=(count, *IMAGE_SHAPE), dtype="uint8")
    return kgan.data.from_arrays(pixels, random.integers(CLASSES, size=count), num_classes=CLASSES)


def build(steps_per_execution: int) -> kgan.GAN:
    """A GAN with batch norm, labels and an average; SGD shows gradients off by a factor."""
    keras.utils.set_random_seed(0)
    options = {"width": 4, "num_classes": CLASSES}
    gan = kgan.GAN(
        kgan.models.dcgan_generator(IMAGE_SHAPE, LATENT_DIM, **options),
        kgan.models.dcgan_discriminator(IMAGE_SHAPE, **options),
        latent_dim=LATENT_DIM,
        num_classes=CLASSES,
        ema_halflife_images=50,
        seed=0,
    )
    gan.compile(
        keras.optimizers.SGD(0.05, momentum=0.5, global_clipnorm=1.0),
        keras.optimizers.Adam(2e-3, beta_1=0.5),
        discriminator_steps=DISCRIMINATOR_STEPS,
        # Several workers have none, and another rounding is not what is looked for.
        fast_kernels=False,
        steps_per_execution=steps_per_execution,
    )
    return gan


class Death(keras.callbacks.Callback):
    """Ends its process without a word, as a machine does that loses its power.

    Args:
        images: int, after how many real images.
        folder: where "death" tells when, in seconds of the clock.
    """

    def __init__(self, images: int, folder: Path):
        super().__init__()
        self._images = images
        self._folder = folder

    def on_train_batch_end(self, batch, logs=None):
        if self.model.images_seen.numpy() >= self._images:
            (self._folder / "death").write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)


def train(gan: kgan.GAN, folder: Path, callbacks: list) -> None:
    """Fit beside Keras' callbacks, which give the weights of the second epoch back."""
    gan.fit(
        images(80, seed=1).batches(ROWS, discriminator_steps=DISCRIMINATOR_STEPS),
        epochs=EPOCHS,
        validation_data=held_out(),
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: RATE_FACTORS[epoch] * rate),
            # No loss is ever better than the first.
            keras.callbacks.ReduceLROnPlateau(
                "d_loss", mode="min", factor=0.5, patience=1, min_delta=1e9
            ),
            # The rate of the second epoch is the lowest.
            keras.callbacks.EarlyStopping(
                "learning_rate", mode="min", patience=1, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(folder / "epoch_{epoch}.keras"),
            keras.callbacks.CSVLogger(folder / "log.csv", append=True),
            kgan.callbacks.Backup(folder.parent / "backup", every_n_images=2 * ROWS_OF_A_STEP),
            *callbacks,
        ],
        verbose=0,
    )


def look_at(gan: kgan.GAN, folder: Path) -> None:
    """Evaluate, predict, generate and save."""
    measured = gan.evaluate(held_out(), return_dict=True, verbose=0)
    (folder / "evaluated.json").write_text(json.dumps(measured))
    latents = np.random.default_rng(3).normal(size=(6, LATENT_DIM)).astype("float32")
    np.save(folder / "predicted.npy", gan.predict([latents, np.arange(6) % CLASSES], verbose=0))
    np.save(folder / "generated.npy", gan.generate(4, seed=0, labels=1))
    gan.save(folder / "gan.keras")
    np.savez(folder / "state.npz", *state(gan))


def held_out():
    """The batches of a validation."""
    return images(24, seed=2).batches(ROWS, shuffle=False)


def state(gan: kgan.GAN) -> list[np.ndarray]:
    """Everything that training changes."""
    variables = [*gan.variables, *gan.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def main(name: str, folder: str, steps_per_execution: str, fatal_images: str = "") -> int:
    several = name == "multi_worker"
    index = cluster_from_environment(os.environ["TF_CONFIG"])[1] if several else 0
    own = Path(folder) / f"worker{index}"
    own.mkdir(parents=True, exist_ok=True)
    dies = fatal_images and index == 1 and not (own / "death").exists()
    try:
        with strategy(name).scope():
            gan = build(int(steps_per_execution))
            train(gan, own, [Death(int(fatal_images), own)] if dies else [])
            look_at(gan, own)
    except Exception as error:
        message = lost_worker(error)
        if message is None:
            raise
        (own / "end").write_text(str(time.time()))
        print(f"error: {message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
