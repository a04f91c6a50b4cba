"""Many `metrics.csv` at once: each checked by itself, all parsed by one call of pandas.

A file has numbers alone, and its iterations are 1, 2, 3, …
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.files import DamagedError, check_columns, decoded
from analysis.statistics import Array

ITERATION = "iteration"
NOT_FINITE = ("nan", "-nan")
"""Words for a value that was not reported; pandas itself knows `inf`."""


class Lines(NamedTuple):
    """A file's whole lines, each with all columns; the header is "" where there is none yet.

    Args:
        path: the file.
        header: its first line.
        text: the others, each with its end.
        rows: how many these are.
    """

    path: Path
    header: str = ""
    text: str = ""
    rows: int = 0


class Parsed(NamedTuple):
    """Files parsed together.

    Args:
        frame: the rows of the files that are whole; column `file` says which, from 0.
        damaged: by the file's number, what is wrong with it; it has no rows in the frame.
        unreported: by the file's number, which of its values are not finite and left out.
    """

    frame: pd.DataFrame
    damaged: dict[int, str]
    unreported: dict[int, str]


def lines(path: Path, due: Sequence[str] = ()) -> Lines:
    """A file's whole lines; a last one cut short is left out.

    Raises DamagedError where a column of `due` is missing, or a line has another length.
    """
    text = decoded(path) if path.exists() else ""
    header, end, own = text[: text.rfind("\n") + 1].partition("\n")
    if not end:
        return Lines(path)
    check_columns(path, header.split(","), [ITERATION, *due])
    columns, each = header.count(",") + 1, own.split("\n")[:-1]
    for number, line in enumerate(each, start=2):
        if line.count(",") + 1 != columns or not line:
            length = f"{line.count(',') + 1} columns where {columns} are due"
            raise DamagedError(f"{path}:{number}: {length}")
    return Lines(path, header, own, len(each))


def parsed(files: Sequence[Lines]) -> Parsed:
    """All rows of some files, in the files' order: one call of pandas a kind of header."""
    numbered = [pair for pair in enumerate(files) if pair[1].rows]
    numbered.sort(key=lambda pair: pair[1].header)
    parts = [_parsed(list(group)) for _, group in groupby(numbered, lambda pair: pair[1].header)]
    if not parts:
        return Parsed(pd.DataFrame({"file": np.empty(0, dtype=int)}), {}, {})
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    if len(parts) > 1:
        frame = frame.sort_values("file", kind="stable", ignore_index=True)
    damaged = {number: words for part in parts for number, words in part.damaged.items()}
    unreported = {number: words for part in parts for number, words in part.unreported.items()}
    return Parsed(frame, damaged, unreported)


class Block(NamedTuple):
    """Files of one header, all their rows as pandas reads them, and which file each row is of."""

    numbers: list[int]
    files: list[Lines]
    frame: pd.DataFrame
    place: Array  # (rows,), where in `files`
    line: Array  # (rows,), 2, 3, 4, … in each file


def _block(numbered: Sequence[tuple[int, Lines]]) -> Block:
    numbers, files = [number for number, _ in numbered], [file for _, file in numbered]
    text = "".join([files[0].header, "\n", *(file.text for file in files)])
    frame = pd.read_csv(io.BytesIO(text.encode()), keep_default_na=False, na_values=[""],
                        index_col=False, quoting=csv.QUOTE_NONE, low_memory=False)  # fmt: skip
    lengths = [file.rows for file in files]
    place = np.repeat(np.arange(len(files)), lengths)
    first = np.cumsum([0, *lengths[:-1]])
    return Block(numbers, files, frame, place, np.arange(len(frame)) - first[place] + 2)


def _parsed(numbered: Sequence[tuple[int, Lines]]) -> Parsed:
    """The rows of files with one header, parsed again without the damaged ones."""
    if not numbered:
        return parsed([])
    block = _block(numbered)
    finite, wrong = _cells(block.frame)
    damaged = _told(block, wrong, ", which is no number")
    turns = finite[ITERATION].to_numpy() != block.line - 1
    for each in np.unique(block.place[turns]):
        words = f"{block.files[each].path}: its iterations are not 1, 2, 3, …"
        damaged.setdefault(block.numbers[each], words)
    if damaged:
        others = _parsed([pair for pair in numbered if pair[0] not in damaged])
        return others._replace(damaged=damaged)
    gone = finite.isna() & block.frame.notna()
    lost: dict[str, Array] = {name: gone[name].to_numpy() for name in gone.columns}
    unreported = _told(block, lost, ", which counts as not reported")
    files = np.asarray(block.numbers)[block.place]
    return Parsed(finite.assign(file=files), {}, unreported)


def _cells(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Array]]:
    """The frame's finite numbers; by column, where a cell (rows,) says something else."""
    finite, wrong = dict[str, pd.Series](), dict[str, Array]()
    for name, column in frame.items():
        numbers = column
        if not pd.api.types.is_any_real_numeric_dtype(column):
            words = column.astype("str").str.strip().str.lower()
            numbers = pd.to_numeric(words, errors="coerce")
            known = words.isin(NOT_FINITE) | column.isna() | numbers.notna()
            wrong[str(name)] = ~known.to_numpy(dtype=bool)
        if pd.api.types.is_float_dtype(numbers):
            numbers = numbers.where(np.isfinite(numbers))
        finite[str(name)] = numbers
    return pd.DataFrame(finite), wrong


def _told(block: Block, masks: Mapping[str, Array], what: str) -> dict[int, str]:
    """By file, the first cell that a mask marks: its place, what stands there, how many follow."""
    return {block.numbers[each]: words for each, words in _marked(block, masks, what)}


def _marked(block: Block, masks: Mapping[str, Array], what: str) -> Iterator[tuple[int, str]]:
    columns = [name for name, mask in masks.items() if mask.any()]
    if not columns:
        return
    cells = np.argwhere(np.stack([masks[name] for name in columns], axis=1))
    each = np.unique(block.place[cells[:, 0]], return_index=True, return_counts=True)
    for file, first, count in zip(*each, strict=True):
        row, name = cells[first, 0], columns[cells[first, 1]]
        more = f" (and {count - 1} more)" if count > 1 else ""
        where = f"{block.files[file].path}:{block.line[row]}"
        yield file, f"{where}: {name} is {block.frame[name].iloc[row]}{what}{more}"
