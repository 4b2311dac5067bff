"""What kgan.callbacks.Backup costs: seconds per backup, and their share of a minute of training.

    python benchmarks/backup_cost.py
    python benchmarks/backup_cost.py --width=64 --folder=/mnt/disk

A DCGAN of about 20 million weights with Adam for both players and a moving average trains one image
at a time and is backed up after every step. Printed are the median seconds of a backup, its share
of a minute (the default, `every_n_minutes=1`), the seconds that a plain write of as many bytes to
the same folder takes, the additional memory, the seconds of a restart, and what the callback costs
at a step without a backup. About two minutes on two cores.
"""

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from absl import app
from absl import flags

import kgan
from kgan._utils.files import replacing

FLAGS = flags.FLAGS
flags.DEFINE_integer("width", 115, "Width of the DCGAN; 115: 20 million weights.", 1)
flags.DEFINE_integer("backups", 7, "How many backups to time.", 1)
flags.DEFINE_string("folder", None, "Where to write them; unset: a temporary folder.")

SIZE = 64


class Timed(kgan.callbacks.Backup):
    """Backups with the seconds that each has taken."""

    seconds, restart = (), 0.0

    def restore_training(self, gan, plan):
        """Time how long a training waits for its state."""
        start = time.perf_counter()
        position = super().restore_training(gan, plan)
        self.restart = time.perf_counter() - start
        return position

    def on_epoch_end(self, epoch, logs=None):
        start = time.perf_counter()
        super().on_epoch_end(epoch, logs)
        self.seconds = (*self.seconds, time.perf_counter() - start)


def build_gan() -> kgan.GAN:
    """The GAN, compiled."""
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.models.dcgan_generator((SIZE, SIZE, 3), 128, width=FLAGS.width),
        kgan.models.dcgan_discriminator((SIZE, SIZE, 3), width=FLAGS.width),
        latent_dim=128,
        ema_halflife_images=10_000,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(2e-4), keras.optimizers.Adam(2e-4))
    return gan


def plain_write(folder: Path, size: int) -> float:
    """Seconds to write so many bytes to a folder, to the disk and under their name."""
    content = np.random.default_rng(0).bytes(size)
    start = time.perf_counter()
    with replacing(folder / "plain") as temporary:
        temporary.write_bytes(content)
    return time.perf_counter() - start


def nanoseconds_per_step(backup) -> float:
    """What the callback costs at the end of a step at which no backup is due."""
    backup.on_train_begin()
    backup.on_epoch_begin(0)
    start, calls = time.perf_counter(), 100_000
    for _ in range(calls):
        backup.on_train_batch_end(0, {})
    return 1e9 * (time.perf_counter() - start) / calls


def measure(folder: Path) -> None:
    """Train with backups, and print what they took."""
    gan = build_gan()
    weights = gan.generator.count_params() + gan.discriminator.count_params()
    images = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3)).astype("uint8")
    batches = kgan.data.Images(images).batches(2)
    # What training itself needs is there after the first step.
    gan.fit(batches, verbose=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    backup = Timed(folder, every_n_images=2)
    gan.fit(batches, epochs=FLAGS.backups, callbacks=[backup], verbose=0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    size = max(folder.iterdir()).stat().st_size
    plain = statistics.median(plain_write(folder, size) for _ in range(3))
    again = Timed(folder)
    gan.fit(batches, epochs=FLAGS.backups, callbacks=[again], verbose=0)
    second = statistics.median(backup.seconds)
    print(
        f"{weights / 1e6:.1f} million weights, {size / 1e6:.0f} MB. A backup takes {second:.2f} s, "
        f"{second / 60:.2%} of a minute; a plain write of as many bytes {plain:.2f} s. "
        f"{memory / 1e3:.0f} MB more memory. A restart waits {again.restart:.2f} s. A step without "
        f"a backup: {nanoseconds_per_step(again):.0f} ns.",
        flush=True,
    )


def main(_) -> None:
    """Measure in a folder of its own, which is removed."""
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as folder:
        measure(Path(folder))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app.run(main)
