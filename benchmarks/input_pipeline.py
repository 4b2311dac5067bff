"""How many images per second the digits pipeline delivers, without any training.

    python benchmarks/input_pipeline.py

Prints the median of several rounds. The pipeline should deliver at least ten times the images that
the 28x28 DCGAN trains on in a second, so that a faster device does not wait for it.
"""

import statistics
import time

import kgan

BATCH_SIZE = 64
ROUNDS = 9
EPOCHS_PER_ROUND = 3


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
    # The first epoch traces and starts the threads.
    images_per_second(dataset, epochs=1)
    rates = [images_per_second(dataset, EPOCHS_PER_ROUND) for _ in range(ROUNDS)]
    print(
        f"digits, batches of {BATCH_SIZE}, {ROUNDS} rounds: "
        f"median {statistics.median(rates):,.0f} images/s "
        f"(slowest {min(rates):,.0f}, fastest {max(rates):,.0f})"
    )


if __name__ == "__main__":
    main()
