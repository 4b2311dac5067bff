"""What `fit` costs over a bare loop that runs the same train_step on the same data.

    python benchmarks/fit_overhead.py

Both ways train the 28x28 DCGAN of recipes/digits.flags for the same number of steps, in turns, in
one process. Printed are the medians of the rounds and their ratio: 1.05 would be five percent.
About two minutes on two cores.
"""

import statistics
import time

import keras
import tensorflow as tf

import kgan

STEPS = 100
ROUNDS = 15


def build_gan() -> kgan.GAN:
    """The GAN of recipes/digits.flags, compiled."""
    keras.utils.set_random_seed(0)
    gan = kgan.GAN(
        kgan.models.dcgan_generator((28, 28, 1), 64, width=32, num_classes=10),
        kgan.models.dcgan_discriminator((28, 28, 1), width=32, num_classes=10),
        latent_dim=64,
        num_classes=10,
        ema_halflife_images=20_000,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(3e-4, beta_1=0.5), keras.optimizers.Adam(3e-4, beta_1=0.5))
    return gan


def main():
    """Time both ways and print their ratio."""
    # As many batches as a round has steps, so that neither way starts a second epoch.
    batches = kgan.data.digits().batches(64).repeat().take(STEPS)
    fitted, looped = build_gan(), build_gan()
    step = tf.function(looped.train_step, reduce_retracing=True)

    def fit():
        fitted.fit(batches, verbose=0)

    def loop():
        for batch in batches:
            step(batch)
        # `fit` ends by reading its logs; the loop must wait for its last step too.
        float(looped.metrics[0].result())

    fit()
    loop()
    seconds = {"fit": [], "loop": []}
    for _ in range(ROUNDS):
        for name, way in (("fit", fit), ("loop", loop)):
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) / STEPS for name, values in seconds.items()}
    ratios = [fit / loop for fit, loop in zip(seconds["fit"], seconds["loop"], strict=True)]
    for name, median in medians.items():
        print(f"{name:5} {1e3 * median:7.2f} ms per step, median of {ROUNDS} rounds of {STEPS}")
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    print(f"fit / loop: {middle:.3f} (rounds {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
