"""Sections of text, pictures and tables, as a page of Markdown."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import pandas as pd

from analysis import words


class Picture(NamedTuple):
    """What a figure shows, and the name of its files under `figures/`."""

    title: str
    stem: str


Part = str | Picture | pd.DataFrame


class Section(NamedTuple):
    """A heading, and what stands under it: paragraphs, pictures and tables, in order."""

    title: str
    parts: Sequence[Part]


def markdown(sections: Sequence[Section]) -> str:
    """The sections for a page beside `figures/`."""
    titled = ((f"## {section.title}\n", *map(_as_markdown, section.parts)) for section in sections)
    return "\n".join(chain.from_iterable(titled))


def _as_markdown(part: Part) -> str:
    if isinstance(part, Picture):
        return f"![{part.title}](figures/{part.stem}.png)\n"
    return f"{part}\n" if isinstance(part, str) else words.markdown(part)
