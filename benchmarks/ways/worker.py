"""A process in which one library trains: it does what it is told, a line of JSON at a time."""

import gc
import importlib
import json
import os
import sys

from ways.cases import Case
from ways.cases import Clocks

# Sides of the matrices whose product is timed.
SIDE = 1024


class Worker:
    """The trainers of one process.

    Args:
        library: "keras" or "torch".
        threads: int, how many a step may take.
    """

    def __init__(self, library: str, threads: int):
        self.ways = importlib.import_module(f"ways.by_{library}")
        self.ways.begin(threads)
        self.product = self.ways.matrix_product(SIDE)
        self.trainers = {}

    def build(self, name: str, case: dict, options: dict) -> dict:
        """Make a trainer and let it take its first steps, in which it compiles."""
        trainer = self.ways.build(Case(**case), options)
        self.trainers[name] = trainer
        steps = case["steps_per_execution"]
        trainer.run(steps)
        taken, _ = trainer.run(steps)
        return {
            "parameters": trainer.parameters,
            "operations": getattr(trainer, "floating_point_operations", None),
            "seconds": taken["cpu"] / steps,
        }

    def run(self, name: str, steps: int) -> dict:
        """Take steps; answer seconds per step and the losses."""
        taken, losses = self.trainers[name].run(steps)
        return {"wall": taken["wall"] / steps, "cpu": taken["cpu"] / steps, "losses": losses}

    def multiply(self) -> dict:
        """Floating-point operations per second of a product of matrices, by both clocks."""
        self.product()
        clocks, times = Clocks(), 8
        for _ in range(times):
            self.product()
        return {clock: 2 * SIDE**3 * times / taken for clock, taken in clocks.read().items()}

    def forget(self) -> dict:
        """Free what was built."""
        self.trainers.clear()
        gc.collect()
        return {}


def main():
    """Answer requests from standard input until it ends; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
