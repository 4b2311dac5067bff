"""kgan, the class of the Keras guide and PyTorch, side by side on the same networks.

    python benchmarks/peers.py
    python benchmarks/peers.py --networks=a,b --threads=2 --rounds=9

Every way trains on the same kind of data, one batch that is in memory, in float32, with
Adam(2e-4, beta_1=0.5); the losses are read once a round. "Shared fakes" means one pass of the
generator for both updates, as in PyTorch's DCGAN example; without it the generator's update draws
fresh ones, as in Algorithm 1. Each library has its own processes, one per number of threads and
setting of oneDNN; all of them stay and take turns, so that what the machine does otherwise hits
all. Tables have medians over the rounds, and of the ratios of paired rounds.

Printed too: the matmul rate of the same run, each network's floating-point operations in
convolutions and matrix products with the time they take at that rate, and the kernels of a step
alone. PyTorch is needed (`pip install torch`); without it its ways are left out, and torch.compile
is where there is no C++ compiler. About twelve minutes on two quiet cores; --quick tries everything
out in about one. --page writes the tables between the two marks of a Markdown page, docs/speed.md,
and --picture draws how the cost of an image changes with width and batch.
"""

import argparse
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ways import report
from ways.cases import CASES
from ways.cases import WAYS
from ways.cases import Case
from ways.cases import Way

FOLDER = Path(__file__).parent


