"""Train GANs on data whose density is known, and see what they make of it.

    python tools/toy.py --toy=gaussian --run_dir=runs/gaussian
    python tools/toy.py --toy=ring --run_dir=runs/ring
    python tools/toy.py --toy=grid --run_dir=runs/grid --num_seeds=10
    python tools/toy.py --toy=grid --loss=least_squares --penalty= --run_dir=runs/grid-lsgan
    python tools/toy.py --toy=saturation --run_dir=runs/saturation

gaussian is figure 1 of the 2014 paper; ring and grid are the mixtures of PacGAN (arXiv 1712.04086)
with its count of modes; saturation shows what three losses leave of the generator's gradient. Flags
that are not given are the toy's own settings, kgan.toys.PRESETS. The run folder holds flags.txt,
results.json, strip.png and, of a training, animation.webp (of the first seed).

Expected time on one core: 2 s for the gaussian, 12 s for the ring and 52 s for the grid per seed.
"""

import dataclasses
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from absl import app
from absl import flags
from absl import logging
from run_folder import check_no_arguments
from run_folder import check_run_folder
from run_folder import write_flags

FLAGS = flags.FLAGS

flags.DEFINE_enum("toy", None, ["gaussian", "ring", "grid", "saturation"], "What to try.")
flags.DEFINE_string("loss", None, "Name of the loss, as kgan.losses.get takes it.")
flags.DEFINE_multi_string(
    "penalty", None, "Penalty on the discriminator, such as r1=0.1; empty for none."
)
flags.DEFINE_integer("steps", None, "Updates of the generator.", 1)
flags.DEFINE_integer("discriminator_steps", None, "Discriminator updates per step, k.", 1)
flags.DEFINE_integer("batch_size", None, "Points per discriminator update.", 1)
flags.DEFINE_integer("latent_dim", None, "Width of the latents.", 1)
flags.DEFINE_integer("width", None, "Units of a hidden layer.", 1)
flags.DEFINE_integer("g_depth", None, "Hidden layers of the generator.", 0)
flags.DEFINE_integer("d_depth", None, "Hidden layers of the discriminator.", 0)
flags.DEFINE_string("g_activation", None, "Activation of the generator, a name of Keras.")
flags.DEFINE_string("d_activation", None, "Activation of the discriminator, a name of Keras.")
flags.DEFINE_bool("g_spread", None, "Let the generator's units begin spread over the latents.")
flags.DEFINE_bool("d_spread", None, "Let the discriminator's units begin spread over the data.")
flags.DEFINE_enum("optimizer", None, ["adam", "rmsprop", "sgd"], "Optimizer of both players.")
flags.DEFINE_float("g_learning_rate", None, "The generator's learning rate.")
flags.DEFINE_float("d_learning_rate", None, "The discriminator's learning rate.")
flags.DEFINE_float("beta_1", None, "Adam's beta_1, or the momentum of SGD.")
flags.DEFINE_float("beta_2", None, "Adam's beta_2.")
flags.DEFINE_bool("decay", None, "Let the learning rates fall to 0 along a cosine.")
flags.DEFINE_float("ema_halflife_images", None, "Half-life of the averaged generator; 0: none.")
flags.DEFINE_float("weight_clip", None, "Bound of the discriminator's weights.")
flags.DEFINE_bool("spectral_norm", None, "Normalise the discriminator's kernels.")

flags.DEFINE_integer("seed", 0, "Seed of the first run: weights, latents, minibatches.", 0)
flags.DEFINE_integer("num_seeds", 1, "Runs, with one seed after the other.", 1)
flags.DEFINE_integer("moments", 40, "How often a training is looked at.", 1)
flags.DEFINE_string("run_dir", None, "Folder of the run; it must not hold another run.")
flags.mark_flags_as_required(["toy", "run_dir"])
for _name in ("beta_1", "beta_2"):
    flags.register_validator(
        _name, lambda value: value is None or 0 <= value < 1, "must lie in [0, 1)."
    )

# The data are drawn once, like the latents of the samples that are counted.
DATA_SEED, SAMPLES_SEED = 0, 0
POINTS, SAMPLES = 100_000, 2_500
PANELS = 6
# Where the discriminator can become certain: data that no untrained generator reaches.
FAR_AWAY = 6.0


