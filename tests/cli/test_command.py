"""The command itself: what it lists, what it refuses, and flags that commands do not share."""

import importlib
import re
import warnings
from pathlib import Path

import pytest
import tensorflow as tf
from absl import flags as absl_flags

from kgan.cli import sample
from kgan.cli.command import COMMANDS
from kgan.cli.command import Flags
from kgan.cli.command import in_one_line

ROOT = Path(__file__).parents[2]
TOOLS = {word: ROOT / "tools" / f"{word}.py" for word in COMMANDS}
TOOLS["launch"] = ROOT / "tools" / "launch_local.py"


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_alone_it_lists_its_commands(kgan_command, words):
    found = kgan_command(*words)
    assert found.returncode == 0
    for word, does in COMMANDS.items():
        assert re.search(rf"^  kgan {word} +{re.escape(does)}$", found.stdout, re.MULTILINE)


def test_an_unknown_command_is_refused_with_the_known_ones(kgan_command):
    found = kgan_command("trian", "--epochs=1")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "error: There is no such command. Expected: kgan, and one of train, evaluate, export, "
        "sample, toy, launch. Received: trian.\n"
    )


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_explains_itself_and_its_flags(kgan_command, word):
    found = kgan_command(word, "--help")
    assert found.returncode == 0
    assert f"\n    kgan {word} " in found.stdout
    assert re.search(r"^  --\w+=.*\n      \w", found.stdout, re.MULTILINE)


@pytest.mark.parametrize("word", COMMANDS)
def test_an_unknown_flag_and_what_is_no_flag_are_refused(refused, word):
    refused(word, "--epohcs=3", message="Unknown command line flag 'epohcs'")
    if word != "launch":
        wanted = {"train": ["--run_dir=r", "--epochs=1"], "toy": ["--toy=ring", "--run_dir=r"]}
        flags = wanted.get(word, ["--model=m"])
        refused(word, *flags, "runs/mine", message="Everything is said by flags. Received: runs/mi")


