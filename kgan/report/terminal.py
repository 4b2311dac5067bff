"""Findings as text in aligned columns, for a terminal or a notebook's print."""

from kgan._utils.messages import printable
from kgan.evaluation import Findings
from kgan.evaluation.neighbours import Closeness
from kgan.report.numbers import UNMEASURED
from kgan.report.numbers import meaning
from kgan.report.numbers import shown
from kgan.report.numbers import shown_real

# Characters of the longest bar.
_BAR = 30
_VERDICTS = {
    "help": "the samples help",
    "hurt": "the samples hurt",
    "open": "no difference is shown",
}


def as_text(findings: Findings) -> str:
    """The numbers, the classes, and how near samples come to training images.

    Args:
        findings: what `kgan.evaluation.examine` returns.

    Returns:
        Lines of text.

    Example:
        >>> findings = kgan.evaluation.examine(gan.generator, kgan.data.digits(), "digits",
        ...     latent_dim=64, repeats=1)
        >>> print(kgan.report.as_text(findings))
    """
    rows = [("", "samples", "real images", "better")]
    for name, number in findings.numbers.items():
        rows.append((name, shown(number), shown_real(number), meaning(number).better))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{name:{widths[0]}}  {value:>{widths[1]}}  {real:>{widths[2]}}  {better}".rstrip()
        for name, value, real, better in rows
    ]
    if not findings.numbers:
        lines = [UNMEASURED]
    elif findings.reals.others is not None:
        lines.append(f"real images: {findings.reals.words()}, in place of the samples")
    if (shares := findings.classes) is not None:
        names = [printable(" ".join(name.split())) for name in shares.names]
        width = max(len("class"), *map(len, names))
        highest = max(shares.real.max(), shares.fake.max())
        lines += ["", f"{'class':{width}}  samples  real images"]
        for name, real, fake in zip(names, shares.real, shares.fake, strict=True):
            bar = "#" * round(_BAR * fake / highest)
            lines.append(f"{name:{width}}  {fake:7.1%}  {real:11.1%}  {bar}".rstrip())
    lines += ["", "samples as near to a training image as hardly any real image is:"]
    lines += [_closeness(space) for space in findings.neighbours]
    if (useful := findings.usefulness) is not None:
        lines += ["", "held-out images that a classifier is right on, trained on"]
        for kind in ("real", "samples", "both"):
            low, high = useful.interval(kind)
            lines.append(f"{useful.accuracy(kind):7.1%}  {kind}, {low:.1%} to {high:.1%}")
        low, high = (f"{100 * end:+.1f}" for end in useful.gain_interval)
        lines.append(f"both beside real: {low} to {high} points; {_VERDICTS[useful.verdict]}")
    return "\n".join(lines)


def _closeness(space: Closeness) -> str:
    low, high = space.close_interval
    else_smooth = " or just smooth" if space.space == "pixels" else ""
    return (
        f"{space.close_share:7.1%}  by {space.space}, {low:.1%} to {high:.1%} (without copies "
        f"{space.new_share:.1%}, by chance up to {space.most_by_chance:.1%})"
        + (f": some may be copies{else_smooth}" if space.has_copies else "")
    )
