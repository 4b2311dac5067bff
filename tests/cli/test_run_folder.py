"""A run folder: begun, complete, or another's."""

import json
import re

import pytest

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


def test_a_run_is_resumed_from_another_place_and_with_backups_at_other_times(tmp_path):
    run = begun(tmp_path / "run")
    others = ["--beta_1=0.5", "--run_dir=elsewhere", "--backup_images=4"]
    assert run.is_begun(others)
    run.model.touch()
    assert not run.is_complete(others)
    run.complete()
    assert run.is_complete(others)
    # Killed while it removed the backups, and completed again.
    (run.path / f".kgan-{16 * 'a'}-backup").mkdir()
    run.complete()
    assert sorted(path.name for path in run.path.iterdir()) == ["flags.txt", "gan.keras"]


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
