"""Train every example on one device and on two replicas, in float64; print the largest difference.

TensorFlow divides the CPU into devices only before it has started: this runs in its own process.
"""

import json
import runpy
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

keras.config.set_floatx("float64")
CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)

EXAMPLES = runpy.run_path(str(Path(__file__).with_name("test_examples.py")))


def trained(name: str, strategy) -> list:
    """The weights and the last logs of a short training."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        gan, data = EXAMPLES["make"](name)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss="least_squares")
    data = tuple(part.astype("float64") if part.dtype.kind == "f" else part for part in data)
    batches = tf.data.Dataset.from_tensor_slices(data if len(data) > 1 else data[0]).batch(
        8, drop_remainder=True
    )
    logs = gan.fit(batches, epochs=2, verbose=0).history
    numbers = [np.array(variable, "float64").ravel() for variable in gan.trainable_variables]
    return np.concatenate([*numbers, *(np.array(logs[log]) for log in sorted(logs))])


def main():
    """Print a dict of the largest differences as JSON."""
    one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = {
        name: float(np.max(np.abs(trained(name, one) - trained(name, two))))
        for name in sorted(EXAMPLES["MODULES"])
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
