import sys

from kgan.data.progress import with_progress


def pretend_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_the_items_pass_unchanged():
    assert list(with_progress(iter("abc"), 3)) == ["a", "b", "c"]


def test_long_work_on_a_terminal_shows_how_much_is_done(monkeypatch, capsys):
    pretend_a_terminal(monkeypatch)
    list(with_progress(range(3), 3, moment=0.0))
    shown = capsys.readouterr().out
    assert "3/3" in shown
    assert shown.endswith("\n")


def test_short_work_on_a_terminal_shows_nothing(monkeypatch, capsys):
    pretend_a_terminal(monkeypatch)
    list(with_progress(range(3), 3, moment=60.0))
    assert capsys.readouterr().out == ""


def test_a_log_stays_free_of_bars(capsys):
    list(with_progress(range(3), 3, moment=0.0))
    assert capsys.readouterr().out == ""
