"""The ledger: every claim of the paper, judged at every scale that has runs for it.

A claim whose experiment has no run stands in it too, as one that was not run.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis import published
from analysis.chapter import Chapter, Found
from analysis.claim import Claim
from analysis.observations import OBSERVATIONS
from analysis.rules import RULES, Evidence
from analysis.verdicts import NOT_RUN
from analysis.words import NOTHING, steps

SHOWN = [
    *("verdict", "claim", "scale", "runs", "effect [95 % interval]", "margin", "would decide"),
    "source",
]
"""What a page shows of the ledger."""
COLUMNS = [*SHOWN, "statistic", "rule", "rule written", "experiment", "figure"]
PAPER = "the paper's own numbers"
TEXT = (
    "A claim at a scale below the paper's is another claim: the scale says how many simulator "
    "steps the longest of its runs took, of how many in the paper. The margin is the smallest "
    "effect that matters: a tenth of what TRPO gains on the task, a hundredth of a number that "
    "the claim itself names, a tenth more where sides are logarithms, and a hundredth of what a "
    "human is above random play where that is what a claim compares with. "
    f"{' '.join(f'{rule.words.capitalize()}.' for rule in RULES)} "
    "Five runs a side detect a difference of 2.0 standard deviations (at 80 %), ten one of 1.3; "
    "what would decide supposes more runs like these. `claims.csv` has, of every claim, what is "
    "compared, its rule, and whether that was written before its runs were seen."
)
"""How to read the ledger, for a reader of the report."""


def ledger(found: Sequence[Found[Any]], chapters: Sequence[Chapter[Any]]) -> pd.DataFrame:
    """A row for each claim and scale, in the order of the chapters, the largest scale first."""
    rows = [
        row
        for chapter in chapters
        for claim in chapter.claims
        for row in _rows(claim, [each for each in found if each.chapter.name == chapter.name])
    ]
    rows += [_row(each, PAPER, each.judged(None), NOTHING) for each in OBSERVATIONS]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(claim: Claim[Any, Any], found: Sequence[Found[Any]]) -> list[list[str]]:
    """A claim at each scale that has runs of its experiment, or once as not run."""
    rows = [
        _row(claim, _scale(claim, each), claim.judged(each.own), each.stem)
        for each in found
        if each.bears_on(claim)
    ]
    return rows or [_row(claim, NOTHING, Evidence(NOT_RUN, NOTHING), NOTHING)]


def _row(claim: Claim[Any, Any], scale: str, found: Evidence, figure: str) -> list[str]:
    """A row of `COLUMNS`."""
    written = "after its data" if claim.after_data else "before its data"
    shown = [found.verdict, claim.text, scale, found.runs, found.effect, found.margin, found.more]
    return [
        *shown,
        claim.source,
        claim.statistic,
        claim.rule.words,
        written,
        claim.experiment,
        figure,
    ]


def _scale(claim: Claim[Any, Any], each: Found[Any]) -> str:
    """The scale, and how far the longest of the claim's runs went of the paper's."""
    ours, theirs = claim.bearing(each.runs).env_steps, published.BUDGETS.get(claim.experiment)
    if theirs is None or ours.empty:
        return each.scale
    return f"{each.scale}: {steps(ours.max())} of {steps(theirs)} steps"
