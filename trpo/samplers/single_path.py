"""The single path method (§5.1): run π_old from the start states and keep what it did."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from trpo.moments import Filter
from trpo.policies import Policy
from trpo.samplers.tape import Carried, Sampled, Tape, Transition
from trpo.simulators.protocol import Simulator
from trpo.types import Array, Tensor

Boundary = Literal["complete", "truncate", "bootstrap"]
"""What happens to paths at the end of a batch.

complete: every path runs until the task or its time limit ends it, so a batch holds at least
    `steps` steps. No path begins once these are reached, and none that began is dropped.
truncate: paths are cut after exactly `steps` steps, and nothing is added for what would follow.
bootstrap: the same, and the baseline's value of the state where each was cut is added.
"""


BLOCK = 64  # steps whose noise is drawn at once


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
    act: Actor,
    tape: Tape,
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
