"""What `share_fakes` saves, and what it costs in quality: ring, grid and digits, with and without.

    python benchmarks/share_fakes.py runs/share_fakes [seeds, 5 unless given] [digits ring grid]

First the two ways take turns in one process: CPU seconds of a step, medians of rounds, and the
median of their ratios. Then each is trained with the same seeds, fresh fakes and shared ones for
the same images, and shared ones for as much longer as their steps are cheaper, if they are. The
toys are the recipes of kgan.toys with the steps below, the digits are recipes/digits.flags with
fewer images; they are judged as benchmarks/recognition.py judges (set KGAN_DATA as there), and by
the Frechet distance of 5,000 samples from the data through kgan.features.digits.

The numbers of each training are left in the folder, and what is there is not trained again. Each of
the three ends with its rows of a table in Markdown. Two hours on one core.
"""

import dataclasses
import functools
import json
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import recognition
import tensorflow as tf

import kgan

TOYS = {"ring": 3000, "grid": 3000}
POINTS, SAMPLES = 100_000, 2500
EPOCHS, BATCH = 8, 64
FRECHET_SAMPLES = 5000
ROUNDS = 7


def toy(name: str, steps: int, *, share_fakes: bool) -> kgan.toys.ToyTrainer:
    """A compiled training of a toy."""
    settings = dataclasses.replace(kgan.toys.PRESETS[name], steps=steps, share_fakes=share_fakes)
    points = data_of(name).sample(POINTS, 0)
    trainer = kgan.toys.ToyTrainer(
        lambda seed: kgan.toys.build_gan(settings, 2, seed), points, batch_size=settings.batch_size
    )
    trainer.advance(1)
    return trainer


def data_of(name: str) -> kgan.toys.Mixture:
    """The mixture of a toy."""
    return {"ring": kgan.toys.ring, "grid": kgan.toys.grid}[name]()


def digits_gan(seed: int, *, share_fakes: bool) -> kgan.GAN:
    """The GAN of recipes/digits.flags."""
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.models.dcgan_generator((28, 28, 1), latent_dim=64, width=32, num_classes=10),
        kgan.models.dcgan_discriminator((28, 28, 1), width=32, num_classes=10),
        latent_dim=64,
        num_classes=10,
        ema_halflife_images=20_000,
        seed=seed,
    )
    optimizers = (keras.optimizers.Adam(3e-4, beta_1=0.5) for _ in range(2))
    gan.compile(*optimizers, share_fakes=share_fakes)
    return gan


def judged(gan: kgan.GAN) -> dict:
    """What samples of digits are worth."""
    found = recognition.recognition(gan, *judge())
    labels = np.arange(FRECHET_SAMPLES) % 10
    samples = gan.generate(FRECHET_SAMPLES, seed=0, labels=labels)
    fake = kgan.features.digits()(samples).features
    distance = kgan.metrics.frechet_distance(features_of_reals(), fake)
    return {name: found[name] for name in ("recognised", "diversity")} | {"frechet": distance}


@functools.cache
def judge() -> tuple:
    """The judge of benchmarks/recognition.py, and what it learned from."""
    images, labels, source = recognition.real_digits()
    print(f"judge: a CNN trained on {source}", flush=True)
    return recognition.train_judge(images, labels), images, labels


@functools.cache
def features_of_reals() -> np.ndarray:
    """Features of the images that the GANs learn from."""
    images = kgan.data.digits().images / np.float32(127.5) - 1
    return kgan.features.digits()(images).features


def ratio(fresh, shared, steps: int) -> dict:
    """CPU milliseconds of a step of either way, functions of a number of steps, in turns."""
    rounds = []
    for _ in range(ROUNDS):
        times = []
        for way in (fresh, shared):
            start = time.process_time()
            way(steps)
            times.append(1e3 * (time.process_time() - start) / steps)
        rounds.append(times)
    ratios = [one / other for one, other in rounds]
    fresh_ms, shared_ms = map(statistics.median, zip(*rounds, strict=True))
    return {"fresh": fresh_ms, "shared": shared_ms, "ratio": statistics.median(ratios)}


