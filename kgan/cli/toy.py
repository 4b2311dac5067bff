"""Train GANs on data whose density is known, and see what they make of it.

    kgan toy --toy=gaussian --run_dir=runs/gaussian
    kgan toy --toy=ring --run_dir=runs/ring
    kgan toy --toy=grid --run_dir=runs/grid --num_seeds=10
    kgan toy --toy=grid --loss=least_squares --penalty= --run_dir=runs/grid-lsgan
    kgan toy --toy=saturation --run_dir=runs/saturation

gaussian is figure 1 of the 2014 paper; ring and grid are the mixtures of PacGAN (arXiv 1712.04086)
with its count of modes; saturation shows what three losses leave of the generator's gradient. Flags
that are not given are the toy's own settings, kgan.toys.PRESETS. The run folder holds flags.txt,
results.json, strip.png and, of a training, animation.webp (of the first seed).

Expected time on one core: 2 s for the gaussian, 12 s for the ring and 52 s for the grid per seed.
"""

import dataclasses
import json
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from kgan import toys
from kgan._utils.animation import write_animation
from kgan.cli.command import Flags
from kgan.cli.run_folder import RunFolder
from kgan.cli.run_folder import check_new
from kgan.toys import gaussian_picture
from kgan.toys import mixture_picture
from kgan.toys.saturation_picture import draw_saturation

# The data are drawn once, like the latents of the samples that are counted.
DATA_SEED, SAMPLES_SEED = 0, 0
POINTS, SAMPLES = 100_000, 2_500
PANELS = 6
# Where the discriminator can become certain: data that no untrained generator reaches.
FAR_AWAY = 6.0


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    define = flags.define
    define("enum", "toy", None, ["gaussian", "ring", "grid", "saturation"], "What to try.")
    define("multi_string", "penalty", None, "Penalty on the discriminator, as r1=0.1; or empty.")
    # The other settings are described where they are.
    kinds = {"str": "string", "int": "integer", "float": "float", "bool": "bool"}
    described = dict(re.findall(r"^ +(\w+): (\w+.*)$", toys.Settings.__doc__, re.MULTILINE))
    for field in dataclasses.fields(toys.Settings):
        kind, _, words = described[field.name].partition(" ")
        if field.name != "penalties":
            define(kinds[kind.rstrip(",")], field.name, None, words)
    words = "Seed of the first run: weights, latents, minibatches."
    define("integer", "seed", 0, words, 0, 2**32 - 10_001)
    define("integer", "num_seeds", 1, "Runs, with one seed after the other.", 1, 10_000)
    define("integer", "moments", 40, "How often the samples are looked at.", 1)
    define("string", "run_dir", None, "Folder of the run; it must not hold another run.")
    flags.require("toy", "run_dir")


def main(flags: Flags) -> int:
    """Try the toy, and leave numbers and pictures."""
    run = RunFolder(flags.run_dir)
    check_new(run.path, "--run_dir")
    results = saturation(flags, run) if flags.toy == "saturation" else train(flags, run)
    (run.path / "results.json").write_text(json.dumps({"toy": flags.toy, **results}, indent=1))
    print(f"Left in {run.path}: {', '.join(sorted(path.name for path in run.path.iterdir()))}")
    return 0


def settings_of(flags: Flags) -> toys.Settings:
    """The toy's own settings with what the flags say otherwise."""
    settings = toys.PRESETS[flags.toy]
    names = {field.name for field in dataclasses.fields(settings)} & set(flags)
    given = {name: flags[name].value for name in names if flags[name].present}
    if flags.penalty is not None:
        given["penalties"] = tuple(filter(None, flags.penalty))
    if given.get("ema_halflife_images") == 0:
        given["ema_halflife_images"] = None
    return dataclasses.replace(settings, **given)


class Mixture:
    """The ring or the grid: what is looked at, printed and drawn."""

    header = "seed  modes  high quality  reverse KL  spread  seconds"

    def __init__(self, data: toys.Mixture):
        self.data = data

    def look(self, gan, step: int) -> mixture_picture.MixtureMoment:
        """The generator at one moment."""
        samples = gan.generate(SAMPLES, seed=SAMPLES_SEED, batch_size=SAMPLES)
        return mixture_picture.MixtureMoment(step, samples, self.data.report(samples))

    def numbers(self, moment) -> dict:
        """What is kept of a moment."""
        return {"step": moment.step, **dataclasses.asdict(moment.report)}

    def row(self, moment) -> str:
        """What is printed of the last one."""
        last = moment.report
        return (
            f"{last.modes:2}/{len(self.data.means):2}  {last.high_quality:12.1%}  "
            f"{last.reverse_kl:10.4f}  {last.spread:6.2f}"
        )

    def strip(self, moments: list):
        """A figure of some moments."""
        return mixture_picture.draw_strip(self.data, moments)

    def frame(self, moment, moments: list):
        """The figure of one moment of a film."""
        return mixture_picture.draw_strip(self.data, [moment])


