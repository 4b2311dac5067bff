"""How many images per second the digits pipeline delivers, against what a DCGAN trains on.

    python benchmarks/input_pipeline.py

Prints the medians of several rounds, in which both take turns, and their ratio. The pipeline should
deliver at least ten times the images that the 28x28 DCGAN of recipes/digits.flags trains on, so
that a faster device does not wait for it. About a minute on two cores.
"""

import statistics
import time

from fit_overhead import build_gan

import kgan

BATCH_SIZE = 64
ROUNDS = 9
EPOCHS_PER_ROUND = 3
TRAINING_STEPS = 50


def images_per_second(dataset, epochs: int) -> float:
    """Iterate over a dataset of (images, labels) and divide the images by the seconds."""
    delivered = 0
    start = time.perf_counter()
    for _ in range(epochs):
        for images, _ in dataset:
            delivered += len(images)
    return delivered / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    dataset = kgan.data.digits().batches(BATCH_SIZE)
    gan = build_gan()

    def delivered() -> float:
        return images_per_second(dataset, EPOCHS_PER_ROUND)

    def trained() -> float:
        start = time.perf_counter()
        gan.fit(dataset.take(TRAINING_STEPS), verbose=0)
        return TRAINING_STEPS * BATCH_SIZE / (time.perf_counter() - start)

    # The first rounds trace and start the threads.
    delivered()
    trained()
    rates = [(delivered(), trained()) for _ in range(ROUNDS)]
    pipeline, training = map(statistics.median, zip(*rates, strict=True))
    ratio = statistics.median(fast / slow for fast, slow in rates)
    print(
        f"medians of {ROUNDS} rounds, batches of {BATCH_SIZE}: the pipeline delivers "
        f"{pipeline:,.0f} images/s, the DCGAN trains on {training:,.0f}; ratio {ratio:.0f}"
    )


if __name__ == "__main__":
    main()
