"""How long runs took to a threshold. A run that never got there is counted, never left out.

The tidy data keep every k-th iteration, so that a threshold is crossed at most k iterations
earlier than is told here, and of time only that of whole runs, in `wall_seconds`: how many seconds
a run took to its threshold they cannot tell.
"""

import numpy as np
import pandas as pd

from analysis.names import DONE, FAILED
from analysis.statistics import Array, scores


def steps_to(runs: pd.DataFrame, metric: str, threshold: float) -> pd.DataFrame:
    """`scores` where a run's is its environment steps when the metric first was at the threshold.

    It is infinite for a finished run that never was there, and for a failed one, which delivered
    no policy. An unfinished run that has not been there yet has none.
    """
    there = runs[runs[metric] >= threshold].groupby("run_id").env_steps.min()
    each = scores(runs, metric)
    steps = each.run_id.map(there).astype(float)
    never = (each.status == FAILED) | ((each.status == DONE) & steps.isna())
    return each.assign(score=steps.where(~never, np.inf))


def wall_seconds(runs: pd.DataFrame) -> Array:
    """How long each finished run took in all (n,), of those that say so."""
    done = runs[runs.status == DONE].groupby("run_id").wall_seconds.first()
    return done.dropna().to_numpy(dtype=float)
