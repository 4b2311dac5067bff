"""Charts as SVG, drawn with the colours of the page they stand in, light, dark or printed."""

import html

import numpy as np

from kgan.evaluation.neighbours import Closeness

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _FOOT = 46, 8, 14, 198
_INSIDE = _FOOT - _TOP
# More names than this would overlap.
_MOST_NAMES = 30


def class_chart(names: list[str], real: np.ndarray, fake: np.ndarray) -> str:
    """Pairs of bars: what share of the real and of the generated images each class has.

    Args:
        names: of the classes.
        real: float array, (classes,), shares of the real images.
        fake: float array, (classes,), shares of the generated images.

    Returns:
        An svg element.
    """
    top = _ceiling(max(real.max(), fake.max()))
    place = (_WIDTH - _LEFT - _RIGHT) / len(names)
    bar = place * 0.38
    every = -(-len(names) // _MOST_NAMES)
    parts = []
    for number, name in enumerate(names):
        middle = _LEFT + place * (number + 0.5)
        for kind, shares, left in (("real", real, middle - bar), ("fake", fake, middle)):
            share = shares[number]
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{_y(share, top):.1f}" width="{bar:.1f}" '
                f'height="{share / top * _INSIDE:.1f}">'
                f"<title>{html.escape(name)}, {kind}: {share:.1%}</title></rect>"
            )
        if number % every == 0:
            parts.append(_text(middle, _FOOT + 16, name))
    return _chart("Share of each class among real and generated images", parts, top, "class")


def distance_chart(space: Closeness) -> str:
    """Two histograms on one axis: distances of real and of generated images, with their medians.

    Args:
        space: a `kgan.evaluation.neighbours.Closeness`.

    Returns:
        An svg element.
    """
    edges, *shares = space.histogram()
    high, label = float(edges[-1]), f"distance by {space.space}"
    top = _ceiling(max(share.max() for share in shares))
    parts = []
    for kind, share in zip(("real", "fake"), shares, strict=True):
        # From 0 up to the first share, along all of them, and down to 0 again.
        corners = zip(edges.repeat(2), [0, *share.repeat(2), 0], strict=True)
        outline = "L".join(f"{_x(edge, high):.1f},{_y(y, top):.1f}" for edge, y in corners)
        parts.append(f'<path class="{kind} area" d="M{outline}Z"/>')
    for kind, median in (("real", space.real.median), ("fake", space.fake.median)):
        x = _x(min(median, high), high)
        parts.append(
            f'<line class="{kind} median" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" '
            f'y2="{_FOOT}"><title>median of {kind}: {median:.3g}</title></line>'
        )
    for tick in np.arange(0.0, high, _ceiling(high / 10, steps=(1, 2, 5, 10, 20))):
        parts.append(_text(_x(tick, high), _FOOT + 16, f"{tick:.3g}"))
    return _chart(f"Histogram of the {label}", parts, top, label)


def _x(value: float, high: float) -> float:
    return _LEFT + value / high * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float, top: float) -> float:
    return _FOOT - share / top * _INSIDE


def _ceiling(value: float, steps=(1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12)) -> float:
    """The next number above that is round and of which a quarter is round too."""
    scale = 10.0 ** np.floor(np.log10(value)) if value > 0 else 1.0
    return float(next(step for step in steps if step * scale >= value) * scale)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _chart(title: str, parts: list[str], top: float, label: str) -> str:
    """Parts on lines at round shares up to `top`, with the name of the other axis below."""
    lines = []
    for share in np.linspace(0, top, 5):
        y = _y(share, top)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        lines.append(_text(_LEFT - 6, y + 4, f"{100 * share:.3g} %", "end"))
    name = _text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 6, label)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f"{''.join([*lines, *parts, name])}</svg>"
    )
