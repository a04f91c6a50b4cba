"""Randomness keyed by what it is for, so that a resumed run needs no generator state."""

import zlib

import numpy as np


def stream(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """The generator of one (seed, purpose, index): always the same, independent of all others.

    `purpose` names the use ("init", "step"); `index` is the iteration.
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), index])
