"""The generated page of the results folder, and the generated block of the front page.

Both show the scales whose data are committed, and nothing of this machine.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import catalogue, claim
from analysis.chapter import Found, verdicts
from analysis.names import COMMITTED
from analysis.words import markdown

BEGIN, END = "<!-- results -->", "<!-- /results -->"
HEAD = """# Results

Written by `make report` from `data/`: a change by hand is lost. What differs from the paper and \
why stands in [NOTES.md](NOTES.md).
"""
AGAIN = (
    "Every run of a line is made again by its command, with its own seed in place of the first; "
    "`make report` then merges it into the data."
)


def _kept(found: Sequence[Found[Any]]) -> list[Found[Any]]:
    return [each for each in found if each.scale in COMMITTED]


def results(runs: pd.DataFrame, found: Sequence[Found[Any]]) -> str:
    """The page of the results folder: what was run, then each chapter with all it has."""
    overview = catalogue.overview(runs[runs.scale.isin(COMMITTED)])
    parts = [HEAD, f"## What was run\n\n{catalogue.TEXT}\n", markdown(overview)]
    parts += [f"## How to read a verdict\n\n{claim.TEXT}\n"]
    for each in _kept(found):
        parts += _chapter(each)
    return "\n".join(parts)


def _chapter(found: Found[Any]) -> Iterator[str]:
    """Title, text, picture, table, claims and commands."""
    yield f"## {found.chapter.title} ({found.scale})\n"
    yield f"{found.chapter.text}\n"
    if found.own is not None:
        yield f"![{found.chapter.title}](figures/{found.stem}.png)\n"
    yield markdown(found.table().words)
    if len(judged := found.verdicts()):
        yield markdown(judged)
    if len(commands := catalogue.commands(found.runs)):
        yield f"{AGAIN}\n"
        yield markdown(commands)


def block(found: Sequence[Found[Any]]) -> str:
    """What the front page shows: each headline at its largest scale, and all verdicts counted."""
    kept, shown = _kept(found), set[str]()
    parts = []
    for each in kept:
        headline = each.chapter.headline
        if headline and each.own is not None and each.chapter.name not in shown:
            shown.add(each.chapter.name)
            parts.append(f"**{each.chapter.title}** (`{each.scale}`)\n")
            parts.append(markdown(headline(each.own)))
    counts = verdicts(kept).verdict.value_counts()
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in claim.VERDICTS)
    parts.append(f"Of the paper's claims that these runs bear on: {told}.\n")
    return "\n".join(parts)


def filled(text: str, content: str) -> str:
    """The text with the content between its two marks, or as it is without them."""
    pattern = f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})"
    return re.sub(pattern, lambda _: content, text, flags=re.DOTALL)
