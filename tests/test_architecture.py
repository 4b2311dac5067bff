"""The floors: who may import whom, and where TensorFlow lives."""

import ast
import configparser
import re
from pathlib import Path

import keras
import pytest

from kgan.backend import private

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kgan"

# From the ground up; a room may import what is listed, all of it on a lower floor.
FLOORS = [
    {
        "_environment": set(),
        "_utils": set(),
        "_version": set(),
    },
    {
        "backend": {"_utils"},
        "constraints": {"_utils"},
        "schedules": {"_utils"},
        "theory": {"_utils"},
    },
    {
        "augment": {"_utils", "backend", "schedules"},
        "data": {"_utils", "backend"},
        "distribution": {"backend"},
        "features": {"_utils", "_version"},
        "layers": {"_utils", "backend"},
        "losses": {"_utils", "backend"},
        "metrics": {"_utils"},
        "penalties": {"_utils", "backend", "schedules"},
        "sampling": {"_utils"},
    },
    {
        "models": {"_utils", "layers"},
        "evaluation": {"_utils", "data", "features", "metrics", "sampling"},
        "export": {"_utils", "_version", "backend", "layers", "metrics"},
    },
    {
        "gan": {
            "_environment",
            "_utils",
            "augment",
            "backend",
            "data",
            "export",
            "layers",
            "losses",
            "models",
            "penalties",
            "sampling",
            "schedules",
        },
    },
    {
        "callbacks": {
            "gan",
            "_utils",
            "_version",
            "backend",
            "data",
            "evaluation",
            "features",
            "metrics",
            "sampling",
        },
        "report": {"_utils", "evaluation"},
        "toys": {"_utils", "backend", "constraints", "gan", "layers", "losses", "theory"},
    },
    {
        "cli": {
            "_utils",
            "_version",
            "augment",
            "callbacks",
            "constraints",
            "data",
            "distribution",
            "evaluation",
            "export",
            "features",
            "gan",
            "losses",
            "metrics",
            "models",
            "penalties",
            "report",
            "sampling",
            "schedules",
            "toys",
        },
    },
    {"__main__": {"cli"}},
]
WITH_TENSORFLOW = {"backend", "data", "export", "features"}

# Public though they begin with an underscore, and kgan's own, which its rooms share.
NOT_PRIVATE = {"_asdict", "_replace", "_fields", "_compiled_with"}
# The packages of a framework that are not its public interface.
INTERNALS = ("keras.src", "tf.python", "tf.core", "tensorflow.python", "tensorflow.core")
INTERNALS += ("keras._tf_keras", "tf.__internal__", "tensorflow.__internal__", "tf.compiler")
INTERNALS += ("tensorflow.compiler", "tf.lite.python", "tensorflow.lite.python")

