"""What kgan.callbacks.Health costs: fit with it over fit without it.

    python benchmarks/health_cost.py
    python benchmarks/health_cost.py --gan=mlp --every_n_steps=50

Two equal GANs train for as many steps as lie between two looks, with and without, in turns, in one
process: the 28x28 DCGAN of recipes/digits.flags and the small MLP, whose steps are the shortest
there are. Printed are the median ratio of the rounds (1.01 would be one percent), which other work
on the machine disturbs, and the share that `Health` takes by the clock of its own calls, which it
hardly does. What is done once, the look before the first step and its compilation, is printed
apart, in steps of the same GAN. About four minutes on two cores.
"""

import statistics
import time

import keras
from absl import app
from absl import flags

import kgan

FLAGS = flags.FLAGS
flags.DEFINE_enum("gan", None, ["dcgan", "mlp"], "Which GAN; unset: both.")
flags.DEFINE_integer("every_n_steps", 200, "Steps from one look to the next.", 1)

# Rounds of each, with and without; a round of the DCGAN takes many seconds.
ROUNDS = {"dcgan": 7, "mlp": 25}


def build_gan(name: str) -> kgan.GAN:
    """One of the two GANs, compiled."""
    keras.utils.set_random_seed(0)
    family = kgan.models.get({"dcgan": "dcgan", "mlp": "small_mlp"}[name])
    options = {"width": 32, "num_classes": 10} if name == "dcgan" else {}
    gan = kgan.GAN(
        family.generator((28, 28, 1), 64, **options),
        family.discriminator((28, 28, 1), **options),
        latent_dim=64,
        num_classes=options.get("num_classes"),
        ema_halflife_images=20_000,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(3e-4, beta_1=0.5), keras.optimizers.Adam(3e-4, beta_1=0.5))
    return gan


class Timed(kgan.callbacks.Health):
    """Health that times its own calls."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.begin = self.step = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        start = time.perf_counter()
        super().on_epoch_begin(epoch, logs)
        self.begin += time.perf_counter() - start

    def on_train_batch_end(self, batch, logs=None):
        start = time.perf_counter()
        super().on_train_batch_end(batch, logs)
        self.step += time.perf_counter() - start


class Clock(keras.callbacks.Callback):
    """Times the steps of a fit, from the end of the first to the end of the last one."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.start = time.perf_counter()
        self.seconds = time.perf_counter() - self.start


def measure(name: str) -> None:
    """Time one GAN both ways and print what it came to."""
    steps = FLAGS.every_n_steps
    bare, watched = build_gan(name), build_gan(name)
    # As many batches as a round has steps, so that no way starts a second epoch. The first step is
    # not timed, so the look at the last one comes after as many steps as in a long fit.
    batches = kgan.data.digits().batches(64, labels=bare.num_classes is not None)
    batches = batches.repeat().take(steps + 1)
    health = Timed(steps + 1)
    without, ratios, shares = [], [], []
    for number in range(ROUNDS[name] + 1):
        alone, beside = Clock(), Clock()
        # The clock stands last: its times contain the looks.
        fits = [(bare, [alone]), (watched, [health, beside])]
        for gan, callbacks in fits if number % 2 else fits[::-1]:
            gan.fit(batches, callbacks=callbacks, verbose=0)
        # The first round compiles everything.
        if number == 0:
            begin = health.begin
        else:
            without.append(alone.seconds / steps)
            ratios.append(beside.seconds / alone.seconds)
            shares.append(health.step / (beside.seconds - health.step))
    step = statistics.median(without)
    print(
        f"{name}: {1e3 * step:.2f} ms per step. With Health(every_n_steps={steps}) "
        f"{statistics.median(ratios):.3f} times as long (quartiles "
        f"{' to '.join(f'{ratio:.3f}' for ratio in statistics.quantiles(ratios, n=4)[::2])}); "
        f"by its own clock it adds {statistics.median(shares):.2%}. "
        f"Once {begin:.2f} s, as long as {begin / step:.0f} steps.",
        flush=True,
    )


def main(_) -> None:
    """Measure and print."""
    for name in [FLAGS.gan] if FLAGS.gan else ROUNDS:
        measure(name)


if __name__ == "__main__":
    app.run(main)
