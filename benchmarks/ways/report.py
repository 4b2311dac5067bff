"""Tables and curves of what peers.py timed."""

import datetime
import itertools
import platform
import statistics
from pathlib import Path
from typing import NamedTuple

import matplotlib.figure
from ways.cases import WAYS
from ways.cases import Case

# A page holds the tables between these two lines.
BEGIN, END = "<!-- benchmarks/peers.py writes from here -->", "<!-- to here -->"

# Whom the summary compares with: a column's head, the ways in order of preference.
PEERS = {
    "PyTorch, channels_last": ("torch_last", "torch"),
    "the same, both share fakes": ("torch_last_shared", "torch_shared"),
    "torch.compile": ("torch_compiled",),
    "keras.io class, as TensorFlow comes": ("guide",),
    "oneDNN on": ("guide_onednn",),
}


class Result(NamedTuple):
    """What the ways of one case took.

    Attributes:
        case: the networks.
        rounds: by way and number of threads, a dict of seconds per step for every round.
        steps: of a round.
        operations: floating-point operations of a step's convolutions and products, or None.
    """

    case: Case
    rounds: dict[tuple[str, int], list[dict]]
    steps: int
    operations: int | None

    @property
    def threads(self) -> list[int]:
        """The numbers of threads."""
        return sorted({threads for _, threads in self.rounds})

    def milliseconds(self, way: str, threads: int, clock: str) -> float:
        """The median over the rounds, per step."""
        return 1e3 * statistics.median(each[clock] for each in self.rounds[way, threads])

    def times(self, way: str, other: str, threads: int, clock: str) -> str:
        """What one way takes over what another takes: median and range of the paired rounds."""
        turns = (way, threads), (other, threads)
        if way == other or not {*turns} <= {*self.rounds}:
            return ""
        pairs = zip(*(self.rounds[turn] for turn in turns), strict=True)
        ratios = [one[clock] / two[clock] for one, two in pairs]
        return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


class Rates:
    """How fast the libraries multiply two matrices, in floating-point operations per second."""

    def __init__(self):
        self.taken = {}

    def add(self, library: str, threads: int, rate: dict[str, float]) -> None:
        """Note one measurement."""
        self.taken.setdefault((library, threads), []).append(rate)

    def median(self, library: str, threads: int, clock: str) -> float:
        """Of one library."""
        return statistics.median(rate[clock] for rate in self.taken[library, threads])

    def best(self, threads: int, clock: str) -> float:
        """Of the faster library."""
        return max(self.median(*key, clock) for key in self.taken if key[1] == threads)

    def __str__(self):
        return "; ".join(
            f"{'TensorFlow' if library == 'keras' else 'PyTorch'}, {_threads(number)}: "
            f"{self.median(library, number, 'wall') / 1e9:.0f} GFLOP/s by the clock, "
            f"{self.median(library, number, 'cpu') / 1e9:.0f} per CPU second"
            for library, number in sorted(self.taken)
        )


def table(result: Result, rates: Rates) -> str:
    """A row per way: milliseconds per step, and how many times as long as kgan it takes."""
    heads = ["way"]
    for number in result.threads:
        heads += [f"CPU ms, {_threads(number)}", "ms", "over kgan, CPU", "over kgan, clock"]
    rows = []
    for way in dict.fromkeys(way for way, _ in result.rounds):
        rows.append([WAYS[way].title])
        for number in result.threads:
            for clock in ("cpu", "wall"):
                rows[-1].append(f"{result.milliseconds(way, number, clock):.3g}")
            for clock in ("cpu", "wall"):
                rows[-1].append(result.times(way, WAYS[way].reference, number, clock))
    return f"### {result.case.title}\n\n{_markdown(heads, rows)}\n{_bound(result, rates)}\n"


