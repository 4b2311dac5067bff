"""Run a command as several workers on this machine, to try what is meant for many machines.

    kgan launch --num_workers=2 -- \\
        kgan train --strategy=multi_worker --flagfile=recipes/digits.flags

Each worker gets its own TF_CONFIG with addresses on the loopback interface, and its share of the
cores as TF_NUM_INTRAOP_THREADS, unless that is set, and oneDNN as in all commands. Every line that
it prints begins with its number. The exit status is 0 if all workers end well, else that of the
first that did not (128 plus the signal, for one that a signal ended). The others cannot train
without it: what has not ended --grace_seconds later is made to. With --restarts=3 all are then
started again, up to three times, each time with the same command: one that resumes from its own
backup.

Ctrl-C and SIGTERM are passed on to all workers; a second one kills them. Nothing stays behind, even
if this command is killed itself (on Linux; there only the workers go with it, not what they
started).
"""

import concurrent.futures
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

from kgan.cli.command import Flags

LOOPBACK = "127.0.0.1"
# Between asking a worker to end, which it can refuse, and killing it.
SECONDS_TO_OBEY = 5.0
POLL_SECONDS = 0.05
# Linux's prctl: the signal for a child whose parent has died.
PR_SET_PDEATHSIG = 1


def define(flags: Flags) -> None:
    """Define the flags of this command."""
    flags.define("integer", "num_workers", 2, "How many workers to start.", 1, 64)
    flags.define("integer", "restarts", 0, "How often to start all again after a failure.", 0)
    flags.define("float", "grace_seconds", 30.0, "How long workers may take to end.", 0)


def main(flags: Flags, command: list[str]) -> int:
    """Run the command in every worker, again after a failure. Returns the exit status."""
    if not command:
        raise ValueError(
            "There is no command to run. Expected: it follows two dashes, for example kgan launch "
            "--num_workers=2 -- kgan train --strategy=multi_worker --run_dir=runs/two"
        )
    with interruptions() as signals:
        for restart in range(flags.restarts + 1):
            if restart:
                say(f"Starting all again, {restart} of {flags.restarts}.")
            failed = run_all(command, flags, signals)
            if signals:
                return 128 + signals[0]
            if failed is None:
                return 0
    return failed.status


class Worker(subprocess.Popen):
    """One process of the cluster.

    Args:
        number: int, its place among the addresses.
        addresses: list of "host:port", one per worker.
        command: list of strings, what to run.
    """

    def __init__(self, number: int, addresses: list[str], command: list[str]):
        self.number = number
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        task = {"type": "worker", "index": number}
        super().__init__(
            command,
            env={
                "TF_NUM_INTRAOP_THREADS": str(max(1, cores // len(addresses))),
                # What a worker prints appears at once, also through a pipe.
                "PYTHONUNBUFFERED": "1",
                **os.environ,
                "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own: Ctrl-C reaches it through this tool alone, its children end too.
            process_group=0,
            preexec_fn=_die_with_parent(os.getpid()),
        )

    @property
    def status(self) -> int | None:
        """None while it runs, else its exit status; 128 + n if signal n ended it."""
        status = self.poll()
        return 128 - status if status is not None and status < 0 else status

    def send(self, number: int) -> None:
        """Send a signal to the worker and everything that it has started."""
        # There may be nothing left of it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def interruptions():
    """Yields the list of the Ctrl-Cs and SIGTERMs that come, in place of ending this process."""
    signals, kinds = [], (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda came, frame: signals.append(came)) for kind in kinds]
    yield signals
    for kind, handler in zip(kinds, before, strict=True):
        signal.signal(kind, handler)


def run_all(command: list[str], flags: Flags, signals: list[int]) -> Worker | None:
    """Run the command once in every worker, until none is left.

    Returns:
        The first worker that failed, or None.
    """
    addresses = free_addresses(flags.num_workers)
    workers = []
    # Its end waits until all that the workers have printed is passed on.
    with concurrent.futures.ThreadPoolExecutor(2 * flags.num_workers) as relays:
        try:
            for number in range(flags.num_workers):
                worker = Worker(number, addresses, command)
                workers.append(worker)
                relays.submit(relay, worker.stdout, sys.stdout.buffer, number)
                relays.submit(relay, worker.stderr, sys.stderr.buffer, number)
            return watch(workers, flags.grace_seconds, signals)
        finally:
            for worker in workers:
                worker.send(signal.SIGKILL)
                worker.wait()


def watch(workers: list[Worker], grace: float, signals: list[int]) -> Worker | None:
    """Wait until all have ended; after a failure or an interruption, see to it that they do.

    Returns:
        The first worker that failed, or None.
    """
    # What to send to those that still run, each with its time.
    failed, passed_on, orders = None, 0, []
    while running := [worker for worker in workers if worker.status is None]:
        now = time.monotonic()
        if failed is None and not passed_on and (failed := first_failed(workers)):
            say(f"The others cannot go on without it and have {grace:g} s to end.")
            end = now + grace
            orders = [(end, signal.SIGTERM), (end + SECONDS_TO_OBEY, signal.SIGKILL)]
        if len(signals) > passed_on:
            passed_on = len(signals)
            if passed_on == 1:
                name = signal.Signals(signals[0]).name
                say(f"{name} is passed on to all workers, which have {grace:g} s to end.")
                orders = [(now, signals[0]), (now + grace, signal.SIGKILL)]
            else:
                say("Interrupted again: killing all workers.")
                orders = [(now, signal.SIGKILL)]
        if orders and now >= orders[0][0]:
            _, number = orders.pop(0)
            for worker in running:
                worker.send(number)
        time.sleep(POLL_SECONDS)
    return failed or (None if passed_on else first_failed(workers))


def first_failed(workers: list[Worker]) -> Worker | None:
    """The first worker that has failed, which is said; None where all run or have ended well."""
    failed = next((worker for worker in workers if worker.status), None)
    if failed is not None:
        code = failed.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        say(f"worker {failed.number} {'was ended' if code < 0 else 'ended'} {how}.")
    return failed


def free_addresses(count: int) -> list[str]:
    """Addresses on the loopback interface with ports that nobody listens on now."""
    # All are open at once, so that no port comes twice.
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [f"{LOOPBACK}:{listening.getsockname()[1]}" for listening in sockets]


def relay(pipe, sink, number: int) -> None:
    """Pass on every line of a pipe with the worker's number before it, until the pipe is closed."""
    with pipe:
        for line in pipe:
            # In one call, or lines of two workers would mix.
            sink.write(b"[%d] %s\n" % (number, line.rstrip(b"\r\n")))
            sink.flush()


def say(message: str) -> None:
    """Print a line of this command's own on stderr."""
    print(f"launch: {message}", file=sys.stderr, flush=True)


def _die_with_parent(parent: int):
    """A function for a new process to call, so that it is killed when this one dies; or None."""
    if sys.platform != "linux":
        return None
    # Loaded here: between fork and exec as little as possible may happen.
    system = ctypes.CDLL(None)

    def die_with_parent():
        system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # It has died before the line above.
            os._exit(1)

    return die_with_parent