def main(arguments: list[str]) -> int:
    run = Path(FLAGS.run_dir)
    logging.set_verbosity(logging.WARNING)
    try:
        check_no_arguments(arguments[1:])
        check_run_folder(run)
        if FLAGS.toy == "saturation":
            results = saturation(run)
        else:
            settings = settings_of_flags()
            train = gaussian if FLAGS.toy == "gaussian" else mixture
            results = {"settings": dataclasses.asdict(settings), **train(settings, run)}
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    (run / "results.json").write_text(json.dumps({"toy": FLAGS.toy, **results}, indent=1))
    print(f"Left in {run}: {', '.join(sorted(path.name for path in run.iterdir()))}")
    return 0


def settings_of_flags():
    """The toy's own settings with what the flags say otherwise."""
    from kgan import toys

    settings = toys.PRESETS[FLAGS.toy]
    names = {field.name for field in dataclasses.fields(settings)} & set(FLAGS)
    given = {name: FLAGS[name].value for name in names if FLAGS[name].present}
    if FLAGS.penalty is not None:
        given["penalties"] = tuple(filter(None, FLAGS.penalty))
    if given.get("ema_halflife_images") == 0:
        given["ema_halflife_images"] = None
    return dataclasses.replace(settings, **given)


def mixture(settings, run: Path) -> dict:
    """Train on the ring or the grid, print a row per seed, leave pictures of the first."""
    from kgan import toys
    from kgan.toys.mixture_picture import MixtureMoment
    from kgan.toys.mixture_picture import draw_strip

    data = {"ring": toys.ring, "grid": toys.grid}[FLAGS.toy]()
    trainer = make_trainer(settings, data.sample(POINTS, DATA_SEED))

    def look(step):
        samples = trainer.gan.generate(SAMPLES, seed=SAMPLES_SEED, batch_size=SAMPLES)
        return MixtureMoment(step, samples, data.report(samples))

    write_flags(run)
    print("seed  modes  high quality  reverse KL  spread  seconds", flush=True)
    results = []
    for seed, seconds, moments, logs in trained(trainer, settings.steps, look):
        if not results:
            draw_strip(data, [moments[i] for i in panels(len(moments))]).savefig(run / "strip.png")
            animate([draw_strip(data, [moment]) for moment in moments], run)
        reports = [moment.report for moment in moments]
        last = reports[-1]
        print(
            f"{seed:4}  {last.modes:2}/{len(data.means):2}  {last.high_quality:12.1%}  "
            f"{last.reverse_kl:10.4f}  {last.spread:6.2f}  {seconds:7.1f}"
            + diverged(moments[-1].step, settings.steps),
            flush=True,
        )
        rows = [
            {"step": moment.step, **dataclasses.asdict(moment.report), **log}
            for moment, log in zip(moments, logs, strict=True)
        ]
        results.append({"seed": seed, "seconds": seconds, "moments": rows})
    return {"seeds": results}


def gaussian(settings, run: Path) -> dict:
    """Figure 1 of the 2014 paper: print a row per seed, leave pictures of the first."""
    from kgan import toys
    from kgan.toys.gaussian_picture import draw_moment
    from kgan.toys.gaussian_picture import draw_strip

    data = toys.Gaussian()
    trainer = make_trainer(settings, data.sample(POINTS, DATA_SEED))
    write_flags(run)
    print(
        f"Where q = p, V is -log 4 = {-np.log(4):.4f} and D is 1/2 for the losses of that paper.\n"
        "seed        V     JSD  JSD >=  mean D(x)  D(G(z))  largest |D - D*|  seconds",
        flush=True,
    )
    results = []
    for seed, seconds, reports, logs in trained(
        trainer, settings.steps, lambda step: data.report(trainer.gan, step)
    ):
        if not results:
            draw_strip([reports[i] for i in panels(len(reports))]).savefig(run / "strip.png")
            animate([draw_moment(report, reports) for report in reports], run)
        last = reports[-1].numbers
        print(
            f"{seed:4}  {number(last.value):>7}  {last.jensen_shannon:6.4f}  "
            f"{number(last.lower_bound):>6}  {last.mean_real:9.4f}  {last.mean_fake:7.4f}  "
            f"{number(last.largest_gap):>16}  {seconds:7.1f}" + diverged(last.step, settings.steps),
            flush=True,
        )
        rows = [
            {**dataclasses.asdict(report.numbers), **log}
            for report, log in zip(reports, logs, strict=True)
        ]
        results.append({"seed": seed, "seconds": seconds, "moments": rows})
    return {"seeds": results}


