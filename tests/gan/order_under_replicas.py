"""Print the order in which two replicas see the data of two fits, and the numbers after each.

TensorFlow divides the CPU into devices only before it has started: this runs in its own process.
"""

import json

import keras
import numpy as np
import tensorflow as tf

import kgan
from kgan.data.epochs import epochs_of

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)


class Summing(kgan.GAN):
    """A GAN that logs the sum of all rows since an epoch began, and learns nothing."""

    def __init__(self):
        networks = (
            keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in ("g", "d")
        )
        super().__init__(*networks, latent_dim=1)
        self.sum = keras.metrics.Sum(name="sum")

    def train_step(self, data):
        """Add this replica's rows."""
        self.sum.update_state(data)
        return {"sum": self.sum.result()}


def main():
    """Train twice and print."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = Summing()
        model.compile()
        pixels = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
        batches = kgan.data.Images(pixels).batches(2, seed=3)
    # Powers of two, by which a sum tells its terms.
    powers = batches.map(lambda images: 2.0 ** ((images[:, 0, 0] + 1.0) * 127.5))
    sums, numbers = [], []
    log = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: sums.append(round(logs["sum"]))
    )
    for _ in range(2):
        model.fit(powers, epochs=2, callbacks=[log], verbose=0)
        numbers.append(epochs_of(batches).next)
    print(json.dumps({"sums": sums, "numbers": numbers}))


if __name__ == "__main__":
    main()
