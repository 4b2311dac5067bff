"""What kgan tells can be silenced as what Keras tells."""

import logging

import keras
import pytest

from kgan._utils.messages import keras_reason
from kgan._utils.messages import printable
from kgan._utils.messages import tell


@pytest.fixture
def not_interactive():
    keras.config.disable_interactive_logging()
    yield
    keras.config.enable_interactive_logging()


def test_a_message_is_printed(capsys):
    tell("three backups")
    assert capsys.readouterr().out == "three backups\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two lines\n\tof Größe, 数字 and 🐈", "two lines\n\tof Größe, 数字 and 🐈"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m and \x7f and \r", r"\x9b31m and \x7f and \r"),
        ("cod\u202egnp.exe", r"cod\u202egnp.exe"),
        ("gr\udce4u", r"gr\udce4u"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt(text, shown, capsys):
    assert printable(text) == shown
    tell(text)
    assert capsys.readouterr().out == f"{shown}\n"


def test_without_interactive_logging_it_is_logged(not_interactive, capsys, caplog):
    with caplog.at_level(logging.INFO, "kgan"):
        tell("\nthree backups")
    assert capsys.readouterr().out == ""
    assert caplog.messages == ["three backups"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "ValueError"),
        (
            "config={}.\n\nException encountered: No layer. Full object config: {}",
            "No layer.",
        ),
        (
            "Exception encountered: Exception encountered when calling A.call().\n\n"
            "\x1b[1mIt broke.\x1b[0m\n\nArguments: x",
            "Exception encountered when calling A.call(). It broke.",
        ),
    ],
)
def test_the_reason_of_keras_has_no_configs(said, reason):
    assert keras_reason(ValueError(said)) == reason
