"""Pieces of HTML: prose, tables that scroll inside themselves, pictures, lists of links."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from analysis import words

WIDTHS = {45: "long", 18: "some"}
"""What a cell of more than so many letters is called; the page's style says how it is set."""


class Link(NamedTuple):
    """A text and where it leads."""

    text: str
    to: str

    def __str__(self) -> str:
        """The element."""
        return f'<a href="{escape(self.to)}">{escape(self.text)}</a>'


def prose(text: str) -> str:
    """Text as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def paragraph(text: str) -> str:
    """A paragraph of prose."""
    return f"<p>{prose(text)}</p>\n"


def scroll(content: str, label: str, *kinds: str) -> str:
    """A region that scrolls inside itself, by keyboard too."""
    look = " ".join(["scroll", *kinds])
    place = f'role="region" aria-label="{escape(label)}" tabindex="0"'
    return f'<div class="{look}" {place}>{content}</div>\n'


def table(frame: pd.DataFrame, label: str) -> str:
    """The frame, its numbers in words."""
    rows = (row(map(cell, each)) for each in words.readable(frame).itertuples(index=False))
    return scroll(f"<table>{header(frame.columns)}<tbody>{''.join(rows)}</tbody></table>", label)


def header(names: Iterable[str]) -> str:
    """The head of a table."""
    cells = "".join(f'<th scope="col">{prose(name)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>\n"


def row(cells: Iterable[str], attributes: str = "") -> str:
    """A row of a table."""
    return f"<tr{attributes}>{''.join(cells)}</tr>\n"


def cell(text: str) -> str:
    """A cell of prose."""
    return enclosed(text, prose(text))


def enclosed(text: str, content: str) -> str:
    """A cell of some content, as wide as its text needs."""
    kind = next((name for letters, name in WIDTHS.items() if len(text) > letters), None)
    return f"<td>{content}</td>" if kind is None else f'<td class="{kind}">{content}</td>'


def picture(svg: bytes, alternative: str) -> str:
    """A picture, inside the page."""
    data = base64.b64encode(svg).decode()
    image = f'<img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}">'
    return scroll(image, "The picture", "picture")


def details(summary: str, content: str) -> str:
    """Content that is shown on request."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}</details>\n"


def downloads(groups: Iterable[tuple[str, Sequence[Link]]]) -> str:
    """Links in groups, each headed by what its files are."""
    items = (
        f"<li>{escape(name)}: {', '.join(map(str, links))}</li>" for name, links in groups if links
    )
    return f'<ul class="downloads">{"".join(items)}</ul>\n'
