"""Does it pay to let the discriminator's success choose k? The experiment that is to decide it.

    OMP_NUM_THREADS=1 python benchmarks/adaptive_steps.py --task=ring --results=runs/adaptive.json
    OMP_NUM_THREADS=1 python benchmarks/adaptive_steps.py --task=grid --results=runs/adaptive.json
    OMP_NUM_THREADS=1 python benchmarks/adaptive_steps.py --task=digits --results=runs/adaptive.json
    python benchmarks/adaptive_steps.py --results=runs/adaptive.json

Every training is added to the results as it ends, and what is there is not trained again, so a task
can be interrupted. The last command only prints. About 25 minutes on one core in all.

The signal is `d_auc`, how often the discriminator ranks a real over a fake. After each window of
training a controller compares it with a target and moves one of

k            between 1 and 4 discriminator updates per generator update,
k or 1/k     the same, and down to 4 generator updates per discriminator update,
rate         the discriminator's learning rate at k = 1, by a factor between 1/16 and 16.

Against them stand fixed k and, on the toys, a fixed 1/2, 1/4 and factors on the rate. All
trainings of a case get the same compute. The budget is in iterations at k = 1, of which d
discriminator and g generator updates cost d c + g (1 - c). The share c is timed once a case, in
alternating order, and kept in the results. Rates that decay do so over compute, whoever spends it.

The rule, set before the experiment: a controller becomes a part of kgan if one target, the same
for every task, is better than k = 1 where that fails and nowhere worse, by more than twice the
error of the paired difference over seeds. The best of so many arms is best in part by luck: only
what repeats itself counts.

Compared is one score, less is better. Of a mixture it is the total variation between the samples'
modes, bad samples being a mode of their own, and the uniform distribution over modes: it sees lost
modes, bad samples and imbalance alike. Of digits it is the Frechet distance of 5,000 samples.
"""

import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from absl import app
from absl import flags
from keras import ops

import kgan
from kgan import backend
from kgan import toys

FLAGS = flags.FLAGS
flags.DEFINE_multi_enum("task", [], ["ring", "grid", "digits"], "What to train; none: print only.")
flags.DEFINE_integer("seed", 0, "The first seed.", 0)
flags.DEFINE_integer("num_seeds", None, "Seeds per arm; unset: the task's own.", 1)
flags.DEFINE_integer("budget", None, "Compute, in iterations at k = 1; unset: the task's own.", 1)
flags.DEFINE_string("results", None, "JSON file of all results, which grows.")
flags.mark_flag_as_required("results")

# In iterations at k = 1.
WINDOW = 25
MARGIN = 0.05
# The logarithm of the rate moves by this much per window and unit of error in d_auc.
GAIN = 0.5
LARGEST_FACTOR = 16.0
LADDER = [(1, 4), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (4, 1)]


class Fixed:
    """Keeps the updates per iteration and the discriminator's rate.

    Args:
        updates: (discriminator updates, generator updates) per iteration.
        rate: float > 0, factor on the discriminator's learning rate.
    """

    def __init__(self, updates: tuple[int, int] = (1, 1), rate: float = 1.0):
        self.updates = updates
        self.rate = rate

    def look(self, d_auc: float) -> None:
        """Learn the mean d_auc of a window. Here it changes nothing."""


class Steps(Fixed):
    """Takes a rung of a ladder per window in which d_auc leaves the target's margin.

    Args:
        target: float in (0.5, 1).
        ladder: list of updates, from few to many of the discriminator. It begins at (1, 1).
    """

    def __init__(self, target: float, ladder: list[tuple[int, int]]):
        super().__init__()
        self._target = target
        self._ladder = ladder

    def look(self, d_auc: float) -> None:
        rung = self._ladder.index(self.updates)
        rung += int(d_auc < self._target - MARGIN) - int(d_auc > self._target + MARGIN)
        self.updates = self._ladder[min(max(rung, 0), len(self._ladder) - 1)]


class Rate(Fixed):
    """Moves the discriminator's rate in proportion to the error of d_auc.

    Args:
        target: float in (0.5, 1).
    """

    def __init__(self, target: float):
        super().__init__()
        self._target = target

    def look(self, d_auc: float) -> None:
        factor = self.rate * math.exp(GAIN * (self._target - d_auc))
        self.rate = min(max(factor, 1 / LARGEST_FACTOR), LARGEST_FACTOR)


