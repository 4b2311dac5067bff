"""Run a command as several workers on this machine, to try what is meant for many machines.

    python tools/launch_local.py --num_workers=2 -- \\
        python tools/train.py --strategy=multi_worker --flagfile=recipes/digits.flags

Each worker gets its own TF_CONFIG with addresses on the loopback interface, and its share of the
cores as TF_NUM_INTRAOP_THREADS, unless that is set. Every line that it prints begins with its
number. The exit status is 0 if all workers end well, else that of the first that did not (128 plus
the signal, for one that a signal ended). The others cannot go on without it: what has not ended
--grace_seconds later is made to. With --restarts=3 all are then started again, up to three times,
each time with the same command: one that goes on from its own backup.

Ctrl-C and SIGTERM are passed on to all workers; a second one kills them. Nothing stays behind, even
if this tool is killed itself (on Linux; there only the workers go with it, not what they started).
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from absl import app
from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_integer("num_workers", 2, "How many workers to start.", 1)
flags.DEFINE_integer("restarts", 0, "How often to start all again after one has failed.", 0)
flags.DEFINE_float(
    "grace_seconds", 30.0, "How long the workers may take to end by themselves before they must.", 0
)

LOOPBACK = "127.0.0.1"
# Between asking a worker to end, which it can refuse, and killing it.
SECONDS_TO_OBEY = 5.0
POLL_SECONDS = 0.05
# Linux's prctl: the signal for a child whose parent has died.
PR_SET_PDEATHSIG = 1


class Worker:
    """One process of the cluster, with the threads that pass on what it prints.

    Args:
        number: int, its place among the addresses.
        addresses: list of "host:port", one per worker.
        command: list of strings, what to run.
    """

    def __init__(self, number: int, addresses: list[str], command: list[str]):
        self.number = number
        self._process = subprocess.Popen(
            command,
            env=environment(number, addresses),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own: Ctrl-C reaches it through this tool alone, its children end too.
            process_group=0,
            preexec_fn=_die_with_parent(os.getpid()),
        )
        self._relays = [
            threading.Thread(target=relay, args=(pipe, sink, number), daemon=True)
            for pipe, sink in (
                (self._process.stdout, sys.stdout.buffer),
                (self._process.stderr, sys.stderr.buffer),
            )
        ]
        for thread in self._relays:
            thread.start()

    @property
    def status(self) -> int | None:
        """None while it runs, else its exit status; 128 + n if signal n ended it."""
        status = self._process.poll()
        return 128 - status if status is not None and status < 0 else status

    def describe_end(self) -> str:
        """How it ended: "worker 1 was ended by SIGKILL"."""
        if self._process.returncode >= 0:
            return f"worker {self.number} ended with exit status {self._process.returncode}"
        return f"worker {self.number} was ended by {signal_name(-self._process.returncode)}"

    def send(self, number: int) -> None:
        """Send a signal to the worker and everything that it has started."""
        # There may be nothing left of it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def finish(self) -> None:
        """End what is left of it, and wait until all that it has printed is passed on."""
        self.send(signal.SIGKILL)
        self._process.wait()
        for thread in self._relays:
            thread.join()


class Interruption:
    """Takes note of Ctrl-C and SIGTERM in place of ending this tool.

    Attributes:
        signals: list of the signal numbers that have come, in order.
    """

    def __init__(self):
        self.signals = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, frame: self.signals.append(received))


def main(arguments: list[str]) -> int:
    command = arguments[1:]
    if not command:
        print(
            "error: There is no command to run. Expected: it follows two dashes, for example "
            "python tools/launch_local.py --num_workers=2 -- python tools/train.py "
            "--strategy=multi_worker --run_dir=runs/two",
            file=sys.stderr,
        )
        return 1
    interruption = Interruption()
    for attempt in range(FLAGS.restarts + 1):
        try:
            failed = run_all(command, interruption)
        except OSError as error:
            print(f"error: The command cannot be started: {error}", file=sys.stderr)
            return 1
        if interruption.signals:
            return 128 + interruption.signals[0]
        if failed is None:
            return 0
        if attempt < FLAGS.restarts:
            say(f"Starting all again, {attempt + 1} of {FLAGS.restarts}.")
    return failed.status


def run_all(command: list[str], interruption: Interruption) -> Worker | None:
    """Run the command once in every worker, until none is left.

    Args:
        command: list of strings.
        interruption: what has come from outside.

    Returns:
        The first worker that failed, or None.
    """
    addresses = free_addresses(FLAGS.num_workers)
    workers = []
    try:
        for number in range(FLAGS.num_workers):
            workers.append(Worker(number, addresses, command))
        return watch(workers, interruption)
    finally:
        for worker in workers:
            worker.finish()


def watch(workers: list[Worker], interruption: Interruption) -> Worker | None:
    """Wait until all have ended; after a failure or an interruption, see to it that they do.

    Returns:
        The first worker that failed, or None.
    """
    failed, passed_on, orders = None, 0, []
    while True:
        now = time.monotonic()
        running = [worker for worker in workers if worker.status is None]
        if failed is None and not passed_on:
            failed = next((worker for worker in workers if worker.status), None)
            if failed is not None:
                orders = after_failure(failed, running, now)
        if len(interruption.signals) > passed_on:
            passed_on = len(interruption.signals)
            orders = after_interruption(interruption.signals, now)
        if not running:
            return failed
        if orders and now >= orders[0][0]:
            number = orders.pop(0)[1]
            for worker in running:
                worker.send(number)
        time.sleep(POLL_SECONDS)


def after_failure(failed: Worker, running: list[Worker], now: float) -> list[tuple[float, int]]:
    """Say who has failed. Returns what to send to the others, each with its time."""
    say(f"{failed.describe_end()}.")
    if running:
        say(f"The others cannot go on without it and have {FLAGS.grace_seconds:g} s to end.")
    end = now + FLAGS.grace_seconds
    return [(end, signal.SIGTERM), (end + SECONDS_TO_OBEY, signal.SIGKILL)]


def after_interruption(signals: list[int], now: float) -> list[tuple[float, int]]:
    """Say what has come from outside. Returns what to send to all, each with its time."""
    if len(signals) > 1:
        say("Interrupted again: killing all workers.")
        return [(now, signal.SIGKILL)]
    name, seconds = signal_name(signals[0]), FLAGS.grace_seconds
    say(f"{name} is passed on to all workers, which have {seconds:g} s to end.")
    return [(now, signals[0]), (now + seconds, signal.SIGKILL)]


def environment(number: int, addresses: list[str]) -> dict[str, str]:
    """The environment of a worker: this one, its TF_CONFIG, and its share of the cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "TF_NUM_INTRAOP_THREADS": str(max(1, cores // len(addresses))),
        # What a worker prints appears at once, also through a pipe.
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        "TF_CONFIG": json.dumps(
            {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
        ),
    }


def free_addresses(count: int) -> list[str]:
    """Addresses on the loopback interface with ports that nobody listens on now."""
    # All are open at once, so that no port comes twice.
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    addresses = [f"{LOOPBACK}:{listening.getsockname()[1]}" for listening in sockets]
    for listening in sockets:
        listening.close()
    return addresses


def relay(pipe, sink, number: int) -> None:
    """Pass on every line of a pipe with the worker's number before it, until the pipe is closed."""
    with pipe:
        for line in pipe:
            # In one call, or lines of two workers would mix.
            sink.write(b"[%d] %s\n" % (number, line.rstrip(b"\r\n")))
            sink.flush()


def say(message: str) -> None:
    """Print a line of this tool's own on stderr."""
    print(f"launch_local: {message}", file=sys.stderr, flush=True)


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _die_with_parent(parent: int):
    """A function for a new process to call, so that it is killed when this one dies; or None."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here: between fork and exec as little as possible may happen.
    system = ctypes.CDLL(None)

    def die_with_parent():
        system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # It has died before the line above.
            os._exit(1)

    return die_with_parent


if __name__ == "__main__":
    app.run(main)
