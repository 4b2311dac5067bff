"""A run folder: begun, complete, or another's."""

import json
import re
from pathlib import Path

import pytest

from kgan._utils.arrays_file import write_arrays
from kgan.cli import RunFolder

FLAGS = ["--beta_1=0.5", "--run_dir=runs/mine", "--backup_minutes=1.0"]


def begun(path):
    run = RunFolder(path)
    run.backups.mkdir(parents=True)
    run.begin(FLAGS)
    return run


def test_a_new_folder_is_neither_begun_nor_complete(tmp_path):
    run = RunFolder(tmp_path / "new")
    assert not run.is_begun(FLAGS)
    assert not run.is_complete(FLAGS)
    # What a run leaves that was killed before it had written its flags.
    run.backups.mkdir(parents=True)
    assert not run.is_begun(FLAGS)
    (run.path / f".kgan-{16 * 'a'}-flags.txt").mkdir()
    (run.path / f".kgan-{16 * 'a'}-flags.txt" / "flags.txt").touch()
    assert not run.is_begun(FLAGS)


def back_up(run, images, epochs):
    write_arrays(run.backups / f"backup-{images:012d}.npz", {"epochs": epochs}, [])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_resumed_from_another_place_and_with_backups_at_other_times(tmp_path):
    run = begun(tmp_path / "run")
    others = ["--beta_1=0.5", "--run_dir=elsewhere", "--backup_images=4"]
    assert run.is_begun(others)
    run.model.touch()
    assert not run.is_complete(others)
    run.complete()
    assert run.is_complete(others)


def test_of_a_complete_run_the_last_backup_is_left(tmp_path):
    run = begun(tmp_path / "run")
    assert run.images_seen() is None
    for images in (0, 480, 960):
        back_up(run, images, 2)
    (run.backups / ".lock").touch()
    (run.path / f".kgan-{16 * 'a'}-gan.keras").mkdir()
    assert run.images_seen() == 960
    run.complete()
    assert names(run.path) == ["end", "flags.txt"]
    assert run.images_seen() == 960
    assert names(run.end) == ["backup-000000000960.npz"]


@pytest.mark.parametrize(
    ("asked", "is_more"),
    [
        ("--images=900", False),
        # As many as it has seen, since 900 were rounded up.
        ("--images=960", False),
        ("--images=961", True),
        ("--epochs=2", False),
        ("--epochs=3", True),
    ],
)
def test_a_complete_run_goes_on_where_more_is_asked_for(tmp_path, asked, is_more):
    run = RunFolder(tmp_path)
    run.backups.mkdir()
    run.begin([*FLAGS, "--images=900"])
    back_up(run, 960, 2)
    run.model.touch()
    run.complete()
    lines = [*FLAGS, asked]
    assert run.is_complete(lines) is not is_more
    if is_more:
        assert run.is_begun(lines)
        run.go_on(lines)
        assert names(tmp_path) == ["backup", "flags.txt", "gan.keras"]
        assert run.flags_file.read_text().splitlines() == lines
        assert run.is_begun(lines)
    with pytest.raises((FileExistsError, ValueError)):
        run.is_begun(["--beta_1=0.6", "--images=2000"])


def test_a_run_that_was_killed_before_its_end_became_its_backup_goes_on(tmp_path, monkeypatch):
    run = begun(tmp_path)
    back_up(run, 960, 2)
    run.model.touch()
    run.complete()
    longer = [*FLAGS, "--images=2000"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *paths: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            run.go_on(longer)
    assert not run.is_complete(longer)
    assert run.is_begun(longer)
    # The shorter run is what it was.
    assert run.is_complete([*FLAGS, "--images=960"])


def test_without_its_end_a_complete_run_goes_no_further(tmp_path):
    run = RunFolder(tmp_path)
    run.begin([*FLAGS, "--images=900"])
    run.model.touch()
    assert run.is_complete([*FLAGS, "--images=900"])
    assert not run.is_complete([*FLAGS, "--images=2000"])
    message = (
        f"The run in {tmp_path} is complete, and its end, {run.end}, is not there. Without it the "
        "run cannot be made longer. Nothing was changed. Choose another --run_dir; "
        f"--init_from={run.model} begins with its weights."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        run.is_begun([*FLAGS, "--images=2000"])


def test_other_flags_are_named(tmp_path):
    run = begun(tmp_path)
    message = (
        f"The folder {tmp_path} holds a run with other flags, which is not complete. They differ "
        "in --beta_1=0.5 (before), --beta_1=0.6 (now). Nothing was changed. Resume it by "
        f"--flagfile={tmp_path / 'flags.txt'}, or choose another --run_dir."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        run.is_begun(["--beta_1=0.6"])
    run.complete()
    run.model.touch()
    assert not run.is_complete(["--beta_1=0.6"])


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.txt").touch()
    message = (
        f"--run_dir must be a new or empty folder. Received: --run_dir={tmp_path}, which holds "
        "0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more. Nothing was changed. Choose another, for "
        f"example --run_dir={tmp_path}-2."
    )
    with pytest.raises(FileExistsError, match=f"^{re.escape(message)}$"):
        RunFolder(tmp_path).is_begun(FLAGS)
    with pytest.raises(FileExistsError, match="which holds a file"):
        RunFolder(tmp_path / "0.txt").is_begun(FLAGS)
    with pytest.raises(PermissionError, match=r"but .*/0.txt is no folder that you may write to"):
        RunFolder(tmp_path / "0.txt" / "run").is_begun(FLAGS)


def test_of_two_runs_that_begin_at_once_one_fails(tmp_path):
    RunFolder(tmp_path).begin(FLAGS)
    with pytest.raises(FileExistsError):
        RunFolder(tmp_path).begin(FLAGS)


def test_its_flags_are_read_and_a_model_in_it_knows_it(tmp_path):
    run = begun(tmp_path)
    assert run.flags()["beta_1"] == "0.5"
    assert RunFolder.of(tmp_path / "gan.keras").path == tmp_path
    assert RunFolder.of(tmp_path / "elsewhere" / "gan.keras") is None
    assert RunFolder(tmp_path / "elsewhere").flags() == {}


def test_the_newest_evaluation_of_the_model_as_it_is_counts(tmp_path, capsys):
    run = RunFolder(tmp_path)
    measured = {"num_images": 5, "num_repeats": 3, "extractor": "digits", "metrics": {"fd": 1.5}}
    contents = {
        "evaluation": json.dumps(
            {**measured, "num_images": 6, "date": "2020-01-01", "generator_sha256": "mine"}
        ),
        "evaluation-2": json.dumps({**measured, "date": "2020-01-02", "generator_sha256": "mine"}),
        # Of a file that has been trained on since.
        "evaluation-3": json.dumps({**measured, "date": "2020-01-03", "generator_sha256": "old"}),
        "evaluation-4": "{",
        "evaluation-5": "[1]",
    }
    for name, text in contents.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(text)
    # It looked at samples without an extractor.
    unmeasured = {**measured, "metrics": {}, "date": "2020-01-04", "generator_sha256": "mine"}
    (tmp_path / "evaluation-2b").mkdir()
    (tmp_path / "evaluation-2b" / "metrics.json").write_text(json.dumps(unmeasured))
    assert run.measured("mine") == measured
    damaged = capsys.readouterr().err.splitlines()
    assert damaged == [
        f"{tmp_path / name / 'metrics.json'} is damaged or of another program, and is left out."
        for name in list(contents)[3:]
    ]
    assert run.measured("another") is None