BASELINE = "k = 1"
ARMS = {
    BASELINE: Fixed,
    "k = 2": lambda: Fixed((2, 1)),
    "k = 3": lambda: Fixed((3, 1)),
    "k = 1/2": lambda: Fixed((1, 2)),
    "k = 1/4": lambda: Fixed((1, 4)),
    "rate x 4": lambda: Fixed(rate=4.0),
    "rate / 4": lambda: Fixed(rate=0.25),
    # Not to 0.6: d_auc is above that from early on, so k alone would stay at 1.
    "k to 0.75": lambda: Steps(0.75, LADDER[3:]),
    "k to 0.9": lambda: Steps(0.9, LADDER[3:]),
    "k or 1/k to 0.6": lambda: Steps(0.6, LADDER),
    "k or 1/k to 0.75": lambda: Steps(0.75, LADDER),
    "k or 1/k to 0.9": lambda: Steps(0.9, LADDER),
    "rate to 0.6": lambda: Rate(0.6),
    "rate to 0.75": lambda: Rate(0.75),
    "rate to 0.9": lambda: Rate(0.9),
}
# Few, since a training takes long: the controllers that the ring left in question, with the target
# that did best there. The fixed rates are cases.
DIGITS_ARMS = [BASELINE, "k = 2", "k = 1/2", "k or 1/k to 0.6", "rate to 0.6"]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is trained, and on how much.

    Attributes:
        budget: int, iterations at k = 1.
        num_seeds: int.
        batch_size: int, m.
        decay: bool, whether rates fall to 0 along a cosine.
        arms: list of names in `ARMS`.
        cases: dict of functions of a seed that return a compiled GAN, by the cases' names.
        data: (images, labels or None).
        judge: function of a GAN that returns a dict of numbers, a "score" among them.
    """

    budget: int
    num_seeds: int
    batch_size: int
    decay: bool
    arms: list[str]
    cases: dict[str, Callable]
    data: tuple
    judge: Callable


def toy_task(mixture, *, budget: int, num_seeds: int) -> Task:
    """A mixture with the ring's recipe, and with the 2014 paper's loss without a penalty."""
    # The trainer's decay is over compute; a schedule's would be over updates.
    recipe = dataclasses.replace(toys.PRESETS["ring"], decay=False)
    plain = dataclasses.replace(recipe, loss="non_saturating", penalties=())
    return Task(
        budget=budget,
        num_seeds=num_seeds,
        batch_size=recipe.batch_size,
        decay=True,
        arms=[*ARMS],
        cases={
            "plain": lambda seed: toys.build_gan(plain, 2, seed),
            "recipe": lambda seed: toys.build_gan(recipe, 2, seed),
        },
        data=(mixture.sample(100_000, seed=0), None),
        judge=lambda gan: judged_points(gan, mixture),
    )


def digits_task() -> Task:
    """The recipe for digits, shortened, with two other rates of the discriminator."""
    # Only here: the toys need neither.
    from kgan import features
    from kgan.metrics.frechet import frechet_distance

    store = kgan.data.digits()
    images = store.images / np.float32(127.5) - 1
    extractor = features.digits()
    real = extractor(images).features

    def judge(gan) -> dict[str, float]:
        fake = extractor(gan.generate(5_000, seed=0)).features
        return {"score": frechet_distance(real, fake)}

    return Task(
        budget=550,
        num_seeds=2,
        batch_size=64,
        decay=False,
        arms=DIGITS_ARMS,
        cases={
            "recipe": lambda seed: build_digits(seed, 1.0),
            "rate x 4": lambda seed: build_digits(seed, 4.0),
            "rate / 4": lambda seed: build_digits(seed, 0.25),
        },
        data=(images, store.labels),
        judge=judge,
    )


def build_digits(seed: int, d_factor: float) -> kgan.GAN:
    """The GAN of recipes/digits.flags, with a factor on the discriminator's rate.

    The half-life of the average is as much shorter as the training is.
    """
    keras.utils.set_random_seed(seed)
    gan = kgan.GAN(
        kgan.models.dcgan_generator((28, 28, 1), 64, width=32, num_classes=10),
        kgan.models.dcgan_discriminator((28, 28, 1), width=32, num_classes=10),
        latent_dim=64,
        num_classes=10,
        ema_halflife_images=2_000,
        seed=seed,
    )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(d_factor * 3e-4, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(3e-4, beta_1=0.5),
        # The trainer compiles the loop around the step.
        jit_compile=False,
    )
    return gan


def judged_points(gan, mixture) -> dict[str, float]:
    """The report on a mixture's samples, and the total variation of their modes as the score."""
    points = gan.generate(2_500, seed=0)
    report = mixture.report(points)
    distances = np.linalg.norm(points[:, None] * mixture.scale - mixture.means, axis=-1)
    good = distances.min(axis=1) < 3 * mixture.stddev
    counts = np.bincount(distances.argmin(axis=1)[good], minlength=len(mixture.means))
    shares = counts / len(points)
    return {
        "score": 1 - float(np.minimum(shares, 1 / len(shares)).sum()),
        "modes": report.modes,
        "high_quality": report.high_quality,
        "reverse_kl": report.reverse_kl,
    }


