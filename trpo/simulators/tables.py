"""From a task to what the kernel works with: addresses and numbers in arrays."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import mujoco
import numpy as np

from trpo.simulators.task import Reading, Task
from trpo.types import Array

KEPT = int(mujoco.mjtState.mjSTATE_FULLPHYSICS | mujoco.mjtState.mjSTATE_WARMSTART)
"""What of the engine's state is a row's: nothing else changes what follows, as no force is applied
but by actions. The first entry is the time; the warm start makes a restored row continue exactly.
"""
UNSOUND = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)
"""Of the engine's warnings, those of a state that is none, after which it begins anew."""


class Table(NamedTuple):
    """What a task reads, entry by entry: clip(turned(*at) − *minus)."""

    at: Array  # (n,) addresses of doubles
    minus: Array  # (n,) the same
    turned: Array  # (n,) 0: the number itself, 1: its sine, 2: its cosine
    low: Array  # (n,)
    high: Array  # (n,)
    parts: Array  # (4,) where observation, health, point and terms end, one after another
    weights: Array  # of the point's entries; then what their sum is divided by
    ends: Array  # (k,) where the entries of each term of the reward end
    signs: Array  # (k,) ±1 where a sum of terms ends, and is so added to the reward; else 0
    powers: Array  # (k, 2) how its entries are squared, and whether their sum's root is taken
    scales: Array  # (k, 4) what a term is divided and multiplied by, and clipped to
    constants: Array  # what `minus` points to, zero first


class Engine(NamedTuple):
    """One MjData, and all that a step there needs."""

    model: int  # addresses
    data: int
    parts: int  # of the state that is kept: mjtState
    steps: int  # engine steps a step
    forces: int  # whether contact forces are computed
    anew: Array  # (3,) how often the engine began anew: in a step that did not fail, never
    ends_unhealthy: bool
    horizon: int
    qpos: Array  # the engine's own arrays
    qvel: Array
    ctrl: Array
    low: Array  # (A,) bounds of actions
    high: Array  # (A,)
    cells: Array  # (4,) the point now and before, health, one
    state: Array  # (S,)
    x: Array  # as wide as what is read at once
    table: Table


class Net(NamedTuple):
    """A Gaussian policy behind an observation filter."""

    sizes: Array  # (L + 1,) units of each layer
    weights: Array  # every layer's transposed w (n, m) and b (m,), zeros where it has no b
    log_std: Array  # (A,)
    mean: Array  # (O,) of the filter
    scale: Array  # (O,)
    clip: float  # 0 for no filter
    now: Array  # as wide as the widest layer
    then: Array  # the same


class Steps(NamedTuple):
    """Room for n steps of a row."""

    obs: Array  # (n, O) float32
    actions: Array  # (n, A) float32
    dist: Array  # (n, 2 A) float32
    rewards: Array  # (n,) float64
    flags: Array  # (n, 3) bool: terminal, truncated, failed
    lines: Array  # (n, L) what the row remembered before each step, or (0, L)


def engine_of(task: Task, model: Any) -> tuple[Engine, Any]:
    """An engine for the task, and the MjData that must live as long.

    Raises:
        UnfitError: the model has no such body.
    """
    data = mujoco.MjData(model)
    cells = np.array([0.0, 0.0, 0.0, 1.0])
    arrays = {"moved": cells[:1], "well": cells[2:3], "one": cells[3:]}
    table = _Reader(model, data, arrays, cells).table(task)
    bounds = np.ascontiguousarray(model.actuator_ctrlrange.T, np.float32)  # as Gymnasium's are
    engine = Engine(
        model=model._address,
        data=data._address,
        parts=KEPT,
        steps=task.frame_skip,
        forces=int(task.contact_forces),
        anew=data.warning.number[UNSOUND],
        ends_unhealthy=task.terminate_when_unhealthy,
        horizon=task.horizon,
        qpos=data.qpos,
        qvel=data.qvel,
        ctrl=data.ctrl,
        low=bounds[0].astype(np.float64),
        high=bounds[1].astype(np.float64),
        cells=cells,
        state=np.zeros(mujoco.mj_stateSize(model, KEPT)),
        x=np.zeros(len(table.at)),
        table=table,
    )
    return engine, data


class _Reader:
    """Finds the addresses of what a task reads in one MjData."""

    def __init__(self, model: Any, data: Any, cells: Mapping[str, Array], before: Array) -> None:
        """Read from `data`, and from `cells` what is ours."""
        self._model, self._data, self._cells = model, data, cells
        self._before, self._constants = before, np.zeros(16)
        self._used = 1  # the first constant is zero

    def table(self, task: Task) -> Table:
        """All that the task reads, in the order of `Table.parts`."""
        terms = [term for sums in task.reward for term in sums.terms]
        signs = [s.sign * (term is s.terms[-1]) for s in task.reward for term in s.terms]
        wells = [w.reading._replace(low=w.low, high=w.high) for w in task.healthy]
        parts = [task.seen, wells, task.point.readings, [term.reading for term in terms]]
        entries = [[self._entries(reading) for reading in part] for part in parts]
        columns = [np.concatenate(column) for column in zip(*chain(*entries), strict=True)]
        lengths = [sum(len(entry[0]) for entry in part) for part in entries]
        ends = np.cumsum([len(entry[0]) for entry in entries[3]]) + sum(lengths[:3])
        times = [term.steps * self._model.opt.timestep if term.steps else 1.0 for term in terms]
        scales = [
            (time, term.weight, term.low, term.high)
            for time, term in zip(times, terms, strict=True)
        ]
        at, minus, turned, low, high = columns
        return Table(
            at,
            minus,
            turned,
            low,
            high,
            parts=np.cumsum(lengths),
            weights=self._weights(task, lengths[2]),
            ends=ends,
            signs=np.array(signs, np.float64),
            powers=np.array([(term.squared, term.rooted) for term in terms]),
            scales=np.array(scales, np.float64),
            constants=self._constants,
        )

    def _weights(self, task: Task, count: int) -> Array:
        """Of the point's entries, and what their sum is divided by."""
        given = task.point.weights
        weights = np.ones(count) if given is None else np.asarray(given(self._model), np.float64)
        return np.append(weights, np.sum(weights[:, None]) if task.point.mean else 1.0)

    def _entries(self, reading: Reading) -> tuple[Array, ...]:
        """Columns at, minus, turned, low and high of a reading."""
        where = self._addresses(reading, reading.body)
        if reading.array == "moved":
            minus = np.array([self._before[1:].ctypes.data])
        elif isinstance(reading.minus, str):
            minus = self._addresses(reading, reading.minus)
        else:
            minus = np.full(len(where), self._constant(reading.minus))
        numbers = (np.full(len(where), x) for x in (reading.low, reading.high))
        return where, minus, np.full(len(where), reading.turned), *numbers

    def _addresses(self, reading: Reading, body: str | None) -> Array:
        """Of the numbers that a reading reads, of that body if the array has a row for each."""
        found = self._cells.get(reading.array)
        array = getattr(self._data, reading.array) if found is None else found
        if body is not None:
            array = array[self._model.body(body).id]
        flat = array[int(reading.but_world) :].reshape(-1)
        flat = flat[reading.first : reading.last : reading.every]
        return flat.ctypes.data + flat.strides[0] * np.arange(len(flat))

    def _constant(self, x: float) -> int:
        """The address of a number that stays."""
        if not x:
            return int(self._constants.ctypes.data)
        self._constants[self._used] = x
        self._used += 1
        return int(self._constants[self._used - 1 :].ctypes.data)
