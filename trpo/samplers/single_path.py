"""The single path method (§5.1): run π_old from the start states and keep what it did."""

from collections.abc import Callable, Iterable
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
    unstable: int  # steps that failed in the engine, counted as terminations


Sampler = Callable[[np.random.Generator, Tensor, Filter, Carried | None], Sampled]

Visit = Callable[[int, Array, Array], None]
"""(t, rows (n,), ages (n,)): step t of the batch comes, in these rows, each so many steps old."""


def single_path(
    simulator: Simulator,
    policy: Policy,
    *,
    steps: int,
    boundary: Boundary,
    fresh: bool,
    rows: int | None = None,
    visit: Visit | None = None,
) -> Sampler:
    """Run the policy in rows of the simulator until there are `steps` steps.

    Args:
        simulator: its rows are the paths that run side by side.
        policy: whose theta (P,) each call is given.
        steps: steps of a batch; at least these for "complete", else the next multiple of the rows.
        boundary: what happens to paths at the batch's end.
        fresh: begin every batch with new episodes, instead of where the last one stopped.
        rows: use only so many of the simulator's rows, the first ones.
        visit: told of the rows that are about to be stepped, while these can be saved.
    """
    every = np.arange(rows or simulator.count)

    @np.errstate(invalid="ignore", over="ignore")  # what is not finite is found at the end
    def sample(
        rng: np.random.Generator, theta: Tensor, see: Filter, carried: Carried | None
    ) -> Sampled:
        noise_rng, reset_rng = rng.spawn(2)
        act = Actor(policy, theta, see, noise_rng, len(every))
        tape = Tape(len(every), carried)
        if carried is None:
            simulator.reset(reset_rng, every)
        else:
            simulator.load(every, carried.snapshots)
        walk(reset_rng, simulator, act, tape, steps=steps, boundary=boundary, visit=visit)
        return tape.read(None if fresh else simulator.save(every))

    return sample


def walk(
    rng: np.random.Generator,
    simulator: Simulator,
    act: "Actor",
    tape: "Tape",
    *,
    steps: int,
    boundary: Boundary,
    visit: Visit | None,
) -> None:
    """Go on in the rows of a tape to the batch's end; `rng` begins new episodes."""
    running, taken, batch_over = np.arange(tape.count), 0, False
    while len(running) and not batch_over:
        if visit:
            visit(len(tape), running, tape.lengths[running])
        obs = simulator.observe(running).astype(np.float32)
        dist, actions = act(obs, running)
        step = simulator.step(simulator.space.actions.clip(actions), running)
        taken += len(running)
        batch_full = taken >= steps
        batch_over = batch_full and boundary != "complete"
        path_over = step.terminal | step.truncated
        cut_here = ~step.terminal if batch_over else step.truncated
        told = Transition(
            obs, actions, dist, step.reward, step.failed,
            ended=path_over | batch_over, cut=cut_here, batch_end=cut_here & ~path_over,
        )  # fmt: skip
        tape.write(running, told)
        if cut_here.any():
            tape.cut_obs.append(simulator.observe(running[cut_here]).astype(np.float32))
        if path_over.any():
            done = running[path_over]
            tape.finish(done)
            if batch_full and boundary == "complete":
                running = running[~path_over]
            else:
                simulator.reset(rng, done)


