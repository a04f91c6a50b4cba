"""Sections of text, pictures and tables, as a self-contained page or as Markdown."""

import base64
import re
from collections.abc import Callable, Sequence
from html import escape
from itertools import chain
from typing import NamedTuple

import pandas as pd

from analysis import words
from analysis.drawing import Figure, render

CSS = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1c1e21; background: #fafafa;
  max-width: 80rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.8rem; border-bottom: 1px solid #ddd; padding-bottom: .3rem; }
p { max-width: 46rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
a { color: #0b57a4; }
figure { margin: 1rem 0; background: #fff; border: 1px solid #e3e3e3; border-radius: 6px;
  padding: .8rem; }
img { width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; background: #fff; margin: 1rem 0; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid #e8e8e8;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
td.long { white-space: normal; min-width: 11rem; }
th { background: #f1f3f5; }
tr:hover td { background: #f7f9fb; }
"""

LONG = "<td>([^<]{45,})</td>"
"""A cell of more than a number and its interval, which may stand on several lines."""


class Picture(NamedTuple):
    """What a figure shows, the name of its files under `figures/`, and what draws it."""

    title: str
    stem: str
    draw: Callable[[], Figure | None]


Part = str | Picture | pd.DataFrame


class Section(NamedTuple):
    """A heading, and what stands under it: paragraphs, pictures and tables, in order."""

    title: str
    parts: Sequence[Part]


def html(title: str, sections: Sequence[Section]) -> str:
    """One self-contained page: pictures and tables are inside it."""
    marks = [re.sub(r"\W+", "-", section.title.lower()).strip("-") for section in sections]
    body = "".join(
        f'<h2 id="{mark}">{escape(section.title)}</h2>\n{"".join(map(_as_html, section.parts))}'
        for mark, section in zip(marks, sections, strict=True)
    )
    links = "".join(
        f'<li><a href="#{mark}">{escape(section.title)}</a></li>'
        for mark, section in zip(marks, sections, strict=True)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n<nav><ul>{links}</ul></nav>\n{body}</body></html>\n"
    )


def _as_html(part: Part) -> str:
    if isinstance(part, str):
        return f"<p>{_code(escape(part))}</p>\n"
    if isinstance(part, Picture):
        figure = part.draw()
        data = base64.b64encode(render(figure, "svg")).decode() if figure else ""
        image = f'<img alt="{escape(part.title)}" src="data:image/svg+xml;base64,{data}">'
        return f"<figure>{image}</figure>\n"
    table = words.readable(part).to_html(index=False, border=0)
    wrapped = re.sub(LONG, r'<td class="long">\1</td>', table)
    return f'<div class="scroll">{_code(wrapped)}</div>\n'


def _code(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", text)


def markdown(sections: Sequence[Section]) -> str:
    """The sections for a page beside `figures/`."""
    titled = ((f"## {section.title}\n", *map(_as_markdown, section.parts)) for section in sections)
    return "\n".join(chain.from_iterable(titled))


def _as_markdown(part: Part) -> str:
    if isinstance(part, Picture):
        return f"![{part.title}](figures/{part.stem}.png)\n"
    return f"{part}\n" if isinstance(part, str) else words.markdown(part)
