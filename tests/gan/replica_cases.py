"""The same trainings on one device and on replicas; a script, run by tests/gan/test_replication.py.

    python replica_cases.py <number of replicas> <float32 or float64> <case> ...

prints a line of JSON per case: [case, what of the two trainings differs how much]. Logical devices
can only be made before TensorFlow starts, so this needs a process of its own.
"""

import contextlib
import importlib.util
import json
import pathlib
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

_CPU = tf.config.list_physical_devices("CPU")[0]
_REPLICAS = int(sys.argv[1])
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * _REPLICAS
)

# In float64 what is left of a difference is no rounding.
keras.config.set_floatx(sys.argv[2])

import kgan  # noqa: E402 - the devices come first
from kgan import models  # noqa: E402
from kgan.backend import replicas  # noqa: E402
from kgan.distribution import strategy  # noqa: E402

ONE = tf.distribute.get_strategy()
# One object: two of them in one process wait for each other in TensorFlow's collectives.
REPLICAS = strategy("mirrored")
STEPS = 5


def adam():
    return keras.optimizers.Adam(1e-3, beta_1=0.5)


def sgd(**options):
    return keras.optimizers.SGD(0.1, momentum=0.5, **options)


# Limits that every gradient of these trainings exceeds.
OPTIMIZERS = {
    "adam": adam,
    "sgd": sgd,
    "decay": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.1),
    "clipnorm": lambda: sgd(clipnorm=0.01),
    "global_clipnorm": lambda: sgd(global_clipnorm=0.01),
    "clipvalue": lambda: sgd(clipvalue=0.001),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(adam()),
    "loss_scale_and_clipnorm": lambda: keras.optimizers.LossScaleOptimizer(sgd(clipnorm=0.01)),
    "loss_scale_and_clipvalue": lambda: keras.optimizers.LossScaleOptimizer(sgd(clipvalue=0.001)),
    "loss_scale_factor": lambda: sgd(loss_scale_factor=64.0, clipnorm=0.01),
    "schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
    ),
}
LOSSES = ("rpgan", "ragan", "hinge", "least_squares")


def make_gan(where, optimizer="adam", k=2, **options):
    """Labels, batch norm in the generator, spectral norm, and a moving average."""
    keras.utils.set_random_seed(1)
    with where.scope():
        gan = kgan.GAN(
            models.dcgan_generator((8, 8, 1), 3, width=4, num_classes=4),
            models.dcgan_discriminator((8, 8, 1), width=4, num_classes=4, normalization="spectral"),
            latent_dim=3,
            num_classes=4,
            ema_halflife_images=50,
            seed=5,
        )
        # Replicas have no fast kernels, and another rounding is not what is looked for.
        plain = {"penalties": ["gradient_penalty=1", "lecam"], "fast_kernels": False}
        options = plain | options
        gan.compile(
            OPTIMIZERS[optimizer](), OPTIMIZERS[optimizer](), discriminator_steps=k, **options
        )
    return gan


def make_small_gan(where):
    """What needs the other replicas: batch norm, a mean over the batch, and a state of its own.

    And what every row is given numbers of its own for.

    Biases that neither batch norm nor the loss sees would be left with nothing but rounding.
    """
    keras.utils.set_random_seed(1)
    dense = keras.layers.Dense
    with where.scope():
        gan = kgan.GAN(
            keras.Sequential(
                [
                    keras.Input((3,)),
                    dense(8, use_bias=False),
                    keras.layers.BatchNormalization(),
                    dense(64, activation="tanh"),
                    keras.layers.Reshape((8, 8, 1)),
                ]
            ),
            keras.Sequential(
                [keras.Input((8, 8, 1)), keras.layers.Flatten(), dense(1, use_bias=False)]
            ),
            latent_dim=3,
            ema_halflife_images=50,
            seed=5,
        )
        gan.compile(sgd(), sgd(), loss="ragan", penalties=["lecam"], augment="diffaugment")
    return gan


def data(rows, batch, drop_remainder=True):
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (rows, 8, 8, 1)).astype("float32")
    labels = random.integers(4, size=rows, dtype="int32")
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    return dataset.batch(batch, drop_remainder=drop_remainder)


def state(gan):
    variables = [*gan.variables, *gan.optimizer.variables, *gan.state_beside_weights().values()]
    return {f"{index} {v.path}": v.numpy() for index, v in enumerate(variables)}


def largest_difference(one, other):
    """Over all arrays, the largest distance of two relative to the length of the one.

    A single number, a bias or an average of logits, may be what is left where positive and negative
    ones cancel: it is compared with their size, 0.05 at least, not with its own.
    """
    differences = []
    for a, b in zip(one.values(), other.values(), strict=True):
        a, b = (np.asarray(array, "float64") for array in (a, b))
        length = max(np.linalg.norm(a), 0.05 if a.size == 1 else 0.0)
        differences.append(np.linalg.norm(a - b) / (length or 1.0))
    return max(differences)


