"""What the README shows is true: its example runs, its files exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def code(heading):
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL).group(1)


def test_the_example_runs_and_says_what_it_gives(tmp_path, monkeypatch):
    example = code("In Python")
    assert len(example.splitlines()) <= 15
    # Two epochs of 128 images in place of all: the lines are the README's own.
    short = example.replace("epochs=30", "epochs=2")
    short = short.replace("digits.batches(64)", "digits.batches(64).take(2)")
    assert "take(2), epochs=2" in short
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(short, "README.md", "exec"), names)
    assert names["sevens"].shape == (16, 28, 28, 1)
    assert names["sevens"].dtype == "float32"
    assert abs(names["sevens"]).max() <= 1
    assert (tmp_path / "gan.keras").is_file()
    assert (tmp_path / "samples" / "latest.png").is_file()


def test_the_tflite_snippet_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    names = {}
    exec(compile(code("Run it on a device"), "README.md", "exec"), names)
    assert names["images"].shape == (2, 28, 28, 1)


def test_every_file_the_readme_names_is_there():
    named = set(re.findall(r"\]\(((?!http|#)[^)]+)\)", README))
    named |= set(re.findall(r"(?:tools|recipes|benchmarks)/\w+\.\w+", README))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_readme_says_of_every_recipe_what_the_recipe_says():
    for recipe in (ROOT / "recipes").glob("*.flags"):
        expected = (
            r"# Expected on two cores: (.+); (.+ %) of 1,000 samples recognised, diversity (.+)"
        )
        training, recognised, diversity = re.search(expected, recipe.read_text()).groups()
        row = rf"\| `{recipe.stem}` \|.*\| {recognised} \| {diversity} \| {training} \|"
        assert re.search(row, README), row