EVALUATES = "_use_cached_eval_dataset"

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path):
    """The module or package directly below kgan in which a file lies."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The full names of everything a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_room_has_a_floor_and_looks_down():
    placed = {}
    for number, floor in enumerate(FLOORS):
        for name, below in floor.items():
            assert all(placed[other] < number for other in below), name
            placed[name] = number
    assert set(placed) == {room(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_floor_allows(path):
    own = room(path)
    allowed = next(floor[own] for floor in FLOORS if own in floor) | {own}
    for name in imported(path):
        first, *rest = name.split(".")
        if first == "kgan":
            assert rest[0] in allowed, f"{path.name} imports {name}"
        if first == "tensorflow":
            assert own in WITH_TENSORFLOW, f"{path.name} imports TensorFlow"
        assert first != "tools", f"{path.name} imports {name}"


def private_names(tree, overridden):
    """What a file uses that is private to another package: pairs of a line and a name.

    Attributes of anything but `self` and `cls`, keywords and strings that are names of Keras'
    model, methods that override one, and whatever lies in a framework's internal packages.
    """
    ours = {"self", "cls"}
    of_keras = {name for name in dir(keras.Model) if is_private(name)} | {EVALUATES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            chain = ast.unparse(node)
            # `os._exit` is documented, and Python's.
            foreign = is_private(node.attr) and ast.unparse(node.value) not in {*ours, "os"}
            if foreign or chain.startswith(INTERNALS):
                yield node.lineno, chain
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names]
            for name in names:
                parts = name.split(".")
                if name.startswith(INTERNALS) or (
                    parts[0] not in ("kgan", "__future__") and any(map(is_private, parts))
                ):
                    yield node.lineno, name
        elif isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            for method in methods:
                if method.name in of_keras.difference(overridden.get(node.name, ())):
                    yield method.lineno, f"{node.name}.{method.name}"
        elif isinstance(node, ast.Constant) and node.value in of_keras:
            yield node.lineno, repr(node.value)


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in NOT_PRIVATE


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_private_names_of_others_are_used_in_one_file_only(path):
    if path == PACKAGE / "backend" / "private.py":
        return
    found = list(private_names(ast.parse(path.read_text()), private.OVERRIDDEN))
    assert not found, (
        f"{path.relative_to(ROOT)} uses private names of another package: "
        f"{', '.join(f'{name} (line {line})' for line, name in found)}. Use a public one, or give "
        "it a function, a reason and a test in kgan/backend/private.py."
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("model._flatten_layers()", "model._flatten_layers"),
        ("super()._flatten_layers()", "super()._flatten_layers"),
        ("strategy.extended._num_workers", "strategy.extended._num_workers"),
        ("import keras.src.backend", "keras.src.backend"),
        ("from tensorflow.python.framework import ops", "tensorflow.python.framework.ops"),
        ("from keras.src import tree", "keras.src.tree"),
        ("keras.src.tree", "keras.src.tree"),
        ("tf.__internal__.tracking", "tf.__internal__.tracking"),
        ("from scipy import _lib", "scipy._lib"),
        ("class GAN:\n    def _symbolic_build(self): pass", "GAN._symbolic_build"),
        ("getattr(model, '_flatten_layers')", "'_flatten_layers'"),
        ("kwargs.get('_use_cached_eval_dataset')", "'_use_cached_eval_dataset'"),
    ],
)
def test_a_private_name_is_found(code, name):
    assert name in [found for _, found in private_names(ast.parse(code), private.OVERRIDDEN)]


def test_what_is_ours_or_public_is_no_private_name():
    code = "self._own\ncls._own\nrow._replace(a=1)\nfrom kgan._utils import files\nmodel.__class__"
    assert not list(private_names(ast.parse(code), {}))
    code = "class GAN:\n    def _maybe_symbolic_build(self): pass"
    assert not list(private_names(ast.parse(code), private.OVERRIDDEN))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_commands_print(path):
    if room(path) == "cli" or path == PACKAGE / "_utils" / "messages.py":
        return
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    lines = [call.lineno for call in calls if ast.unparse(call.func) == "print"]
    assert not lines, f"{path.name} prints in lines {lines}. Use tell of kgan._utils.messages."


def test_public_names_are_listed_once_and_exist():
    import kgan

    rooms = (
        kgan.augment,
        kgan.callbacks,
        kgan.data,
        kgan.evaluation,
        kgan.export,
        kgan.features,
        kgan.layers,
    )
    more = (
        kgan.distribution,
        kgan.losses,
        kgan.metrics,
        kgan.models,
        kgan.penalties,
        kgan.report,
        kgan.toys,
    )
    for module in (kgan, *rooms, *more):
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


def test_the_oldest_packages_that_are_tried_are_those_of_setup_cfg():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    bounds = re.findall(r"(?m)^(tensorflow|keras)>=(.+)$", setup["options"]["install_requires"])
    tried = re.findall(r"\b(tensorflow|keras)==([\d.]+)", (ROOT / "Makefile").read_text())
    assert [name for name, _ in tried] == ["tensorflow", "keras"]
    assert tried == [(name, f"{version}.0") for name, version in bounds]