class Process:
    """A process of a library with so many threads."""

    def __init__(self, way: Way, threads: int):
        environment = dict(os.environ)
        environment |= {
            "PYTHONPATH": os.pathsep.join(
                [str(FOLDER), str(FOLDER.parent), environment.get("PYTHONPATH", "")]
            ),
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_NUM_INTEROP_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        for name, value in way.variables.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ways.worker", way.library, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def begin(self, do: str, **request) -> None:
        """Send a request."""
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()

    def end(self) -> dict:
        """Wait for the answer to it."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("A process ended before its answer; its error stands above.")
        return json.loads(line)

    def ask(self, do: str, **request) -> dict:
        """Send a request and wait for the answer."""
        self.begin(do, **request)
        return self.end()

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait()


class Peers:
    """All processes of a run.

    Args:
        threads: list of int.
        rounds: int, how often every way is timed.
        seconds: float, how long a way runs in a round.
    """

    def __init__(self, threads: list[int], rounds: int, seconds: float):
        self.threads = threads
        self.rounds = rounds
        self.seconds = seconds
        self.processes = {}
        self.rates = report.Rates()

    def process(self, way: Way, threads: int) -> Process:
        """The process of a way; those with equal library and environment share one."""
        key = way.library, tuple(way.variables.items()), threads
        if key not in self.processes:
            self.processes[key] = Process(way, threads)
        return self.processes[key]

    def time(self, case: Case, ways: dict[str, Way]) -> report.Result:
        """Train the networks in all ways, in turns."""
        turns = {
            (name, threads): self.process(way, threads)
            for name, way in ways.items()
            for threads in self.threads
        }
        built = self._build(case, turns)
        counts = {str(answer["parameters"]) for answer in built.values() if answer["parameters"]}
        if len(counts) != 1:
            raise SystemExit(f"The networks differ in their parameters: {built}")
        steps = self._steps(case, [answer["seconds"] for answer in built.values()])
        rounds = {turn: [] for turn in turns}
        for number in range(self.rounds):
            # Forth and back: a machine that gets slower favours no way.
            for turn in (list, reversed)[number % 2](turns):
                answer = turns[turn].ask("run", name=turn[0], steps=steps)
                if not all(map(math.isfinite, answer["losses"])):
                    raise SystemExit(f"{case.title}, {turn}: losses {answer['losses']}")
                rounds[turn].append(answer)
            self._multiply()
        for process in {*turns.values()}:
            process.ask("forget")
        operations = [answer["operations"] for answer in built.values() if answer["operations"]]
        return report.Result(case, rounds, steps, operations[0] if operations else None)

    def _build(self, case, turns) -> dict:
        """What the trainers answer; all processes build at the same time."""
        waiting, built = dict(turns), {}
        while waiting:
            now = {}
            for turn, process in waiting.items():
                now.setdefault(process, turn)
            for process, (name, _) in now.items():
                process.begin("build", name=name, case=case._asdict(), options=WAYS[name].options)
            for process, turn in now.items():
                built[turn] = process.end()
                del waiting[turn]
        return {turn: built[turn] for turn in turns}

    def _steps(self, case, seconds) -> int:
        """So many that a round is long enough to be timed, a multiple of a call's."""
        calls = self.seconds / sorted(seconds)[len(seconds) // 2] / case.steps_per_execution
        return max(1, round(calls)) * case.steps_per_execution

    def _multiply(self):
        """Take the matmul rates, TensorFlow's with oneDNN."""
        for (library, variables, threads), process in self.processes.items():
            if variables != tuple(WAYS["guide"].variables.items()):
                self.rates.add(library, threads, process.ask("multiply"))

    def close(self):
        """End all processes."""
        for process in self.processes.values():
            process.close()


def available_ways(names: list[str]) -> dict[str, Way]:
    """The ways that this machine has what they need for."""
    ways = {name: WAYS[name] for name in names}
    if importlib.util.find_spec("torch") is None:
        ways = {name: way for name, way in ways.items() if way.library != "torch"}
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        ways.pop("torch_compiled", None)
    return ways


def growth_cases(batches: list[int], widths: list[int]) -> dict[str, Case]:
    """Network b in other widths and batches."""
    b = CASES["b"]
    cases = {f"width {width}": b._replace(width=width) for width in widths}
    return cases | {f"batch {batch}": b._replace(batch_size=batch) for batch in batches}


def main():
    """Time everything, print and write it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", default=",".join(CASES), help="of the tables")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--batches", default="16,32,64,128,256,512", help="of b, for the curves")
    parser.add_argument("--widths", default="16,32,64,128", help="of b, for the curves")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--seconds", default=0.4, type=float, help="of a way in a round")
    parser.add_argument("--page", help="Markdown file whose part between the marks is replaced")
    parser.add_argument("--picture", help="PNG file of the curves")
    parser.add_argument("--quick", action="store_true", help="one round of two small networks")
    options = parser.parse_args()
    if options.quick:
        options.networks, options.threads, options.rounds = "b,small", "1", 1
        options.batches, options.widths, options.seconds = "8", "8", 0.05
    lists = (options.networks, options.ways, options.threads, options.batches, options.widths)
    networks, names, threads, batches, widths = (text.split(",") if text else [] for text in lists)
    threads, batches, widths = (list(map(int, numbers)) for numbers in (threads, batches, widths))
    ways = available_ways(names)
    peers = Peers(threads, options.rounds, options.seconds)
    results, curves = [], {}
    try:
        for name in networks:
            suited = {key: way for key, way in ways.items() if way.suits(CASES[name])}
            results.append(peers.time(CASES[name], suited))
            print(report.table(results[-1], peers.rates), flush=True)
        peers.threads, peers.rounds = threads[:1], min(3, options.rounds)
        curve_ways = {name: ways[name] for name in ("kgan", "torch_last") if name in ways}
        for name, case in growth_cases(batches, widths).items():
            curves[name] = peers.time(case, curve_ways)
    finally:
        peers.close()
    print(report.growth(curves))
    print(report.summary(results, peers.rates))
    if options.picture:
        report.draw(options.picture, curves)
    if options.page:
        command = " ".join(["python", "benchmarks/peers.py", *sys.argv[1:]])
        picture = options.picture and os.path.relpath(options.picture, Path(options.page).parent)
        text = report.page(results, curves, peers.rates, command, picture)
        report.write(options.page, text)


if __name__ == "__main__":
    main()
