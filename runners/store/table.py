"""A CSV file that only grows by whole rows, and can be cut back to an earlier length."""

import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from runners.store.files import RunError

Cell = int | float | None


def format_row(cells: Sequence[Cell]) -> bytes:
    """One line; floats by `repr` so that equal numbers are equal bytes, NaN and None empty."""
    return (",".join(map(_format_cell, cells)) + "\n").encode()


def _format_cell(cell: Cell) -> str:
    if cell is None or math.isnan(cell):
        return ""
    return repr(cell)


def checksum(path: Path, size: int | None = None) -> int:
    """CRC-32 of the first `size` bytes of a file, or of all of them."""
    if size == 0:
        return 0
    with path.open("rb") as file:
        return zlib.crc32(file.read(size))


class Table:
    """Rows appended to `path`, cut back at opening to `size` bytes (0: begun anew)."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Open the file, creating it if need be."""
        self.size = size
        self.checksum = checksum(path, size)
        self._path = path
        self._columns: tuple[str, ...] = ()
        if size:
            with path.open("rb") as existing:
                self._columns = tuple(_text(existing.readline()).rstrip("\n").split(","))
        self._file = path.open("ab", buffering=0)
        self._file.truncate(size)

    def append(self, row: dict[str, Cell]) -> None:
        """Add one row, preceded by the header if it is the first; readers see it at once.

        Raises:
            OSError: the disk is full; the file is as it was before the call.
            RunError: the row's columns are not those of the header.
        """
        columns = tuple(row)
        header = b"" if self._columns else (",".join(columns) + "\n").encode()
        if self._columns not in ((), columns):
            there = ", ".join(name for name in self._columns if name not in columns) or "others"
            raise RunError(
                f"{self._path} has columns that this run does not write ({there}): delete it, and "
                "all rows are made again"
            )
        self._write(header + format_row(list(row.values())))
        self._columns = columns

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self.size)
            raise
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)

    def sync(self) -> None:
        """Make the rows so far durable, as a checkpoint that counts on them requires."""
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        """Enter a context that closes the file at its end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self._file.close()


def last_row(path: Path) -> dict[str, str]:
    """The last complete row of a table that may be growing, {} if there is none yet.

    What is no row, because the file is damaged, is none.
    """
    try:
        with path.open("rb") as file:
            header = file.readline()
            body = file.tell()
            end = file.seek(0, os.SEEK_END)
            file.seek(max(body, end - 4096))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    if not lines:
        return {}
    columns, cells = _text(header).rstrip("\n").split(","), _text(lines[-1]).split(",")
    fits = len(columns) == len(cells) and all(cell == "" or _is_number(cell) for cell in cells)
    return dict(zip(columns, cells, strict=True)) if fits else {}


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
