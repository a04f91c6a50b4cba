"""Convolutional networks on stacks of frames; torch has the convolutions themselves."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import torch

from trpo.chains import FULL, Chain, Product, linearisation
from trpo.compiled import relaxed
from trpo.dense import compilable
from trpo.layouts import Layout, initial
from trpo.networks import (
    Linearisation,
    Linearise,
    Network,
    appended,
    autograd_linearisation,
    network,
)
from trpo.observations import images
from trpo.parameters import UnfitError
from trpo.types import Array, Batch, Map, Stacks, Tensor

KERNEL, STRIDE = 4, 2  # of every convolution, in pixels (Fig. 3, Table 3)
WHITE = 255  # the brightest pixel of a uint8 frame: divided by it, inputs lie within [0, 1]
CHUNK = 64  # stacks; convolutions of more are slower, as their layers leave the cache
TILE = 8  # rows of a simulator for which it answers at once


def convolutional(
    shape: tuple[int, int, int],
    outputs: int,
    *,
    channels: Sequence[int],
    hidden: int,
    last_gain: float,
) -> Network:
    """Convolutions and one fully connected layer, tanh after each, then a linear output.

    It reads stacks of uint8 frames, as `Stacks` or put together (B, S, H, W). For 4 × 52 × 40,
    the paper's 16 and 16 channels, 20 units and 8 outputs, theta has Table 3's 33,500 entries.

    Args:
        shape: S, H and W.
        outputs: M.
        channels: filters of each convolution, which has 4 × 4 pixels, stride 2 and no padding.
        hidden: units of the fully connected layer.
        last_gain: gain of the last layer's initialisation, see `trpo.dense.mlp`.

    Raises:
        UnfitError: a convolution is larger than what is left of the frames.
    """
    products = (*(CONVOLUTION for _ in channels), FULL, FULL)
    layout = laid_out(shape, outputs, channels, hidden)

    def chain(theta: Tensor) -> Chain:
        return Chain(products, layout, theta, inputs, CHUNK)

    def at(theta: Tensor) -> Callable[[Batch], Tensor]:
        own = chain(theta)
        return lambda x: own.output(own.hidden(own.first(x))[-1])

    def linearise_with(count: int) -> Linearise:
        derived = partial(autograd_linearisation, appended(at, count), CHUNK)

        def linearise(theta: Tensor, x: Batch, pmap: Map = map) -> Linearisation:
            if count or not compilable(theta):
                return derived(theta, x, pmap)
            return linearisation(chain(theta), x, pmap)

        return linearise

    made = network(partial(initial, layout, last_gain), at, chunk=CHUNK, tile=TILE)
    return made._replace(linearise_with=linearise_with)


def laid_out(
    shape: tuple[int, int, int], outputs: int, channels: Sequence[int], hidden: int
) -> Layout:
    """Where the layers lie in theta.

    Raises:
        UnfitError: see `convolutional`.
    """
    shapes = layer_shapes(shape, outputs, channels, hidden)
    return Layout(shapes, [k for m, *n in shapes for k in (m * prod(n), m)])


def layer_shapes(
    shape: tuple[int, int, int], outputs: int, channels: Sequence[int], hidden: int
) -> list[tuple[int, ...]]:
    """The shapes of the layers' weights: (m, 4, 4, n) of convolutions, then (m, n).

    Raises:
        UnfitError: see `convolutional`.
    """
    depth, height, width = shape
    found: list[tuple[int, ...]] = []
    for m in channels:
        if min(height, width) < KERNEL:
            size, count = f"{shape[1]} × {shape[2]}", len(channels)
            raise UnfitError(f"frames of {size} are too small for {count} convolutions")
        found.append((m, KERNEL, KERNEL, depth))
        depth, height, width = m, (height - KERNEL) // STRIDE + 1, (width - KERNEL) // STRIDE + 1
    return [*found, (hidden, height * width * depth), (outputs, hidden)]


def _convolved(x: Tensor, w: Tensor) -> Tensor:
    return _back(torch.conv2d(_torchs(x), _torchs(w), stride=STRIDE))


def _slope(which: int, u: Tensor, x: Tensor, w: Tensor) -> Tensor:
    """The slope in x (0) or in w (1) of a convolution, for the slope u in its output."""
    asked = [which == 0, which == 1, False]
    given = (_torchs(u), _torchs(x), _torchs(w), None)
    how = ([STRIDE] * 2, [0, 0], [1, 1], False, [0, 0], 1)
    found: Tensor = torch.ops.aten.convolution_backward(*given, *how, asked)[which]
    return _back(found)


def _torchs(x: Tensor) -> Tensor:
    """A view of (B, H, W, C) as torch numbers it, (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def _back(x: Tensor) -> Tensor:
    """(B, C, H, W) as (B, H, W, C), which is a view where the channels lie last in memory."""
    return x.permute(0, 2, 3, 1).contiguous()


CONVOLUTION = Product(_convolved, partial(_slope, 0), partial(_slope, 1))
"""x (B, H, W, n), w (m, 4, 4, n) -> (B, H', W', m) with H' = (H − 4) // 2 + 1, and W' likewise."""


def inputs(x: Batch, like: Tensor) -> Tensor:
    """Stacks of frames as the first convolution reads them: (B, H, W, S) within [0, 1].

    Args:
        x: B of them.
        like: of the type and on the device that are wanted.
    """
    if like.device.type != "cpu":
        return images(x).permute(0, 2, 3, 1).to(like.dtype) / WHITE
    stacks = x if isinstance(x, Stacks) else unshared(x)
    count, depth = stacks.at.shape
    found = torch.empty(count, *stacks.frames.shape[1:], depth, dtype=like.dtype)
    interleave(stacks.frames.numpy(), stacks.at.numpy(), found.numpy())
    return found


def unshared(x: Tensor) -> Stacks:
    """Images (B, S, H, W) as stacks of which none shares a frame with another."""
    count, depth = x.shape[:2]
    at = torch.arange(count * depth, dtype=torch.int32).view(count, depth)
    return Stacks(x.flatten(0, 1), at)


@relaxed
def interleave(frames: Array, at: Array, found: Array) -> None:
    """Fill found (B, H, W, S) with the frames (F, H, W) that `at` (B, S) names, over WHITE."""
    for b in range(len(at)):
        image = found[b]
        for s in range(at.shape[1]):
            frame = frames[at[b, s]]
            for i in range(frame.shape[0]):
                for j in range(frame.shape[1]):
                    image[i, j, s] = frame[i, j] / WHITE
