"""What a toy gains by many steps per call, over the same steps called one at a time from Python.

    python benchmarks/toy_speed.py

Three ways take the same train_step with the settings of a toy, in turns, in one process: many
compiled steps per call, as toys train; the same compiled loop, called for one step at a time; and
Keras' `train_on_batch`, which is how one would do it by hand. Printed are medians of the rounds and
their ratios. About two minutes on one core.
"""

import statistics
import time

from kgan import toys

STEPS = 500
ROUNDS = 5


def main():
    """Time the three ways and print their ratios."""
    # The grid is the ring with another number of steps.
    print("toy       many ms  one ms  train_on_batch ms  one/many  train_on_batch/many")
    samples = {"gaussian": toys.Gaussian().sample, "ring": toys.ring().sample}
    for toy, sample in samples.items():
        many, one, keras = (1000 * seconds for seconds in medians(toy, sample(100_000, seed=0)))
        print(
            f"{toy:8} {many:8.3f} {one:7.3f} {keras:18.3f} {one / many:9.2f} {keras / many:20.2f}",
            flush=True,
        )


def medians(toy: str, points) -> tuple:
    """Median seconds per step of the three ways."""
    settings = toys.PRESETS[toy]
    trainer = toys.ToyTrainer(
        lambda seed: toys.build_gan(settings, points.shape[1], seed),
        points,
        batch_size=settings.batch_size,
    )
    rows = settings.batch_size * settings.discriminator_steps
    batches = [points[rows * i : rows * (i + 1)] for i in range(10)]

    def many():
        trainer.advance(STEPS)

    def one():
        for _ in range(STEPS):
            trainer._many_steps(1)

    def keras():
        for step in range(STEPS):
            trainer.gan.train_on_batch(batches[step % len(batches)])

    ways, seconds = (many, one, keras), ([], [], [])
    trainer.advance(1)
    trainer.gan.train_on_batch(batches[0])
    for _ in range(ROUNDS):
        for way, taken in zip(ways, seconds, strict=True):
            start = time.perf_counter()
            way()
            taken.append((time.perf_counter() - start) / STEPS)
    return tuple(statistics.median(taken) for taken in seconds)


if __name__ == "__main__":
    main()