class Gaussian:
    """Figure 1 of the 2014 paper: what is looked at, printed and drawn."""

    header = (
        f"Where q = p, V is -log 4 = {-np.log(4):.4f} and D is 1/2 for the losses of that paper.\n"
        "seed        V     JSD  JSD >=  mean D(x)  D(G(z))  largest |D - D*|  seconds"
    )

    data = toys.Gaussian()
    # Both players at one moment, and a figure of some moments.
    look = data.report
    strip = staticmethod(gaussian_picture.draw_strip)

    def frame(self, moment, moments: list):
        """The figure of one moment of a film."""
        return gaussian_picture.draw_strip([moment], moments)

    def numbers(self, moment) -> dict:
        """What is kept of a moment."""
        return dataclasses.asdict(moment.numbers)

    def row(self, moment) -> str:
        """What is printed of the last one."""
        last = moment.numbers
        return (
            f"{number(last.value):>7}  {last.jensen_shannon:6.4f}  {number(last.lower_bound):>6}  "
            f"{last.mean_real:9.4f}  {last.mean_fake:7.4f}  {number(last.largest_gap):>16}"
        )


def train(flags: Flags, run: RunFolder) -> dict:
    """Train with every seed, print a row for each, leave pictures of the first."""
    settings = settings_of(flags)
    mixtures = {"ring": toys.ring, "grid": toys.grid}
    toy = Mixture(mixtures[flags.toy]()) if flags.toy in mixtures else Gaussian()
    points = toy.data.sample(POINTS, DATA_SEED)
    trainer = toys.ToyTrainer(
        lambda seed: toys.build_gan(settings, points.shape[1], seed),
        points,
        batch_size=settings.batch_size,
        seed=flags.seed,
    )
    start = time.monotonic()
    trainer.advance(1)
    print(f"Compiled in {time.monotonic() - start:.0f} s: {settings}", flush=True)
    run.begin(flags.lines())
    print(toy.header, flush=True)
    results = []
    for seed in range(flags.seed, flags.seed + flags.num_seeds):
        start = time.monotonic()
        moments, numbers = moments_of(flags, toy, trainer, settings.steps, seed)
        seconds = time.monotonic() - start
        if not results:
            draw(toy, moments, run)
        row = f"{seed:4}  {toy.row(moments[-1])}  {seconds:7.1f}"
        last = numbers[-1]["step"]
        if last < settings.steps:
            row += f"  diverged: NaN or infinity after step {last:,}"
        print(row, flush=True)
        results.append({"seed": seed, "seconds": seconds, "moments": numbers})
    return {"settings": dataclasses.asdict(settings), "seeds": results}


def moments_of(flags: Flags, toy, trainer: toys.ToyTrainer, steps: int, seed: int) -> tuple:
    """Train with one seed, to the end or to a NaN: its moments, and the numbers of each."""
    trainer.restart(seed)
    moments, numbers, before = [], [], 0
    parts = min(flags.moments, steps)
    for step in (round(steps * i / parts) for i in range(parts + 1)):
        log = trainer.advance(step - before) if step else {}
        try:
            moment = toy.look(trainer.gan, step)
        except ValueError:
            # What the generator makes is no longer finite.
            break
        if not all(map(np.isfinite, log.values())):
            break
        moments.append(moment)
        numbers.append({**toy.numbers(moment), **log})
        before = step
    return moments, numbers


def draw(toy, moments: list, run: RunFolder) -> None:
    """Leave a strip and a film of the moments of one training."""
    # The first, and later ones ever further apart, since all that happens is early.
    later = np.geomspace(1, max(1, len(moments) - 1), PANELS - 1).round().astype(int)
    panels = sorted({0, *later.tolist()} & set(range(len(moments))))
    toy.strip([moments[i] for i in panels]).savefig(run.path / "strip.png")
    with tempfile.TemporaryDirectory() as folder:
        frames = [Path(folder) / f"{number:05}.png" for number in range(len(moments))]
        for moment, frame in zip(moments, frames, strict=True):
            toy.frame(moment, moments).savefig(frame)
        write_animation(frames, run.path / "animation.webp")


def number(value: float | None) -> str:
    """A number, or that there is none for this loss."""
    return "-" if value is None else f"{value:.4f}"


def saturation(flags: Flags, run: RunFolder) -> dict:
    """The generator's gradient under three losses, while discriminators learn alone."""
    unused = {*flags} - {"toy", "steps", "seed", "run_dir"}
    # The flags.txt of a run names every flag that has a value.
    given = [f"--{name}" for name in sorted(unused) if flags[name].value != flags[name].default]
    if given:
        raise ValueError(
            "--toy=saturation has settings of its own. Expected: --steps, --seed and --run_dir. "
            f"Received: {', '.join(given)}. Leave them out, or choose another --toy."
        )
    # Smooth to begin with, so that all confidence is learned.
    settings = dataclasses.replace(toys.PRESETS["gaussian"], d_spread=False)
    gan = toys.build_gan(settings, 1, flags.seed)
    points = toys.Gaussian(mean=FAR_AWAY).sample(POINTS, DATA_SEED)
    steps = {} if flags.steps is None else {"steps": flags.steps}
    report = toys.measure_saturation(gan, points, seed=flags.seed, **steps)
    run.begin(flags.lines())
    draw_saturation(report).savefig(run.path / "strip.png")
    print("updates  mean D(G(z))  gradient: minimax  non-saturating  least squares")
    curves = [report.curves[name] for name in ("minimax", "non_saturating", "least_squares")]
    # The steps grow by factors already.
    for i in np.linspace(0, len(report.steps) - 1, PANELS + 2).round().astype(int):
        minimax, non_saturating, least_squares = (curve.gradient_norm[i] for curve in curves)
        print(
            f"{report.steps[i]:7,}  {curves[0].fake_score[i]:12.6f}  {minimax:17.6f}"
            f"  {non_saturating:14.6f}  {least_squares:13.6f}"
        )
    return report.as_dict()
