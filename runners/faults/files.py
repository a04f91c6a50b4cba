"""Damage to the files of a store, and what a refusal says about it."""

import os
import shutil
from pathlib import Path

import numpy as np


def torn(store: Path, rng: np.random.Generator) -> str:
    """Cut one file to a random length; which one and where, in words."""
    path = _drawn(store, rng)
    before, length = path.stat().st_size, int(rng.integers(path.stat().st_size))
    os.truncate(path, length)
    return f"{path.name} cut from {before} to {length} bytes"


def flipped(store: Path, rng: np.random.Generator) -> str:
    """Flip one bit of one file; which one and where, in words."""
    path = _drawn(store, rng)
    data = bytearray(path.read_bytes())
    place, bit = int(rng.integers(len(data))), int(rng.integers(8))
    data[place] ^= 1 << bit
    path.write_bytes(data)
    return f"{path.name}, bit {bit} of byte {place}"


def damageable(store: Path) -> list[Path]:
    """The files that hold anything."""
    return sorted(p for p in store.rglob("*") if p.is_file() and p.stat().st_size)


def _drawn(store: Path, rng: np.random.Generator) -> Path:
    files = damageable(store)
    return files[int(rng.integers(len(files)))]


def named(store: Path, said: str) -> list[Path]:
    """The files, or else the runs, of a store whose whole paths stand in what a command said."""
    there = [path for path in store.rglob("*") if str(path) in said]
    return [path for path in there if path.is_file()] or there


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing where there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
