"""What the three chapters on finite MDPs share.

Everything is exact within a run, so that a run's spread is one over its MDPs. η is in rewards a
step, (1 − γ) times the discounted return. Runs that have not finished, or failed, are left out.
"""

import pandas as pd

from analysis.names import DONE

EXPERIMENT = "theory"
MDPS = "mdps"
"""The column that every iteration on finite MDPs has: how many they are."""
PAIRS, LINE = "random_pairs", "line"
"""The methods that compare policies and improve none."""


def finished(runs: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The measured rows of finished runs; these columns are there, be they empty."""
    own = runs.reindex(columns=list(dict.fromkeys([*runs.columns, MDPS, *columns])))
    return own[(own.status == DONE) & own.mdps.notna()]


def learners(runs: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The finished runs of methods that improve a policy."""
    own = finished(runs, *columns)
    return own[~own.method.isin([PAIRS, LINE])]
