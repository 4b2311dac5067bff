"""kgan launch: workers that know each other, and that never outlive it."""

import os
import re
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from kgan.cli import launch as launching
from kgan.distribution import cluster_from_environment

TOOL = Path(__file__).parents[2] / "tools" / "launch_local.py"
# What every worker of these tests begins with.
BEGINNING = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
"""
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's prctl")


def command(code, *flags, grace=20):
    """What runs Python code as two workers, behind `kgan launch`."""
    code = BEGINNING + textwrap.dedent(code)
    flags = [f"--grace_seconds={grace}", *flags]
    return [*flags, "--", sys.executable, "-c", code]


@pytest.fixture
def launch(kgan_command, tmp_path):
    """Run Python code as two workers to the end, in the test's folder."""

    def launch(code, *flags, grace=20):
        return kgan_command("launch", *command(code, *flags, grace=grace), folder=tmp_path)

    return launch


class Started:
    """Two workers that have run Python code and now sleep for a minute."""

    def __init__(self, forks, code, folder, *flags, grace=20):
        code += '\nPath(f"started{index}").write_text(str(os.getpid()))\ntime.sleep(60)'
        self.forks = forks
        forks.start(TOOL, *command(code, *flags, grace=grace), folder=folder)
        files = [folder / "started0", folder / "started1"]
        wait_until(lambda: all(file.exists() and file.read_text() for file in files))
        self.workers = [int(file.read_text()) for file in files]

    def finish(self):
        """Returns its exit status and what it has printed on stdout and stderr."""
        done = self.forks.finish()
        return done.returncode, done.stdout, done.stderr


def wait_until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    # Dead, but nobody has asked how it ended.
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_each_worker_has_its_place_among_the_same_free_addresses(launch):
    done = launch("print(os.environ['TF_CONFIG'])", "--num_workers=3")
    assert done.returncode == 0, done.stderr
    clusters = {}
    for line in done.stdout.splitlines():
        number, text = re.fullmatch(r"\[(\d)\] (.*)", line).groups()
        addresses, index = cluster_from_environment(text)
        assert index == int(number)
        clusters[index] = addresses
    assert sorted(clusters) == [0, 1, 2]
    assert clusters[0] == clusters[1] == clusters[2]
    assert len(set(clusters[0])) == 3
    assert all(address.startswith("127.0.0.1:") for address in clusters[0])


