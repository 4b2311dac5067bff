"""Whether memory or time per step grow over 20,000 steps of a small GAN with its callbacks.

    python benchmarks/long_run.py --output=long_run

One `fit` with the callbacks of a typical training. In windows of 1,000 steps it takes the resident
memory of the process and the milliseconds of a step, as a mean, with what the callbacks do at the
end of an epoch, and as a median, which other work on the machine hardly moves; and it counts how
often Python has traced the train step. The folder, which must be new, gets windows.csv and
windows.png; printed is what has grown from the second window to the last one.
About one minute on two cores.
"""

import argparse
import csv
import gc
import re
import statistics
import time
from pathlib import Path

import keras
import matplotlib
import numpy as np
from matplotlib.figure import Figure

import kgan

STEPS = 20_000
WINDOW = 1_000
STEPS_PER_EPOCH = 500
BATCH = 32
COLUMNS = ("steps", "mean_ms", "median_ms", "resident_mib", "traces")


class CountedGAN(kgan.GAN):
    """A GAN that counts how often its train step is traced."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


class Windows(keras.callbacks.Callback):
    """Look at the clock and at the process's memory after every so many steps."""

    def on_train_begin(self, logs=None):
        self.rows = []
        self._milliseconds = []
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self._milliseconds.append(1e3 * (now - self._last))
        self._last = now
        if len(self._milliseconds) == WINDOW:
            self.rows.append(
                (
                    (len(self.rows) + 1) * WINDOW,
                    statistics.mean(self._milliseconds),
                    statistics.median(self._milliseconds),
                    resident_mib(),
                    self.model.traces,
                )
            )
            self._milliseconds = []
            self._last = time.perf_counter()


def resident_mib() -> float:
    """Memory of this process in MiB, without what waits to be freed."""
    # A drawn figure refers to itself and stays until Python looks for such garbage.
    gc.collect()
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def build_gan() -> CountedGAN:
    """One hidden layer each, on 8x8 pixels."""
    keras.utils.set_random_seed(0)
    gan = CountedGAN(
        kgan.models.small_mlp_generator((8, 8, 1), 16, width=32),
        kgan.models.small_mlp_discriminator((8, 8, 1), width=32),
        latent_dim=16,
        ema_halflife_images=10_000,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
    return gan


def typical_callbacks(output: Path) -> list:
    """What a training of some length has."""
    return [
        kgan.callbacks.StopOnNonFinite(),
        kgan.callbacks.Health(),
        kgan.callbacks.SampleGrid(output / "samples"),
        kgan.callbacks.Curves(output / "curves.png"),
        keras.callbacks.CSVLogger(output / "log.csv", append=True),
        kgan.callbacks.Backup(output / "backup", every_n_images=5 * WINDOW * BATCH),
    ]


def draw(rows: list[tuple], path: Path) -> None:
    """Both curves over the steps, one above the other."""
    steps, means, medians, memory, _ = zip(*rows, strict=True)
    figure = Figure(figsize=(6, 4), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    above.plot(steps, memory, marker=".")
    above.set_ylabel("resident memory, MiB")
    below.plot(steps, means, marker=".", label="mean, with the ends of epochs")
    below.plot(steps, medians, marker=".", label="median")
    below.set_ylabel("ms per step")
    below.legend(loc="upper right", ncols=2)
    below.set_xlabel("steps")
    above.set_ylim(0, 1.1 * max(memory))
    below.set_ylim(0, 1.3 * max(means))
    figure.savefig(path, dpi=100)


def main():
    """Train, write the windows, print what has grown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("long_run"))
    output = parser.parse_args().output
    # With a backup in it the run would be complete before it begins.
    output.mkdir(parents=True)
    matplotlib.use("agg")
    pixels = np.random.default_rng(0).integers(256, size=(STEPS_PER_EPOCH * BATCH, 8, 8, 1))
    gan, windows = build_gan(), Windows()
    gan.fit(
        kgan.data.from_arrays(pixels.astype("uint8")).batches(BATCH),
        epochs=STEPS // STEPS_PER_EPOCH,
        verbose=0,
        # Last, so that a window holds the work of the others.
        callbacks=[*typical_callbacks(output), windows],
    )
    with open(output / "windows.csv", "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *windows.rows])
    draw(windows.rows, output / "windows.png")
    first, last = windows.rows[1], windows.rows[-1]
    for name, before, after in list(zip(COLUMNS, first, last, strict=True))[1:]:
        print(f"{name:13} {before:9.3f} to {after:9.3f}, {after / before - 1:+.1%}")


if __name__ == "__main__":
    main()
