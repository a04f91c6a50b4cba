"""The claims: how many have which verdict, and the table that shows them all."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from analysis import claim, words
from analysis.chapter import Found
from analysis.web.elements import Link, cell, enclosed, header, row, scroll

Places = Mapping[tuple[str, str], str]
"""Where on the page the evidence stands, by claim and scale."""


def strip(judged: pd.DataFrame) -> str:
    """How many claims have which verdict; the script makes buttons of them."""
    counts = judged.verdict.value_counts()
    items = (
        f'<li class="verdict v{i}" data-verdict="{i}"><b>{counts.get(name, 0)}</b> '
        f"{escape(name)}</li>"
        for i, name in enumerate(claim.VERDICTS)
    )
    return f'<ul class="strip" aria-label="Verdicts">{"".join(items)}</ul>\n'


def evidence(found: Sequence[Found[Any]]) -> Places:
    """Each claim's chapter, by claim and scale."""
    return {(own.text, each.scale): each.stem for each in found for own in each.chapter.claims}


def table(judged: pd.DataFrame, places: Places) -> str:
    """All claims, the verdict always in sight; a claim leads to its chapter.

    judged: as `chapter.verdicts` gives it.
    """
    rows = (_claim(each, places) for each in words.readable(judged).itertuples(index=False))
    content = (
        f'<table class="claims">{header(judged.columns)}<tbody>{"".join(rows)}</tbody></table>'
    )
    return scroll(content, "The claims", "tall")


def _claim(values: Sequence[str], places: Places) -> str:
    verdict, text, scale, *others = values
    place = claim.VERDICTS.index(verdict)
    badge = f'<td><span class="verdict v{place}">{escape(verdict)}</span></td>'
    stem = places.get((text, scale))
    told = cell(text) if stem is None else enclosed(text, str(Link(text, f"#{stem}")))
    return row([badge, told, *map(cell, [scale, *others])], f' data-verdict="{place}"')