TASKS = {
    "ring": lambda: toy_task(toys.ring(), budget=2000, num_seeds=5),
    "grid": lambda: toy_task(toys.grid(), budget=3500, num_seeds=3),
    "digits": digits_task,
}


class PacedTrainer(toys.ToyTrainer):
    """Trains a GAN on data in memory, with any number of updates of either player per iteration.

    The updates are those of `kgan.GAN.train_step`, but the fakes of each discriminator update come
    from a generator pass of their own. How many there are stands in variables, which loops inside
    the compiled iteration read: one compilation serves every k, and nothing is compiled between.

    Args:
        build: function of an int seed that returns a compiled `kgan.GAN`.
        images: float array (n, ...).
        labels: int array (n,), or None.
        batch_size: int, rows per update.
    """

    def __init__(self, build: Callable, images, labels, batch_size: int):
        super().__init__(build, images, batch_size=batch_size)
        self._data = [
            None if array is None else ops.convert_to_tensor(array) for array in (images, labels)
        ]
        self._batch_size = batch_size
        self._d_updates, self._g_updates = (
            keras.Variable(1, dtype="int32", trainable=False) for _ in range(2)
        )
        optimizer = self.gan.optimizer
        self._optimizers = [optimizer.d_optimizer, optimizer.g_optimizer]
        self._rates = [float(each.learning_rate) for each in self._optimizers]
        self._many_steps = backend.repeated(self._iteration)

    def set_pace(self, updates: tuple[int, int], d_factor: float, g_factor: float) -> None:
        """Set the updates per iteration, and both rates as multiples of those of the build."""
        self._d_updates.assign(updates[0])
        self._g_updates.assign(updates[1])
        factors = (d_factor, g_factor)
        for optimizer, rate, factor in zip(self._optimizers, self._rates, factors, strict=True):
            optimizer.learning_rate = rate * factor

    def _iteration(self):
        def update_discriminator(_, nothing):
            images, labels = self._minibatch()
            fakes = self.gan._fakes(labels, rows=self._batch_size, training=True)
            self.gan._update_discriminator(images, fakes, labels)
            return nothing

        def update_generator(_, nothing):
            self.gan._update_generator(*self._minibatch())
            return nothing

        ops.fori_loop(0, self._d_updates.value, update_discriminator, 0)
        ops.fori_loop(0, self._g_updates.value, update_generator, 0)
        self.gan._update_average(rows=self._d_updates.value * self._batch_size)

    def _minibatch(self):
        rows = len(self._data[0])
        chosen = keras.random.randint((self._batch_size,), 0, rows, seed=self._draws)
        return [None if array is None else ops.take(array, chosen, axis=0) for array in self._data]


def main(_) -> None:
    """Train what is asked for and not there, then print all tables."""
    file = Path(FLAGS.results)
    results = json.loads(file.read_text()) if file.exists() else {"shares": {}, "runs": []}
    for name in FLAGS.task:
        run_task(name, TASKS[name](), results, file)
    groups = {}
    for run in results["runs"]:
        groups.setdefault((run["task"], run["case"], run["budget"]), []).append(run)
    for (task, case, budget), runs in groups.items():
        share = results["shares"][f"{task}, {case}"]
        print(f"\n{task}, {case}: compute of {budget:,} iterations, discriminator {share:.0%}\n")
        print("\n".join(table(runs)))
    minutes = sum(run["cpu_seconds"] for run in results["runs"]) / 60
    print(f"\n{len(results['runs'])} trainings, {minutes:.1f} minutes of one core")