@pytest.mark.parametrize("word", COMMANDS)
def test_no_number_may_be_none_or_endless(word):
    module = importlib.import_module(f"kgan.cli.{word}")
    defined = Flags()
    module.define(defined)
    numbers = [name for name in defined if defined[name].flag_type() == "float"]
    assert numbers or word in ("evaluate", "export")
    for name in numbers:
        for value in ("nan", "inf", "-inf"):
            flags = Flags()
            module.define(flags)
            # What else is wrong is looked at later.
            with pytest.raises(absl_flags.Error, match=rf"{name}={value}|-inf is not"):
                flags([word, f"--{name}={value}"])


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--epochs=1.5", "error: flag --epochs=1.5: must be a whole number."),
        ("--beta_1=x", "error: flag --beta_1=x: must be a number."),
        ("--backup_minutes=0", "error: flags backup_minutes=0.0: must be > 0."),
        ("--jit_compile=maybe", "error: flag --jit_compile=maybe: must be true or false."),
        (
            "--flagfile=no",
            "error: Unable to open flagfile: [Errno 2] No such file or directory: 'no'",
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_told_in_words(kgan_command, flag, words):
    assert kgan_command("train", "--run_dir=r", flag).stderr == f"{words}\n"


def test_a_flag_that_is_missing_is_named(refused):
    refused("train", "--epochs=1", message="error: --run_dir is missing. Give --run_dir=<value>.")


def test_help_may_stand_behind_flags(kgan_command):
    found = kgan_command("train", "--epochs=1", "--help")
    assert (found.returncode, found.stdout) == (0, kgan_command("train", "-h").stdout)


@pytest.mark.parametrize(
    "error", [MemoryError, tf.errors.ResourceExhaustedError(None, None, "OOM")]
)
def test_a_memory_that_does_not_suffice_is_told(refused, monkeypatch, error):
    def too_much(flags):
        raise error

    monkeypatch.setattr(sample, "main", too_much)
    refused(
        "sample", "--model=m", message="error: The memory does not suffice. Choose a smaller width,"
    )


def test_a_home_folder_is_found_and_an_address_is_no_folder(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a").touch()
    message = f"Received: --run_dir={tmp_path}/kept, which holds a."
    refused("train", "--epochs=1", "--run_dir=~/kept", message=message)
    message = "--run_dir must be a folder of this machine. Received: gs:/b/a, an address."
    refused("train", "--epochs=1", "--run_dir=gs://b/a", message=message)


def test_a_flag_file_that_is_no_text_is_told(kgan_command, tmp_path):
    (tmp_path / "a.flags").write_bytes(b"\xff")
    found = kgan_command("train", "--flagfile=a.flags", folder=tmp_path)
    assert found.stderr == (
        "error: A flag file is no text. Expected: a flag a line, as in runs/digits/flags.txt. "
        "Received: --flagfile=a.flags.\n"
    )
    (tmp_path / "flags.txt").write_bytes(b"\xff")
    (tmp_path / "gan.keras").touch()
    found = kgan_command("evaluate", f"--run_dir={tmp_path}")
    assert found.stderr == f"error: {tmp_path}/flags.txt is no text: it is damaged.\n"
    (tmp_path / "backup").mkdir()
    again = kgan_command("train", "--epochs=1", f"--run_dir={tmp_path}")
    assert again.stderr == found.stderr
    (tmp_path / "flags.txt").write_text("--dataset=digits\n--image_size=abc\n")
    found = kgan_command("evaluate", f"--run_dir={tmp_path}")
    assert found.stderr == (
        f"error: {tmp_path}/flags.txt is damaged. Expected: a whole number. Received: "
        "--image_size=abc. Give --image_size=<pixels> and --dataset=<name>.\n"
    )


def test_a_name_that_is_no_utf_8_is_told(refused, tmp_path):
    message = "not in UTF-8, and could not be written down. Received: --epochs=1 --run_dir=\\udc"
    refused("train", "--epochs=1", "--run_dir=\udcff", message=message, folder=tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("word", COMMANDS)
def test_a_file_of_tools_is_the_command(forks, word):
    found = forks.run(TOOLS[word], "--nonsense")
    assert (found.returncode, found.stdout) == (1, "")
    assert "error: Unknown command line flag 'nonsense'" in found.stderr


def test_what_a_terminal_would_obey_is_spelt(kgan_command, monkeypatch):
    assert kgan_command("\x1b[2J").stderr.endswith("Received: \\x1b[2J.\n")

    def warning(flags):
        warnings.warn("\x07 of a data set", stacklevel=1)
        return 0

    monkeypatch.setattr(sample, "main", warning)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warnings, "filters", [])
        assert kgan_command("sample", "--model=m").stderr == "warning: \\x07 of a data set\n"


def test_python_runs_the_package(forks):
    done = forks.run(ROOT / "kgan" / "__main__.py", "launch")
    assert done.returncode == 1
    assert "error: There is no command to run." in done.stderr


def test_flags_are_written_as_lines_that_say_them_again(tmp_path):
    def defined():
        flags = Flags()
        flags.define("string", "name", None, "A name.")
        flags.define("integer", "count", 3, "A number.", 1)
        flags.define("bool", "all", True, "Yes or no.")
        flags.define("multi_string", "penalty", [], "Some.")
        return flags

    given = defined()
    assert given(["x", "--name=a b", "--noall", "--penalty=r1=1", "--penalty=lecam"]) == ["x"]
    assert given.lines() == [
        "--noall",
        "--count=3",
        "--name=a b",
        "--penalty=r1=1",
        "--penalty=lecam",
    ]
    assert given.command("x") == "kgan x --noall '--name=a b' --penalty=r1=1 --penalty=lecam"
    (tmp_path / "flags.txt").write_text("\n".join(given.lines()))
    again = defined()
    again(["x", f"--flagfile={tmp_path / 'flags.txt'}"])
    assert again.lines() == given.lines()


def test_an_error_is_its_first_line_without_the_number_of_an_error_of_kgan():
    assert in_one_line(ValueError("one\ntwo")) == "one"
    assert in_one_line(ValueError("these:\na\nb")) == "these: a b"
    assert in_one_line(ValueError()) == "ValueError"
    assert in_one_line(FileExistsError(17, "a is there")) == "a is there"
    assert in_one_line(FileNotFoundError(2, "No such file", "a")) == "[Errno 2] No such file: 'a'"
