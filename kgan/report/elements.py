"""The pieces that a report is made of: text becomes HTML here.

Texts are plain, and are escaped here; parts, cells of tables, and all results, are HTML.
"""

import base64
import html
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kgan.report.pictures import sheet

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def document(title: str, subtitle: str, *parts: str) -> str:
    """A whole page, complete without any other file.

    Args:
        title: text, for the window and the head of the page.
        subtitle: text, a quiet line under it.
        parts: HTML, one under the other.

    Returns:
        The HTML of the page.
    """
    title, subtitle = html.escape(title), html.escape(subtitle)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>{title}</h1><p class="quiet">{subtitle}</p></header>\n'
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A part of the page with a title."""
    return f"<section><h2>{html.escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def paragraph(text: str, *, quiet: bool = False) -> str:
    """A paragraph of text."""
    kind = ' class="quiet"' if quiet else ""
    return f"<p{kind}>{html.escape(text)}</p>"


def row(*parts: str) -> str:
    """Parts side by side, as far as the screen is wide."""
    return '<div class="row">' + "".join(parts) + "</div>"


def panel(title: str, sentences: dict[str, str]) -> str:
    """What is to be read first, on a ground of its own: sentences by what they are about."""
    body = "".join(
        f"<p><strong>{html.escape(about)}</strong><br>{html.escape(sentence)}</p>"
        for about, sentence in sentences.items()
    )
    return f'<div class="short wide"><h2>{html.escape(title)}</h2>{body}</div>'


def picture(
    images: np.ndarray, description: str, caption: str = "", title: str = "", width: int = 56
) -> str:
    """Images in rows and columns, with a title above and a caption below.

    Args:
        images: uint8 array, (rows, columns, height, width, channels).
        description: text for who cannot see them.
        caption: text, may be empty.
        title: text, may be empty.
        width: the least width of an image, in pixels of the page.

    Returns:
        The HTML of a figure.
    """
    picture = sheet(images, width)
    # Inside the page, which then needs no file.
    png = io.BytesIO()
    picture.save(png, "png", optimize=True)
    content = base64.b64encode(png.getvalue()).decode("ascii")
    above = f'<figcaption class="above">{html.escape(title)}</figcaption>' if title else ""
    return (
        f'<figure>{above}<img src="data:image/png;base64,{content}" '
        f'alt="{html.escape(description)}" width="{picture.width}" height="{picture.height}">'
        f"{_caption(caption)}</figure>"
    )


def chart(svg: str, caption: str = "") -> str:
    """A chart of `kgan.report.charts` with the key of its two colours and its caption."""
    key = '<span class="key real"></span> real &emsp; <span class="key fake"></span> generated'
    return f'<figure><figcaption class="above">{key}</figcaption>{svg}{_caption(caption)}</figure>'


def facts(pairs: dict[str, str]) -> str:
    """Names and what belongs to them, in two columns."""
    rows = [
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>"
        for name, value in pairs.items()
    ]
    return f"<dl>{''.join(rows)}</dl>"


def table(columns: list[str], rows: list[list[str]], *, narrow: bool = False) -> str:
    """A table whose first column is words and whose others are numbers.

    Args:
        columns: texts.
        rows: HTML of the cells.
        narrow: bool, whether to keep the columns as close as lines of text.

    Returns:
        The HTML of the table.
    """
    kind = ' class="narrow"' if narrow else ""
    body = "\n".join(_cells("td", row) for row in rows)
    return (
        f"<table{kind}><thead>{_cells('th', map(html.escape, columns))}</thead>"
        f"<tbody>\n{body}\n</tbody></table>"
    )


def percent(share: float) -> str:
    """A share in [0, 1] as text, "12.3 %", with a space that does not break."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def strong(text: str, below: str = "") -> str:
    """Text that stands out, with a small line of text below it."""
    small = f"<br><small>{html.escape(below)}</small>" if below else ""
    return f"<strong>{html.escape(text)}</strong>{small}"


def _caption(text: str) -> str:
    return f"<figcaption>{html.escape(text)}</figcaption>" if text else ""


def _cells(tag: str, cells: Iterable[str]) -> str:
    first, *others = cells
    numbers = "".join(f'<{tag} class="number">{cell}</{tag}>' for cell in others)
    return f"<tr><{tag}>{first}</{tag}>{numbers}</tr>"
