"""The report as one self-contained page: pictures and tables are inside it."""

import base64
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

CSS = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1c1e21; background: #fafafa;
  max-width: 68rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.8rem; border-bottom: 1px solid #ddd; padding-bottom: .3rem; }
p { max-width: 46rem; }
figure { margin: 1rem 0; background: #fff; border: 1px solid #e3e3e3; border-radius: 6px;
  padding: .8rem; }
img { width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; background: #fff; margin: 1rem 0; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid #e8e8e8;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { background: #f1f3f5; }
tr:hover td { background: #f7f9fb; }
"""


class Section(NamedTuple):
    """A heading, a paragraph under it, then pictures (SVG bytes) and tables."""

    title: str
    text: str
    pictures: Sequence[bytes]
    tables: Sequence[pd.DataFrame]


def page(title: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML."""
    body = "".join(_section(section) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def _section(section: Section) -> str:
    pictures = "".join(_picture(svg, section.title) for svg in section.pictures)
    tables = "".join(
        f'<div class="scroll">{table.to_html(index=False, border=0)}</div>\n'
        for table in section.tables
    )
    heading = f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.text)}</p>\n"
    return heading + pictures + tables


def _picture(svg: bytes, title: str) -> str:
    data = base64.b64encode(svg).decode()
    return f'<figure><img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}"></figure>\n'
