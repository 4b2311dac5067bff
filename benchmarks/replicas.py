"""What two replicas on one machine's processor cost over one device with the same cores.

    python benchmarks/replicas.py

Two logical devices under kgan's strategy "mirrored" train the 28x28 DCGAN, as wide as it comes, on
256 images a step, 128 a replica, its batch norm over all of them; one device trains it on the same
256. Both may use all cores. Logical devices are made before TensorFlow starts, so each way has a
process; the two take turns. Printed are the medians of the rounds and the median of their ratios
(1.15 would be fifteen percent): of the time by the clock, and of CPU seconds, which other jobs
disturb less. About two minutes on two cores.
"""

import statistics
import subprocess
import sys
import time

BATCH = 256
STEPS = 8
ROUNDS = 12


def serve(replicas: int) -> None:
    """Train a round for every line of standard input; answer with its two times, in seconds."""
    import keras
    import numpy as np
    import tensorflow as tf

    import kgan
    from kgan.distribution import strategy

    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, parts)
    keras.utils.set_random_seed(0)
    with strategy("mirrored" if replicas > 1 else "one_device").scope():
        gan = kgan.GAN(
            kgan.models.dcgan_generator((28, 28, 1), 64),
            kgan.models.dcgan_discriminator((28, 28, 1)),
            latent_dim=64,
            seed=0,
        )
        d_optimizer, g_optimizer = (keras.optimizers.Adam(3e-4, beta_1=0.5) for _ in range(2))
        gan.compile(d_optimizer, g_optimizer)
    images = np.random.default_rng(0).uniform(-1, 1, (4 * BATCH, 28, 28, 1)).astype("float32")
    images = tf.data.Dataset.from_tensor_slices(images).repeat()
    batches = images.batch(BATCH, drop_remainder=True).take(STEPS).prefetch(2)
    for _ in sys.stdin:
        start = time.perf_counter(), time.process_time()
        gan.fit(batches, verbose=0)
        print(time.perf_counter() - start[0], time.process_time() - start[1], flush=True)


def start(replicas: int) -> subprocess.Popen:
    """A process that trains with so many replicas."""
    return subprocess.Popen(
        [sys.executable, __file__, str(replicas)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def train(process: subprocess.Popen) -> list[float]:
    """Let a process train a round; returns seconds per step, by the clock and on the CPU."""
    process.stdin.write("\n")
    process.stdin.flush()
    return [float(seconds) / STEPS for seconds in process.stdout.readline().split()]


def main():
    """Time both ways and print their ratios."""
    processes = {replicas: start(replicas) for replicas in (1, 2)}
    # The first round traces the step.
    for process in processes.values():
        train(process)
    rounds = [
        {replicas: train(process) for replicas, process in processes.items()} for _ in range(ROUNDS)
    ]
    for process in processes.values():
        process.communicate()
    for kind, title in enumerate(("by the clock", "on the CPU")):
        one, two = ([1e3 * times[replicas][kind] for times in rounds] for replicas in (1, 2))
        ratios = [b / a for a, b in zip(one, two, strict=True)]
        print(
            f"{title:16}: two replicas {statistics.median(two):.0f} ms per step, one device "
            f"{statistics.median(one):.0f}; ratio {statistics.median(ratios):.3f} "
            f"(rounds {min(ratios):.3f} to {max(ratios):.3f})"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(int(sys.argv[1]))
    else:
        main()
