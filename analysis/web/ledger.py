"""The claims: how many have which verdict, and the table that shows them all."""

from collections.abc import Sequence
from html import escape

import pandas as pd

from analysis import words
from analysis.ledger import SHOWN
from analysis.verdicts import VERDICTS
from analysis.web.elements import Link, cell, enclosed, header, row, scroll


def strip(judged: pd.DataFrame) -> str:
    """How many claims have which verdict; the script makes buttons of them."""
    counts = judged.verdict.value_counts()
    items = (
        f'<li class="verdict v{i}" data-verdict="{i}"><b>{counts.get(name, 0)}</b> '
        f"{escape(name)}</li>"
        for i, name in enumerate(VERDICTS)
    )
    return f'<ul class="strip" aria-label="Verdicts">{"".join(items)}</ul>\n'


def table(judged: pd.DataFrame) -> str:
    """All claims, the verdict always in sight; a claim leads to its chapter.

    judged: as `ledger.ledger` gives it.
    """
    shown = words.readable(judged[SHOWN])
    rows = map(_claim, shown.itertuples(index=False), judged.figure)
    content = f'<table class="claims">{header(shown.columns)}<tbody>{"".join(rows)}</tbody></table>'
    return scroll(content, "The claims", "tall")


def _claim(values: Sequence[str], figure: str) -> str:
    verdict, text, *others = values
    place = VERDICTS.index(verdict)
    badge = f'<td><span class="verdict v{place}">{escape(verdict)}</span></td>'
    told = cell(text) if figure == words.NOTHING else enclosed(text, str(Link(text, f"#{figure}")))
    return row([badge, told, *map(cell, others)], f' data-verdict="{place}"')
