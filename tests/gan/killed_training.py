"""A small training with everything that has a state, to be killed and started again.

    python killed_training.py <folder> <jit_compile> <steps_per_execution> <discriminator_steps>

It says that its first step of this process is done by the file `begun`, and leaves `state.npz` and
`history.json` when it is complete. A backup takes a tenth of a second and more, so that a kill can
come while one is written.
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

import kgan
from kgan._utils import arrays_file

STEPS, EPOCHS = 40, 4


def build_gan(*, jit_compile: bool, steps_per_execution: int, discriminator_steps: int) -> kgan.GAN:
    """Batch norm, dropout, labels, an average, a penalty, and another with a state of its own."""
    keras.utils.set_random_seed(5)
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    features = layers.Concatenate()([latents, layers.Embedding(4, 3)(labels)])
    features = layers.BatchNormalization()(layers.Dense(16, use_bias=False)(features))
    pixels = layers.Dense(64, activation="tanh")(layers.ReLU()(features))
    generator = keras.Model([latents, labels], layers.Reshape((8, 8, 1))(pixels))
    images, labels = keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    features = layers.Concatenate()([layers.Flatten()(images), layers.Embedding(4, 3)(labels)])
    features = layers.Dropout(0.3)(layers.LeakyReLU()(layers.Dense(16)(features)))
    discriminator = keras.Model([images, labels], layers.Dense(1)(features))
    gan = kgan.GAN(generator, discriminator, 3, num_classes=4, ema_halflife_images=200, seed=7)
    gan.compile(
        keras.optimizers.Adam(2e-3),
        keras.optimizers.Adam(1e-3),
        discriminator_steps=discriminator_steps,
        penalties=["r1=0.1", "lecam=0.01"],
        jit_compile=jit_compile,
        steps_per_execution=steps_per_execution,
    )
    return gan


def make_batches(discriminator_steps: int):
    """Labelled images, for as many steps an epoch however many a step takes."""
    count = 4 * discriminator_steps * STEPS + 1
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 8, 8, 1)).astype("uint8")
    labels = random.integers(4, size=count)
    return kgan.data.Images(images, labels).batches(4, discriminator_steps=discriminator_steps)


def make_callbacks(run: Path, images_per_step: int) -> list:
    """What a run has, the backup among them."""
    begun = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: (run / "begun").touch()
    )
    return [
        begun,
        kgan.callbacks.Backup(run / "backup", every_n_images=10 * images_per_step),
        kgan.callbacks.Health(15, patience=2),
        kgan.callbacks.SampleGrid(run / "samples", every_n_images=25 * images_per_step),
        kgan.callbacks.Curves(run / "curves.png"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate),
        keras.callbacks.EarlyStopping(
            monitor="g_loss", mode="min", patience=9, restore_best_weights=True
        ),
        keras.callbacks.CSVLogger(run / "log.csv", append=True),
    ]


def write_slowly() -> None:
    """Let every array of a backup take some milliseconds."""
    write_array = arrays_file._write_array

    def write(*arguments):
        time.sleep(0.003)
        write_array(*arguments)

    arrays_file._write_array = write


def main(folder: str, jit_compile: str, *steps: str) -> None:
    """Train, or go on."""
    run = Path(folder)
    write_slowly()
    steps_per_execution, discriminator_steps = map(int, steps)
    gan = build_gan(
        jit_compile=jit_compile == "True",
        steps_per_execution=steps_per_execution,
        discriminator_steps=discriminator_steps,
    )
    history = gan.fit(
        make_batches(discriminator_steps),
        epochs=EPOCHS,
        callbacks=make_callbacks(run, 4 * discriminator_steps),
        verbose=0,
    )
    beside = gan.state_beside_weights().values()
    variables = [*gan.variables, *gan.optimizer.variables, *gan.metrics_variables, *beside]
    arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
    np.savez(run / "state.npz", *arrays, samples=gan.generate(8, seed=0))
    (run / "history.json").write_text(json.dumps([history.epoch, history.history]))


if __name__ == "__main__":
    main(*sys.argv[1:])
