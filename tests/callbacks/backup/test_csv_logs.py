import re

import keras
import pytest

from kgan.callbacks.backup.csv_logs import check_logs
from kgan.callbacks.backup.csv_logs import cut_logs
from kgan.callbacks.backup.csv_logs import log_sizes

# Of another training, with a line within a line, and of epochs that this one has, too.
EARLIER = 'epoch,loss\n0,"[1\n2]"\n1,2.0\n'


def logger_of(path, **options):
    return keras.callbacks.CSVLogger(path, append=True, **options)


def log(logger, epochs):
    logger.on_train_begin()
    for epoch in epochs:
        logger.on_epoch_end(epoch, {"loss": epoch / 3})
    logger.on_train_end()


def sizes_of(path, folder):
    return log_sizes([logger_of(path)], folder)


def cut(path, folder, sizes, epoch=2):
    cut_logs([logger_of(path)], folder, sizes, epoch)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("earlier", ["", EARLIER])
@pytest.mark.parametrize("half", ["", "1", "12", "12{0}0.", '12{0}"[1, 2'])
def test_what_was_written_since_then_is_removed(tmp_path, earlier, separator, half):
    path = tmp_path / "log.csv"
    path.write_text(earlier)
    logger, others = logger_of(path, separator=separator), [keras.callbacks.History()]
    log(logger, [8, 9] if earlier else [])
    whole, sizes = path.read_bytes(), log_sizes([*others, logger], tmp_path / "backup")
    log(logger, [10, 11])
    with path.open("a") as file:
        file.write(half.format(separator))
    cut_logs([logger, *others], tmp_path / "backup", sizes, 10)
    assert path.read_bytes() == whole


def test_files_are_told_apart_by_their_names_not_by_their_order(tmp_path):
    first, second, new = (tmp_path / name for name in ("first.csv", "second.csv", "new.csv"))
    log(logger_of(first), [0, 1])
    log(logger_of(second), [0])
    loggers = [logger_of(first), logger_of(second)]
    sizes, before = log_sizes(loggers, tmp_path), first.read_bytes()
    log(logger_of(first), [2, 3])
    log(logger_of(new), range(9))
    archive = new.read_bytes()
    cut_logs([logger_of(new), loggers[1], loggers[0]], tmp_path, sizes, 2)
    assert first.read_bytes() == before
    assert new.read_bytes() == archive


def test_a_file_is_known_after_the_run_was_moved(tmp_path):
    run, moved = tmp_path / "run", tmp_path / "other" / "run"
    run.mkdir()
    log(logger_of(run / "log.csv"), [0, 1])
    before, sizes = (run / "log.csv").read_bytes(), sizes_of(run / "log.csv", run / "backup")
    log(logger_of(run / "log.csv"), [2])
    moved.parent.mkdir()
    run.rename(moved)
    cut(moved / "log.csv", moved / "backup", sizes)
    assert (moved / "log.csv").read_bytes() == before


def test_lines_of_another_run_stay(tmp_path):
    path = tmp_path / "log.csv"
    log(logger_of(path), [0, 1])
    sizes = sizes_of(path, tmp_path)
    log(logger_of(path), [2])
    log(logger_of(path), [0, 1])
    whole = path.read_bytes()
    cut(path, tmp_path, sizes)
    assert path.read_bytes() == whole


def test_what_is_no_log_stays(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("x" * 200_000)
    cut(path, tmp_path, {"log.csv": 10})
    assert path.stat().st_size == 200_000


def test_a_file_that_is_shorter_than_it_was_is_left_alone(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch\n")
    cut(path, tmp_path, {"log.csv": 100})
    assert path.read_text() == "epoch\n"


def test_a_file_that_is_not_there_stays_so(tmp_path):
    path = tmp_path / "log.csv"
    assert sizes_of(path, tmp_path) == {"log.csv": 0}
    cut(path, tmp_path, {"log.csv": 0})
    assert not list(tmp_path.iterdir())


def test_a_logger_that_begins_its_file_anew_is_refused(tmp_path):
    message = "Pass append=True: it begins a file that is not there."
    with pytest.raises(ValueError, match=re.escape(message)):
        check_logs([keras.callbacks.CSVLogger(tmp_path / "log.csv")])