def test_the_workers_share_the_cores_unless_told_otherwise(launch, monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    code = "if index == 0: print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    assert launch(code).stdout == f"[0] {max(1, cores // 2)}\n"
    # Never none, however many there are.
    assert launch(code, f"--num_workers={cores + 1}").stdout == "[0] 1\n"
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert launch(code).stdout == "[0] 7\n"


def test_every_line_begins_with_its_worker_and_stays_in_its_stream(launch):
    done = launch(
        """
        for number in range(200):
            print(f"{index} out {number}")
            print(f"{index} err {number}", file=sys.stderr)
        print("unfinished", end="")
        """
    )
    assert done.returncode == 0
    for stream, printed in (("out", done.stdout), ("err", done.stderr)):
        for worker in "01":
            lines = [line[4:] for line in printed.splitlines() if line.startswith(f"[{worker}] ")]
            expected = [f"{worker} {stream} {number}" for number in range(200)]
            assert lines == expected + ["unfinished"] * (stream == "out")
    assert len(done.stdout.splitlines()) == 402


def test_the_command_keeps_its_own_flags(kgan_command):
    worker = [sys.executable, "-c", "import sys; print(sys.argv[1:])"]
    flags = ["--num_workers=2", "--", "--restarts=1", "rest"]
    done = kgan_command("launch", "--num_workers=1", "--", *worker, *flags)
    assert done.stdout == f"[0] {flags}\n", done.stderr


def test_the_first_failure_is_named_and_its_status_returned_after_the_others_have_ended(launch):
    done = launch(
        """
        if index == 1:
            sys.exit(3)
        time.sleep(0.5)
        print("the end")
        sys.exit(4)
        """
    )
    assert done.returncode == 3
    assert done.stdout == "[0] the end\n"
    assert done.stderr == (
        "launch: worker 1 ended with exit status 3.\n"
        "launch: The others cannot go on without it and have 20 s to end.\n"
    )


def test_a_worker_that_goes_on_alone_is_stopped_after_the_time_of_grace(launch):
    start = time.monotonic()
    done = launch(
        """
        if index == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
        time.sleep(60)
        """,
        grace=1,
    )
    assert 1 < time.monotonic() - start < 20
    assert done.returncode == 128 + signal.SIGKILL
    assert done.stderr == (
        "launch: worker 0 was ended by SIGKILL.\n"
        "launch: The others cannot go on without it and have 1 s to end.\n"
        "[1] asked to end\n"
    )


def test_a_worker_that_will_not_end_is_killed(launch, monkeypatch):
    monkeypatch.setattr(launching, "SECONDS_TO_OBEY", 0.3)
    done = launch(
        """
        signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
        Path(f"ready{index}").touch()
        if index == 1:
            while not Path("ready0").exists():
                time.sleep(0.01)
            sys.exit(5)
        while True:
            time.sleep(1)
        """,
        grace=0,
    )
    assert done.returncode == 5
    assert done.stdout == "[0] no\n"


def test_a_worker_may_end_well_before_the_others(launch):
    done = launch("time.sleep(0.5 * index)\nprint('well')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0] well\n[1] well\n", "")


COUNTS_ITS_STARTS = """
mine = Path(f"attempts{index}")
attempts = int(mine.read_text()) + 1 if mine.exists() else 1
mine.write_text(str(attempts))
"""


def test_all_are_started_again_after_a_failure(launch, tmp_path):
    done = launch(
        COUNTS_ITS_STARTS + "sys.exit(6 if index == 1 and attempts < 3 else 0)",
        "--restarts=5",
    )
    assert done.returncode == 0
    assert (tmp_path / "attempts0").read_text() == "3"
    assert (tmp_path / "attempts1").read_text() == "3"
    assert re.findall("Starting.*", done.stderr) == [
        "Starting all again, 1 of 5.",
        "Starting all again, 2 of 5.",
    ]


def test_the_last_failure_counts_when_no_restart_is_left(launch, tmp_path):
    code = COUNTS_ITS_STARTS + "sys.exit(attempts + 6 if index == 0 else 0)"
    done = launch(code, "--restarts=1")
    assert done.returncode == 8
    assert (tmp_path / "attempts0").read_text() == "2"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_reaches_every_worker_and_nothing_is_started_again(forks, number, tmp_path):
    code = f"signal.signal({number.value}, lambda *_: sys.exit('saved'))"
    started = Started(forks, code, tmp_path, "--restarts=3")
    forks.send(number)
    status, printed, errors = started.finish()
    assert status == 128 + number
    assert printed == ""
    first, *others = errors.splitlines()
    assert first == (f"launch: {number.name} is passed on to all workers, which have 20 s to end.")
    assert sorted(others) == ["[0] saved", "[1] saved"]


def test_a_second_ctrl_c_kills(forks, tmp_path):
    started = Started(forks, "signal.signal(signal.SIGINT, signal.SIG_IGN)", tmp_path, grace=60)
    forks.send(signal.SIGINT)
    time.sleep(0.3)
    assert not any(is_gone(worker) for worker in started.workers)
    forks.send(signal.SIGINT)
    status, _, errors = started.finish()
    assert status == 128 + signal.SIGINT
    assert errors.endswith("launch: Interrupted again: killing all workers.\n")
    assert all(is_gone(worker) for worker in started.workers)


@ON_LINUX
def test_the_workers_die_with_the_launcher(forks, tmp_path):
    started = Started(forks, "", tmp_path)
    forks.send(signal.SIGKILL)
    assert forks.finish().returncode == -signal.SIGKILL
    wait_until(lambda: all(is_gone(worker) for worker in started.workers))


def test_what_a_worker_has_started_ends_with_it(launch, tmp_path):
    done = launch(
        """
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(f"child{index}").write_text(str(child.pid))
        """,
    )
    assert done.returncode == 0
    children = [int((tmp_path / f"child{index}").read_text()) for index in range(2)]
    wait_until(lambda: all(is_gone(child) for child in children))


def test_a_launch_without_a_command_says_what_is_missing(refused):
    message = (
        "error: There is no command to run. Expected: it follows two dashes, for example kgan "
        "launch --num_workers=2 -- kgan train --strategy=multi_worker --run_dir=runs/two"
    )
    refused("launch", message=message)


def test_a_command_that_is_not_there_is_an_error_in_one_line(refused):
    message = "error: [Errno 2] No such file or directory: 'no-such-command'"
    refused("launch", "--", "no-such-command", message=message)
