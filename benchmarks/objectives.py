"""The tables of docs/objectives.md: every loss with every penalty, and what LSGAN's text claims.

    python benchmarks/objectives.py --run_dir=runs/objectives

Each entry is one call of tools/toy.py and leaves its results beside the others. Finished entries
are skipped, interrupted ones start again. The losses and penalties run with the
settings of the ring's recipe, but fewer steps. The claims run without normalisation, penalty, decay
and average, with the optimizers of the code that the papers published. Ends with the tables in
Markdown and the time that all trainings took.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from absl import app
from absl import flags

FLAGS = flags.FLAGS
flags.DEFINE_string("run_dir", None, "Folder that holds a run folder per combination.")
flags.DEFINE_integer("num_seeds", 5, "Seeds per combination.", 1)
flags.DEFINE_integer("workers", 2, "Combinations at a time, each on one core.", 1)
flags.mark_flag_as_required("run_dir")

# The ring's, for the grid too: its own recipe takes more.
BATCH = "--batch_size=256"
PLAIN = ["--penalty=", "--nodecay", "--ema_halflife_images=0", "--steps=10000", BATCH]
# Adam of LSGAN's own mixture experiment; RMSProp, k = 5 and clipping of WGAN's Algorithm 1, and the
# same ten times as fast, since 10,000 steps are few for a rate of 5e-5.
ADAM = ["--g_learning_rate=0.001", "--d_learning_rate=0.0001", "--beta_1=0.5", "--beta_2=0.999"]
CLIPPED = ["--loss=wasserstein", "--optimizer=rmsprop", "--discriminator_steps=5"]
CLAIMS = {
    "least squares": ["--loss=least_squares", *ADAM],
    "sigmoid (non-saturating)": ["--loss=non_saturating", *ADAM],
    "WGAN, clip 0.01, RMSProp 5e-5": [
        *CLIPPED,
        *("--weight_clip=0.01", "--g_learning_rate=5e-5", "--d_learning_rate=5e-5"),
    ],
    "WGAN, clip 0.1, RMSProp 5e-4": [
        *CLIPPED,
        *("--weight_clip=0.1", "--g_learning_rate=5e-4", "--d_learning_rate=5e-4"),
    ],
}

TOOL = Path(__file__).parent.parent / "tools" / "toy.py"
STEPS = {"ring": 3000, "grid": 6000}
MODES = {"ring": 8, "grid": 25}
LOSSES = [
    "non_saturating",
    "minimax",
    "least_squares",
    "least_squares_pearson",
    "wasserstein",
    "hinge",
    "relativistic_paired",
    "relativistic_average",
]
# The f-divergences are tried on the ring, with the best penalty only.
DIVERGENCES = [
    "kl",
    "reverse_kl",
    "pearson_chi_square",
    "squared_hellinger",
    "jensen_shannon",
    "total_variation",
]
PENALTIES = {
    "none": ["--penalty="],
    "R1": ["--penalty=r1=0.1"],
    "R1 + R2": ["--penalty=r1=0.1", "--penalty=r2=0.1"],
    # The weight of the paper's own toys.
    "gradient penalty": ["--penalty=gradient_penalty=0.1"],
}
# Tried with the non-saturating loss only.
OTHERS = {
    "R2": ["--penalty=r2=0.1"],
    "DRAGAN": ["--penalty=dragan=0.1"],
    "LeCam": ["--penalty=lecam"],
    "spectral norm": ["--penalty=", "--spectral_norm"],
}


def main(_) -> None:
    combinations = [
        *itertools.product(PENALTIES, STEPS, LOSSES),
        *itertools.product(["R1 + R2"], ["ring"], DIVERGENCES),
        *itertools.product(OTHERS, STEPS, ["non_saturating"]),
    ]
    jobs = {
        name_of(toy, loss, penalty): [
            *(f"--toy={toy}", f"--loss={loss}", f"--steps={STEPS[toy]}", "--moments=10", BATCH),
            *(PENALTIES | OTHERS)[penalty],
        ]
        for penalty, toy, loss in combinations
    }
    for toy, claim in itertools.product(STEPS, CLAIMS):
        jobs[name_of(toy, claim)] = [f"--toy={toy}", *PLAIN, *CLAIMS[claim]]
    with ThreadPoolExecutor(FLAGS.workers) as pool:
        list(pool.map(run, jobs, jobs.values()))
    for toy in STEPS:
        print(f"\n{toy}, {STEPS[toy]:,} steps: modes, high quality (mean ± deviation over seeds)\n")
        print("\n".join(table(toy)))
        print(f"\n{toy}, 10,000 steps\n")
        print("\n".join(claims(toy)))
    print("\nother penalties\n")
    print("\n".join(others()))
    results = [seed for name in jobs for seed in seeds_of(name)]
    hours = sum(seed["seconds"] for seed in results) / 3600
    print(f"\n{len(results)} trainings, {hours:.1f} hours of one core")


def run(name: str, toy_flags: list[str]) -> None:
    """Train one entry, unless its results are there."""
    folder = Path(FLAGS.run_dir) / name
    if (folder / "results.json").exists():
        return
    if folder.exists():
        # Interrupted before its results.
        shutil.rmtree(folder)
    command = [sys.executable, TOOL, *toy_flags, f"--num_seeds={FLAGS.num_seeds}"]
    done = subprocess.run(
        [*command, f"--run_dir={folder}"],
        capture_output=True,
        text=True,
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"},
    )
    print(f"{name}: {'done' if done.returncode == 0 else done.stderr}", flush=True)


def name_of(*words: str) -> str:
    """The folder of an entry."""
    return "-".join(words).replace(" ", "").replace("+", "_").replace(",", "-")


def seeds_of(*words: str) -> list[dict]:
    """What an entry left, seed by seed; nothing if it failed."""
    file = Path(FLAGS.run_dir) / name_of(*words) / "results.json"
    return json.loads(file.read_text())["seeds"] if file.exists() else []


def table(toy: str) -> list[str]:
    """A Markdown table: a row per loss, a column per penalty."""
    header = ["loss", *PENALTIES]
    rows = [header, ["---"] * len(header)]
    for loss in LOSSES:
        rows.append([f"`{loss}`", *(cell(toy, loss, penalty) for penalty in PENALTIES)])
    for loss in DIVERGENCES if toy == "ring" else []:
        cells = [cell(toy, loss, name) if name == "R1 + R2" else "" for name in PENALTIES]
        rows.append([f"`{loss}`", *cells])
    return as_markdown(rows)


def others() -> list[str]:
    """A Markdown table of the penalties that were tried with one loss only: a row per penalty."""
    rows = [["non-saturating with", *STEPS], ["---"] * 3]
    rows += [[name, *(cell(toy, "non_saturating", name) for toy in STEPS)] for name in OTHERS]
    return as_markdown(rows)


def cell(toy: str, loss: str, penalty: str) -> str:
    """Modes and share of high quality; bold where every seed found all modes and 90 % are good."""
    last = [seed["moments"][-1] for seed in seeds_of(toy, loss, penalty)]
    if not last:
        return "failed"
    modes = np.array([moment["modes"] for moment in last], "float64")
    quality = 100 * np.array([moment["high_quality"] for moment in last])
    text = f"{modes.mean():.1f} ± {modes.std():.1f}, {quality.mean():.0f} ± {quality.std():.0f} %"
    if (modes == MODES[toy]).all() and (quality >= 90).all():
        text = f"**{text}**"
    return text + diverged(last, STEPS[toy])


def diverged(last: list[dict], steps: int) -> str:
    """How many trainings ended early. Their last finite look is what counts."""
    early = sum(moment["step"] < steps for moment in last)
    return f" ({early} diverged)" if early else ""


def claims(toy: str) -> list[str]:
    """A Markdown table: how fast and how steadily modes are found and kept."""
    header = ["", "modes at 2,500", "at 5,000", "at 10,000", "high quality", "unsteadiness"]
    rows = [header, ["---"] * len(header)]
    for claim in CLAIMS:
        runs = [seed["moments"] for seed in seeds_of(toy, claim)]
        if not runs:
            rows.append([claim, "failed", *[""] * 4])
            continue
        modes = [
            # The last finite look, where a training ended before.
            mean_and_deviation([[x["modes"] for x in run if x["step"] <= step][-1] for run in runs])
            for step in (2500, 5000, 10_000)
        ]
        last = [run[-1] for run in runs]
        quality = mean_and_deviation([100 * look["high_quality"] for look in last]) + " %"
        # How much the number of modes changes from look to look, in the second half.
        late = [[look["modes"] for look in run[len(run) // 2 :]] for run in runs]
        unsteadiness = mean_and_deviation([np.std(looks) for looks in late])
        rows.append([claim + diverged(last, 10_000), *modes, quality, unsteadiness])
    return as_markdown(rows)


def as_markdown(rows: list[list[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(row)} |" for row in rows]


def mean_and_deviation(values: list) -> str:
    """Mean and standard deviation over seeds."""
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


if __name__ == "__main__":
    app.run(main)