def trained(where, optimizer="adam", k=2, steps=STEPS, **options):
    gan = make_gan(where, optimizer, k, **options)
    logs = gan.fit(data(8 * k * steps, 8 * k), epochs=2, verbose=0).history
    return state(gan), logs


def difference(**options):
    return differences(*(trained(where, **options) for where in (ONE, REPLICAS)))


def small():
    """The difference of trainings without labels."""

    def train(where):
        gan = make_small_gan(where)
        images = data(16, 8).map(lambda images, labels: images)
        logs = gan.fit(images, epochs=2, verbose=0).history
        return state(gan), logs

    return differences(train(ONE), train(REPLICAS))


def differences(one, other):
    (one_state, one_logs), (state_, logs) = one, other
    return {
        "state": largest_difference(one_state, state_),
        "logs": largest_difference(one_logs, logs),
    }


def uneven_evaluation(rows):
    """The logs of an evaluation whose last batch the replicas cannot share equally."""
    found = []
    for where in (ONE, REPLICAS):
        # Of all losses the one that needs means over the whole batch.
        gan = make_gan(where, loss="ragan", steps_per_execution=2)
        batches = data(rows, 8, drop_remainder=False)
        found.append(gan.evaluate(batches, verbose=0, return_dict=True))
    return found


def single_batch():
    """What train_on_batch says."""
    return refusal(make_gan(REPLICAS).train_on_batch, *next(iter(data(8, 8))))


def refusal(function, *args, **options):
    try:
        function(*args, **options)
    except ValueError as refused:
        return str(refused)
    return None


def distributed_data():
    """What `fit` says to data that are distributed already."""
    gan = make_gan(REPLICAS)
    given = {"full": (16, 8, True), "short": (21, 8, False), "uneven": (20, 10, True)}
    return {
        name: refusal(
            gan.fit,
            REPLICAS.experimental_distribute_dataset(data(rows, batch, drop_remainder)),
            epochs=1,
            verbose=0,
        )
        for name, (rows, batch, drop_remainder) in given.items()
    }


