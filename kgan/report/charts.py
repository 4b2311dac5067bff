"""Charts as SVG, drawn with the colours of the page they stand in, light, dark or printed."""

import html

import numpy as np

from kgan.evaluation.neighbours import Closeness

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 14, 42
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
    top = _ceiling(max(float(np.max(real)), float(np.max(fake))))
    place = (_WIDTH - _LEFT - _RIGHT) / len(names)
    bar = place * 0.38
    every = -(-len(names) // _MOST_NAMES)
    parts = [_share_axis(top)]
    for number, name in enumerate(names):
        middle = _LEFT + place * (number + 0.5)
        for kind, share, left in (("real", real, middle - bar), ("fake", fake, middle)):
            value = float(share[number])
            height = value / top * (_HEIGHT - _TOP - _BOTTOM)
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" '
                f'width="{bar:.1f}" height="{height:.1f}"><title>{html.escape(name)}, {kind}: '
                f"{value:.1%}</title></rect>"
            )
        if number % every == 0:
            parts.append(_text(middle, _HEIGHT - _BOTTOM + 16, name, "middle"))
    parts.append(_text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 6, "class", "middle"))
    return _svg("Share of each class among real and generated images", parts)


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
    parts = [_share_axis(top)]
    for kind, share in zip(("real", "fake"), shares, strict=True):
        parts.append(f'<path class="{kind} area" d="{_steps(edges, share, high, top)}"/>')
    for kind, median in (("real", space.real.median), ("fake", space.fake.median)):
        x = _x(min(median, high), high)
        parts.append(
            f'<line class="{kind} median" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" '
            f'y2="{_HEIGHT - _BOTTOM}"><title>median of {kind}: {median:.3g}</title></line>'
        )
    for tick in np.arange(0.0, high, _ceiling(high / 10, steps=(1, 2, 5, 10, 20))):
        parts.append(_text(_x(tick, high), _HEIGHT - _BOTTOM + 16, f"{tick:.3g}", "middle"))
    parts.append(_text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 6, label, "middle"))
    return _svg(f"Histogram of the {label}", parts)


def _x(value: float, high: float) -> float:
    return _LEFT + value / high * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - share / top * (_HEIGHT - _TOP - _BOTTOM)


def _steps(edges: np.ndarray, shares: np.ndarray, high: float, top: float) -> str:
    """The outline of a histogram as an SVG path."""
    points = [f"M{_x(edges[0], high):.1f},{_y(0, top):.1f}"]
    for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
        points.append(f"L{_x(left, high):.1f},{_y(share, top):.1f}")
        points.append(f"L{_x(right, high):.1f},{_y(share, top):.1f}")
    points.append(f"L{_x(edges[-1], high):.1f},{_y(0, top):.1f}Z")
    return "".join(points)


def _share_axis(top: float) -> str:
    """Lines across the chart at round shares."""
    parts = []
    for share in np.linspace(0, top, 5):
        y = _y(share, top)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(_LEFT - 6, y + 4, f"{100 * share:.3g} %", "end"))
    return "".join(parts)


def _ceiling(value: float, steps=(1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10, 12)) -> float:
    """The next number above that is round and of which a quarter is round too."""
    scale = 10.0 ** np.floor(np.log10(value)) if value > 0 else 1.0
    return float(next(step for step in steps if step * scale >= value) * scale)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _svg(title: str, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
