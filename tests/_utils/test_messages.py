import keras
import pytest
from absl import logging

from kgan._utils.messages import say


@pytest.fixture
def silenced():
    keras.config.disable_interactive_logging()
    yield
    keras.config.enable_interactive_logging()


@pytest.mark.parametrize(("after_bar", "printed"), [(False, "a 100%\n"), (True, "\na 100%\n")])
def test_a_message_is_a_line(capsys, after_bar, printed):
    say("a 100%", after_bar=after_bar)
    assert capsys.readouterr().out == printed


def test_where_keras_logs_kgan_logs(silenced, capsys, caplog, monkeypatch):
    monkeypatch.setattr(logging.get_absl_logger(), "propagate", True)
    monkeypatch.setattr(logging.get_absl_logger(), "level", logging.converter.STANDARD_INFO)
    say("a 100%", after_bar=True)
    assert capsys.readouterr().out == ""
    assert caplog.messages == ["a 100%"]
