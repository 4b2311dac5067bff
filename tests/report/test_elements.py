import base64
import html
import html.parser
import io

import numpy as np
from PIL import Image

from kgan.report import elements
from kgan.report.pictures import sheet

# Elements that have no end.
_VOID = {"meta", "img", "br"}


class Outline(html.parser.HTMLParser):
    """What a browser would see: elements that are open, addresses, text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.addresses, self.words = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in _VOID:
            self.open.append(tag)
        names = dict(attributes)
        self.addresses += [names[name] for name in ("src", "href") if name in names]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def everything(words):
    """A page of every element, with these words in every place for text."""
    images = np.zeros((1, 1, 4, 4, 1), "uint8")
    return elements.document(
        words,
        words,
        elements.row(
            elements.picture(images, words, words, words), elements.panel(words, {words: words})
        ),
        elements.section(
            words,
            elements.paragraph(words),
            elements.chart("<svg></svg>", words),
            elements.table([words, words], [[elements.strong(words, words), html.escape(words)]]),
            elements.facts({words: words}),
        ),
    )


def test_every_element_that_opens_closes_in_order():
    assert Outline(everything("word")).open == []


def test_text_stays_text_wherever_it_stands():
    words = "<script>alert('&amp; \"')</script>"
    page = everything(words)
    assert "<script" not in page
    outline = Outline(page)
    assert outline.open == []
    # Title, head (2), picture (2), panel (3), section, paragraph, caption, table (5), facts (2).
    assert outline.words.count(words) == 18


def test_a_page_needs_no_other_file():
    outline = Outline(everything("word"))
    assert len(outline.addresses) == 1
    assert outline.addresses[0].startswith("data:image/png;base64,")
    page = everything("word")
    assert "http" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_a_picture_is_its_own_address():
    images = np.arange(64, dtype="uint8").reshape(1, 1, 4, 4, 4)
    (address,) = Outline(elements.picture(images, "A picture")).addresses
    head, _, content = address.partition(",")
    assert head == "data:image/png;base64"
    back = Image.open(io.BytesIO(base64.b64decode(content)))
    np.testing.assert_array_equal(np.asarray(back), np.asarray(sheet(images)))


def test_a_page_follows_the_screen_and_is_light_on_paper():
    page = everything("word")
    assert "color-scheme: light dark" in page
    assert "@media screen and (prefers-color-scheme: dark)" in page
    assert "@media print" in page


def test_a_share_is_written_with_one_decimal():
    assert elements.percent(0.1234) == "12.3\N{NO-BREAK SPACE}%"
