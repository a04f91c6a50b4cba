"""The single path method (§5.1): run π_old from the start states and keep what it did."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from trpo.moments import Filter
from trpo.policies import Policy
from trpo.reports import check_finite
from trpo.simulators.protocol import Simulator
from trpo.types import Array, Rollout, Tensor

Boundary = Literal["complete", "truncate", "bootstrap"]
"""What happens to paths at the end of a batch.

complete: every path runs until the task or its time limit ends it, so a batch holds at least
    `steps` steps. No path begins once these are reached, and none that began is dropped.
truncate: paths are cut after exactly `steps` steps, and nothing is added for what would follow.
bootstrap: the same, and the baseline's value of the state where each was cut is added.
"""


BLOCK = 64  # steps whose noise is drawn at once


class Carried(NamedTuple):
    """Paths under way between two batches; nothing when every batch begins afresh."""

    snapshots: list[Any]  # one a row
    returns: Array  # (N,) undiscounted rewards so far
    lengths: Array  # (N,) steps so far


class Sampled(NamedTuple):
    """One batch."""

    rollout: Rollout
    batch_end: Array  # (T, N) bool, cut by the batch's end and not by a time limit
    returns: Array  # (E,) raw undiscounted returns of the episodes that ended
    lengths: Array  # (E,) their lengths in steps
    carried: Carried | None
    steps: int  # simulator steps taken
    unstable: int  # steps that the engine gave up on, counted as terminations


Sampler = Callable[[np.random.Generator, Tensor, Filter, Carried | None], Sampled]


def single_path(
    simulator: Simulator,
    policy: Policy,
    *,
    steps: int,
    boundary: Boundary,
    fresh: bool,
    rows: int | None = None,
) -> Sampler:
    """Run the policy in rows of the simulator until there are `steps` steps.

    Args:
        simulator: its rows are the paths that run side by side.
        policy: whose theta (P,) each call is given.
        steps: steps of a batch; at least these for "complete", else the next multiple of the rows.
        boundary: what happens to paths at the batch's end.
        fresh: begin every batch with new episodes, instead of where the last one stopped.
        rows: use only so many of the simulator's rows, the first ones.
    """
    every = np.arange(rows or simulator.count)
    low, high, discrete = simulator.space.low, simulator.space.high, simulator.space.discrete

    @np.errstate(invalid="ignore", over="ignore")  # what is not finite is found at the end
    def sample(
        rng: np.random.Generator, theta: Tensor, seen_through: Filter, carried: Carried | None
    ) -> Sampled:
        noise_rng, reset_rng = rng.spawn(2)
        act = Actor(policy, theta, noise_rng, len(every))
        if carried is None:
            simulator.reset(reset_rng, every)
            returns, lengths = np.zeros(len(every)), np.zeros(len(every), int)
        else:
            simulator.load(every, carried.snapshots)
            returns, lengths = carried.returns.copy(), carried.lengths.copy()
        tape, running, taken, unstable = Tape(len(every)), every, 0, simulator.unstable
        while len(running):
            obs = simulator.observe(running).astype(np.float32)
            d, actions = act(seen_through(obs), running)
            used = actions if discrete else np.minimum(np.maximum(actions, low), high)
            reward, terminal, truncated = simulator.step(used, running)
            taken += len(running)
            enough = taken >= steps
            over = terminal | truncated
            last = enough and boundary != "complete"
            cut = ~terminal if last else truncated
            tape.write(running, obs, actions, d, reward, over | last, cut, cut & ~over)
            ended = over.any()
            if (last or ended) and cut.any():
                tape.cut_obs.append(simulator.observe(running[cut]).astype(np.float32))
            where = slice(None) if len(running) == len(every) else running
            returns[where] += reward
            lengths[where] += 1
            if ended:
                done = running[over]
                tape.finish(returns[done], lengths[done])
                returns[done], lengths[done] = 0.0, 0
                if enough and boundary == "complete":
                    running = running[~over]
                else:
                    simulator.reset(reset_rng, done)
            if last:
                break
        kept = None if fresh else Carried(simulator.save(every), returns, lengths)
        return tape.read(kept, taken, simulator.unstable - unstable)

    return sample


class Actor:
    """A policy under one theta; a row's noise does not depend on which other rows still run."""

    def __init__(
        self,
        policy: Policy,
        theta: Tensor,
        rng: np.random.Generator,
        count: int,
        together: int = 1,
    ) -> None:
        """Act for up to `count` rows with noise from `rng`, `together` neighbours sharing it."""
        self._parameters, self._dist = policy.network.act(theta), policy.distribution
        self._rng, self._count, self._together = rng, count // together, together
        self._pending: list[Array] = []  # noise (count, ·) of the steps to come

    def __call__(self, obs: Array, rows: Array) -> tuple[Array, Array]:
        """The parameters (n, M) and a sampled action (n, A) for the observations (n, *O)."""
        if not self._pending:
            block = self._dist.noise(self._rng, BLOCK * self._count)
            self._pending = [*block.reshape(BLOCK, self._count, -1)]
        d, noise = self._parameters(obs), self._pending.pop()
        if self._together > 1 or len(rows) < self._count:
            noise = noise[rows // self._together]
        return d, self._dist.sample(d, noise)


class Tape:
    """What was recorded step by step, of the rows that were still running."""

    def __init__(self, count: int) -> None:
        """Record up to `count` rows a step."""
        self._count = count
        self._steps: list[tuple[Array, ...]] = []
        self._rows: list[Array] = []
        self.cut_obs: list[Array] = []
        self._finished: list[tuple[Array, Array]] = []

    def write(self, rows: Array, *fields: Array) -> None:
        """Add one step of these rows, as arrays (n, ...)."""
        self._rows.append(rows)
        self._steps.append(fields)

    def finish(self, returns: Array, lengths: Array) -> None:
        """Add episodes that ended."""
        self._finished.append((returns, lengths))

    def read(self, carried: Carried | None, steps: int, unstable: int) -> Sampled:
        """Return everything time-major; entries of rows that had finished are zero."""
        obs, actions, dist, rewards, ended, cut, batch_end = (
            self._stack(field) for field in zip(*self._steps, strict=True)
        )
        self._steps.clear()
        valid = self._stack([np.ones(len(rows), bool) for rows in self._rows])
        shape = (0, *obs.shape[2:])
        cut_obs = np.concatenate([np.zeros(shape, np.float32), *self.cut_obs])
        check_finite("observations", obs)
        check_finite("observations", cut_obs)
        check_finite("rewards", rewards)
        empty = (np.zeros(0), np.zeros(0, int))
        returns, lengths = (np.concatenate(x) for x in zip(empty, *self._finished, strict=True))
        rollout = Rollout(obs, actions, dist, rewards, ended, cut, cut_obs, valid)
        return Sampled(rollout, batch_end, returns, lengths, carried, steps, unstable)

    def _stack(self, arrays: Sequence[Array]) -> Array:
        first = arrays[0]
        stacked = np.zeros((len(arrays), self._count, *first.shape[1:]), first.dtype)
        for out, rows, array in zip(stacked, self._rows, arrays, strict=True):
            out[rows if len(rows) < self._count else slice(None)] = array
        return stacked
