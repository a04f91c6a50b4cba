"""What the report, the page of the results folder and the front page say."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import catalogue, claim
from analysis.chapter import Found, verdicts
from analysis.names import COMMITTED
from analysis.page import Part, Picture, Section, html, markdown
from analysis.words import markdown as table

BEGIN, END = "<!-- results -->", "<!-- /results -->"
HEAD = """# Results

Written by `make report` from `data/`: a change by hand is lost. What differs from the paper and \
why stands in [NOTES.md](NOTES.md).
"""
AGAIN = (
    "Every run of a line is made again by its command, with its own seed in place of the first; "
    "`make report` then merges it into the data. `numbers` is the version of the code's numbers: "
    "runs of an earlier one are repeated by the code of their time alone (their commit stands in "
    "the data)."
)


def sections(runs: pd.DataFrame, found: Sequence[Found[Any]]) -> Iterator[Section]:
    """What the paper claims, what was run, then each chapter with all it has."""
    judged = verdicts(found)
    yield Section("What the paper claims", [counted(judged), claim.TEXT, judged])
    failed = catalogue.failures(runs)
    told = [] if failed.empty else [failed]
    yield Section("What was run", [catalogue.TEXT, catalogue.overview(runs), *told])
    for each in found:
        title, commands = each.chapter.title, catalogue.commands(each.runs)
        parts: list[Part] = [each.chapter.text]
        if each.own is not None:
            parts.append(Picture(title, each.stem, each.picture))
        parts.append(each.table().words)
        if len(commands):
            parts += [AGAIN, commands]
        yield Section(f"{title} ({each.scale})", parts)


def report(runs: pd.DataFrame, found: Sequence[Found[Any]], more: Sequence[Section] = ()) -> str:
    """All scales and then what else there is, as one page of HTML."""
    title = "Trust Region Policy Optimization, reproduced"
    return html(title, [*sections(runs, found), *more])


def results(runs: pd.DataFrame, found: Sequence[Found[Any]]) -> str:
    """The scales whose data are committed, for the results folder."""
    kept, own = [each for each in found if each.scale in COMMITTED], runs.scale.isin(COMMITTED)
    shown = list(sections(runs[own], kept)) if own.any() else []
    return f"{HEAD}\n{markdown(shown)}"


def block(found: Sequence[Found[Any]]) -> str:
    """What the front page shows: each headline at its largest scale, and all verdicts counted."""
    kept = [each for each in found if each.scale in COMMITTED and each.own is not None]
    largest = {each.chapter.name: each for each in reversed(kept) if each.chapter.headline}
    parts = []
    for each in reversed(largest.values()):
        title = f"**{each.chapter.title}** (`{each.scale}`): final score, 95 % interval over runs"
        parts += [f"{title}\n", table(each.headline())]
    return "\n".join([*parts, f"{counted(verdicts(kept))}\n"])


def counted(judged: pd.DataFrame) -> str:
    """How many claims have which verdict, in a sentence."""
    counts = judged.verdict.value_counts()
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in claim.VERDICTS)
    return f"Of the paper's claims that these runs bear on: {told}."


def filled(text: str, content: str) -> str:
    """The text with the content between its two marks, or as it is without them."""
    pattern = f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})"
    return re.sub(pattern, lambda _: content, text, flags=re.DOTALL)