def ratio_of(what: str) -> dict:
    """The ratio of a toy, or of the digits."""
    if what in TOYS:
        ways = (toy(what, TOYS[what], share_fakes=share).advance for share in (False, True))
        return ratio(*ways, steps=150)
    rows = np.random.default_rng(0).uniform(-1, 1, (BATCH, 28, 28, 1)).astype("float32")
    batch = tf.constant(rows), tf.constant(np.arange(BATCH, dtype="int32") % 10)

    def way(share_fakes):
        gan = digits_gan(0, share_fakes=share_fakes)
        data = tf.data.Dataset.from_tensors(batch).repeat()
        gan.fit(data, steps_per_epoch=3, verbose=0)
        return lambda steps: gan.fit(data, steps_per_epoch=steps, verbose=0)

    return ratio(way(False), way(True), steps=20)


@functools.cache
def compiled(name: str, steps: int, share_fakes: bool) -> kgan.toys.ToyTrainer:
    """One compilation serves all seeds."""
    return toy(name, steps, share_fakes=share_fakes)


def train_toy(name: str, seed: int, steps: int, *, share_fakes: bool) -> dict:
    """The modes and good samples of one training."""
    trainer = compiled(name, steps, share_fakes)
    trainer.restart(seed)
    trainer.advance(steps)
    report = data_of(name).report(trainer.gan.generate(SAMPLES, seed=0, batch_size=SAMPLES))
    return {"modes": report.modes, "good": report.high_quality, "reverse_kl": report.reverse_kl}


def train_digits(seed: int, later: int | None) -> dict:
    """The scores after EPOCHS epochs, and of shared fakes after `later` epochs in all, too."""
    batches = kgan.data.digits().batches(BATCH, seed=seed)
    gan = digits_gan(seed, share_fakes=later is not None)
    gan.fit(batches, epochs=EPOCHS, verbose=0)
    if later is None:
        return {"fresh": judged(gan)}
    scores = {"shared": judged(gan)}
    if later <= EPOCHS:
        return scores
    gan.fit(batches, initial_epoch=EPOCHS, epochs=later, verbose=0)
    return scores | {"longer": judged(gan)}


def kept(file: Path, make) -> dict:
    """What was made before, or is made now."""
    if not file.exists():
        found = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
        print(f"{file.stem}: {found}", flush=True)
    return json.loads(file.read_text())


def mean(scores: list[dict], name: str, form: str) -> str:
    """Mean and standard deviation over seeds."""
    values = [score[name] for score in scores]
    return f"{np.mean(values):{form}} ± {np.std(values):{form}}"


def longer_of(what: str, ratio: float) -> int:
    """How many steps, or epochs of digits, take the time that fresh fakes take."""
    return round(ratio * TOYS.get(what, EPOCHS))


def train(what: str, seed: int, longer: int, folder: Path) -> dict:
    """The scores of one seed by the way it was trained."""
    if what == "digits":
        ways = {"fresh": None, "shared": longer}
        return {
            way: score
            for name, later in ways.items()
            for way, score in kept(
                folder / f"digits-{name}-{seed}.json", functools.partial(train_digits, seed, later)
            ).items()
        }
    ways = {"fresh": TOYS[what], "shared": TOYS[what]}
    if longer > TOYS[what]:
        ways["longer"] = longer
    return {
        way: kept(
            folder / f"{what}-{way}-{seed}.json",
            functools.partial(train_toy, what, seed, steps, share_fakes=way != "fresh"),
        )
        for way, steps in ways.items()
    }


def main(folder: str, seeds: str = "5", *whats: str) -> None:
    """Measure, train what is not there yet, print the table."""
    for what in whats or ("digits", *TOYS):
        found = kept(Path(folder, f"ratio-{what}.json"), functools.partial(ratio_of, what))
        longer = longer_of(what, found["ratio"])
        scores = [train(what, seed, longer, Path(folder)) for seed in range(int(seeds))]
        print(
            f"{what}: {found['fresh']:.2f} / {found['shared']:.2f} CPU ms a step = "
            f"{found['ratio']:.3f}; as long: {longer:,} in place of "
            f"{TOYS.get(what, EPOCHS):,} {'steps' if what in TOYS else 'epochs'}"
        )
        forms = {"recognised": ".1%", "diversity": ".3f", "frechet": ".1f"}
        if what in TOYS:
            forms = {"modes": ".1f", "good": ".1%", "reverse_kl": ".4f"}
        for way in scores[0]:
            cells = [mean([score[way] for score in scores], *form) for form in forms.items()]
            print(f"| {what} | {way} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
