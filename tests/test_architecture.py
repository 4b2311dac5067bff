"""The floors: who may import whom, and where TensorFlow lives."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kgan"

# From the ground up; a room may import what is listed, all of it on a lower floor.
FLOORS = [
    {
        "_utils": set(),
        "_version": set(),
    },
    {
        "backend": {"_utils"},
        "constraints": {"_utils"},
        "layers": {"_utils"},
        "theory": {"_utils"},
    },
    {
        "data": {"_utils"},
        "distribution": {"backend"},
        "features": {"_utils", "_version"},
        "losses": {"_utils", "backend"},
        "metrics": {"_utils"},
        "models": {"_utils", "layers"},
        "penalties": {"_utils", "backend"},
        "sampling": {"_utils"},
    },
    {
        "evaluation": {"_utils", "features", "metrics", "sampling"},
        "export": {"_utils", "_version", "layers", "metrics"},
    },
    {
        "gan": {"_utils", "backend", "data", "export", "layers", "losses", "penalties", "sampling"},
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
        "report": {"_utils", "data", "evaluation", "features", "metrics", "sampling"},
        "toys": {"_utils", "backend", "constraints", "gan", "layers", "losses", "theory"},
    },
    {
        "cli": {
            "_utils",
            "_version",
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
            "toys",
        },
    },
    {"__main__": {"cli"}},
]
WITH_TENSORFLOW = {"backend", "data", "export", "features"}

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


def test_public_names_are_listed_once_and_exist():
    import kgan

    rooms = (kgan.callbacks, kgan.data, kgan.evaluation, kgan.export, kgan.features, kgan.layers)
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
