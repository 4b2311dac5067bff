"""What the two large measures cost: time, and memory.

    python benchmarks/metrics_cost.py

Prints the seconds of a Frechet distance of 10,000 x 2,048 features (moments included), and seconds
and peak memory of precision, recall, density and coverage of 10,000 x 10,000 rows, each the median
of three rounds, in a process of its own.
"""

import resource
import statistics
import subprocess
import sys
import time

ROUNDS = 3


def frechet() -> None:
    """Time the Frechet distance."""
    import numpy as np

    from kgan.metrics import frechet_distance

    random = np.random.default_rng(0)
    real, fake = (random.normal(size=(10_000, 2048)).astype("float32") for _ in range(2))
    report("Frechet distance, 10,000 x 2,048", lambda: frechet_distance(real, fake))


def neighbours() -> None:
    """Time the measures by neighbours, and weigh them."""
    import numpy as np

    from kgan.metrics import density_coverage
    from kgan.metrics import precision_recall

    random = np.random.default_rng(0)
    for width in (64, 2048):
        real, fake = (random.normal(size=(10_000, width)).astype("float32") for _ in range(2))

        def measure(real=real, fake=fake):
            precision_recall(real, fake)
            density_coverage(real, fake)

        report(f"precision, recall, density, coverage, 10,000 x 10,000 in {width:,}", measure)


def report(what: str, measure) -> None:
    """Print the median time of a few rounds and the peak memory of the process so far."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        measure()
        seconds.append(time.perf_counter() - start)
    # Linux counts kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {statistics.median(seconds):.1f} s, peak {peak:.2f} GB with TensorFlow loaded")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"frechet": frechet, "neighbours": neighbours}[sys.argv[1]]()
    else:
        for name in ("frechet", "neighbours"):
            subprocess.run([sys.executable, __file__, name], check=True)
