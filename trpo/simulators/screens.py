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


@compiled
def brighter(one: Array, other: Array, grey: Array) -> Array:
    """The larger luminance (H, W) uint8 of two screens, most of whose lines are the same."""
    lit, width = np.empty_like(one), len(one[0])
    for y in range(len(one)):
        differ = np.uint8(0)
        for x in range(width):
            differ |= one[y, x] ^ other[y, x]
        for x in range(width):
            lit[y, x] = grey[one[y, x]]
        if differ:
            for x in range(width):
                lit[y, x] = max(lit[y, x], grey[other[y, x]])
    return lit


@compiled
def shrink(screens: Array, grey: Array, rows: Areas, columns: Areas, found: Array) -> None:
    """Average the brighter of two screens (2, H, W) uint8 into `found` (h, w) uint8.

    Args:
        screens: colours by their numbers.
        grey: (256,) the luminance of each colour.
        rows: the shares of the new rows.
        columns: those of the new columns.
        found: what the result is written into.
    """
    lit = brighter(screens[0], screens[1], grey)
    width = lit.shape[1]
    line = np.empty(width, np.float32)
    for i in range(found.shape[0]):
        line[:] = 0.0
        for k in range(rows.weights.shape[1]):
            weight, above = rows.weights[i, k], lit[rows.first[i] + k]
            for x in range(width):
                line[x] += weight * np.float32(above[x])
        for j in range(found.shape[1]):
            total = np.float32(0.5)
            for k in range(columns.weights.shape[1]):
                total += columns.weights[j, k] * line[columns.first[j] + k]
            found[i, j] = np.uint8(total)
