"""The pieces that a report is made of: text becomes HTML here, and only here is it escaped.

Arguments called text are plain; arguments called parts, and all results, are HTML.
"""

import html

from PIL import Image

from kgan.report.pictures import data_uri

# Colours have a name each, so that dark screens and paper are three lines and not another page.
_STYLE = """
:root { color-scheme: light dark;
  --ground: #ffffff; --panel: #f5f6f8; --ink: #1b1e23; --quiet: #5d646e; --line: #dcdfe4;
  --real: #2c6fb3; --fake: #cc6a1c; }
@media screen and (prefers-color-scheme: dark) { :root {
  --ground: #16181c; --panel: #1f2228; --ink: #e6e8eb; --quiet: #9aa2ad; --line: #343941;
  --real: #74ade3; --fake: #eb9a55; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--ground);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 3rem 0 .6rem; padding-top: 1.1rem; border-top: 1px solid var(--line);
  font-size: 1.25rem; }
p { margin: .5rem 0; max-width: 46rem; }
.quiet, figcaption, small { color: var(--quiet); font-size: .86rem; line-height: 1.45; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.row > .wide { flex: 1 1 18rem; }
figure { margin: 1rem 0; max-width: 46rem; break-inside: avoid; }
figure img { display: block; max-width: 100%; height: auto; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: .45rem; }
figcaption.above { margin: 0 0 .35rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  color: var(--quiet); font-size: .86rem; font-weight: 600; }
td { padding: .5rem .8rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; }
tr { break-inside: avoid; }
td strong { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .8rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .86em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
.short { padding: 1rem 1.2rem; border-radius: .5rem; background: var(--panel);
  break-inside: avoid; }
.short h2 { margin: 0 0 .6rem; padding: 0; border: 0; font-size: 1.05rem; }
.short p { margin: .7rem 0 0; }
.narrow { max-width: 46rem; }
.key { display: inline-block; width: .75em; height: .75em; border-radius: .15em; }
.key.real { background: var(--real); }
.key.fake { background: var(--fake); }
svg text { fill: var(--quiet); font-size: 11px; }
svg .grid { stroke: var(--line); }
svg rect.real { fill: var(--real); }
svg rect.fake { fill: var(--fake); }
svg .area.real { fill: var(--real); fill-opacity: .3; stroke: var(--real); }
svg .area.fake { fill: var(--fake); fill-opacity: .3; stroke: var(--fake); }
svg .median { stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .median.real { stroke: var(--real); }
svg .median.fake { stroke: var(--fake); }
@media print { body { padding: 0; max-width: none; font-size: 10pt; }
  figure img { max-width: 25rem; } td { padding-block: .25rem; }
  .short { border: 1px solid var(--line); } h2 { break-after: avoid; }
  img, svg, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


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
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
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
