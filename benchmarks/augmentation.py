"""What an augmentation costs a training step.

    TF_ENABLE_ONEDNN_OPTS=1 python benchmarks/augmentation.py

DCGANs as wide as they come train on 64 images a step, with and without an augmentation, in turns.
Printed are the median of the CPU time of a step and that of the ratios to the one without, which
other jobs disturb less (1.1 would be a tenth). Some eight minutes on two busy cores.
"""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import kgan

WAYS = {
    "none": None,
    'augment="diffaugment"': "diffaugment",
    'augment="adaptive", p = 0.5': kgan.augment.Scheduled(0.5, transforms="bgc"),
    'augment="scheduled=0.5"': kgan.augment.Scheduled(0.5),
}
ROUNDS = {(28, 28, 1): 20, (64, 64, 3): 5}


def step_of(shape: tuple, augment):
    """A function that takes one step."""
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.models.dcgan_generator(shape, latent_dim=64),
        kgan.models.dcgan_discriminator(shape),
        latent_dim=64,
        seed=0,
    )
    gan.compile(augment=augment)
    images = np.random.default_rng(0).uniform(-1, 1, (64, *shape)).astype("float32")
    batches = iter(tf.data.Dataset.from_tensors(images).repeat())
    step = gan.make_train_function()
    return lambda: float(step(batches)["d_loss"])


def seconds(step) -> float:
    """CPU seconds of a step."""
    start = time.process_time()
    step()
    return time.process_time() - start


def main() -> None:
    """Time all ways in turns."""
    for shape, rounds in ROUNDS.items():
        steps = {name: step_of(shape, augment) for name, augment in WAYS.items()}
        for step in [*steps.values()] * 2:
            step()
        times = [[seconds(step) for step in steps.values()] for _ in range(rounds)]
        for name, own in zip(steps, zip(*times, strict=True), strict=True):
            ratios = [one / row[0] for one, row in zip(own, times, strict=True)]
            print(
                f"{shape} {name}: {1000 * statistics.median(own):.0f} ms, "
                f"{statistics.median(ratios):.2f} times"
            )


if __name__ == "__main__":
    main()
