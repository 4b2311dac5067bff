import sys

from kgan._utils.progress import Progress


def work(**options):
    with Progress(30, **options) as progress:
        for _ in range(3):
            progress.add(10)


def pretend_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_long_work_on_a_terminal_shows_how_many_images_are_done(monkeypatch, capsys):
    pretend_a_terminal(monkeypatch)
    work(moment=0.0)
    shown = capsys.readouterr().out
    assert "10/30" in shown
    assert "30/30" in shown
    assert shown.endswith("\n")


def test_short_work_and_silence_on_request(monkeypatch, capsys):
    pretend_a_terminal(monkeypatch)
    work(moment=60.0)
    work(moment=0.0, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_log_stays_free_of_bars(capsys):
    work(moment=0.0)
    assert capsys.readouterr().out == ""


def test_the_number_of_images_need_not_be_known(monkeypatch, capsys):
    pretend_a_terminal(monkeypatch)
    with Progress(None, moment=0.0) as progress:
        progress.add(10)
    assert "10/Unknown" in capsys.readouterr().out