@keras.saving.register_keras_serializable("tests")
class Dropping(kgan.GAN):
    """A GAN with a random layer of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own_dropout = keras.layers.Dropout(0.5, seed=3)


def saved_on_one_device():
    """A GAN of one device, trained on by one device and by replicas."""
    keras.utils.set_random_seed(1)
    gan = Dropping(
        models.dcgan_generator((8, 8, 1), 3, width=4, num_classes=4),
        models.dcgan_discriminator((8, 8, 1), width=4, num_classes=4),
        latent_dim=3,
        num_classes=4,
        seed=5,
    )
    gan.compile(adam(), adam(), fast_kernels=False)
    with tempfile.TemporaryDirectory() as folder:
        gan.save(f"{folder}/gan.keras")
        states = []
        for where in (ONE, REPLICAS):
            with where.scope():
                loaded = keras.saving.load_model(f"{folder}/gan.keras")
            loaded.fit(data(40, 8), verbose=0)
            states.append(state(loaded))
    drop = tf.function(lambda: loaded.own_dropout(tf.ones((1, 64)), training=True))
    masks = REPLICAS.experimental_local_results(REPLICAS.run(drop))
    return {
        "difference": largest_difference(*states),
        "masks": [mask.numpy().tolist() for mask in masks],
    }


def random_layers():
    """What dropout keeps on every replica, and the states of its seed."""
    with REPLICAS.scope():
        layer = keras.layers.Dropout(0.5, seed=3)
        network = keras.Sequential([keras.Input((64,)), layer])
        replicas.draw_own_numbers(network)
        kept = REPLICAS.run(tf.function(lambda: network(tf.ones((1, 64)), training=True)))
    states = REPLICAS.experimental_local_results(layer.seed_generator.state.value)
    return {
        "kept": [mask.numpy().tolist() for mask in REPLICAS.experimental_local_results(kept)],
        "states": [state.numpy().tolist() for state in states],
    }


def infinity_on_the_last_replica():
    """The weight and the scale after an update that must not be made."""
    with REPLICAS.scope():
        weight = keras.Variable([1.0, 2.0])
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(1.0, clipvalue=0.1), initial_scale=16.0
        )
        optimizer.build([weight])

    @tf.function
    def update():
        last = tf.distribute.get_replica_context().replica_id_in_sync_group == _REPLICAS - 1
        gradient = tf.stack([tf.where(last, float("inf"), 1.0), 1.0])
        replicas.apply_gradients(optimizer, [gradient], [weight])

    REPLICAS.run(update)
    copies = REPLICAS.experimental_local_results(weight.value)
    return {
        "weights": [copy.numpy().tolist() for copy in copies],
        "scale": float(optimizer.dynamic_scale.numpy()),
    }


def callbacks():
    """What callbacks do under the strategy, in calls of two steps, and how often one is traced."""
    gan = make_gan(REPLICAS, "sgd", steps_per_execution=2)
    gan.optimizer.d_optimizer.learning_rate = 0.2
    traces, step = [], gan.train_step
    gan.train_step = lambda batch: traces.append(1) or step(batch)
    with tempfile.TemporaryDirectory() as folder:
        history = gan.fit(
            data(16 * STEPS, 16),
            validation_data=data(20, 8, drop_remainder=False),
            epochs=6,
            verbose=0,
            callbacks=[
                kgan.callbacks.Health(every_n_steps=2),
                keras.callbacks.CSVLogger(f"{folder}/log.csv"),
                keras.callbacks.LearningRateScheduler(
                    lambda epoch, rate: 0.8 * rate if epoch == 1 else rate
                ),
                # None of them is ever better than this.
                keras.callbacks.ReduceLROnPlateau(
                    "d_loss", mode="min", factor=0.5, patience=1, min_delta=1e9, min_lr=0.03
                ),
                keras.callbacks.EarlyStopping("val_d_loss", mode="min", patience=3, min_delta=1e9),
                keras.callbacks.ModelCheckpoint(f"{folder}/last.keras"),
                kgan.callbacks.StopOnNonFinite(),
                kgan.callbacks.SampleGrid(f"{folder}/samples"),
                *tensor_board(f"{folder}/board"),
            ],
        ).history
        lines = pathlib.Path(folder, "log.csv").read_text().splitlines()
        with ONE.scope():
            loaded = keras.saving.load_model(f"{folder}/last.keras")
        same = largest_difference(state(gan), state(loaded))
        grids = len(list(pathlib.Path(folder, "samples").glob("images-*.png")))
        board = {
            part: b"".join(
                path.read_bytes() for path in pathlib.Path(folder, "board", part).glob("*")
            )
            for part in ("train", "validation")
        }
    rates = [gan.optimizer.d_optimizer.learning_rate, gan.optimizer.g_optimizer.learning_rate]
    return {
        "lines": len(lines),
        "rates": [float(rate.numpy()) for rate in rates],
        "rates_of_epochs": [float(rate) for rate in history["learning_rate"]],
        "loaded": same,
        "grids": grids,
        "board": {
            f"{part} {name}": written.count(name.encode())
            for part, written in board.items()
            for name in ("batch_d_loss", "batch_steps_per_second", "epoch_d_loss")
        },
        "traces": len(traces) / _REPLICAS,
        "steps": int(gan.optimizer.iterations.numpy()),
        "images": int(gan.images_seen.numpy()),
    }


def tensor_board(folder):
    """Keras' callback, where what it needs is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(folder, update_freq=1, write_steps_per_second=True)]


CASES = {
    **{f"k={k}": lambda k=k: difference(k=k) for k in (1, 3, 5)},
    **{name: lambda name=name: difference(optimizer=name) for name in OPTIMIZERS},
    # Not Adam: a relativistic loss has no gradient by the last bias, and Adam would make steps of
    # full length out of what rounding leaves of it.
    **{name: lambda name=name: difference(loss=name, optimizer="sgd") for name in LOSSES},
    **{f"steps_per_execution={n}": lambda n=n: difference(steps_per_execution=n) for n in (2, 5)},
    "every_penalty": lambda: difference(
        loss="ragan",
        optimizer="sgd",
        penalties=["r1=0.1", "r2=0.1", "gradient_penalty=1", "dragan=1", "lecam"],
    ),
    "adaptive": lambda: difference(
        optimizer="sgd",
        augment=kgan.augment.Adaptive(speed=100, transforms="blit,color"),
    ),
    "share_fakes": lambda: difference(
        optimizer="loss_scale_and_clipnorm", k=1, share_fakes=True, loss="rpgan"
    ),
    "small": small,
    "together": lambda: difference(
        optimizer="loss_scale_and_clipnorm", k=2, loss="rpgan", steps_per_execution=2
    ),
    # The last batch of 21 rows has 5 of them, that of 17 rows has 1 and leaves replicas empty.
    **{f"{rows} rows": lambda rows=rows: uneven_evaluation(rows) for rows in (21, 17)},
    "single_batch": single_batch,
    "distributed_data": distributed_data,
    "saved_on_one_device": saved_on_one_device,
    "random_layers": random_layers,
    "infinity_on_the_last_replica": infinity_on_the_last_replica,
    "callbacks": callbacks,
}

if __name__ == "__main__":
    for case in sys.argv[3:]:
        # Callbacks print too.
        with contextlib.redirect_stdout(sys.stderr):
            found = CASES[case]()
        print(json.dumps([case, found]), flush=True)