class Actor:
    """A policy under one theta; a row's noise does not depend on which other rows still run."""

    def __init__(
        self,
        policy: Policy,
        theta: Tensor,
        see: Filter,
        rng: np.random.Generator,
        count: int,
        together: int = 1,
    ) -> None:
        """Act for up to `count` rows with noise from `rng`, `together` neighbours sharing it."""
        self._parameters, self._see = policy.network.act(theta), see
        self._dist, self._rng = policy.distribution, rng
        self._count, self._together = count // together, together
        self._pending: list[Array] = []  # noise (count, ·) of the steps to come, the next one last

    def __call__(self, obs: Array, rows: Array) -> tuple[Array, Array]:
        """The parameters (n, M) and a sampled action (n, A) for raw observations (n, *O)."""
        if not self._pending:
            block = self._dist.noise(self._rng, BLOCK * self._count)
            self._pending = [*block.reshape(BLOCK, self._count, -1)]
        d, noise = self._parameters(self._see(obs)), self._pending.pop()
        if self._together > 1 or len(rows) < self._count:
            noise = noise[rows // self._together]
        return d, self._dist.sample(d, noise)


class Transition(NamedTuple):
    """One step of n rows; once stacked, of T steps and N rows."""

    obs: Array  # (n, *O) float32, raw
    actions: Array  # (n, A) as sampled
    dist: Array  # (n, M)
    rewards: Array  # (n,)
    failed: Array  # (n,) bool, in the engine
    ended: Array  # (n,) bool, the path ends here
    cut: Array  # (n,) bool, and the task would have gone on
    batch_end: Array  # (n,) bool, and no time limit came


class Tape:
    """What was recorded step by step, of the rows that were still running."""

    def __init__(self, count: int, carried: Carried | None) -> None:
        """Record up to `count` rows a step, in which episodes begin or are carried on."""
        self.count = count
        self.returns = np.zeros(count) if carried is None else carried.returns.copy()
        self.lengths = np.zeros(count, int) if carried is None else carried.lengths.copy()
        self.cut_obs: list[Array] = []
        self._steps: list[Transition] = []
        self._rows: list[Array] = []
        self._finished: list[tuple[Array, Array]] = []

    def __len__(self) -> int:
        """T so far."""
        return len(self._rows)

    def write(self, rows: Array, step: Transition) -> None:
        """Add one step of these rows (n,)."""
        self._rows.append(rows)
        self._steps.append(step)
        self.returns[self._where(rows)] += step.rewards
        self.lengths[self._where(rows)] += 1

    def finish(self, rows: Array) -> None:
        """Episodes ended in these rows; the next ones begin."""
        self._finished.append((self.returns[rows], self.lengths[rows]))
        self.returns[rows], self.lengths[rows] = 0.0, 0

    def read(self, snapshots: list[Any] | None) -> Sampled:
        """Return everything time-major; entries of rows that had finished are zero.

        `snapshots` are of the rows that the next batch goes on from, if it does.
        """
        found = Transition(*(self._stack(field) for field in zip(*self._steps, strict=True)))
        self._steps.clear()
        valid = self._stack(np.ones(len(rows), bool) for rows in self._rows)
        cut_obs = np.concatenate([found.obs[:0, 0], *self.cut_obs])
        check_finite("observations", found.obs)
        check_finite("observations", cut_obs)
        check_finite("rewards", found.rewards)
        empty = (np.zeros(0), np.zeros(0, int))
        returns, lengths = (np.concatenate(x) for x in zip(empty, *self._finished, strict=True))
        return Sampled(
            Rollout(
                obs=found.obs,
                actions=found.actions,
                dist=found.dist,
                rewards=found.rewards,
                ended=found.ended,
                cut=found.cut,
                cut_obs=cut_obs,
                valid=valid,
            ),
            found.batch_end,
            returns,
            lengths,
            None if snapshots is None else Carried(snapshots, self.returns, self.lengths),
            steps=int(valid.sum()),
            unstable=int(found.failed.sum()),
        )

    def _where(self, rows: Array) -> Array | slice:
        """What indexes the rows: a slice, which is faster, if they are all of them."""
        return rows if len(rows) < self.count else slice(None)

    def _stack(self, arrays: Iterable[Array]) -> Array:
        """Arrays (n, ...), one a step, as (T, N, ...)."""
        fields = [*arrays]
        stacked = np.zeros((len(fields), self.count, *fields[0].shape[1:]), fields[0].dtype)
        for out, rows, array in zip(stacked, self._rows, fields, strict=True):
            out[self._where(rows)] = array
        return stacked