def run_task(name: str, task: Task, results: dict, file: Path) -> None:
    """Train every arm of every case with every seed, and keep each result at once."""
    keys = ("task", "case", "arm", "seed", "budget")
    budget = FLAGS.budget or task.budget
    seeds = range(FLAGS.seed, FLAGS.seed + (FLAGS.num_seeds or task.num_seeds))
    done = [[run[key] for key in keys] for run in results["runs"]]
    for case, build in task.cases.items():
        jobs = [[name, case, arm, seed, budget] for seed in seeds for arm in task.arms]
        jobs = [job for job in jobs if job not in done]
        if not jobs:
            continue
        trainer = PacedTrainer(build, *task.data, task.batch_size)
        shares = results["shares"]
        if f"{name}, {case}" not in shares:
            shares[f"{name}, {case}"] = measured_share(trainer, -(-budget // 40))
        for job in jobs:
            run = dict(zip(keys, job, strict=True))
            start = time.process_time()
            trainer.restart(run["seed"])
            controller = ARMS[run["arm"]]()
            run |= train(trainer, controller, budget, shares[f"{name}, {case}"], decay=task.decay)
            if run["finite"]:
                run |= task.judge(trainer.gan)
            run["cpu_seconds"] = time.process_time() - start
            results["runs"].append(run)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(results, indent=1))
            print(*job, run.get("score", "diverged"), f"{run['cpu_seconds']:.1f} s", flush=True)


def measured_share(trainer: PacedTrainer, iterations: int, rounds: int = 7) -> float:
    """What part of the compute of an iteration at k = 1 is the discriminator's.

    With a fortieth of a budget at a time it takes about as long as a training.
    """
    ways = [(1, 1), (3, 1), (1, 3)]
    seconds = {updates: [] for updates in ways}
    # Compiles.
    trainer.advance(1)
    for number in range(rounds):
        for updates in ways if number % 2 else reversed(ways):
            trainer.set_pace(updates, 1.0, 1.0)
            start = time.process_time()
            trainer.advance(iterations)
            seconds[updates].append(time.process_time() - start)
    one, more_d, more_g = (statistics.median(seconds[updates]) for updates in ways)
    return (more_d - one) / (more_d + more_g - 2 * one)


def train(trainer: PacedTrainer, controller: Fixed, budget: int, share: float, *, decay: bool):
    """Spend the budget as the controller says; a dict of how it was spent."""
    spent, d_updates, g_updates, sum_of_d_auc, finite = 0.0, 0, 0, 0.0, True
    while finite and spent < budget:
        d, g = controller.updates
        cost = d * share + g * (1 - share)
        iterations = max(1, round(min(WINDOW, budget - spent) / cost))
        level = 0.5 * (1 + math.cos(math.pi * spent / budget)) if decay else 1.0
        trainer.set_pace((d, g), level * controller.rate, level)
        logs = trainer.advance(iterations)
        finite = all(map(math.isfinite, logs.values()))
        spent += iterations * cost
        d_updates += iterations * d
        g_updates += iterations * g
        sum_of_d_auc += logs["d_auc"] * iterations * d
        controller.look(logs["d_auc"])
    return {
        "finite": finite,
        "d_updates": d_updates,
        "g_updates": g_updates,
        "last_rate": controller.rate,
        "d_auc": sum_of_d_auc / d_updates,
    }


# What a column shows of a run, and how.
COLUMNS = {
    "D per G": (lambda run: run["d_updates"] / run["g_updates"], ".2f"),
    "last rate": (lambda run: run["last_rate"], ".2f"),
    "d_auc": (lambda run: run["d_auc"], ".2f"),
    "modes": (lambda run: run["modes"], ".1f"),
    "high quality, %": (lambda run: 100 * run["high_quality"], ".0f"),
    "reverse KL": (lambda run: run["reverse_kl"], ".3f"),
    "score": (lambda run: run["score"], ".3f"),
}


def table(runs: list[dict]) -> list[str]:
    """A Markdown table of one case: a row per arm, mean ± deviation over seeds."""
    titles = [*COLUMNS] if "modes" in runs[0] else ["D per G", "last rate", "d_auc", "score"]
    rows = [["", *titles, "score less that of k = 1"], ["---"] * (len(titles) + 2)]
    baseline = {run["seed"]: run.get("score") for run in runs if run["arm"] == BASELINE}
    for arm in ARMS:
        tried = [run for run in runs if run["arm"] == arm]
        if not tried:
            continue
        ended = [run for run in tried if run["finite"]]
        lost = len(tried) - len(ended)
        cells = [mean_and_deviation(ended, *COLUMNS[title]) for title in titles]
        # Seed by seed: the weights and the first minibatches are the same.
        pairs = [(run["score"], baseline.get(run["seed"])) for run in ended if arm != BASELINE]
        cells.append(mean_and_error([one - other for one, other in pairs if other is not None]))
        rows.append([f"{arm} ({lost} diverged)" if lost else arm, *cells])
    return [f"| {' | '.join(row)} |" for row in rows]


def mean_and_deviation(runs: list[dict], read: Callable, form: str) -> str:
    """Mean and standard deviation over seeds."""
    values = np.array([read(run) for run in runs])
    if not np.isfinite(values).all():
        return "infinite"
    return f"{values.mean():{form}} ± {values.std():{form}}" if runs else ""


def mean_and_error(differences: list[float]) -> str:
    """Mean over seeds and its standard error; bold beyond twice the error."""
    if len(differences) < 2:
        return ""
    mean = np.mean(differences)
    error = np.std(differences, ddof=1) / math.sqrt(len(differences))
    text = f"{mean:+.3f} ± {error:.3f}"
    return f"**{text}**" if abs(mean) > 2 * error else text


if __name__ == "__main__":
    app.run(main)
