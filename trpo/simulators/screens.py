"""What is seen of an emulator's screens: the brighter of two, averaged down to a small frame."""

from typing import NamedTuple

import numpy as np

from trpo.compiled import compiled
from trpo.types import Array


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
def shrink(screens: Array, rows: Areas, columns: Areas, found: Array) -> None:
    """Average the brighter of two grey screens (2, H, W) uint8 into `found` (h, w) uint8."""
    height, width = found.shape
    one, other = screens
    line = np.empty(screens.shape[2], np.float32)
    for i in range(height):
        line[:] = 0.0
        for k in range(rows.weights.shape[1]):
            weight, y = rows.weights[i, k], rows.first[i] + k
            for x in range(line.size):
                line[x] += weight * np.float32(max(one[y, x], other[y, x]))
        for j in range(width):
            total = np.float32(0.5)
            for k in range(columns.weights.shape[1]):
                total += columns.weights[j, k] * line[columns.first[j] + k]
            found[i, j] = np.uint8(total)
