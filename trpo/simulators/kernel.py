"""A step of a MuJoCo task and many of them under a policy, compiled.

What a task observes and rewards is a table of numbers (see `trpo.simulators.tables`), so that one
kernel, compiled once, serves every task. A row's whole memory is one `line`: the engine's state,
what was last observed, and how far the rewarded point was.
"""

from math import cos, isfinite, sin, sqrt

import numpy as np

from trpo.compiled import borrowed, compiled, load, relaxed, tanh
from trpo.simulators.engine import advance, get_state, reset_data, set_state
from trpo.simulators.tables import Engine, Net, Steps, Table
from trpo.types import Array


@compiled
def copy(source: Array, into: Array) -> None:
    """Fill the first entries; the assignment of a slice takes seconds to compile."""
    for i in range(len(source)):
        into[i] = source[i]


@compiled
def read(table: Table, first: int, last: int, out: Array) -> None:
    """Entries [first, last) of the table, into the first ones of `out`."""
    at, minus, turned, low, high = table.at, table.minus, table.turned, table.low, table.high
    for i in range(first, last):
        x = load(at[i])
        if turned[i]:
            x = sin(x) if turned[i] == 1 else cos(x)
        x -= load(minus[i])
        x = low[i] if x < low[i] else x
        out[i - first] = high[i] if x > high[i] else x


@compiled
def healthy(table: Table) -> bool:
    """Whether every entry is strictly inside its bounds, and so finite."""
    at, low, high = table.at, table.low, table.high
    inside = True
    for i in range(table.parts[0], table.parts[1]):
        inside &= low[i] < load(at[i]) < high[i]
    return inside


@compiled
def point(table: Table, x: Array) -> float:
    """How far the rewarded point is: the weighted sum of its entries; x is overwritten."""
    found: float = 0.0
    first, last, weights = table.parts[1], table.parts[2], table.weights
    read(table, first, last, x)
    for i in range(last - first):
        found += weights[i] * x[i]
    return found / float(weights[last - first])


@compiled
def total(x: Array, squared: int) -> float:
    """The sum of entries, or of their squares, added in NumPy's order (of up to 128 of them).

    `squared` is Term's; no constant exponent, of which the compiler would make a product again.
    """
    if squared:
        for i in range(len(x)):
            x[i] = x[i] * x[i] if squared == 1 else x[i] ** float(squared)
    whole, found = len(x) - len(x) % 8, 0.0
    for i in range(8, whole):
        x[i % 8] += x[i]
    if whole:
        found = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))
    for i in range(whole, len(x)):
        found += x[i]
    return found


@compiled
def reward(table: Table, x: Array) -> float:
    """Sums of terms, each added to what came before; x is overwritten."""
    found, part, first = 0.0, 0.0, table.parts[2]
    ends, signs, powers, scales = table.ends, table.signs, table.powers, table.scales
    for k in range(len(ends)):
        read(table, first, ends[k], x)
        y = total(x[: ends[k] - first], powers[k, 0])
        y = sqrt(y) if powers[k, 1] else y
        y = scales[k, 1] * (y / scales[k, 0])
        y = min(max(y, scales[k, 2]), scales[k, 3])
        part, first = part + y, ends[k]
        if signs[k]:
            found, part = found + signs[k] * part, 0.0
    return found


@compiled
def look(engine: Engine, line: Array) -> None:
    """Write the engine's present state, observation and point into a row's line."""
    size, seen = len(engine.state), engine.table.parts[0]
    copy(engine.state, line)
    read(engine.table, 0, seen, line[size:])
    line[size + seen] = engine.cells[0]


@compiled
def begin(engine: Engine, line: Array, qpos: Array, qvel: Array) -> int:
    """A new episode; 1 if the engine gave up, else 0."""
    reset_data(engine.model, engine.data)
    copy(qpos, engine.qpos)
    copy(qvel, engine.qvel)
    if advance(engine.model, engine.data, 0, 0):
        return 1
    get_state(engine.model, engine.data, engine.state.ctypes.data, engine.parts)
    engine.cells[0] = point(engine.table, engine.x)
    look(engine, line)
    return 0


@compiled
def resume(engine: Engine, line: Array) -> None:
    """Put a row's state into the engine."""
    set_state(engine.model, engine.data, line.ctypes.data, engine.parts)


