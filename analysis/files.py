"""A CSV file as it was written, or a line that says what is wrong with it, and where.

A file is UTF-8, separated by commas, and has decimal points; what another program made of it is
told, not guessed. Only a byte-order mark and Windows' line ends are taken as they come.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class DamagedError(ValueError):
    """A file is not as it was written; the message is one line that names it."""


def decoded(path: Path) -> str:
    """The file as text, with plain line ends and without a byte-order mark.

    Raises DamagedError where it is not UTF-8, or separated by semicolons or tabs.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1} is not UTF-8"
        raise DamagedError(f"{path}: {place}: another program saved it") from None
    first = text.partition("\n")[0]
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if first.count(mark) > first.count(","):
            raise DamagedError(f"{path}:1: separated by {name}: a spreadsheet saved it")
    return text


def check_columns(path: Path, columns: Sequence[str], due: Sequence[str]) -> None:
    """Raises DamagedError where a column that is due is missing, or one is there twice."""
    if missing := [name for name in due if name not in columns]:
        raise DamagedError(f"{path}:1: its column {missing[0]} is missing")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise DamagedError(f"{path}:1: its column {twice[0]} is there twice")


def table(path: Path, due: Sequence[str], types: Mapping[str, Any]) -> pd.DataFrame:
    """A whole file: empty cells are missing, and columns that `types` lacks are finite numbers.

    Raises DamagedError where it is not as it was written.
    """
    try:
        text = decoded(path)
    except FileNotFoundError:
        raise DamagedError(f"{path}: missing") from None
    if not text.endswith("\n"):
        raise DamagedError(f"{path}: {'its last line is cut short' if text else 'empty'}")
    _check_lines(path, text, due)
    try:
        frame = pd.read_csv(io.BytesIO(text.encode()), dtype=dict(types), keep_default_na=False,
                            na_values=[""], index_col=False, low_memory=False)  # fmt: skip
    except (ValueError, TypeError) as error:
        raise DamagedError(f"{path}: {' '.join(str(error).split())}") from error
    for name in frame.columns.difference(list(types)):
        _check_numbers(path, frame[name])
    return frame


def _check_lines(path: Path, text: str, due: Sequence[str]) -> None:
    """Raises DamagedError where a column is missing, or a line has another length."""
    reader = csv.reader(io.StringIO(text))
    header = next(reader)
    check_columns(path, header, due)
    columns = len(header)
    for line in reader:
        if len(line) != columns:
            length = f"{len(line)} columns where {columns} are due"
            raise DamagedError(f"{path}:{reader.line_num}: {length}")


def _check_numbers(path: Path, column: pd.Series) -> None:
    """Raises DamagedError at the first cell that is no finite number, unless it is empty."""
    numbers = pd.to_numeric(column.astype("str") if column.dtype == bool else column, "coerce")
    wrong = column.notna() & ~np.isfinite(numbers)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise refused(path, row, f"{column.name} is {column.iloc[row]}, which is no number")


def refused(path: Path, row: int, words: str) -> DamagedError:
    """What to raise of a row, counted from 0 after the header."""
    return DamagedError(f"{path}:{row + 2}: {words}")


def check_unique(path: Path, frame: pd.DataFrame, key: Sequence[str]) -> None:
    """Raises DamagedError at the first row whose key stands above it already."""
    twice = np.flatnonzero(frame.duplicated(list(key)))
    if len(twice):
        first, *more = [frame[name].iloc[twice[0]] for name in key]
        also = "".join(f" ({name} {x})" for name, x in zip(key[1:], more, strict=True))
        raise refused(path, int(twice[0]), f"{first}{also} is there twice")


def write(path: Path, frame: pd.DataFrame) -> None:
    """The file that `table` reads: seven significant digits, nothing where a value is missing.

    As pandas writes it, in a fifth of the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(frame.columns)
        writer.writerows(zip(*(_cells(frame[name]) for name in frame), strict=True))


def _cells(column: pd.Series) -> list[object]:
    if pd.api.types.is_float_dtype(column):
        return ["" if value != value else f"{value:.7g}" for value in column.tolist()]
    return column.astype(object).where(column.notna(), "").tolist()


def check_whole(path: Path, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raises DamagedError at the first value of these columns that is no whole number."""
    for name in columns:
        wrong = np.flatnonzero(frame[name].notna() & (frame[name] % 1 != 0))
        if len(wrong):
            what = f"{name} is {frame[name].iloc[wrong[0]]}, which is no whole number"
            raise refused(path, int(wrong[0]), what)