def saturation(run: Path) -> dict:
    """The generator's gradient under three losses, while discriminators learn alone."""
    from kgan import toys
    from kgan.toys.saturation_picture import draw_saturation

    # Smooth to begin with, so that all confidence is learned.
    settings = dataclasses.replace(toys.PRESETS["gaussian"], d_spread=False)
    gan = toys.build_gan(settings, 1, FLAGS.seed)
    points = toys.Gaussian(mean=FAR_AWAY).sample(POINTS, DATA_SEED)
    steps = {} if FLAGS.steps is None else {"steps": FLAGS.steps}
    report = toys.measure_saturation(gan, points, seed=FLAGS.seed, **steps)
    write_flags(run)
    draw_saturation(report).savefig(run / "strip.png")
    print("updates  mean D(G(z))  gradient: minimax  non-saturating  least squares")
    minimax, non_saturating, least_squares = (
        report.curves[name] for name in ("minimax", "non_saturating", "least_squares")
    )
    # The steps grow by factors already.
    for i in np.linspace(0, len(report.steps) - 1, PANELS + 2).round().astype(int):
        print(
            f"{report.steps[i]:7,}  {minimax.fake_score[i]:12.6f}  {minimax.gradient_norm[i]:17.6f}"
            f"  {non_saturating.gradient_norm[i]:14.6f}  {least_squares.gradient_norm[i]:13.6f}"
        )
    return report.as_dict()


def trained(trainer, steps: int, look):
    """Train every seed: (seed, seconds, looks, logs before each look), to the end or to a NaN."""
    for seed in range(FLAGS.seed, FLAGS.seed + FLAGS.num_seeds):
        trainer.restart(seed)
        start = time.monotonic()
        looks, logs = [look(0)], [{}]
        for before, step in itertools.pairwise(looks_at(steps)):
            log = trainer.advance(step - before)
            try:
                seen = look(step)
            except ValueError:
                # What the generator makes is no longer finite.
                break
            if not all(map(np.isfinite, log.values())):
                break
            looks.append(seen)
            logs.append(log)
        yield seed, time.monotonic() - start, looks, logs


def diverged(last: int, steps: int) -> str:
    """What the row of a seed says beside its numbers."""
    return "" if last == steps else f"  diverged: NaN or infinity after step {last:,}"


def number(value: float | None) -> str:
    """A number, or that there is none for this loss."""
    return "-" if value is None else f"{value:.4f}"


def make_trainer(settings, points):
    """A compiled trainer for the settings, which says how long that took."""
    from kgan import toys

    trainer = toys.ToyTrainer(
        lambda seed: toys.build_gan(settings, points.shape[1], seed),
        points,
        batch_size=settings.batch_size,
        seed=FLAGS.seed,
    )
    start = time.monotonic()
    trainer.advance(1)
    print(f"Compiled in {time.monotonic() - start:.0f} s: {settings}", flush=True)
    return trainer


def looks_at(steps: int) -> list[int]:
    """The steps at which a training is looked at, the first and the last among them."""
    return sorted({round(steps * i / FLAGS.moments) for i in range(FLAGS.moments + 1)})


def panels(moments: int) -> list[int]:
    """The moments of a strip: the first, and later ones ever further apart, since all is early."""
    later = np.geomspace(1, max(1, moments - 1), PANELS - 1).round().astype(int)
    return sorted({0, *later.tolist()} & set(range(moments)))


def animate(figures: list, run: Path) -> None:
    """Leave a film of figures of one size."""
    from kgan._utils.animation import write_animation

    with tempfile.TemporaryDirectory() as folder:
        frames = [Path(folder) / f"{number:05}.png" for number in range(len(figures))]
        for figure, frame in zip(figures, frames, strict=True):
            figure.savefig(frame)
        write_animation(frames, run / "animation.webp")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app.run(main)
