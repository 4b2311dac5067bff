"""The part of a page on use: whether samples help to train a classifier."""

from kgan.evaluation import Findings
from kgan.evaluation.usefulness import Usefulness
from kgan.report import elements
from kgan.report.elements import percent

_TRAINED_ON = {
    "real": "real images alone",
    "samples": "samples alone",
    "both": "real images and samples",
}
_ADVICE = {
    "help": "So the samples help: train on both.",
    "hurt": (
        "So the samples hurt: leave them out. Recall, classes and copies say what is wrong with "
        "them; a generator that only repeats its training images has nothing to add."
    ),
    "open": (
        "So these held-out images show no difference. With fewer real images to train on, or more "
        "held-out ones to test on, there may be one."
    ),
}


def usefulness_section(findings: Findings) -> str:
    """The part of a page on use.

    Args:
        findings: a `kgan.evaluation.Findings`.

    Returns:
        HTML.
    """
    title, useful = "Do the samples help?", findings.usefulness
    if useful is None:
        return elements.section(title, elements.paragraph(unmeasured(findings), quiet=True))
    rows = []
    for kind, words in _TRAINED_ON.items():
        low, high = map(percent, useful.interval(kind))
        accuracy = percent(useful.accuracy(kind))
        rows.append([elements.strong(words), accuracy, f"{low} to {high}"])
    trainings, held_out = useful.real.shape
    how = (
        f"The same small classifier, trained {trainings} times on each kind, {useful.steps:,} "
        f"steps of 128 images, from {useful.num_images:,} images of each kind, as many of each "
        f"class, and tested on {held_out:,} images of {useful.held_out!r}, held out. Intervals are "
        "at 95 %: Wilson's, and for the difference the normal one of a mean over images. The "
        "accuracy from samples alone is the classification accuracy score (Ravuri and Vinyals "
        "2019): the nearer to that from real images, the more of what tells classes apart is there."
    )
    return elements.section(
        title,
        elements.paragraph(helped(useful)),
        elements.table(["a classifier trained on", "is right on", "interval"], rows, narrow=True),
        elements.paragraph(how, quiet=True),
    )


def helped(useful: Usefulness) -> str:
    """Whether samples help to train a classifier, in sentences: what it says and what to do.

    Args:
        useful: a `kgan.evaluation.usefulness.Usefulness`.

    Returns:
        Text.
    """
    low, high = (f"{100 * end:+.1f}" for end in useful.gain_interval)
    return (
        "Trained for as many steps, a classifier is right on "
        f"{percent(useful.accuracy('real'))} of held-out images by real images alone, on "
        f"{percent(useful.accuracy('both'))} with as many samples beside them (a difference of "
        f"{low} to {high} points), and by samples alone on "
        f"{percent(useful.accuracy('samples'))}. {_ADVICE[useful.verdict]}"
    )


def unmeasured(findings: Findings) -> str:
    """Why it is not known whether the samples help.

    Args:
        findings: a `kgan.evaluation.Findings` without usefulness.

    Returns:
        Text.
    """
    words = "Whether the samples help to train a classifier was not measured."
    if findings.usefulness_takes:
        return f"{words} It takes {findings.usefulness_takes}."
    return f"{words} It takes some minutes: kgan.evaluation.examine(..., train_on_samples=True)."
