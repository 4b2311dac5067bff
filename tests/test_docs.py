"""What the pages in docs/ name exists, and the example of objectives.md prints what it says."""

import re
from pathlib import Path

import pytest

import kgan

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "objectives.md").read_text()


def test_the_example_prints_what_it_says(capsys):
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    exec(compile(example, "objectives.md", "exec"), {})
    assert capsys.readouterr().out.strip() == example.rsplit("# ", 1)[1].strip()


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_picture_and_file_is_there(page):
    text = page.read_text()
    linked = re.findall(r"\]\(((?!http|#)[^)#]+)[^)]*\)", text)
    assert [name for name in linked if not (DOCS / name).exists()] == []
    named = re.findall(r"(?:tools|tests|benchmarks|recipes)/[\w/]+\.\w+", text)
    assert linked or named
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


def test_every_loss_divergence_and_penalty_has_its_row():
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    others = {"Loss", "Penalty", "deserialize", "get", "get_all", "serialize"}
    for name in {*kgan.losses.__all__} - others:
        assert f"| `{name}" in rows, name
    for name in kgan.losses.FDivergence.divergences():
        assert f'| `"{name}"`' in rows, name
    for name in {*kgan.penalties.__all__} - {
        "Penalty",
        "deserialize",
        "get",
        "get_all",
        "serialize",
    }:
        assert f"| `{name}(" in rows, name


def test_what_the_page_names_in_kgan_exists():
    for name in re.findall(r"`((?:theory|losses|layers|constraints)\.\w+)", PAGE):
        room, attribute = name.split(".")
        assert hasattr(getattr(kgan, room), attribute), name


def test_the_example_of_augmentation_prints_what_it_says_and_every_class_is_named(capsys):
    page = (DOCS / "augmentation.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    exec(compile(example, "augmentation.md", "exec"), {})
    assert capsys.readouterr().out.strip() == example.rsplit("# ", 1)[1].strip()
    for name in {*kgan.augment.__all__} - {"deserialize", "get", "get_for", "serialize"}:
        assert f"`{name}`" in page or f"`kgan.augment.{name}`" in page
