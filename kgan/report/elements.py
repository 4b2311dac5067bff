"""The pieces that a report is made of: text becomes HTML here, and only here is it escaped.

Arguments called text are plain; arguments called parts, and all results, are HTML.
"""

import html
from pathlib import Path

from PIL import Image

from kgan.report.pictures import data_uri

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def document(title: str, *parts: str) -> str:
    """A whole page, complete without any other file.

    Args:
        title: text, for the window.
        parts: HTML, one under the other.

    Returns:
        The HTML of the page.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def heading(title: str, subtitle: str) -> str:
    """The name of the page and a quiet line under it."""
    return (
        f"<header><h1>{html.escape(title)}</h1>"
        f'<p class="quiet">{html.escape(subtitle)}</p></header>'
    )


def section(title: str, *parts: str) -> str:
    """A part of the page with a title."""
    return f"<section><h2>{html.escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def paragraph(text: str, *, quiet: bool = False) -> str:
    """A paragraph of text."""
    return f"<p{_class('quiet' if quiet else '')}>{html.escape(text)}</p>"


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


def picture(image: Image.Image, description: str, caption: str = "", title: str = "") -> str:
    """A picture with its title above and its caption below.

    Args:
        image: Pillow image.
        description: text for who cannot see it.
        caption: text, may be empty.
        title: text, may be empty.

    Returns:
        The HTML of a figure.
    """
    above = f'<figcaption class="above">{html.escape(title)}</figcaption>' if title else ""
    return (
        f'<figure>{above}<img src="{data_uri(image)}" alt="{html.escape(description)}" '
        f'width="{image.width}" height="{image.height}">{_caption(caption)}</figure>'
    )


def chart(svg: str, caption: str = "") -> str:
    """A chart of `kgan.report.charts` with the key of its two colours and its caption."""
    key = '<span class="key real"></span> real &emsp; <span class="key fake"></span> generated'
    return f'<figure><figcaption class="above">{key}</figcaption>{svg}{_caption(caption)}</figure>'


def facts(pairs: dict[str, str]) -> str:
    """Names and what belongs to them, in two columns."""
    return (
        "<dl>"
        + "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>"
            for name, value in pairs.items()
        )
        + "</dl>"
    )


def table(columns: list[str], rows: list[list[str]], *, narrow: bool = False) -> str:
    """A table whose first column is words and whose others are numbers.

    Args:
        columns: texts.
        rows: HTML of the cells.
        narrow: bool, whether to keep the columns as close as lines of text.

    Returns:
        The HTML of the table.
    """
    head = "".join(
        f"<th{_class('number' if i else '')}>{html.escape(column)}</th>"
        for i, column in enumerate(columns)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{_class('number' if i else '')}>{cell}</td>" for i, cell in enumerate(cells))
        + "</tr>"
        for cells in rows
    )
    return (
        f"<table{_class('narrow' if narrow else '')}><thead><tr>{head}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table>"
    )


def percent(share: float) -> str:
    """A share in [0, 1] as text, "12.3 %", with a space that does not break."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def escaped(words: str) -> str:
    """Words as HTML."""
    return html.escape(words)


def strong(text: str, *below: str) -> str:
    """Text that stands out, with small lines of text below it."""
    lines = "".join(f"<br><small>{html.escape(line)}</small>" for line in below if line)
    return f"<strong>{html.escape(text)}</strong>{lines}"


def _caption(text: str) -> str:
    return f"<figcaption>{html.escape(text)}</figcaption>" if text else ""


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
