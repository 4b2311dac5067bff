"""A command of kgan finds TensorFlow as it is fastest; a program that imports kgan as it was."""

import ast
import importlib
import os
import platform
import runpy
import sys
from pathlib import Path

import pytest

from kgan import _environment

ROOT = Path(__file__).parents[1]
COMMANDS = [
    (["/usr/bin/kgan", "toy", "-m"], ["python", "/usr/bin/kgan", "toy", "-m"]),
    (["kgan.exe"], ["python.exe", "kgan.exe"]),
    (["-m", "train", "-m"], ["python", "-X", "dev", "-m", "kgan", "train", "-m"]),
    (["-m"], ["python", "-mkgan"]),
]
PROGRAMS = [
    (["train.py", "kgan"], ["python", "train.py", "kgan"]),
    (["-c"], ["python", "-c", "import kgan"]),
    (["-m", "kgan"], ["python", "-m", "mine", "kgan"]),
    (["/lib/pytest/__main__.py", "-m", "kgan"], ["python", "-m", "pytest", "-m", "kgan"]),
    ([""], ["python"]),
    ([], ["python"]),
]


@pytest.fixture
def settings_of(monkeypatch):
    """A function of `sys.argv` and `sys.orig_argv`: what an import then sets."""

    def settings(arguments, given, **environment):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", arguments)
            patch.setattr(sys, "orig_argv", given)
            patch.setattr(os, "environ", environment)
            importlib.reload(_environment)
        return environment

    return settings


@pytest.mark.parametrize(("arguments", "given"), COMMANDS)
def test_a_command_sets_what_is_not_set(settings_of, arguments, given):
    assert settings_of(arguments, given) == _environment.SETTINGS
    chosen = dict.fromkeys(_environment.SETTINGS, "0")
    assert settings_of(arguments, given, **chosen) == chosen


@pytest.mark.parametrize(("arguments", "given"), PROGRAMS)
def test_a_program_that_imports_kgan_keeps_its_environment(settings_of, arguments, given):
    assert settings_of(arguments, given) == {}


@pytest.mark.parametrize("path", sorted((ROOT / "tools").glob("*.py")), ids=lambda path: path.stem)
def test_a_file_of_tools_says_that_it_is_the_command(monkeypatch, path):
    monkeypatch.setattr(sys, "argv", [str(path), "--seed=1"])
    started = []
    monkeypatch.setattr(runpy, "run_module", lambda name, **_: started.append((name, *sys.argv)))
    runpy.run_path(str(path))
    word = path.stem.removesuffix("_local")
    assert started == [("kgan", "kgan", word, "--seed=1")]
    assert _environment.is_of_command(list(started[0][1:]), ["python", str(path), "--seed=1"])


def test_onednn_is_switched_on_where_it_was_measured(settings_of, monkeypatch):
    for machine, value in [("x86_64", "1"), ("AMD64", "1"), ("arm64", None), ("aarch64", None)]:
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert settings_of(*COMMANDS[0]).get("TF_ENABLE_ONEDNN_OPTS") == value


def test_the_package_imports_it_before_all_else():
    _, first, *_ = ast.parse((ROOT / "kgan" / "__init__.py").read_text()).body
    assert ast.unparse(first) == "from kgan import _environment"
