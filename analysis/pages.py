"""What the page of the results folder and the front page say."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import catalogue, coverage, settings
from analysis.chapter import Found
from analysis.ledger import SHOWN, TEXT
from analysis.page import Part, Picture, Section, markdown
from analysis.verdicts import OBSERVED, VERDICTS
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


def sections(
    runs: pd.DataFrame, found: Sequence[Found[Any]], judged: pd.DataFrame
) -> Iterator[Section]:
    """What the paper claims, what was run, then each chapter with all it has."""
    yield Section("What the paper claims", [counted(judged), TEXT, judged[SHOWN]])
    failed = catalogue.failures(runs)
    told = [] if failed.empty else [failed]
    yield Section("What was run", [catalogue.TEXT, catalogue.overview(runs), *told])
    for each in found:
        title, commands = each.chapter.title, catalogue.commands(each.runs)
        parts: list[Part] = [each.chapter.text]
        if each.own is not None:
            parts.append(Picture(title, each.stem))
        parts.append(each.table.words)
        if len(commands):
            parts += [AGAIN, commands]
        yield Section(f"{title} ({each.scale})", parts)
    yield Section("How often an interval covers", [coverage.TEXT, coverage.table()])


def results(
    runs: pd.DataFrame, found: Sequence[Found[Any]], judged: pd.DataFrame, compared: pd.DataFrame
) -> str:
    """The page of the results folder."""
    shown = [*sections(runs, found, judged), *settings.sections(compared)] if len(runs) else []
    return f"{HEAD}\n{markdown(shown)}"


def block(found: Sequence[Found[Any]], judged: pd.DataFrame) -> str:
    """What the front page shows: each headline at its largest scale, and all verdicts counted."""
    kept = [each for each in found if each.own is not None]
    largest = {each.chapter.name: each for each in reversed(kept) if each.chapter.headline}
    parts = []
    for each in reversed(largest.values()):
        title = f"**{each.chapter.title}** (`{each.scale}`): final score, 95 % interval over runs"
        parts += [f"{title}\n", table(each.headline())]
    return "\n".join([*parts, f"{counted(judged)}\n"])


def counted(judged: pd.DataFrame) -> str:
    """How many claims have which verdict, and how many facts need none, in a sentence."""
    counts = judged.verdict.value_counts()
    claims = [name for name in VERDICTS if name != OBSERVED]
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in claims)
    facts = counts.get(OBSERVED, 0)
    return f"Of the paper's {len(judged) - facts} claims: {told}; {facts} facts about it observed."


def filled(text: str, content: str) -> str:
    """The text with the content between its two marks, or as it is without them."""
    pattern = f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})"
    return re.sub(pattern, lambda _: content, text, flags=re.DOTALL)
