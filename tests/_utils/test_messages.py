"""What kgan tells can be silenced as what Keras tells."""

import logging

import keras
import pytest

from kgan._utils.messages import tell


@pytest.fixture
def not_interactive():
    keras.config.disable_interactive_logging()
    yield
    keras.config.enable_interactive_logging()


def test_a_message_is_printed(capsys):
    tell("three backups")
    assert capsys.readouterr().out == "three backups\n"


def test_without_interactive_logging_it_is_logged(not_interactive, capsys, caplog):
    with caplog.at_level(logging.INFO, "kgan"):
        tell("\nthree backups")
    assert capsys.readouterr().out == ""
    assert caplog.messages == ["three backups"]
