"""What is seen of an emulator's screens: the brighter of two, averaged down to a small frame."""

from typing import NamedTuple

import numpy as np

from trpo.compiled import compiled
from trpo.types import Array

GREYS = np.zeros(256, np.uint8)
GREYS[::2] = [
    0, 74, 111, 142, 170, 192, 214, 236, 64, 95, 122, 148, 172, 193, 214, 233,
    63, 87, 110, 131, 150, 167, 184, 199, 59, 85, 107, 129, 148, 167, 183, 199,
    44, 68, 90, 110, 128, 146, 161, 176, 51, 74, 95, 115, 132, 149, 164, 178,
    39, 63, 85, 107, 125, 143, 159, 174, 22, 49, 73, 96, 116, 136, 153, 169,
    17, 41, 64, 85, 104, 121, 137, 153, 32, 60, 85, 109, 130, 150, 168, 186,
    40, 69, 95, 120, 141, 162, 182, 200, 43, 74, 101, 127, 151, 173, 193, 212,
    40, 71, 98, 124, 147, 169, 189, 207, 41, 74, 104, 132, 157, 181, 203, 223,
    47, 79, 107, 133, 157, 179, 200, 220, 47, 79, 107, 133, 157, 179, 200, 220,
]  # fmt: skip
"""The luminance of each colour of an NTSC screen, of which the emulator uses the even numbers."""
AS_THEY_ARE = np.arange(256, dtype=np.uint8)
"""That of a screen that is grey already."""


class Areas(NamedTuple):
    """How n pixels are averaged into m, each over its share n/m of the line, in float32."""

    first: Array  # (m,) where each share begins
    weights: Array  # (m, k) of the k pixels from there on, zeros where a share has fewer


def areas(n: int, m: int) -> Areas:
    """The shares of m equal parts in n pixels.

    A pixel that two parts share counts in both, by how much of it lies in each.
    """
    ends = np.arange(m + 1) * (n / m)
    first = np.floor(ends[:-1] + 1e-9).astype(np.int64)
    reach = int(np.max(np.ceil(ends[1:] - 1e-9) - first))
    first = np.minimum(first, n - reach)
    pixel = first[:, None] + np.arange(reach)
    low, high = ends[:-1, None], ends[1:, None]
    shared = np.minimum(pixel + 1, high) - np.maximum(pixel, low)
    weights = np.maximum(shared, 0) * (m / n)
    return Areas(first, weights.astype(np.float32))


class View:
    """What is seen of one emulator's screens; lines that stay as they were are kept."""

    def __init__(self, screen: tuple[int, int], frame: tuple[int, int], grey: Array) -> None:
        """Of screens (H, W) in colours that have the luminances `grey` (256,), frames (h, w)."""
        self.screens = np.zeros((2, *screen), np.uint8)  # by their colours' numbers, seen next
        self._shares = areas(screen[0], frame[0]), areas(screen[1], frame[1])
        self._grey = grey
        self._before = np.zeros_like(self.screens)
        self._lit = np.full(screen, grey[0])
        self._frame = np.full(frame, grey[0])

    def frame(self) -> Array:
        """The brighter of the two, averaged down: (h, w) uint8, until the next one is asked for."""
        see(self.screens, self._before, self._grey, self._lit, *self._shares, self._frame)
        return self._frame


@compiled
def see(
    screens: Array,
    before: Array,
    grey: Array,
    lit: Array,
    rows: Areas,
    columns: Areas,
    frame: Array,
) -> None:
    """Bring to the present what was seen `before`.

    Args:
        screens: (2, H, W) uint8, colours by their numbers.
        before: the same, those of which the rest was made.
        grey: (256,) the luminance of each colour.
        lit: (H, W) uint8, the larger luminance of the two.
        rows: the shares of the frame's rows.
        columns: those of its columns.
        frame: (h, w) uint8, the averages.
    """
    new, reach = renewed(screens, before, grey, lit), rows.weights.shape[1]
    line = np.empty(lit.shape[1], np.float32)
    for i in range(frame.shape[0]):
        first = rows.first[i]
        if not new[first : first + reach].any():
            continue
        line[:] = 0.0
        for k in range(reach):
            weight, above = rows.weights[i, k], lit[first + k]
            for x in range(len(line)):
                line[x] += weight * np.float32(above[x])
        for j in range(frame.shape[1]):
            total = np.float32(0.5)
            for k in range(columns.weights.shape[1]):
                total += columns.weights[j, k] * line[columns.first[j] + k]
            frame[i, j] = np.uint8(total)


@compiled
def renewed(screens: Array, before: Array, grey: Array, lit: Array) -> Array:
    """Renew the lines of `before` and `lit` that are others now, and say which (H,)."""
    new = np.zeros(len(lit), np.bool_)
    one, other, old, older = screens[0], screens[1], before[0], before[1]
    for y in range(len(lit)):
        changed, differ = False, False
        for x in range(lit.shape[1]):
            changed |= one[y, x] != old[y, x]
            changed |= other[y, x] != older[y, x]
        if not changed:
            continue
        new[y] = True
        for x in range(lit.shape[1]):
            differ |= one[y, x] != other[y, x]
            lit[y, x] = grey[one[y, x]]
            old[y, x], older[y, x] = one[y, x], other[y, x]
        if differ:
            for x in range(lit.shape[1]):
                lit[y, x] = max(lit[y, x], grey[other[y, x]])
    return new
