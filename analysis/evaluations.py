"""Evaluations: whole episodes of a policy that learns no more, and of random play.

The run's directory holds the last one, `evaluation.json`; the tidy data keep one row for each run
and each way of choosing actions (`greedy`, or drawn from the policy).
"""

from collections.abc import Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.files import DamagedError, check_unique, table, write
from analysis.load import json_object
from analysis.names import method

FILE, TIDY = "evaluation.json", "evaluations.csv"
KEY = ["run_id", "greedy"]
WHAT = ["experiment", "scale", "sampler", "protocol"]
"""Text of the run that was evaluated; "" where random play has none."""
COUNTS = [
    *("seed", "iteration", "env_steps"),
    *("evaluation_seed", "episodes", "horizon", "truncated", "numbers"),
]
"""Whole numbers; the first three, of the run and where its policy stood, random play lacks.

`truncated` of the episodes were ended by the limit of `horizon` steps.
"""
MEASURED = ["return_mean", "return_low", "return_high", "return_std", "length_mean"]
"""Raw and undiscounted returns; the interval (95 %, Student's t) is over episodes."""
STAMPS = ["commit", "written"]
COLUMNS = [*KEY, "env", "method", "algo", *WHAT, "settings", *COUNTS, *MEASURED, *STAMPS]
"""`env` is the task, as everywhere here; `settings` are those of its simulator, as JSON."""
TEXT = ["algo", *WHAT, "settings", *STAMPS]


class Loaded(NamedTuple):
    """The evaluations of a directory, and a line about each file that is damaged and left out."""

    evaluations: pd.DataFrame
    damaged: list[str]


def load(directory: Path) -> Loaded:
    """Every `evaluation.json` of the directories under `directory`, one row each."""
    rows, damaged = list[pd.DataFrame](), list[str]()
    for path in sorted(directory.glob(f"*/{FILE}")):
        try:
            rows.append(_typed(pd.DataFrame([_row(json_object(path), path)])))
        except DamagedError as error:
            damaged.append(str(error))
        except KeyError as error:
            damaged.append(f"{path}: {error} is missing")
        except (OSError, ValueError, TypeError) as error:
            damaged.append(f"{path}: not readable ({error})")
    return Loaded(_together(rows), damaged)


def _row(said: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The file's row. Raises DamagedError where its means are not those of its episodes."""
    _check(said, path)
    found = {name: said[name] for name in [*COUNTS, *MEASURED, *STAMPS]}
    found |= {name: said[name] or "" for name in WHAT}
    found |= {"run_id": path.parent.name, "greedy": bool(said["greedy"]), "env": said["task"]}
    algo = said["method_algo"]
    found |= {"algo": algo, "method": method(algo, found["sampler"])}
    return found | {"settings": dumps(said["env"], sort_keys=True)}


def _check(said: Mapping[str, Any], path: Path) -> None:
    due = said["episodes"]
    for each, mean in (("returns", "return_mean"), ("lengths", "length_mean")):
        values = np.asarray(said[each], dtype=float)
        if len(values) != due or not due:
            raise DamagedError(f"{path}: {len(values)} {each} where {due} episodes are due")
        if not np.isclose(said[mean], values.mean(), rtol=1e-6):
            told, own = said[mean], values.mean()
            raise DamagedError(f"{path}: {mean} is {told} where that of its {each} is {own:.7g}")


def merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The evaluations of both; of one run acting in one way, that of its latest policy.

    Of evaluations of one policy, the one written last. None is lost that only one of both has.
    """
    later = _together([old, new]).sort_values(
        ["iteration", "written"], na_position="first", kind="stable"
    )
    return later.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)


def save(frame: pd.DataFrame, path: Path) -> Path:
    """Write them with seven significant digits, sorted: the same frame gives the same bytes."""
    write(path, frame.sort_values(KEY)[COLUMNS])
    return path


def read(path: Path) -> pd.DataFrame:
    """Read what `save` wrote; nothing, where there is no file.

    Raises DamagedError where it is not as it was written, or a run is there twice.
    """
    if not path.exists():
        return NONE
    words = dict.fromkeys([*TEXT, "run_id", "env", "method"], "string")
    frame = table(path, COLUMNS, words | {"greedy": bool})
    check_unique(path, frame, KEY)
    return _typed(frame)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers that may be missing, text that may be empty."""
    text = {name: frame[name].astype("string").fillna("") for name in TEXT}
    counts = {name: frame[name].astype("Int64") for name in COUNTS}
    floats = {name: frame[name].astype(float) for name in MEASURED}
    return frame[COLUMNS].assign(**text, **counts, **floats, greedy=frame.greedy.astype(bool))


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several frames; empty ones have no say in the columns' types."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else NONE


NONE = _typed(pd.DataFrame(columns=COLUMNS))
"""No evaluation."""
