"""The time that a run will take: a clock is handed in, and no test waits."""

import types

import pytest

from kgan.cli import estimate


def said(seconds_per_step, images, capsys, steps=60, batch=64):
    """What is printed in so many steps, of which the first ten take far longer."""
    now = [0.0]
    gan = types.SimpleNamespace(images_seen=1000, generate=None)
    callback = estimate.Estimate(images, clock=lambda: now[0])
    callback.set_model(gan)
    callback.set_params({"verbose": 2})
    for step in range(steps):
        now[0] += seconds_per_step if step >= 10 else 1e6
        gan.images_seen += batch
        callback.on_train_batch_end(step)
    return capsys.readouterr()


def test_it_is_said_once_for_what_is_left_after_fifty_steps(capsys):
    # 1,000 images of before, and 50 * 64: 2,000 steps of a second are left.
    printed = said(1.0, 4200 + 2000 * 64, capsys)
    assert printed.out == "About 33 minutes for 128,000 images.\n"
    assert printed.err == ""
    assert said(1.0, 10**6, capsys, steps=49).out == ""


def test_hours_are_warned_of_with_what_can_be_done(capsys):
    printed = said(3.601, 4200 + 2000 * 64, capsys)
    assert printed.out == "About 2.0 hours for 128,000 images.\n"
    assert printed.err.startswith("warning: That is long. A run may be short first and made longer")
    assert said(3.5, 4200 + 2000 * 64, capsys).err == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 seconds"),
        (99.4, "99 seconds"),
        (150, "2 minutes"),
        (5900, "98 minutes"),
        (6000, "1.7 hours"),
        (360_000, "100.0 hours"),
    ],
)
def test_a_time_is_rounded(seconds, words):
    assert estimate.in_words(seconds) == words