def _bound(result, rates) -> str:
    if not result.operations:
        return f"{result.steps} steps a round.\n"
    bounds = "; ".join(
        f"{1e3 * result.operations / rates.best(number, 'cpu'):.3g} CPU ms or "
        f"{1e3 * result.operations / rates.best(number, 'wall'):.3g} ms, {_threads(number)}"
        for number in result.threads
    )
    return (
        f"A step has {result.operations / 1e9:.3g} GFLOP in convolutions and matrix products: at "
        f"this run's matmul rate {bounds}. {result.steps} steps a round.\n"
    )


def summary(results: list[Result], rates: Rates) -> str:
    """A row per network and number of threads: how many times as fast as its peers kgan is."""
    heads = ["network", "threads", "by", *PEERS, "kgan over bare kernels"]
    rows = []
    for result, clock in itertools.product(results, ("cpu", "wall")):
        for number in result.threads:
            rows.append([result.case.title, str(number), {"cpu": "CPU", "wall": "clock"}[clock]])
            for ways in PEERS.values():
                timed = [way for way in ways if (way, number) in result.rounds]
                reference = WAYS[timed[0]].reference if timed else ""
                rows[-1].append(result.times(timed[0], reference, number, clock) if timed else "")
            rows[-1].append(result.times("kgan", "kernels", number, clock))
    return f"{_markdown(heads, rows)}\nMatmul rates, 1024 x 1024: {rates}.\n"


def growth(curves: dict[str, Result]) -> str:
    """A row per width and batch: CPU milliseconds per image."""
    rows = []
    for name, result in curves.items():
        threads = result.threads[0]
        each = [
            f"{result.milliseconds(way, threads, 'cpu') / result.case.batch_size:.3g}"
            if (way, threads) in result.rounds
            else ""
            for way in ("kgan", "torch_last")
        ]
        rows.append([name, *each, result.times("torch_last", "kgan", threads, "cpu")])
    heads = ["b, in another", "kgan, CPU ms an image", "PyTorch, channels_last", "over kgan"]
    return _markdown(heads, rows)


def page(results, curves, rates, command: str, picture: str | None) -> str:
    """All tables with what they were measured by and on; the picture as the page finds it."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    date = datetime.date.today().isoformat()
    parts = [
        f"`{command}`, {date}, {processor}.\n",
        summary(results, rates),
        *(table(result, rates) for result in results),
    ]
    if curves:
        parts.append(growth(curves))
    if picture:
        parts.append(f"![CPU milliseconds an image, over widths and batches]({picture})\n")
    return "\n".join(parts)


def write(path: str, text: str) -> None:
    """Put the text between the marks of a page; without a page, make one."""
    path = Path(path)
    old = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def draw(path: str, curves: dict[str, Result]) -> None:
    """How the cost of an image grows with the width and falls with the batch."""
    figure = matplotlib.figure.Figure(figsize=(9, 3.4), layout="constrained")
    shares = {"width": "width, at 32 images a batch", "batch": "images a batch, at width 32"}
    for axis, (kind, label) in zip(figure.subplots(1, 2), shares.items(), strict=True):
        chosen = {
            int(name.split()[1]): result for name, result in curves.items() if name.startswith(kind)
        }
        for way in ("kgan", "torch_last"):
            costs = {
                size: result.milliseconds(way, result.threads[0], "cpu") / result.case.batch_size
                for size, result in sorted(chosen.items())
                if (way, result.threads[0]) in result.rounds
            }
            axis.plot(costs.keys(), costs.values(), marker="o", label=WAYS[way].title)
        axis.set_xscale("log", base=2)
        if kind == "width":
            axis.set_yscale("log", base=2)
        else:
            axis.set_ylim(bottom=0)
        axis.set_xticks(sorted(chosen), map(str, sorted(chosen)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.set_xlabel(label)
        axis.set_ylabel("CPU ms an image")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    figure.savefig(path, dpi=110)


def _threads(number: int) -> str:
    return f"{number} thread{'s' * (number > 1)}"


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    ruler = ["---", *["---:"] * (len(heads) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, ruler, *rows))
