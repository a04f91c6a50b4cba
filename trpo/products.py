"""A fully connected network's output and derivatives on a range of rows, compiled.

Each function is one call without the interpreter's lock, so that threads work on different rows at
once. It goes through its rows a tile at a time, which then stays in the cache from layer to layer,
and takes one entry a layer of each tuple:

    inputs[i]   (B, n)  what layer i is given: x, then each hidden layer's output
    weights[i]  (m, n)  and biases[i] (m,), zeros where it is left out

`across` marks weights that are laid out (n, m) instead, as BLAS wants them for x wᵀ. The last bias
may be longer than its weights, (M,) with M ≥ m: an output that no weight leads to is its bias.
"""

import numpy as np

from trpo.compiled import relaxed, tanh
from trpo.types import Array

TILE = 128  # rows; below 1e6 multiplications BLAS need not pack a product of 64 × 64 layers

Layers = tuple[Array, ...]
Parameters = tuple[Layers, Layers]  # weights and biases


@relaxed
def forward(across: Parameters, inputs: Layers, output: Array, start: int, stop: int) -> None:
    """Fill rows start to stop of inputs[1:] and of output (B, M) from those of inputs[0]."""
    weights, biases = across
    last = len(weights) - 1
    for low in range(start, stop, TILE):
        high = min(low + TILE, stop)
        for i in range(last):
            h = inputs[i + 1][low:high]
            np.dot(inputs[i][low:high], weights[i], h)
            tanh_(h, biases[i])
        _end(np.dot(inputs[last][low:high], weights[last]), biases[last], output[low:high])


@relaxed
def push(
    across: Layers, inputs: Layers, along: Parameters, tangent: Array, start: int, stop: int
) -> None:
    """Fill rows of tangent (B, M) with J v, v being the direction `along`, its weights across."""
    for low in range(start, stop, TILE):
        high = min(low + TILE, stop)
        _pushed(across, inputs, along, low, high, tangent[low:high])


@relaxed
def pull(
    weights: Layers, inputs: Layers, u: Array, found: Parameters, start: int, stop: int
) -> None:
    """Add Jᵀ u to `found`, from rows of u (B, M)."""
    for low in range(start, stop, TILE):
        high = min(low + TILE, stop)
        _pulled(weights, inputs, u[low:high], found, low, high)


@relaxed
def push_and_pull(
    weights: Layers,
    across: Layers,
    inputs: Layers,
    along: Parameters,
    metric: Array,
    found: Parameters,
    start: int,
    stop: int,
) -> None:
    """Add Jᵀ W J v to `found`, from rows of W, `metric` (B, M, M); see `push` and `pull`."""
    for low in range(start, stop, TILE):
        high = min(low + TILE, stop)
        tangent, image = np.empty_like(metric[low:high, 0]), np.zeros_like(metric[low:high, 0])
        _pushed(across, inputs, along, low, high, tangent)
        for b in range(high - low):
            for i in range(tangent.shape[1]):
                for j in range(tangent.shape[1]):
                    image[b, i] += metric[low + b, i, j] * tangent[b, j]
        _pulled(weights, inputs, image, found, low, high)


@relaxed
def _pushed(
    across: Layers, inputs: Layers, along: Parameters, low: int, high: int, tangent: Array
) -> None:
    """Fill one tile of J v: the tangent of each layer's output, from the first on."""
    direction, shifts = along
    t, last = np.dot(inputs[0][low:high], direction[0]), len(across) - 1
    for i in range(1, last + 1):
        h = inputs[i][low:high]
        bend(t, shifts[i - 1], h)
        t = np.dot(t, across[i])
        _add(t, np.dot(h, direction[i]))
    _end(t, shifts[last], tangent)


@relaxed
def _pulled(
    weights: Layers, inputs: Layers, u: Array, found: Parameters, low: int, high: int
) -> None:
    """Add one tile of Jᵀ u: the gradient in each layer's output, from the last back."""
    dweights, dbiases = found
    last = len(weights) - 1
    for b in range(len(u)):
        for j in range(u.shape[1]):
            dbiases[last][j] += u[b, j]
    t = u[:, : len(weights[last])].copy()
    for k in range(last):
        i = last - k
        h = inputs[i][low:high]
        _add(dweights[i], np.dot(t.T, h))
        t = np.dot(t, weights[i])
        bend_back(t, dbiases[i - 1], h)
    _add(dweights[0], np.dot(t.T, inputs[0][low:high]))


@relaxed
def _end(x: Array, bias: Array, output: Array) -> None:
    """Fill output (B, M) with x (B, m) + bias (M,), x being zero beyond m."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            output[b, j] = x[b, j] + bias[j]
        for j in range(x.shape[1], len(bias)):
            output[b, j] = bias[j]


@relaxed
def _add(x: Array, y: Array) -> None:
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] += y[b, j]


@relaxed
def bend(t: Array, shift: Array, h: Array) -> None:
    """Make t (t + shift) tanh', which is 1 − h²."""
    for b in range(t.shape[0]):
        for j in range(t.shape[1]):
            t[b, j] = (t[b, j] + shift[j]) * (1 - h[b, j] * h[b, j])


@relaxed
def bend_back(t: Array, total: Array, h: Array) -> None:
    """Make t t tanh', which is 1 − h², and add its rows to the total."""
    for b in range(t.shape[0]):
        for j in range(t.shape[1]):
            t[b, j] *= 1 - h[b, j] * h[b, j]
            total[j] += t[b, j]


@relaxed
def tanh_(x: Array, bias: Array) -> None:
    """Make x tanh(x + bias)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            z = x[b, j] + bias[j]
            x[b, j] = tanh(np.float32(z)) if x.itemsize == 4 else np.tanh(z)