@compiled
def step(engine: Engine, line: Array, flags: Array) -> tuple[float, int]:
    """One step of the row in the engine under `engine.ctrl`: its reward, and `advance`'s status.

    `flags` (3,) are set to terminal, truncated (False) and failed. A step that fails leaves the
    row as it was.
    """
    flags[:] = False
    engine.anew[:] = 0
    if advance(engine.model, engine.data, engine.steps, engine.forces):
        return 0.0, 1
    get_state(engine.model, engine.data, engine.state.ctypes.data, engine.parts)
    sound = not engine.anew.any()
    for x in engine.state:
        sound &= isfinite(x)
    if not sound:
        resume(engine, line)
        flags[0] = flags[2] = True
        return 0.0, 0
    well = healthy(engine.table)
    engine.cells[0], engine.cells[1] = point(engine.table, engine.x), line[-1]
    engine.cells[2] = well
    found = reward(engine.table, engine.x)
    look(engine, line)
    flags[0] = engine.ends_unhealthy and not well
    return found, 0


@relaxed
def forward(net: Net, d: Array) -> None:
    """The mean for the input in `net.now`, and the log standard deviation, into d (M,)."""
    now, then, at, last = net.now, net.then, 0, len(net.sizes) - 2
    for layer in range(last + 1):
        n, m = net.sizes[layer], net.sizes[layer + 1]
        copy(net.weights[at + n * m : at + n * m + m], then)
        for j in range(n):
            x, w = now[j], net.weights[at + j * m : at + j * m + m]
            for i in range(m):
                then[i] += x * w[i]
        if layer < last:
            for i in range(m):
                then[i] = tanh(then[i])
        now, then, at = then, now, at + n * m + m
    copy(now[: len(net.log_std)], d)
    copy(net.log_std, d[len(net.log_std) :])


@compiled
def run(
    engine: Engine, net: Net, line: Array, noise: Array, first: Array, age: int, out: Steps
) -> tuple[int, int]:
    """Act in the row until its episode ends, at most as often as there is noise (n, A).

    Args:
        engine: which holds the row's state.
        net: what acts.
        line: the row's memory.
        noise: standard normal, of each step.
        first: (A,) what is done in the first step, whatever the policy says; (0,) for nothing.
        age: steps of the episode so far.
        out: filled from its first entry on; `out.lines` only if it has room.

    Returns:
        The number of steps, and `advance`'s status.
    """
    engine, net, line = borrowed(engine), borrowed(net), borrowed(line)
    noise, out = borrowed(noise), borrowed(out)
    size, std = len(engine.state), np.exp(net.log_std)
    for t in range(len(noise)):
        if len(out.lines):
            copy(line, out.lines[t])
        for i in range(engine.table.parts[0]):
            x = np.float32(line[size + i])
            out.obs[t, i] = x
            net.now[i] = x
            if net.clip > 0:
                x = (x - net.mean[i]) * net.scale[i]
                net.now[i] = min(max(x, -net.clip), net.clip)
        forward(net, out.dist[t])
        for i in range(len(std)):
            out.actions[t, i] = std[i] * noise[t, i] + out.dist[t, i]
        if t == 0:
            copy(first, out.actions[t])
        for i in range(len(std)):
            engine.ctrl[i] = min(max(out.actions[t, i], engine.low[i]), engine.high[i])
        out.rewards[t], status = step(engine, line, out.flags[t])
        if status:
            return t, status
        out.flags[t, 1] = age + t + 1 >= engine.horizon and not out.flags[t, 0]
        if out.flags[t, 0] or out.flags[t, 1]:
            return t + 1, 0
    return len(noise), 0


@compiled
def step_each(
    engine: Engine, lines: Array, rows: Array, actions: Array, rewards: Array, flags: Array
) -> int:
    """One step of some of the rows (N, L), one after another; `advance`'s status.

    Args:
        engine: used for each of them.
        lines: what all rows remember.
        rows: (n,) which of them.
        actions: (n, A).
        rewards: (n,) to be filled.
        flags: (n, 3) to be filled, see `step`.
    """
    engine = borrowed(engine)
    for n in range(len(rows)):
        resume(engine, lines[rows[n]])
        copy(actions[n], engine.ctrl)
        rewards[n], status = step(engine, lines[rows[n]], flags[n])
        if status:
            return status
    return 0
